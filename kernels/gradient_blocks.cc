// See gradient_blocks.h.
#include "gradient_blocks.h"

namespace IRNN_TARGET {

BlockGradient::BlockGradient(const GradientOf& gradient)
    : ShardSums(panels_of(gradient).floats(gradient.factors.columns),
                COPY_FLOATS + round_up(size_t(gradient.factors.columns) * PACKED_ROWS, 16)),
      g_(gradient), panels_(panels_of(gradient)) {}

// left [tile][K][tile columns] = the factors' columns from `first_column` on, side by side, K rows of a block of steps.
// Of the first factor 4 columns at once where it has them, of the others one by one.
void BlockGradient::pack_columns(int first_column, int shard, int t0, int t1, float* left) const {
  const int b0 = shard * SHARD_ROWS, rows = min(SHARD_ROWS, g_.B - b0), K = (t1 - t0) * rows;
  const size_t row = size_t(t0) * g_.B + b0;
  const Factor& wide = g_.factors.list[0];
  const int packed = wide.p ? wide.columns / 4 * 4 : 0;
  if (first_column < packed) {
    const int width = min(MAX_ROWS, g_.factors.columns - first_column);
    float* to = left;
    for (int t = t0; t < t1; t++) {
      const float* from = wide.p + (size_t(t) * g_.B + b0) * wide.ld + first_column;
      for (int r = 0; r < rows; r++, from += wide.ld, to += width) store4(to, load4(from));
    }
  }
  int first = 0;
  for (const Factor& factor : g_.factors) {
    for (int n = max(max(first_column, packed), first); n < first + factor.columns; n++) {
      const int tile = (n - first_column) / MAX_ROWS * MAX_ROWS;
      const int width = min(MAX_ROWS, g_.factors.columns - first_column - tile);
      pack_column(factor, n - first, row, t1 - t0, rows, width, left + size_t(tile) * K + n - first_column - tile);
    }
    first += factor.columns;
  }
}

// Column n of a factor, `width` floats from one row of `to` to the next.
IRNN_INLINE void BlockGradient::pack_column(const Factor& factor, int n, size_t row, int steps, int rows, int width,
                                            float* to) const {
  for (int t = 0; t < steps; t++, row += g_.B) {
    const float* from = factor.p ? factor.p + row * factor.ld + n : nullptr;
    for (int r = 0; r < rows; r++, to += width) *to = from ? from[r * factor.ld] : 1.0f;
  }
}

// The rows' first `columns` floats in memory of `width` each, zeros after them. The last vector of a row would
// otherwise be read past the row's end, into a row that another thread may be writing, or past the array's.
BlockGradient::Rows BlockGradient::copied(const Rows& rows, int steps, int count, int columns, int width, float* to) {
  float* out = to;
  for (int t = 0; t < steps; t++) {
    for (int r = 0; r < count; r++, out += width) {
      const float* from = rows.p + t * rows.step + r * rows.row;
      for (int n = 0; n < width; n += VL) store(out + n, load_n(from + n, columns - n));
    }
  }
  return {to, size_t(width), size_t(count) * width};
}

// A panel of a sum, [columns][NV vectors], += the product of a block of steps: of the `wide` columns of `factor`, read
// where they lie, and of `packed` ones. A function of its own, and the block's sum made from 0 and added at the end: a
// tile that began from what it adds to waited for it (100 units, AVX-512, 13 by 9 tiles of K = 128, packing included,
// at least 163,200 cycles of work: 169,900 to 171,000 cycles, and now 168,900).
template <int NV>
IRNN_NOINLINE void BlockGradient::add_panel(int steps, int rows, const Rows& A, const Rows& factor, int wide,
                                            const float* left, int packed, float* sum) {
  constexpr int width = NV * VL, ROWS = NV > MAX_VECTORS ? FEW_COLUMNS : MAX_ROWS;
  const auto add = [&](auto columns, Rows from) IRNN_INLINE_LAMBDA {
    vf acc[columns.value][NV];
    clear_tile(acc);
    const float* a = A.p;
    for (int t = 0; t < steps; t++, from.p += from.step, a += A.step) {
      if (UNROLLED && rows == 8) multiply_eight(from.p, 1, from.row, a, acc, A.row);
      else multiply_few(rows, from.p, 1, from.row, a, acc, A.row);
    }
    add_tile(sum, width, acc);
    store_tile(sum, width, width, acc);
    sum += columns.value * width;
  };
  if constexpr (ROWS == MAX_ROWS) {   // one or two columns have no whole tile
    for (int n = 0; n < wide; n += MAX_ROWS) add(Const<MAX_ROWS>{}, {factor.p + n, factor.row, factor.step});
  }
  for_tiles<ROWS>(packed, [&](int, auto columns) IRNN_INLINE_LAMBDA {
    add(columns, {left, size_t(columns.value), size_t(rows) * columns.value});
    left += size_t(steps) * rows * columns.value;
  });
}

// Whole tiles of the first factor's columns are read where they lie: packed, they went to L2 and came back (backward
// pass of LSTM 0.992, of GRU 0.994 without).
void BlockGradient::add(int group, int shard, int t0, int t1) const {
  const int rows = min(SHARD_ROWS, g_.B - shard * SHARD_ROWS), columns = g_.factors.columns;
  const size_t first = size_t(t0) * g_.B + shard * SHARD_ROWS;
  const Factor& factor = g_.factors.list[0];
  const int wide = factor.p ? factor.columns / MAX_ROWS * MAX_ROWS : 0;
  const Rows states = {factor.p ? factor.p + first * factor.ld : nullptr, factor.ld, g_.B * factor.ld};
  Rows a = {g_.A + first * g_.lda - g_.before, g_.lda, g_.B * g_.lda};
  float *copy = work(group), *left = copy + COPY_FLOATS, *to = sum(group, shard);
  pack_columns(wide, shard, t0, t1, left);
  for (int p = 0; p < panels_.count; p++) {
    const int vectors = panels_.width(p);
    const int past = (panels_.first(p) + vectors) * VL - g_.before - g_.M;   // columns of the panel after the M
    if (past > g_.after) a = copied(a, t1 - t0, rows, vectors * VL - past, vectors * VL, copy);
    with_const<FEW_VECTORS>(vectors, [&](auto nv) IRNN_INLINE_LAMBDA {
      add_panel<nv.value>(t1 - t0, rows, a, states, wide, left, columns - wide, to);
    });
    a.p += vectors * VL;
    to += size_t(columns) * vectors * VL;
  }
}

void BlockGradient::finish() const {
  const float* sum = total();
  for (int p = 0; sum && p < panels_.count; p++) {
    const int m0 = panels_.first(p) * VL - g_.before, width = panels_.width(p) * VL;
    const float* from = sum + panels_.offset(p, g_.factors.columns);
    for (const Factor& factor : g_.factors) {
      const auto add = [&, from](float* gradient, int rows) {
        for (int m = max(m0, 0); gradient && m < min(min(g_.M, rows), m0 + width); m++) {
          float* to = gradient + size_t(m) * factor.columns;
          for (int n = 0; n < factor.columns; n++) to[n] += from[n * width + m - m0];
        }
      };
      add(factor.gradient, factor.rows);
      add(factor.second, factor.second_rows);
      from += factor.columns * width;
    }
  }
}

}   // namespace IRNN_TARGET
