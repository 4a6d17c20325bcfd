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
constexpr int VL = IRNN_VL;   // for testing a width on a machine without it: the compiler splits the vectors
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
typedef signed char bytes __attribute__((vector_size(16), aligned(1), may_alias));
#endif
typedef float vf_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias));

#define IRNN_INLINE inline __attribute__((always_inline))
#define IRNN_NOINLINE __attribute__((noinline))
#define IRNN_INLINE_LAMBDA __attribute__((always_inline))

IRNN_INLINE vf load(const float* p) { return *reinterpret_cast<const vf_unaligned*>(p); }
IRNN_INLINE void store(float* p, vf v) { *reinterpret_cast<vf_unaligned*>(p) = v; }

// Intrinsics where there are some: GCC makes a chain of inserts of v[i] = x.
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

// The first n < VL floats; the others are 0 (load) or untouched (store), and no byte of them is accessed.
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

// f(i, lanes) over n floats by vectors; lanes.load(p) and lanes.store(p, v) take all lanes, and at the tail those that exist; the others read 0.
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
  return __builtin_wasm_relaxed_madd_f32x4(a, b, c);   // the host runs this build only where it is rounded once
#else
  return a * b + c;
#endif
}

// mask ? a : b by lanes. Where a or b is what was compared this is a minimum or maximum, and Clang 22 makes such a ternary a
// relaxed one, which may lose NaN: there it has to be this function.
IRNN_INLINE vf select(vi mask, vf a, vf b) {
#if defined(__wasm_relaxed_simd__)
  return (vf)__builtin_wasm_bitselect((vi)a, (vi)b, mask);
#else
  return mask ? a : b;
#endif
}

// Comparisons with NaN are false: max_zero lets NaN through, clamp too. max_zero makes -0 a 0.
IRNN_INLINE vf max_zero(vf a) { return select(a <= 0.0f, vf{}, a); }
IRNN_INLINE vf clamp(vf a, float limit) {
  const vf hi = splat(limit), lo = splat(-limit);
  a = select(a > hi, hi, a);
  return select(a < lo, lo, a);
}
// NaN goes through both, as the second operand does where the hardware compares.
IRNN_INLINE vf at_least(vf a, float limit) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_maskz_max_ps(__mmask16(-1), (__m512)splat(limit), (__m512)a);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_max_ps((__m256)splat(limit), (__m256)a);
#else
  return select(a < limit, splat(limit), a);
#endif
}
IRNN_INLINE vf at_most(vf a, float limit) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return (vf)_mm512_maskz_min_ps(__mmask16(-1), (__m512)splat(limit), (__m512)a);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return (vf)_mm256_min_ps((__m256)splat(limit), (__m256)a);
#else
  return select(a > limit, splat(limit), a);
#endif
}
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

// Bit i is set where lane i of a comparison's result is.
IRNN_INLINE unsigned lane_mask(vi m) {
#if !defined(IRNN_VL) && defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)m, (__m512i)m);
#elif !defined(IRNN_VL) && defined(__AVX2__)
  return unsigned(_mm256_movemask_ps((__m256)m));
#elif !defined(IRNN_VL) && defined(__SSE2__)
  return unsigned(__builtin_ia32_movmskps((vf)m));
#elif !defined(IRNN_VL) && defined(__wasm_simd128__)
  return unsigned(__builtin_wasm_bitmask_i32x4(m));
#else
  unsigned mask = 0;
  for (int i = 0; i < VL; i++) mask |= (m[i] != 0 ? 1u : 0u) << i;
  return mask;
#endif
}

