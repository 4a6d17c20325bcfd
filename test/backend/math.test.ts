/**
 * tanh and sigmoid over the whole range of float32, against float64: every backend and instruction set stays within the
 * bound that kernels/kernels.h states. Results whose true value is below the smallest normal float may be flushed to 0,
 * as may denormal inputs.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { kernelBackends } from '../support/backends.ts'

const BOUND_ULPS = 2.5
const SMALLEST_NORMAL = 2 ** -126

/** Where a formula changes, saturates or underflows; the 4,000 floats on either side of each, and of its negative. */
const TURNS = [
  SMALLEST_NORMAL,
  2 ** -13,
  0.17329,
  0.625,
  1,
  4.50509,
  4.50582,
  5.54276,
  9.01,
  10,
  16.63,
  18,
  87.33,
  87.3365,
  88,
  88.0297,
  88.376,
  88.7228,
  89,
  103.97,
]
const NEIGHBOURS = 4000
/** A prime: 2^32 / 8599 = 499,467 bit patterns spread over every sign, exponent and mantissa. */
const STRIDE = 8599

function inputs(): Float32Array {
  const patterns: number[] = []
  for (let bits = 0; bits < 2 ** 32; bits += STRIDE) patterns.push(bits)
  for (
    let exponent = 0;
    exponent < 512;
    exponent++ // both signs; exponent 0: ±0 and denormals, 255: ±Infinity and NaN
  )
    for (const offset of [-2, -1, 0, 1, 2, 0x400000]) patterns.push(exponent * 2 ** 23 + offset)
  const word = new DataView(new ArrayBuffer(4))
  for (const turn of TURNS) {
    word.setFloat32(0, turn)
    for (let k = -NEIGHBOURS; k <= NEIGHBOURS; k++)
      patterns.push(word.getUint32(0) + k, word.getUint32(0) + k + 2 ** 31)
  }
  return new Float32Array(Uint32Array.from(patterns).buffer)
}

/** Distance in units in the last place of float32 at the true value. */
function ulps(got: number, exact: number): number {
  const size = Math.abs(exact)
  if (size < SMALLEST_NORMAL && got === 0) return 0
  const exponent = Math.max(-126, Math.floor(Math.log2(size)))
  return Math.abs(got - exact) / 2 ** (exponent - 23)
}

const EXACT = { tanh_forward: Math.tanh, sigmoid_forward: (x: number): number => 1 / (1 + Math.exp(-x)) } as const

const x = inputs()
// The reference calls Math.tanh itself: nothing to hold it against here.
const backends = await kernelBackends(1)

describe(`tanh and sigmoid are within ${BOUND_ULPS} ulp of float64`, () => {
  for (const { label, backend } of backends)
    for (const kernel of ['tanh_forward', 'sigmoid_forward'] as const)
      test(`${kernel}, ${label}`, (t) => {
        const [from, to] = [backend.floats(x.length), backend.floats(x.length)]
        from.set(x)
        backend[kernel](x.length, from, to)
        let [worst, at] = [0, 0]
        for (let i = 0; i < x.length; i++) {
          const exact = EXACT[kernel](x[i]!)
          const off = Number.isNaN(exact) ? (Number.isNaN(to[i]) ? 0 : Number.POSITIVE_INFINITY) : ulps(to[i]!, exact)
          if (!(off <= worst)) [worst, at] = [off, i]
          if (Number.isNaN(off)) break
        }
        t.diagnostic(`${x.length} floats, at most ${worst.toFixed(3)} ulp, at ${x[at]}`)
        const message = `${kernel}(${x[at]}): expected ${EXACT[kernel](x[at]!)} but received ${to[at]}, ${worst} ulp`
        assert.ok(worst <= BOUND_ULPS, message)
        backend.free(from)
        backend.free(to)
      })
})
