// Weight gradients over few rows (t, b) that are too large to stay in L2: a linear layer over a vocabulary, a wide recurrence over
// a short window. A tile of the gradient takes all its shards in turn and adds them up, as the tree of gradient.h, in registers and
// on the stack: sums of blocks of rows, 100 MB of them at 400 x 512 by 512 x 10000, went to memory and back.
#include "gradient.h"

namespace IRNN_TARGET {

// f(t) for the steps in the order in which gradients add them: blocks of GRADIENT_STEPS from the last one on, ascending inside.
template <class F>
IRNN_INLINE void each_step(int T, const F& f) {
  for (int t0 = (T - 1) / GRADIENT_STEPS * GRADIENT_STEPS; t0 >= 0; t0 -= GRADIENT_STEPS) {
    for (int t = t0; t < min(T, t0 + GRADIENT_STEPS); t++) f(t);
  }
}

// The right-hand side as [panel][shard][t][row][panel width], once for all pieces.
void WeightGradient::pack_short_right(int p, int shard) const {
  const int b0 = shard * SHARD_ROWS, rows = min(SHARD_ROWS, B_ - b0), width = panels_.width(p) * VL;
  float* out = memory_ + panels_.offset(p, T_ * B_) + size_t(T_) * b0 * width;
  each_step(T_, [&](int t) {
    copy(size_t(t) * B_ + b0, rows, panels_.first(p) * VL, width, out);
    out += rows * width;
  });
}

// Adds the rows m0 … m1-1 to the gradients; left [tile][shard][t][row][tile rows] holds them packed.
void WeightGradient::add_short_rows(int m0, int m1, float* left) const {
  constexpr int LEVELS = 9;   // of the counter: at most 128 shards
  const int K = T_ * B_;
  for (int b0 = 0, k = 0; b0 < B_; b0 += SHARD_ROWS) {
    const int rows = min(SHARD_ROWS, B_ - b0);
    each_step(T_, [&](int t) {
      for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        const float* from = A_ + (size_t(t) * B_ + b0) * lda_ + m0 + m;
        float* to = left + size_t(m) * K + k * mr.value;
        for (int r = 0; r < rows; r++, from += lda_, to += mr.value) __builtin_memcpy(to, from, mr.value * sizeof(float));
      });
      k += rows;
    });
  }
  // The next block's rows of A, far apart in memory, are asked for while this one's tiles are multiplied.
  const int ahead = min(m1 - m0, M_ - m1), share = ceil_div(K, panels_.count * ceil_div(m1 - m0, MAX_ROWS));
  int asked = ahead > 0 ? 0 : K;
  for (int p = 0; p < panels_.count; p++) {
    with_const<MAX_VECTORS>(panels_.width(p), [&](auto nv) {
      constexpr int width = nv.value * VL;
      const int n0 = panels_.first(p) * VL;
      for_rows<MAX_ROWS>(m1 - m0, [&](int m, auto mr) IRNN_INLINE_LAMBDA {
        float sums[LEVELS][mr.value * width];
        int used = 0;
        for (const int end = min(K, asked + share); asked < end; asked++) prefetch(A_ + size_t(asked) * lda_ + m1, ahead);
        if (n0 < factors_[0].columns && factors_[0].gradient) {   // the multiplication hides the way to memory
          for (int r = 0; r < mr.value; r++) prefetch(factors_[0].gradient + size_t(m0 + m + r) * factors_[0].columns + n0, width);
        }
        for (int b0 = 0, done = 1; b0 < B_; b0 += SHARD_ROWS, done++) {
          const int first = T_ * b0;
          vf acc[mr.value][nv.value];
          clear_tile(acc);
          multiply(T_ * min(SHARD_ROWS, B_ - b0), left + size_t(m) * K + first * mr.value, 1, mr.value,
                   memory_ + panels_.offset(p, K) + size_t(first) * width, acc);
          // The counter's carries stay in registers: of 8 rows a shard, folding in memory took as long as multiplying.
          for (int carry = done; carry % 2 == 0; carry /= 2) add_tile(sums[--used], width, acc);
          store_tile(sums[used++], width, width, acc);
        }
        for (; used > 1; used--) fold(sums[used - 2], sums[used - 1], mr.value * width);
        for (int r = 0; r < mr.value; r++) add_row(m0 + m + r, n0, width, sums[0] + r * width);
      });
    });
  }
}

void WeightGradient::finish_short() const {
  const int K = T_ * B_;
  parallel_if_worth(panels_.floats(K), panels_.count * shards_, [=](int i) { pack_short_right(i / shards_, i % shards_); });
  each_block(size_t(K) * M_ * panels_.columns, ceil_div(M_, SHORT_BLOCK), [=](int block, int piece) {
    float* left = memory_ + panels_.floats(K) + size_t(piece) * SHORT_BLOCK * K;
    add_short_rows(block * SHORT_BLOCK, min(M_, (block + 1) * SHORT_BLOCK), left);
  });
}

}  // namespace IRNN_TARGET