// The lanes of v that are set in mask, side by side; zeros behind them.
// list = first + i for every bit i of mask, ascending; returns how many. Up to VL ints are written.
#if !defined(IRNN_VL) && defined(__AVX512F__)
IRNN_INLINE vf compress(vf v, unsigned mask) { return (vf)_mm512_maskz_compress_ps(__mmask16(mask), (__m512)v); }
IRNN_INLINE int list_lanes(int first, unsigned mask, int* list) {
  const __m512i all = _mm512_add_epi32(_mm512_set1_epi32(first), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  _mm512_storeu_si512(list, _mm512_maskz_compress_epi32(__mmask16(mask), all));
  return __builtin_popcount(mask);
}
#elif !defined(IRNN_VL) && defined(__AVX2__)
// Row m: the positions of the bits of m, then zeros.
struct BitPositions {
  uint8_t rows[256][8];
  constexpr BitPositions() : rows() {
    for (int m = 0; m < 256; m++) {
      for (int i = 0, n = 0; i < 8; i++) {
        if (m >> i & 1) rows[m][n++] = uint8_t(i);
      }
    }
  }
};
static constexpr BitPositions BIT_POSITIONS{};
IRNN_INLINE __m256i bit_positions(unsigned mask) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(BIT_POSITIONS.rows[mask])));
}
IRNN_INLINE vf compress(vf v, unsigned mask) {
  const vf packed = (vf)_mm256_permutevar8x32_ps((__m256)v, bit_positions(mask));
  return (vf)_mm256_and_ps((__m256)packed, _mm256_castsi256_ps(first_lanes(__builtin_popcount(mask))));
}
IRNN_INLINE int list_lanes(int first, unsigned mask, int* list) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(list), _mm256_add_epi32(_mm256_set1_epi32(first), bit_positions(mask)));
  return __builtin_popcount(mask);
}
#else
#if !defined(IRNN_VL) && (defined(__SSSE3__) || defined(__wasm_simd128__) || defined(__ARM_NEON))
// Row m: for each byte of the packed lanes where it comes from; 0x80 gives 0 in all three.
struct PackBytes {
  uint8_t rows[16][16];
  constexpr PackBytes() : rows() {
    for (int m = 0; m < 16; m++) {
      int n = 0;
      for (int i = 0; i < 4; i++) {
        for (int b = 0; b < 4 && (m >> i & 1); b++) rows[m][n++] = uint8_t(4 * i + b);
      }
      for (; n < 16; n++) rows[m][n] = 0x80;
    }
  }
};
static constexpr PackBytes PACK_BYTES{};
IRNN_INLINE vf compress(vf v, unsigned mask) {
#if defined(__SSSE3__)
  return (vf)_mm_shuffle_epi8((__m128i)v, _mm_loadu_si128(reinterpret_cast<const __m128i*>(PACK_BYTES.rows[mask])));
#elif defined(__ARM_NEON)
  return (vf)vqtbl1q_u8((uint8x16_t)v, vld1q_u8(PACK_BYTES.rows[mask]));
#else
  return (vf)__builtin_wasm_swizzle_i8x16((bytes)v, *reinterpret_cast<const bytes*>(PACK_BYTES.rows[mask]));
#endif
}
#else
IRNN_INLINE vf compress(vf v, unsigned mask) {
  vf packed = {};
  for (int i = 0, n = 0; i < VL; i++) {
    if (mask >> i & 1) packed[n++] = v[i];
  }
  return packed;
}
#endif
IRNN_INLINE int list_lanes(int first, unsigned mask, int* list) {
  int n = 0;
  for (int i = 0; i < VL; i++) {   // without a branch: it would be mispredicted once a vector
    list[n] = first + i;
    n += (mask >> i) & 1;
  }
  return n;
}
#endif

// Asks for the n floats at p ahead of their use.
IRNN_INLINE void prefetch(const float* p, int n) {
  for (int i = 0; i < n; i += 16) __builtin_prefetch(p + i, 1);
}

constexpr int min(int a, int b) { return a < b ? a : b; }
constexpr int max(int a, int b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
constexpr size_t round_up(size_t a, size_t b) { return (a + b - 1) / b * b; }

// A lambda over parallel_for: no std::function, nothing allocated.
template <class F>
IRNN_INLINE void parallel(int n, const F& f) {
  irnn_host::parallel_for(
      n, [](void* context, int i) { (*static_cast<const F*>(context))(i); }, const_cast<F*>(&f));
}

// Below this many multiply-adds (or copied floats, which take as long) a piece of work is over before another thread wakes.
constexpr size_t WORTH_THREADS = 1 << 17;
template <class F>
IRNN_INLINE void parallel_if_worth(size_t work, int n, const F& f) {
  if (work >= WORTH_THREADS) return parallel(n, f);
  for (int i = 0; i < n; i++) f(i);
}

}  // namespace IRNN_TARGET
