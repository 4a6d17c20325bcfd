// A transpose of 4 by 4 floats in registers, for packing and unpacking matrices.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
IRNN_INLINE v4 load4(const float* p) { return *reinterpret_cast<const v4_unaligned*>(p); }
IRNN_INLINE void store4(float* p, v4 v) { *reinterpret_cast<v4_unaligned*>(p) = v; }

// The transpose of 4 by 4 floats: row j of `from` becomes float j of each row of `to`; rows are `lf` and `lt` floats
// apart.
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

}   // namespace IRNN_TARGET
