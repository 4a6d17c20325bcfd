// The inner loop of a product as V8 compiles it best (bench/LOG.md, 55).
//
// Each row has a pointer of its own: an address that is not one register and a constant costs V8 another instruction,
// and rows by their stride cost three for 8 multiply-adds. Four k are a round, in which these pointers stand still, and
// for which V8 looks at its stack once. And each k ends with the test whether it was the last: V8 up to 12 puts the
// multiply-adds of a block in the order of their sums, so that the operands of a whole round would wait in registers,
// of which there are 15.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// p += floats, and kept() of sums, hide from Clang what it would undo: pointers by strides, and k after k.
IRNN_INLINE void moved(const float*& p, size_t floats) {
  p += floats;
  __asm__("" : "+r"(p));
}
template <int MR, int NV>
IRNN_INLINE void kept(vf (&acc)[MR][NV]) {
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) __asm__ volatile("" : "+r"(acc[r][v]));
  }
}

// multiply() of gemm.h for rows that are `stride` apart and whose k follow each other or, if ROWS_SIDE_BY_SIDE, for
// rows that follow each other and whose k are `stride` apart.
template <bool ROWS_SIDE_BY_SIDE, int MR, int NV>
IRNN_INLINE void multiply_rounds(int K, const float* A, size_t stride, const float* panel, size_t panel_stride,
                                 vf (&acc)[MR][NV]) {
  const float* rows[MR];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) moved(rows[r] = A, ROWS_SIDE_BY_SIDE ? 0 : r * stride);
  // Returns whether this k was the last.
  const auto multiply_k = [&](int k) IRNN_INLINE_LAMBDA {
    vf b[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) b[v] = load(panel + v * VL);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const vf a = splat(ROWS_SIDE_BY_SIDE ? rows[0][r] : rows[r][k]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; v++) acc[r][v] = fma(a, b[v], acc[r][v]);
    }
    kept(acc);
    if (--K == 0) return true;
    moved(panel, panel_stride);
    if (ROWS_SIDE_BY_SIDE) moved(rows[0], stride);
    return false;
  };
  if (K < 1) return;
  for (;;) {
    if (multiply_k(0)) return;
    if (multiply_k(1)) return;
    if (multiply_k(2)) return;
    if (multiply_k(3)) return;
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) moved(rows[r], ROWS_SIDE_BY_SIDE ? 0 : 4);
  }
}

}   // namespace IRNN_TARGET
