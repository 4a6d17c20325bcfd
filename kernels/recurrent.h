// What the recurrences share: the walk over time, and the pieces of a shard's step.
#pragma once

#include "live.h"
#include "shard_sums.h"

namespace IRNN_TARGET {

// Input projections up to this width are computed inside the recurrence, from registers: writing and reading [T,B,H] for
// one pixel a step costs more than the product. Wider ones are one tall product before it.
constexpr int FUSED_INPUTS = 8;

// The i-th step of a sequence in the order it is computed, and the state slots it reads and writes.
struct Step {
  int t, from, to;
  Step(int i, int T, int reverse) : t(reverse ? T - 1 - i : i), from(reverse ? t + 1 : t), to(reverse ? t : t + 1) {}
  // The one that back-propagation comes to next; before the first, t is outside.
  Step back(int T, int reverse) const { return Step((reverse ? T - 1 - t : t) - 1, T, reverse); }
};

// A shard's rows b0 … b0+rows-1 and whether they are past their length.
struct Shard {
  int b0, rows;
  const int* lengths;
  Shard(int s, int B, const int* all_lengths)
      : b0(s * SHARD_ROWS), rows(min(SHARD_ROWS, B - b0)), lengths(all_lengths ? all_lengths + b0 : nullptr) {}
  bool padded(int row, int t) const { return lengths && t >= lengths[row]; }
  template <class F>
  IRNN_INLINE void each_padded(int t, const F& f) const {   // f(row)
    for (int r = 0; lengths && r < rows; r++) {
      if (padded(r, t)) f(r);
    }
  }
};

IRNN_INLINE vf clipped(vf d, float clip) { return clip > 0.0f ? clamp(d, clip) : d; }
// The rows of [B,H] that a shard owns; zeros where there is no array.
IRNN_INLINE void copy_rows(const Shard& shard, int H, const float* from, float* to) {
  if (from) copy(shard.rows * H, from + size_t(shard.b0) * H, to);
  else fill_zero(shard.rows * H, to);
}

// Vectors of units whose gates are taken together (math.h); more of them would not fit the registers.
constexpr int TOGETHER = VL == 16 ? 6 : VL == 8 ? 4 : 1;

// f(Const<how many vectors>, row, unit, lanes) over the units of the rows that are not padded at t: up to MAX vectors of a row at a
// time.
// f holds copies of what it uses: of members behind `this` the compiler would read each again after every store.
template <int MAX, class F>
IRNN_INLINE void each_unit(const Shard& shard, int t, int H, const F& f) {
  const int whole = H / VL * VL;
  for (int r = 0; r < shard.rows; r++) {
    if (shard.padded(r, t)) continue;
    int n = 0;
    for (; n + MAX * VL <= whole; n += MAX * VL) f(Const<MAX>{}, r, n, AllLanes{});
    for (; n < whole; n += VL) f(Const<1>{}, r, n, AllLanes{});
    if (n < H) f(Const<1>{}, r, n, SomeLanes{H - n});
  }
}

// Memory of the next step, asked for a few lines at a time between multiplications: at once, 300 lines wait for each other and
// all else waits for them. (The states of a shard are walked with a stride of B rows, which hardware does not foresee.)
class Ahead {
 public:
  // The shard's rows of array[slot] [B,width].
  IRNN_INLINE void add(const Shard& shard, const float* array, int slot, int B, int width) {
    const float *p = array + (size_t(slot) * B + shard.b0) * width, *end = p + shard.rows * width;
    if (count_ < 4) ranges_[count_++] = {reinterpret_cast<const char*>(p), reinterpret_cast<const char*>(end)};
  }
  // To be called every EVERY of k.
  static constexpr int EVERY = VL == 16 ? 16 : 50;
  IRNN_INLINE void some() {
    if (next_ == count_) return;
    Range& range = ranges_[next_];
#pragma GCC unroll 8
    for (int line = 0; line < LINES; line++) __builtin_prefetch(range.at + 64 * line, 1);   // behind the end too: a test a line costs more
    range.at += 64 * LINES;
    next_ += range.at >= range.end;
  }

 private:
  static constexpr int LINES = VL == 16 ? 6 : 5;   // AVX2, LSTM of 100 units: 2 every 16 k 0.5 % worse, 6 every 100 k 4 %
  struct Range {
    const char *at, *end;
  };
  Range ranges_[4];
  int count_ = 0, next_ = 0;
};

// multiply() that looks ahead every so many k.
template <int MR, int NV>
IRNN_INLINE void multiply_ahead(int K, const float* A, size_t row_stride, const float* panel, Ahead& ahead, vf (&acc)[MR][NV]) {
#if defined(__wasm__)   // which has no such request
  (void)ahead;
  multiply(K, A, row_stride, 1, panel, acc);
#else
  for (int k = 0; k < K; k += Ahead::EVERY) {
    ahead.some();
    multiply(min(Ahead::EVERY, K - k), A + k, row_stride, 1, panel + size_t(k) * NV * VL, acc);
  }
#endif
}

// What a step's product starts from: bias + x Wxh, or, where W is null, what the output holds already.
struct StepInput {
  int I;
  const float *x, *W, *bias;   // x of the first row; W packed, bias in whole vectors
  int columns;                 // that x belongs to; those behind have their bias alone (0 times an infinite x would be NaN)

  // The same for the columns from n on.
  IRNN_INLINE StepInput behind(int n) const { return {I, x, W ? W + size_t(I) * n : nullptr, bias + n, columns - n}; }

