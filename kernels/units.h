// The pass over the units of a step: gates, cells and states from the sums that a product has left.
#pragma once

#include "walk.h"

namespace IRNN_TARGET {

// Vectors of units whose gates are computed together (math.h); more would not fit the registers.
constexpr int TOGETHER = VL == 16 ? 6 : VL == 8 ? 4 : 2;

// A derivative bounded to [-clip, clip]; clip 0: none.
IRNN_INLINE vf clipped(vf d, float clip) { return clip > 0.0f ? clamp(d, clip) : d; }

// The n <= VL first lanes.
struct UpToAllLanes {
  int n;
  IRNN_INLINE vf load(const float* p) const { return load_n(p, n); }
  IRNN_INLINE void store(float* p, vf v) const { store_n(p, v, n); }
};

// f(Const<W>, row, n, lanes) for all units of the rows that are not padded at t: W vectors from unit n on, W = MAX
// where so many are left, else 1. f must hold copies of what it uses: members read through `this` are read again after
// every store.
template <int MAX, class F>
IRNN_INLINE void each_unit(const Shard& shard, int t, int H, const F& f) {
  const int whole = H / VL * VL;
  for (int r = 0; r < shard.rows; r++) {
    if (shard.padded(r, t)) continue;
    int n = 0;
    for (; n + MAX * VL <= whole; n += MAX * VL) f(Const<MAX>{}, r, n, AllLanes{});
    // One or two vectors are left where VL is 4: in WebAssembly, whose file pages load, and in the baseline of native
    // code. One loop for both holds f once less, which keeps the file small.
    if constexpr (VL == 4 && MAX > 1) {
      for (; n < H; n += VL) f(Const<1>{}, r, n, UpToAllLanes{H - n});
    } else {
      for (; MAX > 1 && n < whole; n += VL) f(Const<1>{}, r, n, AllLanes{});
      if (n < H) f(Const<1>{}, r, n, SomeLanes{H - n});
    }
  }
}

}   // namespace IRNN_TARGET
