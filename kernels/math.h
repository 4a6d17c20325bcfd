// exp, tanh and sigmoid for every target alike, after Cephes (Moshier, expf.c and tanhf.c): Cody-Waite reduction and a
// polynomial of degree 5. Against float64 the error is below 2.5 ulp over all floats; results below the smallest normal
// float may be flushed to zero.
#pragma once

#include "simd.h"

namespace IRNN_TARGET {

// e^x for x in [-87.33654 (ln of the smallest normal), 88.02]; the callers below stay inside. NaN goes through.
IRNN_INLINE vf exp_in_range(vf x) {
  const vf magic = splat(12582912.0f);   // 1.5 · 2^23: adding it leaves the nearest integer in the low bits
  const vf shifted = fma(x, splat(1.44269504088896341f), magic);
  const vf n = shifted - magic;
  vf r = fma(n, splat(-0.693359375f), x);            // ln 2 in two parts: the product with the first is exact
  r = fma(n, splat(2.12194440e-4f), r);
  vf p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  p = fma(p, r * r, r);
  const vi n_biased = (vi)shifted - splat_int(0x4b400000 - 127);
  return (p + 1.0f) * (vf)(n_biased << 23);   // · 2^n; a product, so that NaN stays NaN
}

IRNN_INLINE vf bound_below(vf x, float limit) { return select(x < limit, splat(limit), x); }

// |x| < 0.625: x + x³ P(x²), else 1 - 2 / (e^2|x| + 1). From 9.02 on the result is 1 in float32.
IRNN_INLINE vf tanh(vf x) {
  const vf a = abs(x);
  const vf z = x * x;
  vf p = splat(-5.70498872745e-3f);
  p = fma(p, z, splat(2.06390887954e-2f));
  p = fma(p, z, splat(-5.37397155531e-2f));
  p = fma(p, z, splat(1.33314422036e-1f));
  p = fma(p, z, splat(-3.33332819422e-1f));
  const vf small = fma(p * z, x, x);
  const vf bounded = select(a > 10.0f, splat(10.0f), a);
  const vf large = 1.0f - 2.0f / (exp_in_range(bounded + bounded) + 1.0f);
  return a < 0.625f ? small : copysign(large, x);
}

// e = e^-|x|: 1 / (1 + e) for x >= 0, e / (1 + e) below, so that small results keep their relative precision.
IRNN_INLINE vf sigmoid(vf x) {
  const vf e = exp_in_range(bound_below(-abs(x), -87.33654f));
  const vf s = (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
  return x < -87.33654f ? vf{} : s;
}

}  // namespace IRNN_TARGET
