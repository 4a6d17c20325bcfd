// The product whose last vector has at most 4 columns: of 100 units, 6 vectors of 16 and 4 columns, a seventh vector would be empty
// by three quarters. The 4 columns of 4 rows are one vector here, 2 multiply-adds for 8 rows instead of 8, to the same bits.
#pragma once

#include "gemm.h"

namespace IRNN_TARGET {

#if !defined(IRNN_VL) && defined(__AVX512F__)
// The same instructions as without a mask, for which GCC 12's header starts from an undefined vector and warns of it (its bug 105593).
constexpr int ALL = -1;

// 4 rows of 4 floats side by side.
struct Quad {
  __m512 v;
  template <class F>
  IRNN_INLINE explicit Quad(const F& row) : v(_mm512_castps128_ps512(row(0))) {
    v = _mm512_insertf32x4(v, row(1), 1);
    v = _mm512_insertf32x4(v, row(2), 2);
    v = _mm512_insertf32x4(v, row(3), 3);
  }
};

// multiply() for 8 rows and k_stride 1, where only the first NARROW columns of the last vector are wanted; its others become 0.
template <int MR, int NV>
IRNN_INLINE void multiply_narrow(int K, const float* A, size_t row_stride, const float* panel, vf (&acc)[MR][NV], size_t panel_stride) {
  static_assert(MR == 8 && NV > 1);
  const auto last = [&](int r) IRNN_INLINE_LAMBDA { return _mm512_maskz_extractf32x4_ps(ALL, (__m512)acc[r][NV - 1], 0); };
  Quad few[2] = {Quad([&](int r) IRNN_INLINE_LAMBDA { return last(r); }), Quad([&](int r) IRNN_INLINE_LAMBDA { return last(4 + r); })};
  // Rows by 3 pointers that GCC does not see through: else it keeps an address for each row and k, on the stack.
  const float *rows[3] = {A, A + 3 * row_stride, A + 6 * row_stride};
  asm("" : "+r"(rows[1]), "+r"(rows[2]));
  const auto row = [&](int r) IRNN_INLINE_LAMBDA { return rows[r / 3] + r % 3 * row_stride; };
  const auto one = [&](auto j, const Quad& low, const Quad& high) IRNN_INLINE_LAMBDA {
    constexpr int element = (j.value - 1) * 0x55;
    const __m512 b_few = _mm512_maskz_broadcast_f32x4(ALL, _mm_loadu_ps(panel + (NV - 1) * VL));
    vf b[NV - 1];
#pragma GCC unroll 8
    for (int v = 0; v < NV - 1; v++) b[v] = load(panel + v * VL);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const vf a = splat(row(r)[j.value - 1]);
#pragma GCC unroll 8
      for (int v = 0; v < NV - 1; v++) acc[r][v] = fma(a, b[v], acc[r][v]);
    }
    few[0].v = _mm512_fmadd_ps(_mm512_maskz_permute_ps(ALL, low.v, element), b_few, few[0].v);
    few[1].v = _mm512_fmadd_ps(_mm512_maskz_permute_ps(ALL, high.v, element), b_few, few[1].v);
    panel += panel_stride;
  };
  int k = 0;
  for (; k + 4 <= K; k += 4) {
    const Quad low([&](int r) IRNN_INLINE_LAMBDA { return _mm_loadu_ps(row(r)); });
    const Quad high([&](int r) IRNN_INLINE_LAMBDA { return _mm_loadu_ps(row(4 + r)); });
    one(Const<1>{}, low, high);
    one(Const<2>{}, low, high);
    one(Const<3>{}, low, high);
    one(Const<4>{}, low, high);
    for (const float*& at : rows) at += 4;
  }
  for (; k < K; k++) {
    const Quad low([&](int r) IRNN_INLINE_LAMBDA { return _mm_load_ss(row(r)); });
    const Quad high([&](int r) IRNN_INLINE_LAMBDA { return _mm_load_ss(row(4 + r)); });
    one(Const<1>{}, low, high);
    for (const float*& at : rows) at++;
  }
  const auto give = [&](auto r) IRNN_INLINE_LAMBDA {
    acc[r.value - 1][NV - 1] = (vf)_mm512_zextps128_ps512(_mm512_maskz_extractf32x4_ps(ALL, few[0].v, r.value - 1));
    acc[r.value + 3][NV - 1] = (vf)_mm512_zextps128_ps512(_mm512_maskz_extractf32x4_ps(ALL, few[1].v, r.value - 1));
  };
  give(Const<1>{});
  give(Const<2>{});
  give(Const<3>{});
  give(Const<4>{});
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
