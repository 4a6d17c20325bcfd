// Work in pieces, which do not depend on the number of threads.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// A lambda over parallel_for: no std::function, nothing allocated.
template <class F>
IRNN_INLINE void parallel(int n, const F& f) {
  irnn_host::parallel_for(n, [](void* context, int i) { (*static_cast<const F*>(context))(i); }, const_cast<F*>(&f));
}

// With fewer multiply-adds (or copied floats, which take as long) the work is done before another thread wakes.
constexpr size_t WORTH_THREADS = 1 << 17;
template <class F>
IRNN_INLINE void parallel_if_worth(size_t work, int n, const F& f) {
  if (work >= WORTH_THREADS) return parallel(n, f);
  for (int i = 0; i < n; i++) f(i);
}

// f(first, count) over n elements in blocks of 64 KB, which take some microseconds.
constexpr int BLOCK = 16384;
template <class F>
IRNN_INLINE void each_block(int n, const F& f) {
  parallel(ceil_div(n, BLOCK), [&](int i) { f(i * BLOCK, min(BLOCK, n - i * BLOCK)); });
}

}   // namespace IRNN_TARGET
