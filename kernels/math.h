// exp, tanh and sigmoid: Cody-Waite reduction (Cody & Waite 1980), then a minimax polynomial. Its degree is 6; if one
// instruction looks a vector up in a register, 3 or 4 and a table of powers of two (Tang 1989). Against float64 the
// error is below 2.5 ulp over all floats. Results below the smallest normal float may be flushed to zero.
//
// An LSTM takes three sigmoids and two tanh a unit, so operations count: no branches, no selects, one division.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// Functions take W vectors at once, operation by operation: a dozen dependent operations of one vector keep the
// multipliers half idle, since schedulers do not see far enough (sigmoid of two vectors at a time 1.48 ns a vector, of
// six 1.25; AVX-512, Zen 5).
#define IRNN_EACH _Pragma("GCC unroll 8") for (int i = 0; i < W; i++)

// x · factor + ROUND_TO_INTEGER, 1.5 · 2^23, has the integer nearest to x · factor in its low bits.
constexpr float ROUND_TO_INTEGER = 12582912.0f;

// 2^n for n = shifted - ROUND_TO_INTEGER in -127 … 128; of these -127 gives 0 and 128 infinity. NaN gives anything.
IRNN_INLINE vf power_of_two(vf shifted) { return (vf)(((vu)shifted + (vu)splat_int(127 - 0x4b400000)) << 23); }

// x = e^x for x in [-88, 88.02]; lets NaN through. Results below the smallest normal float are 0; with a table that is
// left to the flushing of denormals (pool.h). x = n ln 2 / POWERS + r, |r| <= ln 2 / POWERS / 2, where ln 2 has two
// parts, the first of which has an exact product with n.
#if !defined(IRNN_VL) && (defined(__AVX512F__) || defined(__AVX2__))
constexpr int POWERS = VL, LOG_POWERS = VL == 16 ? 4 : 3;
// The bits of 2^(j/POWERS) minus j << (23 - LOG_POWERS), which n << (23 - LOG_POWERS) adds again; and what rounding cut
// off.
#if defined(__AVX512F__)
alignas(64) static constexpr int32_t POWER_BITS[] = {
    0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
    0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d};
// clang-format off
alignas(64) static constexpr float POWER_RESTS[] = {
    0, 4.628547e-8f, -1.199216e-8f, 4.729782e-8f, 3.193418e-8f, 3.621057e-8f, -3.099072e-8f, -7.475213e-9f,
    1.711427e-8f, -3.047683e-8f, 5.233334e-9f, 6.107592e-9f, -1.471961e-8f, -5.258795e-9f, -6.128260e-9f, 5.140609e-9f};
// clang-format on
IRNN_INLINE vf look_up(const void* table, vf index) {
  return (vf)_mm512_maskz_permutexvar_ps(__mmask16(-1), (__m512i)index, _mm512_load_ps(table));
}
#else
alignas(32) static constexpr int32_t POWER_BITS[] = {0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                                     0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7};
alignas(32) static constexpr float POWER_RESTS[] = {
    0, -1.199216e-8f, 3.193418e-8f, -3.099072e-8f, 1.711427e-8f, 5.233334e-9f, -1.471961e-8f, -6.128260e-9f};
