/** A bound kernel is the kernel: the same results, its arrays kept alive. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { backends } from '../support/backends.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

for (const { label, backend } of backends)
  describe(label, () => {
    test('a bound kernel does what the kernel does, on the arrays it was given', () => {
      const x = backend.floats(40).map((_, i) => i - 20)
      const [W, b, y, bound] = [backend.floats(40), backend.floats(8), backend.floats(64), backend.floats(64)]
      W.set(x.map((v) => v / 7))
      b.fill(0.5)
      const input = backend.floats(40)
      const call = backend.bind('dense_forward', 8, 5, 8, input, W, b, bound)
      for (const factor of [1, 2]) {
        input.set(x.map((v) => v * factor))
        assert.equal(call(), undefined)
        backend.dense_forward(8, 5, 8, input, W, b, y)
        assert.ok(y.some((v) => v !== 0.5))
        assert.deepEqual(bound, y)
      }
      backend.dense_forward(8, 5, 8, input, W, null, y)
      backend.bind('dense_forward', 8, 5, 8, input, W, null, bound)()
      assert.deepEqual(bound, y, 'null is an argument like others')
      assert.equal(backend.bind('count_nonzero', 40, input)(), 39)
    })

    test('the arrays live as long as the function, in one place', () => {
      const n = 100_000
      const make = (value: number): (() => number) => backend.bind('sum_of_squares', n, backend.floats(n).fill(value))
      const calls = Array.from({ length: 40 }, (_, value) => make(value))
      for (let round = 0; round < 3; round++) {
        collect()
        for (let i = 0; i < 40; i++) make(-1) // would take the place of anything given up
        assert.deepEqual(
          calls.map((call) => call()),
          calls.map((_, value) => n * value * value),
        )
      }
    })

    if (backend.name === 'native')
      test('wrong arguments are refused when they are bound', () => {
        const bind = backend.bind as (kernel: string, ...args: unknown[]) => unknown
        assert.throws(
          () => bind('scale', 3, 1, new Float64Array(3)),
          /^TypeError: kernel: expected numbers, and typed arrays/,
        )
        assert.throws(() => bind('scale', 3, 1), /^TypeError/)
        assert.throws(() => bind('scale', 3, 'x', backend.floats(3)), /^TypeError/)
      })
  })
