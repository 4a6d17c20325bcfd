// Weight gradients over few rows (t, b) that are too large to stay in L2: a linear layer over a vocabulary, a wide recurrence over
// a short window. A tile of the gradient takes all its shards in turn and adds them up, as the tree of gradient.h, in registers and
// on the stack: sums of blocks of rows, 100 MB of them at 400 x 512 by 512 x 10000, went to memory and back.
#include "gradient.h"

namespace IRNN_TARGET {

constexpr int LEVELS = 9;   // of the counter: at most 128 shards
// Of 8 rows a shard, what begins and ends the sums of a tile of 8 x 3 vectors leaves the multipliers idle: 85 % of the peak, and 93
// with tiles of 4 rows (AVX-512, Zen 5).
constexpr int SHORT_TILE_ROWS = 4;

// f(t) for the steps in the order in which gradients add them: blocks of GRADIENT_STEPS from the last one on, ascending inside.
template <class F>
IRNN_INLINE void each_step(int T, const F& f) {
  for (int t0 = (T - 1) / GRADIENT_STEPS * GRADIENT_STEPS; t0 >= 0; t0 -= GRADIENT_STEPS) {
    for (int t = t0; t < min(T, t0 + GRADIENT_STEPS); t++) f(t);
  }
}

// The right-hand side as [panel][shard][t][row][panel width], once for all pieces.
void WeightGradient::pack_short_right(int p, int shard) const {
  const Panels& panels = short_panels_;
  const int b0 = shard * SHARD_ROWS, rows = min(SHARD_ROWS, B_ - b0), width = panels.width(p) * VL;
  float* out = memory_ + panels.offset(p, T_ * B_) + size_t(T_) * b0 * width;
  each_step(T_, [&](int t) {
    copy(size_t(t) * B_ + b0, rows, panels.first(p) * VL, width, out);
    out += rows * width;
  });
}

// left [tile][shard][t][row][tile rows] = the columns m0 … m1-1 of A.
void WeightGradient::pack_short_left(int m0, int m1, float* left) const {
  const int K = T_ * B_;
  for (int b0 = 0, k = 0; b0 < B_; b0 += SHARD_ROWS) {
    const int rows = min(SHARD_ROWS, B_ - b0);
    each_step(T_, [&](int t) {
      for_rows<SHORT_TILE_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        const float* from = A_ + (size_t(t) * B_ + b0) * lda_ + m0 + m;
        float* to = left + size_t(m) * K + k * mr.value;
        for (int r = 0; r < rows; r++, from += lda_, to += mr.value) __builtin_memcpy(to, from, mr.value * sizeof(float));
      });
      k += rows;
    });
  }
}

// The gradient of the bias: A times the constant 1, by the same tree. As a column beside 512 others it would take a vector of its own.
void WeightGradient::add_short_bias(int m0, int m1) const {
  float sums[LEVELS][SHORT_BLOCK];
  const int count = m1 - m0;
  int used = 0;
  const auto fold_top = [&] {
    used--;
    for (int m = 0; m < count; m++) sums[used - 1][m] += sums[used][m];
  };
  for (int b0 = 0, done = 1; b0 < B_; b0 += SHARD_ROWS, done++) {
    float* sum = sums[used++];
    for (int m = 0; m < count; m++) sum[m] = 0.0f;
    each_step(T_, [&](int t) {
      for (int b = b0; b < min(B_, b0 + SHARD_ROWS); b++) {
        const float* row = A_ + (size_t(t) * B_ + b) * lda_ + m0;
        for (int m = 0; m < count; m++) sum[m] += row[m];
      }
    });
    for (int carry = done; carry % 2 == 0; carry /= 2) fold_top();
  }
  while (used > 1) fold_top();
  float* const gradients[] = {factors_[count_ - 1].gradient, factors_[count_ - 1].second};
  for (float* gradient : gradients) {
    for (int m = 0; gradient && m < count; m++) gradient[m0 + m] += sums[0][m];
  }
}

