// The product whose last vector has at most 4 columns: of 100 units, 6 vectors of 16 and 4 columns, a seventh vector would be empty
// by three quarters. The 4 columns of 4 rows are one vector here, 2 multiply-adds for 8 rows instead of 8, to the same bits.
#pragma once

#include "gemm.h"

namespace IRNN_TARGET {

#if !defined(IRNN_VL) && defined(__AVX512F__)
constexpr int ALL = -1;   // a mask, as in quads.h

// multiply() for 8 rows and k_stride 1, where only the first NARROW columns of the last vector are wanted; its others become 0.
template <int MR, int NV>
IRNN_INLINE void multiply_narrow(int K, const float* A, size_t row_stride, const float* panel, vf (&acc)[MR][NV], size_t panel_stride) {
  static_assert(MR == 8 && NV > 1);
  // f(row) of the first 4 rows and of the last, side by side.
  const auto quad = [](int r0, const auto& f) IRNN_INLINE_LAMBDA { return join4([&](int r) IRNN_INLINE_LAMBDA { return f(r0 + r); }); };
  const auto last = [&](int r) IRNN_INLINE_LAMBDA { return (v4)_mm512_maskz_extractf32x4_ps(ALL, (__m512)acc[r][NV - 1], 0); };
  vf few[2] = {quad(0, last), quad(4, last)};
  // Rows by 3 pointers that GCC does not see through: else it keeps an address for each row and k, on the stack.
  const float *rows[3] = {A, A + 3 * row_stride, A + 6 * row_stride};
  asm("" : "+r"(rows[1]), "+r"(rows[2]));
  const auto row = [&](int r) IRNN_INLINE_LAMBDA { return rows[r / 3] + r % 3 * row_stride; };
  const auto one = [&](auto j, vf low, vf high) IRNN_INLINE_LAMBDA {
    constexpr int element = (j.value - 1) * 0x55;
    const vf b_few = (vf)_mm512_maskz_broadcast_f32x4(ALL, _mm_loadu_ps(panel + (NV - 1) * VL));
    vf b[NV - 1];
#pragma GCC unroll 8
    for (int v = 0; v < NV - 1; v++) b[v] = load(panel + v * VL);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const vf a = splat(row(r)[j.value - 1]);
#pragma GCC unroll 8
      for (int v = 0; v < NV - 1; v++) acc[r][v] = fma(a, b[v], acc[r][v]);
    }
    few[0] = fma((vf)_mm512_maskz_permute_ps(ALL, (__m512)low, element), b_few, few[0]);
    few[1] = fma((vf)_mm512_maskz_permute_ps(ALL, (__m512)high, element), b_few, few[1]);
    panel += panel_stride;
  };
  int k = 0;
  for (; k + 4 <= K; k += 4) {
    const auto four = [&](int r) IRNN_INLINE_LAMBDA { return load4(row(r)); };
    const vf low = quad(0, four), high = quad(4, four);
    one(Const<1>{}, low, high);
    one(Const<2>{}, low, high);
    one(Const<3>{}, low, high);
    one(Const<4>{}, low, high);
    for (const float*& at : rows) at += 4;
  }
  for (; k < K; k++) {
    const auto single = [&](int r) IRNN_INLINE_LAMBDA { return (v4)_mm_load_ss(row(r)); };
    one(Const<1>{}, quad(0, single), quad(4, single));
    for (const float*& at : rows) at++;
  }
  for (int half = 0; half < 2; half++) {
    split4(few[half], [&](int r, v4 part) IRNN_INLINE_LAMBDA { acc[4 * half + r][NV - 1] = (vf)_mm512_zextps128_ps512((__m128)part); });
  }
}
#endif

// f(Const<1>) where the last of NV vectors has at most NARROW columns and that matters, else f(Const<0>). Chosen outside of the tile:
// with both loops inside, registers run out (512 units, forward: 1.84 ms -> 2.07).
template <int NV, class F>
IRNN_INLINE void with_narrow(int columns, Const<NV>, const F& f) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  if constexpr (NV > 1) {
    if (columns <= (NV - 1) * VL + NARROW) return f(Const<1>{});
  }
#endif
  (void)columns;
  f(Const<0>{});
}

// multiply() with k_stride 1, by multiply_narrow() if with_narrow() said so.
template <int FEW, int MR, int NV>
IRNN_INLINE void multiply_columns(int K, const float* A, size_t row_stride, const float* panel, vf (&acc)[MR][NV], size_t panel_stride = NV * VL) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  if constexpr (FEW && MR == 8) return multiply_narrow(K, A, row_stride, panel, acc, panel_stride);
#endif
  multiply(K, A, row_stride, 1, panel, acc, panel_stride);
}

}  // namespace IRNN_TARGET
