// exp, tanh and sigmoid for every target alike: Cody-Waite reduction (Cody & Waite 1980) and polynomials of degree 6 that
// are minimax for the relative error, 3e-9 and 1.3e-8. Against float64 the error is below 2.5 ulp over all floats; results
// below the smallest normal float may be flushed to zero.
//
// The gates of an LSTM take three sigmoids and two tanh a unit, so operations count: no branches and no selects, one division.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// The integer nearest to the exponent sought sits in the low bits of x · factor + 1.5 · 2^23.
constexpr float ROUND_TO_INTEGER = 12582912.0f;
// 2^n for n = shifted - ROUND_TO_INTEGER in -126 … 128; 2^128 comes out as infinity. Anything for NaN.
IRNN_INLINE vf power_of_two(vf shifted) { return (vf)(((vi)shifted + splat_int(127 - 0x4b400000)) << 23); }

// e^r = p 2^n; x = n ln 2 + r, |r| <= ln 2 / 2, in two parts, of which the product with the first is exact.
struct Exp {
  vf p, power;
};

// Of W vectors at once, operation by operation: one vector's chain of 15 dependent operations keeps the multipliers half idle, as
// the schedulers do not see far enough (sigmoid alone 2.4 ns, of four 1.8; AVX-512, Zen 5).
#define IRNN_EACH _Pragma("GCC unroll 8") for (int i = 0; i < W; i++)
template <int W>
IRNN_INLINE void exp_parts(const vf (&x)[W], Exp (&e)[W]) {
  vf shifted[W], r[W];
  IRNN_EACH shifted[i] = fma(x[i], splat(1.44269504088896341f), splat(ROUND_TO_INTEGER));
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(-0.693359375f), x[i]);
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(2.12194440e-4f), r[i]);
  IRNN_EACH e[i].p = fma(splat(1.3814348494634032e-3f), r[i], splat(8.368837647140026e-3f));
  IRNN_EACH e[i].p = fma(e[i].p, r[i], splat(4.1668400168418884e-2f));
  IRNN_EACH e[i].p = fma(e[i].p, r[i], splat(1.666651964187622e-1f));
  IRNN_EACH e[i].p = fma(e[i].p, r[i], splat(4.999999403953552e-1f));
  IRNN_EACH e[i].p = fma(e[i].p, r[i], splat(1.0f));
  IRNN_EACH e[i].p = fma(e[i].p, r[i], splat(1.0f));
  IRNN_EACH e[i].power = power_of_two(shifted[i]);
}

// e^x for x in [-87.33654 (ln of the smallest normal), 88.02]; the callers stay inside. NaN goes through.
IRNN_INLINE vf exp_in_range(vf x) {
  const vf xs[] = {x};
  Exp e[1];
  exp_parts(xs, e);
  return e[0].p * e[0].power;
}

// x = tanh x. e^(-2|x|) = 2^n (1 + q), so tanh |x| = (1 - 2^n - 2^n q) / (1 + 2^n + 2^n q) without cancellation, each side rounded
// once: at most 2.1 ulp. From 9.02 on the result is 1 in float32.
template <int W>
IRNN_INLINE void tanh(vf (&x)[W]) {
  vf shifted[W], r[W], p[W], q[W], power[W];
  IRNN_EACH r[i] = at_least(-abs(x[i]), -10.0f);
  IRNN_EACH shifted[i] = fma(r[i], splat(2.0f * 1.44269504088896341f), splat(ROUND_TO_INTEGER));
  IRNN_EACH r[i] = fma(shifted[i] - ROUND_TO_INTEGER, splat(-0.34657359028f), r[i]);   // |r| <= ln 2 / 4; q = e^2r - 1
  IRNN_EACH p[i] = fma(splat(8.884790539741516e-2f), r[i], splat(2.6773473620414734e-1f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(6.666752696037292e-1f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.333323359489441f));
  IRNN_EACH p[i] = fma(p[i], r[i], splat(1.9999998807907104f));
  IRNN_EACH q[i] = fma(p[i] * r[i], r[i], r[i] + r[i]);
  IRNN_EACH power[i] = power_of_two(shifted[i]);
  IRNN_EACH x[i] = copysign(fma(power[i], q[i], power[i] - 1.0f) / fma(power[i], q[i], power[i] + 1.0f), x[i]);
}
IRNN_INLINE vf tanh(vf x) {
  vf xs[] = {x};
  tanh(xs);
  return xs[0];
}

// x = 1 / (1 + e^-x). Above 18 the result is 1 in float32; from -88.4 down, e^-x is infinite and the result 0.
template <int W>
IRNN_INLINE void sigmoid(vf (&x)[W]) {
  Exp e[W];
  IRNN_EACH x[i] = -at_most(at_least(x[i], -89.0f), 18.0f);
  exp_parts(x, e);
  IRNN_EACH x[i] = 1.0f / fma(e[i].p, e[i].power, splat(1.0f));
}
IRNN_INLINE vf sigmoid(vf x) {
  vf xs[] = {x};
  sigmoid(xs);
  return xs[0];
}
#undef IRNN_EACH

}  // namespace IRNN_TARGET