// acc = the sum of a shard of K rows (t, b), or of two.
template <int MR, int NV>
IRNN_INLINE void shard_sums(int shards, int K, const float* left, const float* right, vf (&acc)[MR][NV]) {
  clear_tile(acc);
  multiply(K, left, 1, MR, right, acc);
  if (shards == 1) return;
  vf second[MR][NV];
  clear_tile(second);
  multiply(K, left + size_t(K) * MR, 1, MR, right + size_t(K) * NV * VL, second);
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) acc[r][v] += second[r][v];
  }
}

// Adds the rows m0 … m1-1 to the gradients.
void WeightGradient::add_short_rows(int m0, int m1, float* left) const {
  const int K = T_ * B_;
  const Panels& panels = short_panels_;
  pack_short_left(m0, m1, left);
  if (short_panels_.columns % VL == 0) add_short_bias(m0, m1);   // else it is a column behind the others
  // The next block's rows of A, far apart in memory, are asked for while this one's tiles are multiplied.
  const int ahead = min(m1 - m0, M_ - m1), share = ceil_div(K, max(1, panels.count) * ceil_div(m1 - m0, SHORT_TILE_ROWS));
  int asked = ahead > 0 ? 0 : K;
  for (int p = 0; p < panels.count; p++) {
    with_const<MAX_VECTORS>(panels.width(p), [&](auto nv) {
      constexpr int width = nv.value * VL;
      const int n0 = panels.first(p) * VL;
      for_rows<SHORT_TILE_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        alignas(64) float sums[LEVELS][mr.value * width];
        int used = 0;
        for (const int end = min(K, asked + share); asked < end; asked++) prefetch(A_ + size_t(asked) * lda_ + m1, ahead);
        if (n0 < factors_[0].columns && factors_[0].gradient) {   // the multiplication hides the way to memory
          for (int r = 0; r < mr.value; r++) prefetch(factors_[0].gradient + size_t(m0 + m + r) * factors_[0].columns + n0, width);
        }
        vf acc[mr.value][nv.value];
        int done = 0;
        do {   // two at a time: half the stores, and half the branches of the counter
          const int taken = (done + 2) * SHARD_ROWS <= B_ ? 2 : 1, first = T_ * done * SHARD_ROWS;
          if (done > 0) store_tile(sums[used++], width, width, acc);
          shard_sums(taken, T_ * min(SHARD_ROWS, B_ - done * SHARD_ROWS), left + size_t(m) * K + first * mr.value,
                     memory_ + panels.offset(p, K) + size_t(first) * width, acc);
          done += taken;
          // The counter's carries stay in registers: of 8 rows a shard, folding in memory took as long as multiplying.
          for (int carry = done / taken; carry % 2 == 0; carry /= 2) add_tile(sums[--used], width, acc);
        } while (done < shards_);
        while (used > 0) add_tile(sums[--used], width, acc);
        const Factor& factor = factors_[0];
        if (n0 + width <= factor.columns && factor.gradient && !factor.second) {
          float* to = factor.gradient + size_t(m0 + m) * factor.columns + n0;
          add_tile(to, factor.columns, acc);
          store_tile(to, factor.columns, width, acc);
          return;
        }
        store_tile(sums[0], width, width, acc);
        for (int r = 0; r < mr.value; r++) add_row(m0 + m + r, n0, width, sums[0] + r * width);
      });
    });
  }
}

void WeightGradient::finish_short() const {
  const int K = T_ * B_;
  parallel_if_worth(short_panels_.floats(K), short_panels_.count * shards_, [=](int i) { pack_short_right(i / shards_, i % shards_); });
  each_block(size_t(K) * M_ * short_panels_.columns, ceil_div(M_, SHORT_BLOCK), [=](int block, int piece) {
    float* left = memory_ + short_panels_.floats(K) + size_t(piece) * SHORT_BLOCK * K;
    add_short_rows(block * SHORT_BLOCK, min(M_, (block + 1) * SHORT_BLOCK), left);
  });
}

}  // namespace IRNN_TARGET
