// Inputs less their mean and divided by their deviation are part of the model: its file alone runs on raw numbers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { constant } from '../../src/init.ts'
import { irnn } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { loadModel, saveModel } from '../../src/model/modelFile.ts'
import { type ModelSpec, modelSpec, regression } from '../../src/model/spec.ts'
import { backends } from '../support/backends.ts'
import { batch, type Shape, spec } from '../support/models.ts'
import { refused } from '../support/refused.ts'

const I = 3
const normalisation = { mean: Float32Array.of(5, -0.25, 100), std: Float32Array.of(0.3, 2, 17) }
const shape: Shape = { cell: 'tanh', steps: 'every', layers: 2 }
const size = { T: 5, B: 2, lengths: [5, 3] }
const data = batch(shape, size)
const plain = modelSpec(spec(shape))
const normalised: ModelSpec = modelSpec({ ...plain, input: { size: I, normalise: true } })

test('the spec says it only where it is', () => {
  assert.deepEqual(normalised.input, { size: I, normalise: true })
  assert.deepEqual(modelSpec({ ...plain, input: { size: I, normalise: false } }).input, { size: I })
  refused(
    () => modelSpec({ ...plain, input: { size: I, normalise: 1 } }),
    /model spec: input: normalise: expected a boolean/,
  )
})

for (const { label, backend } of backends) {
  describe(label, () => {
    const raw = createModel(plain, { backend })
    const model = createModel(normalised, { backend, normalisation })
    const double = backend.name === 'reference'
    const { mean, std } = normalisation
    const x = Float64Array.from(data.x!, (value, i) => (value - mean[i % I]!) * (1 / std[i % I]!))
    const by_hand = { ...data, x: double ? x : Float32Array.from(x) }

    test('what goes in raw gives the bits of what is normalised by hand, padded or not', () => {
      const expected = raw.forward(by_hand)
      assert.deepEqual(model.forward(data), expected)
      assert.notDeepEqual(raw.forward(data).logits, expected.logits)
    })

    test('step and stepper give the numbers of forward', () => {
      const whole = { T: 5, B: 2, x: data.x! }
      const { logits } = model.forward(whole)
      const K = logits.length / 10
      const stepper = model.stepper({ B: 2 })
      let state: ReturnType<Model['step']>['state'] | undefined
      for (let t = 0; t < 5; t++) {
        const row = whole.x.subarray(t * 2 * I, (t + 1) * 2 * I)
        const expected = logits.subarray(t * 2 * K, (t + 1) * 2 * K)
        const step = model.step(row, state)
        state = step.state
        assert.deepEqual(step.logits, expected)
        assert.deepEqual(stepper.step(row).slice(), expected)
      }
      stepper.dispose()
    })

    test('a file has it, and the model of the file gives the same bits', () => {
      const bytes = saveModel(model)
      const { tensors } = decode(bytes)
      assert.deepEqual(tensors.get('input.mean')!.read(), mean)
      assert.deepEqual(tensors.get('input.std')!.read(), std)
      const again = loadModel(bytes, { backend })
      assert.deepEqual(again.normalisation, normalisation)
      assert.deepEqual(again.forward(data), model.forward(data))
      assert.deepEqual(saveModel(again), bytes)
      assert.equal(loadModel(saveModel(raw), { backend }).normalisation, null)
    })
  })
}

test('the gradient of x is of x as it came in', () => {
  const model = createModel(normalised, { backend: referenceBackend(), normalisation })
  const plan = model.plan({ T: 5, B: 2, inputGradient: true })
  const lossOf = (x: Float64Array, gradient: boolean) => {
    plan.forward({ ...data, x })
    return plan.loss({ ...data, x }, { reduction: 'sum', gradient }).loss
  }
  const x = Float64Array.from(data.x!)
  lossOf(x, true)
  plan.backward(data)
  const gradient = plan.inputGradient!.slice()
  for (let i = 0; i < x.length; i++) {
    const h = 1e-5
    const value = x[i]!
    x[i] = value + h
    const above = lossOf(x, false)
    x[i] = value - h
    const below = lossOf(x, false)
    x[i] = value
    assert.ok(Math.abs((above - below) / (2 * h) - gradient[i]!) < 1e-8, `x[${i}]`)
  }
  assert.ok(gradient.some((g) => Math.abs(g) > 1e-4))
})

