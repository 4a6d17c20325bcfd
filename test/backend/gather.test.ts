// Bytes laid out as x: on every backend what the formula says, nothing beyond it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rng } from '../../src/rng.ts'
import { backends } from '../support/backends.ts'

const GUARD = -7

describe('gather', () => {
  for (const { label, backend } of backends) {
    test(`${label}: x[t,b] = value[bytes[starts[b] + order[t]]]`, () => {
      const r = rng(3)
      const bytes = Uint8Array.from({ length: 5000 }, () => r.below(256))
      const value = Float32Array.from({ length: 256 }, () => r.normal())
      const orders = {
        'in any order': (T: number) => Int32Array.from({ length: T }, (_, t) => (t < T - 1 ? r.below(T) : t)),
        'one after the other': (T: number) => Int32Array.from({ length: T }, (_, t) => t),
        'one after the other but two': (T: number) =>
          Int32Array.from({ length: T }, (_, t) => (t === 4 || t === 5 ? 9 - t : t)),
      }
      const cases = Object.entries(orders).flatMap(([name, orderOf]) =>
        [1, 3, 8, 199, 200, 201, 784].map((T) => ({ name, T, order: orderOf(T) })),
      )
      for (const { name, T, order } of cases) {
        for (const B of [1, 3, 4, 7, 8, 9, 16, 21]) {
          const starts = Int32Array.from({ length: B }, () => r.below(bytes.length - T))
          starts[B - 1] = bytes.length - T // with order T - 1, the last byte there is
          const x = backend.floats(T * B + 1)
          x.fill(GUARD)
          backend.gather(T, B, { bytes, starts, order, value }, x)
          const wanted = Array.from(
            { length: T * B },
            (_, at) => value[bytes[starts[at % B]! + order[Math.floor(at / B)]!]!]!,
          )
          assert.deepEqual(Array.from(x), [...wanted, GUARD], `${name}, T ${T}, B ${B}`)
          backend.free(x)
        }
      }
    })
  }
})
