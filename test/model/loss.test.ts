/** What a plan makes of targets: reductions, counts, the derivative clip, the share of live units. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { createModel } from '../../src/model/model.ts'
import { relativeError } from '../support/backends.ts'
import { batch, gradientsOf, K, type Shape, spec } from '../support/models.ts'

const reference = referenceBackend()

describe('loss and gradient', () => {
  const shape: Shape = { cell: 'tanh', steps: 'every' }
  const size = { T: 4, B: 3, lengths: [4, 2, 1] }
  const data = batch(shape, size)
  const model = createModel(spec(shape), { backend: reference })
  const plan = model.plan({ T: 4, B: 3 })

  test('mean divides by the rows that count, sum does not; gradients are of the last backward', () => {
    plan.forward(data)
    const counts = [...data.y!].filter((y, n) => y >= 0 && Math.floor(n / 3) < size.lengths[n % 3]!).length
    const mean = plan.loss(data, { reduction: 'mean', gradient: true })
    assert.equal(mean.count, counts)
    plan.backward(data)
    const once = [...plan.gradients.dense]
    plan.forward(data)
    const sum = plan.loss(data, { reduction: 'sum', gradient: true })
    assert.ok(Math.abs(sum.loss / (mean.loss * counts) - 1) < 1e-14)
    plan.backward(data)
    assert.ok(
      relativeError(
        plan.gradients.dense,
        once.map((g) => g * counts),
      ) < 1e-14,
    )
  })

  test('correct counts the rows whose largest logit is the target', () => {
    plan.forward(data)
    let expected = 0
    for (let n = 0; n < 12; n++) {
      const row = [...plan.logits.subarray(n * K, (n + 1) * K)]
      if (Math.floor(n / 3) < size.lengths[n % 3]! && row.indexOf(Math.max(...row)) === data.y![n]) expected++
    }
    assert.equal(plan.loss(data, { reduction: 'mean', gradient: false }).correct, expected)
  })

  test('no row with a target: loss 0 and no gradient, not NaN', () => {
    const none = { ...data, y: new Int32Array(12).fill(-1) }
    plan.forward(none)
    assert.deepEqual(plan.loss(none, { reduction: 'mean', gradient: true }), { loss: 0, correct: 0, count: 0 })
    plan.backward(none)
    assert.ok(plan.gradients.dense.every((g) => g === 0))
  })

  test('the derivative clip acts inside the recurrence and nowhere else', () => {
    const free = gradientsOf(model, plan, shape, size).gradients
    const clipped = gradientsOf(model, plan, shape, size, 1e-3).gradients
    const wide = gradientsOf(model, plan, shape, size, 1e6).gradients
    assert.deepEqual(wide, free)
    let at = 0
    for (const { name, data } of model.parameters) {
      const part = (g: Float64Array) => g.subarray(at, at + data.length)
      if (name.startsWith('head')) assert.deepEqual(part(clipped), part(free))
      else assert.notDeepEqual(part(clipped), part(free))
      // Seven steps count in all, so seven terms of at most the limit make the gradient of a bias.
      if (name.startsWith('rnn.bias')) assert.ok(part(clipped).every((g) => Math.abs(g) <= 7e-3 * (1 + 1e-12)))
      at += data.length
    }
  })

  test('liveFraction is the share of h that is not 0', () => {
    const shape: Shape = { cell: 'relu', layers: 2, bidirectional: true }
    const model = createModel(spec(shape), { backend: reference })
    const plan = model.plan({ T: 6, B: 2 })
    for (const { name, data } of model.parameters) if (name.startsWith('rnn')) data.fill(0)
    const bias = model.parameters.find(({ name }) => name === 'rnn.bias_ih_l0')!
    bias.data.fill(1, 0, 3) // 3 of 9 units of one of four directions
    plan.forward(batch(shape, { T: 6, B: 2 }))
    assert.ok(Math.abs(plan.liveFraction() - 3 / 36) < 1e-15)
  })
})