for (const { label, backend } of backends) {
  test(`${label}: the mean is taken off in float64, and what is left is rounded once`, () => {
    // Times in milliseconds since 1970, one a second; float32 steps by 131,072 there. The weights are 1.
    const start = 1_764_460_800_000
    const mean = Math.fround(start) - 131_072
    const spec = {
      input: { size: 1, normalise: true },
      rnn: irnn(1, { input: constant(1), scale: 0 }),
      head: regression(1, { steps: 'every', init: constant(1) }),
    } as const
    const model = createModel(spec, { backend, normalisation: { mean: [mean], std: [1000] } })
    const x = Float64Array.from({ length: 8 }, (_, t) => start + 1000 * t)
    const right = Array.from(x, (time) => (time - mean) / 1000)
    assert.ok(right[0] === 75.776 && right[7] === 82.776)
    const near = (found: Iterable<number>) => {
      for (const [t, y] of [...found].entries()) assert.ok(Math.abs(y - right[t]!) < 1e-5, `${y} is not ${right[t]}`)
    }
    near(model.forward({ T: 8, B: 1, x }).logits)
    near(model.forward({ T: 8, B: 1, x: [...x] }).logits)
    const stepper = model.stepper()
    near(Array.from(x, (time) => stepper.step([time])[0]!))
    near(Array.from(x, (time) => stepper.step(time)[0]!))
    near(Array.from(x, (time) => model.step(time).logits[0]!))
  })
}

describe('bad input', () => {
  const backend = referenceBackend()
  const make = (given: object) => () =>
    createModel(normalised, { backend, normalisation: { ...normalisation, ...given } })

  test('a model that normalises needs numbers that fit', () => {
    refused(() => createModel(normalised, { backend }), /expected mean and std of the inputs but received none/)
    refused(make({ mean: Float32Array.of(1, 2) }), /input\.mean: expected \[3\] but received \[2\]/)
    refused(
      make({ mean: Float32Array.of(1, Number.NaN, 2) }),
      /input\.mean\[1\]: expected a finite number but received NaN/,
    )
    refused(make({ std: Float32Array.of(1, 1, 0) }), /input\.std\[2\]: expected a number > 0 but received 0/)
    refused(make({ std: Float32Array.of(1, -1, 1) }), /input\.std\[1\]: expected a number > 0 but received -1/)
  })

  type Tensors = Map<string, { shape: readonly number[]; data: Float32Array | Float64Array }>
  const held = (tensors: ReturnType<typeof decode>['tensors']): Tensors =>
    new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: tensor.read() }]))

  test('so does a file', () => {
    const { tensors, metadata } = decode(saveModel(createModel(normalised, { backend, normalisation })))
    const load = (change: (all: Tensors) => void) => () => {
      const all = held(tensors)
      change(all)
      const list = [...all].map(([name, tensor]) => ({ name, ...tensor }))
      return loadModel(encode(list, Object.fromEntries(metadata)), { backend })
    }
    assert.deepEqual(load(() => {})().normalisation, normalisation)
    refused(
      load((all) => all.delete('input.std')),
      /expected a tensor input\.std \[3\], as its spec says, but there is none/,
    )
    refused(
      load((all) => all.set('input.mean', { shape: [2], data: new Float32Array(2) })),
      /input\.mean: expected shape \[3\]/,
    )
    refused(
      load((all) => all.set('input.std', { shape: [3], data: new Float32Array(3) })),
      /input\.std\[0\]: expected a number > 0/,
    )
    // And one that does not normalise has none.
    const extra = { name: 'input.mean', shape: [3], data: new Float32Array(3) }
    const { tensors: own, metadata: ownMetadata } = decode(saveModel(createModel(plain, { backend })))
    const list = [...[...held(own)].map(([name, tensor]) => ({ name, ...tensor })), extra]
    refused(
      () => loadModel(encode(list, Object.fromEntries(ownMetadata)), { backend }),
      /tensor "input\.mean" is not one of/,
    )
  })
})
