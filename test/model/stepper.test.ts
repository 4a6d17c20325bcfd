/** Streaming gives the very numbers of the whole sequence, and always with the weights of the moment. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { irnn } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { CELLS, regression } from '../../src/model/spec.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { train } from '../../src/train/loop.ts'
import { backends } from '../support/backends.ts'
import { batch, K, type Shape, spec } from '../support/models.ts'

const T = 9

/** The inputs of step t of a batch. */
function at(data: ReturnType<typeof batch>, t: number): Float64Array | Int32Array {
  const all = (data.x ?? data.tokens) as Float64Array
  const n = all.length / data.T
  return all.subarray(t * n, (t + 1) * n)
}

function check(model: Model, shape: Shape, B: number, hidden: number): void {
  const data = batch(shape, { T, B })
  const whole = model.forward(data)
  const stepper = model.stepper({ B })
  for (const round of [1, 2]) {
    for (let t = 0; t < T; t++) {
      const logits = stepper.step(at(data, t))
      assert.deepEqual(logits.slice(), whole.logits.slice(t * B * K, (t + 1) * B * K), `logits ${t}, round ${round}`)
      assert.deepEqual(stepper.output.slice(), whole.output.slice(t * B * hidden, (t + 1) * B * hidden), `output ${t}`)
    }
    assert.deepEqual(stepper.getState(), whole.state)
    stepper.resetState()
  }
  const half = model.stepper({ B })
  for (let t = 0; t < 4; t++) half.step(at(data, t))
  stepper.setState(half.getState())
  for (let t = 4; t < T; t++) stepper.step(at(data, t))
  assert.deepEqual(stepper.getState(), whole.state, 'a state set is a state reached')
  stepper.dispose()
  half.dispose()
}

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const cell of CELLS) {
      test(`${cell}: a stepper gives the bits of the whole sequence`, () => {
        for (const [B, hidden, layers, tokens, projection] of [
          [1, 100, 1, false, false],
          [1, 1, 2, false, false],
          [1, 33, 2, true, true],
          [3, 17, 3, false, true],
          [9, 257, 1, true, false],
        ] as const) {
          const shape: Shape = { cell, hidden, layers, steps: 'every', tokens, projection }
          const model = createModel(spec(shape), { backend, seed: hidden })
          check(model, shape, B, hidden)
          model.dispose()
        }
      })
    }

    test('a weight changed by hand is seen once it is told', () => {
      const shape: Shape = { cell: 'gru', hidden: 20, tokens: true, projection: true, steps: 'every' }
      const model = createModel(spec(shape), { backend })
      const data = batch(shape, { T: 2, B: 1 })
      const stepper = model.stepper()
      const last = () => {
        stepper.resetState()
        stepper.step(at(data, 0))
        return stepper.step(at(data, 1)).slice()
      }
      let before = last()
      for (const { name, data: weights } of model.parameters) {
        const i = name === 'embedding.weight' ? data.tokens![1]! * 5 : weights.length - 1
        weights[i]! += 0.25
        model.weightsChanged()
        const after = last()
        assert.notDeepEqual(after, before, name)
        assert.deepEqual(after, model.forward(data).logits.slice(-K), name)
        assert.deepEqual(model.step(at(data, 1), model.step(at(data, 0)).state).logits, after, name)
        before = after
      }
      stepper.dispose()
      model.dispose()
    })

    test('training is followed without being told', async () => {
      const model = createModel({ input: 2, rnn: irnn(10, { inputStd: 0.1 }), head: regression(1) }, { backend })
      const stepper = model.stepper()
      const x = [0.5, 1]
      const before = stepper.step(x).slice()
      for await (const { type } of train(model, adding({ T: 5, train: 20, test: 20 }), { iterations: 3 })) void type
      stepper.resetState()
      const after = stepper.step(x).slice()
      assert.notDeepEqual(after, before)
      assert.deepEqual(after, model.step(x).logits)
      stepper.dispose()
      model.dispose()
    })

    test('a step allocates nothing in the backend, and what was allocated is given back', () => {
      let made = 0
      const held = new Set<unknown>()
      const counting = (make: (n: number) => Float32Array | Float64Array | Int32Array) => (n: number) => {
        made++
        const array = make(n)
        held.add(array)
        return array
      }
      const counted = Object.assign(Object.create(backend), {
        floats: counting((n) => backend.floats(n)),
        ints: counting((n) => backend.ints(n)),
        free(array: Float32Array) {
          assert.ok(held.delete(array))
          backend.free(array)
        },
      }) as typeof backend
      const shape: Shape = { cell: 'lstm', layers: 2, projection: true }
      const model = createModel(spec(shape), { backend: counted })
      const stepper = model.stepper()
      const before = made
      for (let i = 0; i < 3; i++) assert.equal(stepper.step([1, 2, 3]), stepper.step(new Float32Array(3)))
      assert.equal(made, before)
      stepper.dispose()
      model.dispose()
      assert.equal(held.size, 0)
    })
  })
}
