// Memory of the next step, prefetched a few lines at a time while the products of this step run.
//
// The states of a shard are walked with a stride of B rows, which hardware does not foresee. Issuing all 300 prefetches
// of a step at once stalls the loads that matter.
#pragma once

#include "walk.h"

namespace IRNN_TARGET {

class Prefetcher {
 public:
  // Adds the shard's rows of array[slot] [B,width]; up to four such ranges.
  IRNN_INLINE void add(const Shard& shard, const float* array, int slot, int B, int width) {
    const float *p = array + (size_t(slot) * B + shard.b0) * width, *end = p + shard.rows * width;
    if (count_ < 4) ranges_[count_++] = {reinterpret_cast<const char*>(p), reinterpret_cast<const char*>(end)};
  }
  // A product calls next_lines() once every EVERY of its k.
  static constexpr int EVERY = VL == 16 ? 16 : 50;
  IRNN_INLINE void next_lines() {
    if (next_ == count_) return;
    Range& range = ranges_[next_];
    // May prefetch past the end of the range: a test for each line would cost more.
#pragma GCC unroll 8
    for (int line = 0; line < LINES; line++) __builtin_prefetch(range.at + 64 * line, 1);
    range.at += 64 * LINES;
    next_ += range.at >= range.end;
  }

 private:
  // AVX2, LSTM of 100 units: 2 lines every 16 k are 0.5 % slower, 6 every 100 k are 4 %.
  static constexpr int LINES = VL == 16 ? 6 : 5;
  struct Range {
    const char *at, *end;
  };
  Range ranges_[4];
  int count_ = 0, next_ = 0;
};

// multiply() with prefetches.
template <int MR, int NV>
IRNN_INLINE void multiply_prefetching(int K, const float* A, size_t row_stride, const float* panel,
                                      Prefetcher& prefetcher, vf (&acc)[MR][NV]) {
#if defined(__wasm__)   // has no prefetch
  (void)prefetcher;
  multiply(K, A, row_stride, 1, panel, acc);
#else
  for (int k = 0; k < K; k += Prefetcher::EVERY) {
    prefetcher.next_lines();
    const int count = min(Prefetcher::EVERY, K - k);
    multiply(count, A + k, row_stride, 1, panel + size_t(k) * NV * VL, acc);
  }
#endif
}

}   // namespace IRNN_TARGET
