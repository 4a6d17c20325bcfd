// One vector of VL floats per target, in GCC/Clang vector extensions; only fused multiply-add needs intrinsics.
//
// VL is 16 with AVX-512, 8 with AVX2, else 4 (SSE, NEON, WebAssembly). -ffp-contract=off: a multiply-add is fused where
// fma() says so and nowhere else, so that each target's rounding is known.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__FMA__) || defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace IRNN_TARGET {

#if defined(IRNN_VL)
constexpr int VL = IRNN_VL;   // to test a width on a machine without it: the compiler splits the vectors
#elif defined(__AVX512F__)
constexpr int VL = 16;
#elif defined(__AVX2__)
constexpr int VL = 8;
#else
constexpr int VL = 4;
#endif

typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));   // for sums and shifts that may overflow
#if defined(__wasm_simd128__)
#endif
typedef float vf_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias));

#define IRNN_INLINE inline __attribute__((always_inline))
#define IRNN_NOINLINE __attribute__((noinline))
#define IRNN_INLINE_LAMBDA __attribute__((always_inline))
// Before a loop over numbers that the compiler makes one over vectors. Clang does so for WebAssembly only where it is
// told to (scripts/build.mjs).
#ifdef __clang__
#define IRNN_VECTORIZE _Pragma("clang loop vectorize(enable)")
#else
#define IRNN_VECTORIZE
#endif

IRNN_INLINE vf load(const float* p) { return *reinterpret_cast<const vf_unaligned*>(p); }
IRNN_INLINE void store(float* p, vf v) { *reinterpret_cast<vf_unaligned*>(p) = v; }

// Intrinsics where the target has them: GCC compiles v[i] = x to a chain of inserts.
IRNN_INLINE vf splat(float x) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_set1_ps(x);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_set1_ps(x);
#elif !defined(IRNN_VL)
  return vf{x, x, x, x};
#else
  vf v;
  for (int i = 0; i < VL; i++) v[i] = x;
  return v;
#endif
}
IRNN_INLINE vi splat_int(int32_t x) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vi)_mm512_set1_epi32(x);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vi)_mm256_set1_epi32(x);
#elif !defined(IRNN_VL)
  return vi{x, x, x, x};
#else
  vi v;
  for (int i = 0; i < VL; i++) v[i] = x;
  return v;
#endif
}

IRNN_INLINE vi lane_numbers() {
  vi v;
  for (int i = 0; i < VL; i++) v[i] = i;
  return v;
}

// Accesses the first n < VL floats only; the other lanes are 0 (load) or ignored (store).
#if !defined(IRNN_VL) && defined(__AVX512F__)
IRNN_INLINE __mmask16 first_lanes(int n) { return n <= 0 ? 0 : __mmask16((1u << n) - 1); }
IRNN_INLINE vf load_part(const float* p, int n) { return (vf)_mm512_maskz_loadu_ps(first_lanes(n), p); }
IRNN_INLINE void store_part(float* p, vf v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), (__m512)v); }
#elif !defined(IRNN_VL) && defined(__AVX2__)
IRNN_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
IRNN_INLINE vf load_part(const float* p, int n) { return (vf)_mm256_maskload_ps(p, first_lanes(n)); }
IRNN_INLINE void store_part(float* p, vf v, int n) { _mm256_maskstore_ps(p, first_lanes(n), (__m256)v); }
#else
IRNN_INLINE vf load_part(const float* p, int n) {
  vf v = {};
  for (int i = 0; i < VL - 1; i++) {
    if (i < n) v[i] = p[i];
  }
  return v;
}
IRNN_INLINE void store_part(float* p, vf v, int n) {
  for (int i = 0; i < VL - 1; i++) {
    if (i < n) p[i] = v[i];
  }
}
#endif
IRNN_INLINE vf load_n(const float* p, int n) { return n >= VL ? load(p) : load_part(p, n); }
IRNN_INLINE void store_n(float* p, vf v, int n) {
  if (n >= VL) store(p, v);
  else store_part(p, v, n);
}

