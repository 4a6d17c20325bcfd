// The sums of gradient.h that are made beside a recurrence; LATER, see gradient_later.cc.
#include "gradient.h"

namespace IRNN_TARGET {

namespace {

constexpr int STEPS = GRADIENT_STEPS, PACKED_ROWS = STEPS * SHARD_ROWS;
// 4 MB: even where a shard's sum leaves L2, adding to it beside the recurrence costs less than to fetch da and h again (backward of LSTM of 200 units
// 0.85, GRU 0.77, ReLU of 400 0.86); not so of few rows, which lie in the cache at the end too (ReLU of 512 by 512, 20 by 20: 1.1).
constexpr size_t FUSED_FLOATS = 1024 * 1024, FUSED_IF_BRIEF = 72 * 1024;
constexpr int MAX_GROUPS = 64, FEW_GROUPS = 8;
constexpr size_t MANY_FLOATS = 16 << 20;   // 64 MB of sums: beyond, groups have more shards each, as long as there are more than a few groups
constexpr int MAX_BLOCK = 128;
constexpr int SHORT_BLOCK = 128;    // rows of the gradient that share one packing of A
// So few columns take wider panels: tiles of 2 rows by 3 vectors would wait for their own sums. Of 8 vectors, S4 with AVX2 was 1 to 2 % slower.
constexpr int FEW_COLUMNS = 2, FEW_VECTORS = VL == 16 ? 8 : VL == 8 ? 5 : 4;
// Blocks are dealt to at most 16 pieces of work, each of which has memory of its own: of one each, a gradient of 10,000 rows took
// 112 MB, all of it fetched from memory.
int pieces_of(int blocks) { return min(16, blocks); }
int columns_of(const Factor* factors, int count) {
  int columns = 0;
  for (int f = 0; f < count; f++) columns += factors[f].columns;
  return columns;
}
int levels_of(int shards) {   // sums that exist at once: of a binary counter, of which the last is being made
  int levels = 1;
  while ((1 << (levels - 1)) < shards) levels++;
  return levels;
}

}  // namespace

// sums[l] holds the tree of 2^l shards, l falling with the bits of the shards done so far; the newest is on top.
struct WeightGradient::Piece {
  int m0, m1;
  float *left, *right, *sums;
};

bool WeightGradient::fuses(int T, int B, int part, int M, int columns) {
  const bool brief = (part & BRIEF) || (part == (FIRST | LAST) && T * B <= BRIEF_ROWS);
  return Panels(columns).floats(M) <= (brief ? FUSED_IF_BRIEF : FUSED_FLOATS);
}

WeightGradient::WeightGradient(int T, int B, int M, const float* A, size_t lda, const Factor* factors, int count, Sums how, int lead)
    : T_(T), B_(B), M_(M), lead_(lead), how_(how), columns_(columns_of(factors, count)), rows_(how == Sums::BLOCKS ? columns_ : M), A_(A),
      lda_(lda), count_(count), panels_(how == Sums::BLOCKS ? lead + M : columns_, few() ? FEW_VECTORS : MAX_VECTORS),
      short_panels_(columns_ - 1), shards_(ceil_div(B, SHARD_ROWS)) {
  for (int f = 0; f < count; f++) factors_[f] = factors[f];
  const bool fused = how != Sums::LATER;
  short_ = !fused && T * B <= BRIEF_ROWS;
  // Blocks: two even for a small gradient, and none above MAX_BLOCK rows.
  block_ = fused ? rows_ : int(round_up(ceil_div(M, max(M >= 32 ? 2 : 1, ceil_div(M, MAX_BLOCK))), MAX_ROWS));
  sum_floats_ = panels_.floats(block_);
  short_floats_ = short_panels_.floats(T * B) + size_t(pieces_of(ceil_div(M, SHORT_BLOCK))) * SHORT_BLOCK * T * B;
  deal(1);
}

void WeightGradient::deal(WeightGradient* gradients, int count) {
  for (int shards = 1;; shards *= 2) {
    size_t floats = 0;
    for (int i = 0; i < count; i++) {
      gradients[i].deal(shards);
      if (gradients[i].how_ != Sums::LATER) floats += gradients[i].groups * levels_of(shards) * gradients[i].sum_floats_;
    }
    const int groups = gradients[0].groups;
    if (groups <= FEW_GROUPS || (groups <= MAX_GROUPS && floats <= MANY_FLOATS)) return;
  }
}

void WeightGradient::deal(int shards) {
  const bool fused = how_ != Sums::LATER;
  group_shards = shards;
  groups = ceil_div(shards_, shards);
  piece_floats_ = right_floats() + round_up(size_t(block_) * PACKED_ROWS, 16) + (fused ? levels_of(shards) : 1) * sum_floats_;
  floats_ = piece_floats_ * (fused ? groups : pieces_of(ceil_div(M_, block_)));
}

bool WeightGradient::few() const { return how_ == Sums::BLOCKS && columns_ <= FEW_COLUMNS; }
size_t WeightGradient::right_floats() const { return how_ == Sums::BLOCKS ? size_t(PACKED_ROWS) * FEW_VECTORS * VL : panels_.floats(PACKED_ROWS); }

WeightGradient::Piece WeightGradient::piece(int i, int m0, int m1) const {
  float* right = memory_ + i * piece_floats_;
  float* left = right + right_floats();
  return {m0, m1, left, right, left + round_up(size_t(block_) * PACKED_ROWS, 16)};
}

// out [rows][width] = columns n0 … of consecutive rows, zeros behind the last. Nearly all panels lie inside one factor.
IRNN_INLINE void WeightGradient::copy(size_t row, int rows, int n0, int width, float* out) const {
  const Factor& wide = factors_[0];
  if (wide.p && n0 + width <= wide.columns) {
    const float* from = wide.p + row * wide.ld + n0;
    for (int r = 0; r < rows; r++, from += wide.ld, out += width) {
      for (int n = 0; n < width; n += VL) store(out + n, load(from + n));
    }
    return;
  }
  for (int r = 0; r < rows; r++, row++, out += width) copy_mixed(row, n0, width, out);
}

void WeightGradient::copy_mixed(size_t row, int n0, int width, float* out) const {
  int n = 0, first = 0;
  for (int f = 0; f < count_; first += factors_[f++].columns) {
    const Factor& factor = factors_[f];
    const int end = min(width, first + factor.columns - n0);
    if (n >= end) continue;
    const float* from = factor.p ? factor.p + row * factor.ld + (n0 - first) : nullptr;
    for (; from && n + VL <= end; n += VL) store(out + n, load(from + n));
    for (; n < end; n++) out[n] = from ? from[n] : 1.0f;
  }
  for (; n < width; n++) out[n] = 0.0f;
}

// A shard's running sum over the rows from m0 on: where the last segment left it, or 0.
void WeightGradient::begin(float* sum, int shard, int m0, size_t floats) const {
  const float* kept = kept_ + shard * panels_.floats(rows_) + panels_.floats(m0);
  for (size_t j = 0; j < floats; j += VL) store(sum + j, part_ & FIRST ? vf{} : load(kept + j));
}

// Puts it there for the next segment; false if there is none.
bool WeightGradient::keep(const float* sum, int shard, int m0, size_t floats) const {
  if (part_ & LAST) return false;
  float* kept = kept_ + shard * panels_.floats(rows_) + panels_.floats(m0);
  for (size_t j = 0; j < floats; j += VL) store(kept + j, load(sum + j));
  return true;
}

void WeightGradient::fold(float* to, const float* from, size_t floats) const {
  for (size_t j = 0; j < floats; j += VL) store(to + j, load(to + j) + load(from + j));
}

// The counter after `done` shards holds one sum for every 1 bit of `done`.
static int sums_after(int done) { return __builtin_popcount(unsigned(done)); }

float* WeightGradient::shard_sum(int group, int shard) const {
  return piece(group, 0, rows_).sums + sums_after(shard % group_shards) * sum_floats_;
}

void WeightGradient::shard_start(int group, int shard) const {
  if (how_ != Sums::LATER) begin(shard_sum(group, shard), shard, 0, sum_floats_);
}

// left [tile][K][tile columns] = the factors' columns from `first_column` on, side by side: 4 of the first factor at once if there are, the others column
// by column.
void WeightGradient::pack_columns(int first_column, int shard, int t0, int t1, float* left) const {
  const int b0 = shard * SHARD_ROWS, rows = min(SHARD_ROWS, B_ - b0), K = (t1 - t0) * rows;
  const Factor& wide = factors_[0];
  const int packed = wide.p ? wide.columns / 4 * 4 : 0;
  if (first_column < packed) {
    const int width = min(MAX_ROWS, columns_ - first_column);
    float* to = left;
    for (int t = t0; t < t1; t++) {
      const float* from = wide.p + (size_t(t) * B_ + b0) * wide.ld + first_column;
      for (int r = 0; r < rows; r++, from += wide.ld, to += width) store4(to, load4(from));
    }
  }
  for (int f = 0, first = 0; f < count_; first += factors_[f++].columns) {
    const Factor& factor = factors_[f];
    for (int n = max(max(first_column, packed), first); n < first + factor.columns; n++) {
      const int tile = (n - first_column) / MAX_ROWS * MAX_ROWS, width = min(MAX_ROWS, columns_ - first_column - tile);
      float* to = left + size_t(tile) * K + n - first_column - tile;
      for (int t = t0; t < t1; t++) {
        const float* from = factor.p ? factor.p + (size_t(t) * B_ + b0) * factor.ld + (n - first) : nullptr;
        for (int r = 0; r < rows; r++, to += width) *to = from ? from[r * factor.ld] : 1.0f;
      }
    }
  }
}

namespace {

// Where the rows (t, b) of a shard's steps lie.
struct Rows {
  const float* p;
  size_t row, step;   // floats from one row to the next, from one step to the next
};

// The rows' first `columns` floats in memory of `width` each: the last vector of the last row there is would be read behind the array's end.
Rows copied(const Rows& rows, int steps, int count, int columns, int width, float* to) {
  for (int t = 0; t < steps; t++) {
    for (int r = 0; r < count; r++) {
      const float* from = rows.p + t * rows.step + r * rows.row;
      float* out = to + size_t(t * count + r) * width;
      for (int n = 0; n < width; n++) out[n] = n < columns ? from[n] : 0.0f;
    }
  }
  return {to, size_t(width), size_t(count) * width};
}

}  // namespace

// A panel of a sum, [columns][NV vectors], += the product of a block of steps: of `wide` columns of `factor`, read where they lie, and of
// `packed` ones. In a function of its own, and the block's sum made from 0 and added at the end: a tile that began from what it adds to waited for
// it (100 units, AVX-512, 13 by 9 tiles of K = 128: 169,900 to 171,000 cycles of 163,200, packing included, and now 168,900).
template <int NV>
static IRNN_NOINLINE void add_panel(int steps, int rows, const Rows& A, const Rows& factor, int wide, const float* left, int packed, float* sum) {
  constexpr int width = NV * VL, ROWS = NV > MAX_VECTORS ? FEW_COLUMNS : MAX_ROWS;
  const auto add = [&](auto columns, Rows from) IRNN_INLINE_LAMBDA {
    vf acc[columns.value][NV];
    clear_tile(acc);
    const float* a = A.p;
    for (int t = 0; t < steps; t++, from.p += from.step, a += A.step) multiply(rows, from.p, 1, from.row, a, acc, A.row);
    add_tile(sum, width, acc);
    store_tile(sum, width, width, acc);
    sum += columns.value * width;
  };
  if constexpr (ROWS == MAX_ROWS) {   // few columns have no whole tile
    for (int n = 0; n < wide; n += MAX_ROWS) add(Const<MAX_ROWS>{}, {factor.p + n, factor.row, factor.step});
  }
  for_tiles<ROWS>(packed, [&](int, auto columns) IRNN_INLINE_LAMBDA {
    add(columns, {left, size_t(columns.value), size_t(rows) * columns.value});
    left += size_t(steps) * rows * columns.value;
  });
}

// The first factor's columns, whole tiles of them, are read where they lie: packed, they went to L2 and came back (backward LSTM 0.992, GRU 0.994).
void WeightGradient::add_block(int group, int shard, int t0, int t1) const {
  const int rows = min(SHARD_ROWS, B_ - shard * SHARD_ROWS);
  const size_t first = size_t(t0) * B_ + shard * SHARD_ROWS;
  const Factor& factor = factors_[0];
  const int wide = factor.p ? factor.columns / MAX_ROWS * MAX_ROWS : 0;
  const Rows states = {factor.p ? factor.p + first * factor.ld : nullptr, factor.ld, B_ * factor.ld};
  Rows a = {A_ + first * lda_ - lead_, lda_, B_ * lda_};
  const Piece own = piece(group, 0, rows_);
  float *left = own.left, *sum = shard_sum(group, shard);
  pack_columns(wide, shard, t0, t1, left);
  const size_t after = (size_t(T_ - t1) * B_ + B_ - shard * SHARD_ROWS - rows) * lda_;   // floats of A behind the rows at hand
  for (int p = 0; p < panels_.count; p++) {
    const int vectors = panels_.width(p), behind = panels_.first(p) * VL + vectors * VL - lead_ - M_;
    if (behind > 0 && size_t(behind) > after) a = copied(a, t1 - t0, rows, vectors * VL - behind, vectors * VL, own.right);
    with_const<FEW_VECTORS>(vectors, [&](auto nv) IRNN_INLINE_LAMBDA {
      add_panel<nv.value>(t1 - t0, rows, a, states, wide, left, columns_ - wide, sum);
    });
    a.p += vectors * VL;
    sum += size_t(columns_) * vectors * VL;
  }
}

void WeightGradient::take_part(const float* sum, const int* rows, int m_count, const int* columns, int n_count, float* part,
                               size_t stride) const {
  for (int i = 0; i < m_count; i++) {
    for (int j = 0; j < n_count; j++) part[i * stride + j] = sum[rows[i] * row_floats() + columns[j]];
  }
}

void WeightGradient::put_part(float* sum, const int* rows, int m_count, const int* columns, int n_count, const float* part,
                              size_t stride) const {
  for (int i = 0; i < m_count; i++) {
    for (int j = 0; j < n_count; j++) sum[rows[i] * row_floats() + columns[j]] = part[i * stride + j];
  }
}

void WeightGradient::shard_done(int group, int shard) const {
  if (how_ == Sums::LATER || keep(shard_sum(group, shard), shard, 0, sum_floats_)) return;
  float* sums = piece(group, 0, rows_).sums;
  const int done = shard % group_shards + 1;
  int used = sums_after(done - 1) + 1;
  for (int carry = done; carry % 2 == 0; carry /= 2, used--) fold(sums + (used - 2) * sum_floats_, sums + (used - 1) * sum_floats_, sum_floats_);
  if (shard != shards_ - 1) return;   // the last group may be no whole tree: its sums are folded from the top
  for (; used > 1; used--) fold(sums + (used - 2) * sum_floats_, sums + (used - 1) * sum_floats_, sum_floats_);
}

// Adds row m of a sum, columns n0 … n0+width-1, to the gradients.
void WeightGradient::add_row(int m, int n0, int width, const float* sum) const {
  const auto add = [](float* to, const float* from, int n) {
    each_vector(n, [=](int i, auto lanes) IRNN_INLINE_LAMBDA { lanes.store(to + i, lanes.load(to + i) + lanes.load(from + i)); });
  };
  int first = 0;
  for (int f = 0; f < count_; first += factors_[f++].columns) {
    const Factor& factor = factors_[f];
    const int begin = max(n0, first), columns = min(n0 + width, first + factor.columns) - begin;
    if (columns <= 0) continue;
    const size_t at = size_t(m) * factor.columns + (begin - first);
    if (factor.gradient) add(factor.gradient + at, sum + begin - n0, columns);
    if (factor.second) add(factor.second + at, sum + begin - n0, columns);
  }
}

void WeightGradient::deliver(int m0, int m1, const float* sum) const {
  for (int p = 0; p < panels_.count; p++) {
    const int width = panels_.width(p) * VL;
    const float* rows = sum + panels_.offset(p, m1 - m0);
    for (int m = m0; m < m1; m++, rows += width) add_row(m, panels_.first(p) * VL, width, rows);
  }
}

// sum [columns][panels of lead and M].
void WeightGradient::deliver_transposed(const float* sum) const {
  for (int p = 0; p < panels_.count; p++) {
    const int m0 = panels_.first(p) * VL - lead_, width = panels_.width(p) * VL;
    const float* from = sum + panels_.offset(p, columns_);
    for (int f = 0; f < count_; from += factors_[f++].columns * width) {
      const int columns = factors_[f].columns;
      const auto add = [=](float* gradient, int m1) {
        for (int m = max(m0, 0); gradient && m < min(m1, m0 + width); m++) {
          for (int n = 0; n < columns; n++) gradient[size_t(m) * columns + n] += from[n * width + m - m0];
        }
      };
      add(factors_[f].gradient, M_);
      add(factors_[f].second, min(M_, factors_[f].second_rows));
    }
  }
}

void WeightGradient::finish() const {
  if (is_short()) return finish_short();
  if (how_ == Sums::LATER) return finish_later();
  if (!(part_ & LAST)) return;
  for (int gap = 1; gap < groups; gap *= 2) {
    for (int g = 0; g + gap < groups; g += 2 * gap) fold(piece(g, 0, rows_).sums, piece(g + gap, 0, rows_).sums, sum_floats_);
  }
  const float* sum = piece(0, 0, rows_).sums;
  if (how_ == Sums::BLOCKS) return deliver_transposed(sum);
  for (int m = 0; m < M_; m++) add_row(m, 0, columns_, sum + m * row_floats());
}

}  // namespace IRNN_TARGET
