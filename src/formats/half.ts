/**
 * Numbers of 16 bits as the bits of the float32 that has the same value: both kinds are contained in float32 without a
 * loss.
 */

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of mantissa. */
export function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 31
  const mantissa = half & 1023
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13)
  if (mantissa === 0) return sign
  // Below 2^-14 there is no leading one; float32 has one there too: it is moved to bit 10.
  const shift = Math.clz32(mantissa) - 21
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13)
}

/** bfloat16: the upper half of a float32. */
export function bfloat16Bits(half: number): number {
  return half << 16
}
