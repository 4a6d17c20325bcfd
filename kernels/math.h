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
IRNN_INLINE Exp exp_parts(vf x) {
  const vf shifted = fma(x, splat(1.44269504088896341f), splat(ROUND_TO_INTEGER));
  const vf n = shifted - ROUND_TO_INTEGER;
  vf r = fma(n, splat(-0.693359375f), x);
  r = fma(n, splat(2.12194440e-4f), r);
  vf p = splat(1.3814348494634032e-3f);
  p = fma(p, r, splat(8.368837647140026e-3f));
  p = fma(p, r, splat(4.1668400168418884e-2f));
  p = fma(p, r, splat(1.666651964187622e-1f));
  p = fma(p, r, splat(4.999999403953552e-1f));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  return {p, power_of_two(shifted)};
}

// e^x for x in [-87.33654 (ln of the smallest normal), 88.02]; the callers stay inside. NaN goes through.
IRNN_INLINE vf exp_in_range(vf x) {
  const Exp e = exp_parts(x);
  return e.p * e.power;
}

// e^(-2|x|) = 2^n (1 + q), so tanh |x| = (1 - 2^n - 2^n q) / (1 + 2^n + 2^n q) without cancellation, each side rounded once:
// at most 2.1 ulp. From 9.02 on the result is 1 in float32.
IRNN_INLINE vf tanh(vf x) {
  const vf a = at_least(-abs(x), -10.0f);
  const vf shifted = fma(a, splat(2.0f * 1.44269504088896341f), splat(ROUND_TO_INTEGER));
  const vf r = fma(shifted - ROUND_TO_INTEGER, splat(-0.34657359028f), a);   // |r| <= ln 2 / 4; q = e^2r - 1
  vf p = splat(8.884790539741516e-2f);
  p = fma(p, r, splat(2.6773473620414734e-1f));
  p = fma(p, r, splat(6.666752696037292e-1f));
  p = fma(p, r, splat(1.333323359489441f));
  p = fma(p, r, splat(1.9999998807907104f));
  const vf q = fma(p * r, r, r + r), power = power_of_two(shifted);
  return copysign(fma(power, q, power - 1.0f) / fma(power, q, power + 1.0f), x);
}

// 1 / (1 + e^-x). Above 18 the result is 1 in float32; from -88.4 down, e^-x is infinite and the result 0.
IRNN_INLINE vf sigmoid(vf x) {
  const Exp e = exp_parts(-at_most(at_least(x, -89.0f), 18.0f));
  return 1.0f / fma(e.p, e.power, splat(1.0f));
}

}  // namespace IRNN_TARGET