// f(i, lanes) over n floats by vectors. lanes.load(p) and lanes.store(p, v) access all lanes or, in the last vector,
// those that exist; the others read 0.
struct AllLanes {
  static IRNN_INLINE vi exist() { return vi{} == 0; }
  IRNN_INLINE vf load(const float* p) const { return IRNN_TARGET::load(p); }
  IRNN_INLINE void store(float* p, vf v) const { IRNN_TARGET::store(p, v); }
};
struct SomeLanes {
  int n;
  IRNN_INLINE vi exist() const { return lane_numbers() < splat_int(n); }
  IRNN_INLINE vf load(const float* p) const { return load_part(p, n); }
  IRNN_INLINE void store(float* p, vf v) const { store_part(p, v, n); }
};
template <class F>
IRNN_INLINE void each_vector(int n, const F& f) {
  int i = 0;
  for (; i + VL <= n; i += VL) f(i, AllLanes{});
  if (i < n) f(i, SomeLanes{n - i});
}

IRNN_INLINE void copy(int n, const float* from, float* to) {
  int i = 0;
  for (; i + VL <= n; i += VL) store(to + i, load(from + i));
  for (; i < n; i++) to[i] = from[i];
}
IRNN_INLINE void fill_zero(int n, float* to) {
  for (int i = 0; i < n; i++) to[i] = 0.0f;
}

// a b + c, rounded once where the hardware fuses.
IRNN_INLINE vf fma(vf a, vf b, vf c) {
#if defined(IRNN_VL)
  return a * b + c;
#elif defined(__AVX512F__)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__wasm_relaxed_simd__)
  return __builtin_wasm_relaxed_madd_f32x4(a, b, c);   // the host uses this build only if this rounds once
#else
  return a * b + c;
#endif
}

// mask ? a : b by lanes. If a or b was compared to make the mask, this is a minimum or maximum, and for relaxed SIMD
// Clang 22 compiles such a ternary to a relaxed instruction, which may lose NaN: use this function there.
IRNN_INLINE vf select(vi mask, vf a, vf b) {
#if defined(__wasm_relaxed_simd__)
  return (vf)__builtin_wasm_bitselect((vi)a, (vi)b, mask);
#else
  return mask ? a : b;
#endif
}

// Comparisons with NaN are false, so all of these let NaN through. max_zero(-0) is 0.
IRNN_INLINE vf max_zero(vf a) {
#if defined(__wasm_simd128__)
  return (vf)((vi)a & ~(a <= 0.0f));   // two instructions of the processor, a selection five
#else
  return select(a <= 0.0f, vf{}, a);
#endif
}
// The hardware's minimum and maximum return their second operand if one is NaN, WebAssembly's pseudo-minimum its first.
IRNN_INLINE vf at_least(vf a, float limit) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_maskz_max_ps(__mmask16(-1), (__m512)splat(limit), (__m512)a);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_max_ps((__m256)splat(limit), (__m256)a);
#elif !defined(IRNN_VL) && defined(__wasm_simd128__)
  return __builtin_wasm_pmax_f32x4(a, splat(limit));
#else
  return select(a < limit, splat(limit), a);
#endif
}
IRNN_INLINE vf at_most(vf a, float limit) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_maskz_min_ps(__mmask16(-1), (__m512)splat(limit), (__m512)a);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_min_ps((__m256)splat(limit), (__m256)a);
#elif !defined(IRNN_VL) && defined(__wasm_simd128__)
  return __builtin_wasm_pmin_f32x4(a, splat(limit));
#else
  return select(a > limit, splat(limit), a);
#endif
}
IRNN_INLINE vf clamp(vf a, float limit) { return at_least(at_most(a, limit), -limit); }
IRNN_INLINE vf abs(vf a) { return (vf)((vi)a & splat_int(0x7fffffff)); }
IRNN_INLINE vf copysign(vf magnitude, vf sign) {
  return (vf)(((vi)magnitude & splat_int(0x7fffffff)) | ((vi)sign & splat_int(int32_t(0x80000000u))));
}
IRNN_INLINE vf sqrt(vf a) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_sqrt_ps((__m512)a);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_sqrt_ps((__m256)a);
#else
  for (int i = 0; i < VL; i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

// Prefetches the n floats at p.
IRNN_INLINE void prefetch(const float* p, int n) {
  for (int i = 0; i < n; i += 16) __builtin_prefetch(p + i, 1);
}

constexpr int min(int a, int b) { return a < b ? a : b; }
constexpr int max(int a, int b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
constexpr size_t round_up(size_t a, size_t b) { return (a + b - 1) / b * b; }

}   // namespace IRNN_TARGET
