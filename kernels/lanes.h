// Masks of lanes: which lanes of a vector are set, those lanes side by side, and their numbers.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// Bit i is set if lane i of a comparison's result is.
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

// compress(v, mask): the lanes of v that are set in mask, side by side, then zeros. list_lanes(first, mask, list): list
// = first + i for every bit i of mask, ascending; returns how many. It may write VL ints.
#if !defined(IRNN_VL) && defined(__AVX512F__)
IRNN_INLINE vf compress(vf v, unsigned mask) { return (vf)_mm512_maskz_compress_ps(__mmask16(mask), (__m512)v); }
IRNN_INLINE int list_lanes(int first, unsigned mask, int* list) {
  const __m512i all = _mm512_add_epi32(_mm512_set1_epi32(first),
                                       _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
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
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(list),
                      _mm256_add_epi32(_mm256_set1_epi32(first), bit_positions(mask)));
  return __builtin_popcount(mask);
}
#else
#if !defined(IRNN_VL) && (defined(__SSSE3__) || defined(__ARM_NEON))
// Row m: for each byte of the packed lanes, the byte that it comes from; 0x80 gives 0 on both targets.
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
#else
  return (vf)vqtbl1q_u8((uint8x16_t)v, vld1q_u8(PACK_BYTES.rows[mask]));
#endif
}
#else
// WebAssembly comes here although it has i8x16.swizzle: on x64 processors without AVX, V8's baseline compiler (Node 20
// and 22) computes that instruction wrong when the result takes the register of the indices. This loop is as fast: a
// backward pass of 100 units, half of them 0, took 3.73 ms both ways (simd128, one thread).
IRNN_INLINE vf compress(vf v, unsigned mask) {
  float packed[VL + 1] = {};
  int n = 0;
  for (int i = 0; i < VL; i++) {
    packed[n] = v[i];
    n += (mask >> i) & 1;
  }
  packed[n] = 0;
  return load(packed);
}
#endif
IRNN_INLINE int list_lanes(int first, unsigned mask, int* list) {
  int n = 0;
  for (int i = 0; i < VL; i++) {   // no branch: it would be mispredicted once a vector
    list[n] = first + i;
    n += (mask >> i) & 1;
  }
  return n;
}
#endif

}   // namespace IRNN_TARGET