IRNN_INLINE vf look_up(const void* table, vf index) {
  return (vf)_mm256_permutevar8x32_ps(_mm256_load_ps(static_cast<const float*>(table)), (__m256i)index);
}
#endif
template <int W>
IRNN_INLINE void exp_in_range(vf (&x)[W]) {
  vf shifted[W], r[W], p[W], power[W];
  IRNN_EACH shifted[i] = fma(x[i], splat(POWERS * 1.44269504088896341f), splat(ROUND_TO_INTEGER));
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(-0.693359375f / POWERS), x[i]);
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(2.12194440e-4f / POWERS), r[i]);
  if constexpr (POWERS == 16) {
    IRNN_EACH p[i] = fma(splat(1.6666814782103945e-1f), r[i], splat(5.0001617887232337e-1f));   // 1.6e-9
  } else {
    IRNN_EACH p[i] = fma(splat(4.166833311319351e-2f), r[i], splat(1.6667962074279785e-1f));   // 5.1e-9
    IRNN_EACH p[i] = fma(p[i], r[i], splat(0.5f));
  }
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.0f));
  IRNN_EACH p[i] = fma(p[i], r[i], look_up(POWER_RESTS, shifted[i]));
  IRNN_EACH power[i] = (vf)((vu)look_up(POWER_BITS, shifted[i]) + ((vu)shifted[i] << (23 - LOG_POWERS)));
  IRNN_EACH x[i] = fma(p[i], power[i], power[i]);
}
#else
template <int W>
IRNN_INLINE void exp_in_range(vf (&x)[W]) {
  vf shifted[W], r[W], p[W];
  IRNN_EACH shifted[i] = fma(x[i], splat(1.44269504088896341f), splat(ROUND_TO_INTEGER));
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(-0.693359375f), x[i]);
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(2.12194440e-4f), r[i]);
  IRNN_EACH p[i] = fma(splat(1.3814348494634032e-3f), r[i], splat(8.368837647140026e-3f));   // 3e-9
  IRNN_EACH p[i] = fma(p[i], r[i], splat(4.1668400168418884e-2f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.666651964187622e-1f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(4.999999403953552e-1f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.0f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.0f));
  IRNN_EACH x[i] = p[i] * power_of_two(shifted[i]);
}
#endif
IRNN_INLINE vf exp_in_range(vf x) {
  vf xs[] = {x};
  exp_in_range(xs);
  return xs[0];
}

// x = tanh x. e^(-2|x|) = 2^n (1 + q), so tanh |x| = (1 - 2^n - 2^n q) / (1 + 2^n + 2^n q), without cancellation and
// with one rounding in each part: at most 2.1 ulp (one operation less, (2 - u) / u, has 2.5). From 9.02 on the result
// is 1 in float32.
template <int W>
IRNN_INLINE void tanh(vf (&x)[W]) {
  vf shifted[W], r[W], q[W], power[W];
  const vi sign = splat_int(int32_t(0x80000000u));
  IRNN_EACH r[i] = at_least((vf)((vi)x[i] | sign), -10.0f);
  IRNN_EACH shifted[i] = fma(r[i], splat(2.0f * 1.44269504088896341f), splat(ROUND_TO_INTEGER));
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(-0.34657359028f), r[i]);   // |r| <= ln 2 / 4; q = e^2r - 1
  IRNN_EACH q[i] = fma(splat(8.884790539741516e-2f), r[i], splat(2.6773473620414734e-1f));   // 1.3e-8
  IRNN_EACH q[i] = fma(q[i], r[i], splat(6.666752696037292e-1f));
  IRNN_EACH q[i] = fma(q[i], r[i], splat(1.333323359489441f));
  IRNN_EACH q[i] = fma(q[i], r[i], splat(1.9999998807907104f));
  IRNN_EACH q[i] = fma(q[i] * r[i], r[i], r[i] + r[i]);
  IRNN_EACH power[i] = power_of_two(shifted[i]);
  IRNN_EACH r[i] = fma(-power[i], q[i], 1.0f - power[i]);
  IRNN_EACH q[i] = fma(power[i], q[i], 1.0f + power[i]);
  IRNN_EACH x[i] = (vf)((vi)(r[i] / q[i]) | ((vi)x[i] & sign));
}
IRNN_INLINE vf tanh(vf x) {
  vf xs[] = {x};
  tanh(xs);
  return xs[0];
}

// x = e^x / (e^x + 1). Above 18 the result is 1 in float32.
template <int W>
IRNN_INLINE void sigmoid(vf (&x)[W]) {
  IRNN_EACH x[i] = at_most(at_least(x[i], -88.0f), 18.0f);
  exp_in_range(x);
  IRNN_EACH x[i] = x[i] / (x[i] + 1.0f);
}
IRNN_INLINE vf sigmoid(vf x) {
  vf xs[] = {x};
  sigmoid(xs);
  return xs[0];
}
#undef IRNN_EACH

}   // namespace IRNN_TARGET
