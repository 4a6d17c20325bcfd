// Vectors as quarters of 4 floats, one of each of several rows: the last 4 of 100 units would leave a vector of 16 empty by three
// quarters, and of 4 rows they fill it.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
IRNN_INLINE v4 load4(const float* p) { return *reinterpret_cast<const v4_unaligned*>(p); }
IRNN_INLINE void store4(float* p, v4 v) { *reinterpret_cast<v4_unaligned*>(p) = v; }

// part(0) … part(VL/4 - 1), 4 floats each, side by side; and f(i, the i-th of them). Masks of all lanes: without one GCC 12's header
// starts from an undefined vector and warns of it (its bug 105593).
template <class F>
IRNN_INLINE vf join4(const F& part) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  __m512 v = _mm512_castps128_ps512((__m128)part(0));
  v = _mm512_insertf32x4(v, (__m128)part(1), 1);
  v = _mm512_insertf32x4(v, (__m128)part(2), 2);
  return (vf)_mm512_insertf32x4(v, (__m128)part(3), 3);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256((__m128)part(0)), (__m128)part(1), 1);
#else
  vf v;
  for (int i = 0; i < VL; i++) v[i] = part(i / 4)[i % 4];
  return v;
#endif
}
template <class F>
IRNN_INLINE void split4(vf v, const F& f) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  f(0, (v4)_mm512_maskz_extractf32x4_ps(__mmask8(-1), (__m512)v, 0));
  f(1, (v4)_mm512_maskz_extractf32x4_ps(__mmask8(-1), (__m512)v, 1));
  f(2, (v4)_mm512_maskz_extractf32x4_ps(__mmask8(-1), (__m512)v, 2));
  f(3, (v4)_mm512_maskz_extractf32x4_ps(__mmask8(-1), (__m512)v, 3));
#elif !defined(IRNN_VL) && defined(__AVX2__)
  f(0, (v4)_mm256_castps256_ps128((__m256)v));
  f(1, (v4)_mm256_extractf128_ps((__m256)v, 1));
#else
  for (int i = 0; i < VL; i += 4) f(i / 4, v4{v[i], v[i + 1], v[i + 2], v[i + 3]});
#endif
}

// The transpose of 4 by 4 floats: row j of `from` becomes float j of each row of `to`; rows are `lf` and `lt` floats apart.
IRNN_INLINE void transpose4(const float* from, size_t lf, float* to, size_t lt) {
#if defined(__clang__)
#define IRNN_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
  typedef int i4 __attribute__((vector_size(16)));
#define IRNN_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, i4{i, j, k, l})
#endif
  const v4 a = load4(from), b = load4(from + lf), c = load4(from + 2 * lf), d = load4(from + 3 * lf);
  const v4 ab_low = IRNN_SHUFFLE(a, b, 0, 4, 1, 5), ab_high = IRNN_SHUFFLE(a, b, 2, 6, 3, 7);
  const v4 cd_low = IRNN_SHUFFLE(c, d, 0, 4, 1, 5), cd_high = IRNN_SHUFFLE(c, d, 2, 6, 3, 7);
  store4(to, IRNN_SHUFFLE(ab_low, cd_low, 0, 1, 4, 5));
  store4(to + lt, IRNN_SHUFFLE(ab_low, cd_low, 2, 3, 6, 7));
  store4(to + 2 * lt, IRNN_SHUFFLE(ab_high, cd_high, 0, 1, 4, 5));
  store4(to + 3 * lt, IRNN_SHUFFLE(ab_high, cd_high, 2, 3, 6, 7));
#undef IRNN_SHUFFLE
}

}  // namespace IRNN_TARGET