  // acc = the tile's beginning; `to` is where its output will be.
  template <int MR, int NV>
  IRNN_INLINE void begin(const float* to, size_t ldo, int tile_columns, vf (&acc)[MR][NV]) const {
    if (!W) return load_tile(to, ldo, tile_columns, acc);
    load_tile(bias, 0, NV * VL, acc);
    if (columns <= 0) return;
    multiply(I, x, I, 1, W, acc);
    for (int v = 0; columns < NV * VL && v < NV; v++) {
      const vi own = lane_numbers() < splat_int(columns - v * VL);
      for (int r = 0; r < MR; r++) acc[r][v] = select(own, acc[r][v], load(bias + v * VL));
    }
  }
};

// The products of a step stand in functions of their own, one for a block of rows, in which one panel follows the other by pointers.
// Where each tile worked its addresses out anew, it began 30 to 50 cycles late: 8 rows by 100 by 400, with an input of 1 and AVX-512, took
// 10,690 cycles of 10,100, and now 10,390.

// out [MR, panels], rows ldo apart, = input + before [MR,K] times the packed matrix.
template <int MR>
IRNN_NOINLINE void step_rows(int K, const float* before, const Panels& panels, const float* packed, StepInput input, float* out, size_t ldo,
                             Ahead& ahead) {
  const int count = panels.count;
  for (int p = 0, columns = panels.columns; p < count; p++) {
    const int width = panels.width(p);
    with_const<MAX_VECTORS>(width, [&](auto nv) IRNN_INLINE_LAMBDA {
      vf acc[MR][nv.value];
      input.begin(out, ldo, columns, acc);
      multiply_ahead(K, before, K, packed, ahead, acc);
      store_tile(out, ldo, columns, acc);
    });
    const int n = width * VL;
    packed += size_t(K) * n;
    out += n;
    columns -= n;
    input = input.behind(n);
  }
}

// The same for any number of rows.
IRNN_INLINE void step_product(int rows, int K, const float* before, const Panels& panels, const float* packed, const StepInput& input,
                              float* out, size_t ldo, Ahead& ahead) {
  for_rows<MAX_ROWS>(rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
    StepInput own = input;
    own.x += size_t(r0) * input.I;
    step_rows<mr.value>(K, before + size_t(r0) * K, panels, packed, own, out + r0 * ldo, ldo, ahead);
  });
}

// Rows of da, `width` apart, and how many columns of them meet the recurrent matrix.
struct Delta {
  const float* da;
  int width, columns;
  Live live = {0, nullptr};
};

// carry_back() of the rows from r0 on.
template <int MR>
IRNN_NOINLINE void carry_rows(const Shard& shard, int t, int r0, const Delta& delta, int H, const Panels& panels, const float* packed,
                              float* carry, bool add, Ahead& ahead) {
  const float* da = delta.da + size_t(r0) * delta.width;
  const int count = panels.count, K = delta.columns;
  float* to = carry + r0 * H;
  for (int p = 0, columns = H; p < count; p++) {
    const int width = panels.width(p);
    with_const<MAX_VECTORS>(width, [&](auto nv) IRNN_INLINE_LAMBDA {
      vf acc[MR][nv.value];
      if (add) load_tile(to, H, columns, acc);
      else clear_tile(acc);
      if (delta.live.units) multiply_live(delta.live.count, delta.live.units, da, delta.width, packed, acc);
      else multiply_ahead(K, da, delta.width, packed, ahead, acc);
      if (!shard.lengths) return store_tile(to, H, columns, acc);
      for (int r = 0; r < MR; r++) {
        if (shard.padded(r0 + r, t)) continue;
        for (int v = 0; v < nv.value; v++) store_n(to + r * H + v * VL, acc[r][v], columns - v * VL);
      }
    });
    const int n = width * VL;
    packed += size_t(K) * n;
    to += n;
    columns -= n;
  }
}

// carry [rows,H] = (or +=, if add) delta times the packed recurrent matrix, for the rows that are not padded at t.
IRNN_INLINE void carry_back(const Shard& shard, int t, const Delta& delta, int H, const Panels& panels, const float* packed,
                            float* carry, bool add, Ahead ahead = {}) {
  for_rows<MAX_ROWS>(shard.rows, [&](int r0, auto mr) IRNN_INLINE_LAMBDA {
    carry_rows<mr.value>(shard, t, r0, delta, H, panels, packed, carry, add, ahead);
  });
}

// The k-th block, in the order of back-propagation, of the steps t0 … t1-1 that weight gradients take at a time.
struct Block {
  int t0, t1;
  Block(int k, int T, int reverse)
      : t0((reverse ? k : ceil_div(T, BLOCK_STEPS) - 1 - k) * BLOCK_STEPS), t1(min(T, t0 + BLOCK_STEPS)) {}
  // The j-th step of the block in the order of back-propagation.
  Step step(int j, int T, int reverse) const {
    const int t = reverse ? t0 + j : t1 - 1 - j;
    return Step(reverse ? T - 1 - t : t, T, reverse);
  }
};

// Back-propagates a shard: step(step) for each, the last first, and done(t0, t1) behind each block of steps.
template <class S, class D>
IRNN_INLINE void back_by_blocks(int T, int reverse, const S& step, const D& done) {
  for (int k = 0; k < ceil_div(T, BLOCK_STEPS); k++) {
    const Block block(k, T, reverse);
    for (int j = 0; j < block.t1 - block.t0; j++) step(block.step(j, T, reverse));
    done(block.t0, block.t1);
  }
}

}  // namespace IRNN_TARGET
