// Gradients by rows are the gradients: what optimisers and clipping make of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { clipGradients, clipNorm } from '../../src/train/clip.ts'
import { adam, createOptimizer, type Muon, type OptimizerSpec, rmsprop, sgd } from '../../src/train/optim.ts'
import { random } from '../backend/random.ts'
import { backends, relativeError } from '../support/backends.ts'

for (const { label, backend } of backends)
  for (const spec of [sgd(), sgd({ momentum: 0.9 }), rmsprop(), adam()] as Exclude<OptimizerSpec, Muon>[])
    test(`${label}: updates of rows, ${JSON.stringify(spec)}: rows that occur as any weight, others not at all`, () => {
      const [rows, width] = [6, 3]
      const r = random(9)
      const [start, g] = [r.uniform(rows * width), [r.uniform(2 * width), r.uniform(2 * width)]]
      const touched = [
        [4, 1],
        [1, 5],
      ]
      const w = backend.floats(rows * width)
      w.set(start)
      const values = backend.floats(2 * width)
      const ids = backend.ints(2)
      const table = { start: 0, width, rows: ids, values, count: 2 }
      const optimizer = createOptimizer(spec, backend, w, {
        start: w.length,
        dense: backend.floats(0),
        tables: [table],
      })
      // The rule: a row's state advances only where the row occurs; corrections are the iteration's.
      const [expected, m, v] = [start.slice(), new Float64Array(w.length), new Float64Array(w.length)]
      for (let k = 1; k <= 2; k++) {
        ids.set(touched[k - 1]!)
        values.set(g[k - 1]!)
        optimizer.update(0.1)
        for (let i = 0; i < 2 * width; i++) {
          const at = touched[k - 1]![Math.floor(i / width)]! * width + (i % width)
          const d = g[k - 1]![i]!
          if (spec.kind === 'sgd') {
            v[at] = spec.momentum * v[at]! + d
            expected[at]! -= 0.1 * v[at]
          } else if (spec.kind === 'rmsprop') {
            v[at] = spec.alpha * v[at]! + (1 - spec.alpha) * d * d
            expected[at]! -= (0.1 * d) / (Math.sqrt(v[at]) + spec.eps)
          } else {
            m[at] = spec.beta1 * m[at]! + (1 - spec.beta1) * d
            v[at] = spec.beta2 * v[at]! + (1 - spec.beta2) * d * d
            const hat = Math.sqrt(v[at] / (1 - spec.beta2 ** k)) + spec.eps
            expected[at]! -= (0.1 * (m[at] / (1 - spec.beta1 ** k))) / hat
          }
        }
      }
      assert.ok(relativeError(w, expected) < 2e-6)
      for (const row of [0, 2, 3])
        assert.deepEqual([...w.subarray(3 * row, 3 * row + 3)], [...start.subarray(3 * row, 3 * row + 3)])
    })

test('the norm counts gradients by rows as what they are', () => {
  const backend = referenceBackend()
  const table = {
    start: 0,
    width: 2,
    rows: Int32Array.of(3, 1, 0),
    values: Float64Array.of(3, 0, 0, 2, 99, 99),
    count: 2,
  }
  const gradients = { start: 8, dense: Float64Array.of(6), tables: [table] }
  const { norm, clipped } = clipGradients(clipNorm(3.5), backend, gradients, { norm: 0, clipped: false })
  assert.deepEqual([norm, clipped], [7, true])
  assert.deepEqual([[...gradients.dense], [...table.values]], [[3], [1.5, 0, 0, 1, 99, 99]])
})
