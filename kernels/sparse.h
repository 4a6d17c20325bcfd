// Products that leave out what is zero.
//
// A ReLU network is sparse: while an IRNN learns MNIST, 66 to 81 % of its units are 0 for all rows of a shard at once.
// The products of such units are exactly 0 and are left out. That changes no bit: sums start at +0, and neither ReLU
// nor the backward pass lets a -0 through. (Only with an infinite or NaN weight would the product have been NaN.)
#pragma once

#include "gemm.h"
#include "lanes.h"

namespace IRNN_TARGET {

// The units of states [rows,H] that are not 0 in every row, ascending. More than H · 3/4 of them count as all: walking
// the list would cost more than it saves.
struct Live {
  int count;
  const int* units;   // null: all
  static size_t ints(int H) { return round_up(size_t(H) + VL, 16); }
};
IRNN_INLINE int live_in_row(int H, const float* row) {
  int n = 0;
  each_vector(H, [&](int n0, auto lanes)
                     IRNN_INLINE_LAMBDA { n += __builtin_popcount(lane_mask(lanes.load(row + n0) != 0.0f)); });
  return n;
}
IRNN_INLINE Live live_units(int rows, int H, const float* states, int* list) {
  if (live_in_row(H, states) > H - H / 4) return {H, nullptr};   // one row says it already
  int n = 0;
  each_vector(H, [&](int n0, auto lanes) IRNN_INLINE_LAMBDA {
    vi any = {};
    for (int r = 0; r < rows; r++) any |= lanes.load(states + size_t(r) * H + n0) != 0.0f;
    n += list_lanes(n0, lane_mask(any), list + n);
  });
  return n > H - H / 4 ? Live{H, nullptr} : Live{n, list};
}
// multiply() over the k in live[0 … n-1] only, which ascend.
template <int MR, int NV>
IRNN_INLINE void multiply_live(int n, const int* live, const float* A, size_t row_stride, const float* panel,
                               vf (&acc)[MR][NV]) {
#if defined(__wasm__)
#pragma clang loop unroll(disable)
#endif
  for (int j = 0; j < n; j++) {
    const int k = live[j];
    multiply_one(A + k, row_stride, panel + size_t(k) * (NV * VL), acc);
  }
}

template <int MR, int NV>
IRNN_INLINE void multiply_units(const Live& live, int H, const float* A, size_t row_stride, const float* panel,
                                vf (&acc)[MR][NV]) {
  if (live.units) multiply_live(live.count, live.units, A, row_stride, panel, acc);
  else multiply(H, A, row_stride, 1, panel, acc);
}

}   // namespace IRNN_TARGET
