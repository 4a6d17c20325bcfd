/** Batches, plans, states and calls that do not fit: each is refused in one line. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { irnn } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { loadModel, saveModel } from '../../src/model/modelFile.ts'
import { classification } from '../../src/model/spec.ts'
import { batch, type Shape, spec } from '../support/models.ts'

const reference = referenceBackend()

describe('misuse', () => {
  const shape: Shape = { cell: 'irnn', steps: 'every' }
  const model = createModel(spec(shape), { backend: reference })
  const plan = model.plan({ T: 4, B: 3 })
  const good = batch(shape, { T: 4, B: 3 })
  const words = createModel(spec({ cell: 'irnn', tokens: true }), { backend: reference })
  const values = createModel(spec({ cell: 'irnn', head: 'regression' }), { backend: reference })
  const narrow = createModel({ input: 1, rnn: irnn(3), head: classification(4) }, { backend: reference })
  const shown = (changed: object = {}) => ({
    bytes: new Uint8Array(10),
    starts: Int32Array.of(0, 3, 6),
    order: Int32Array.of(0, 1, 2, 3),
    value: new Float32Array(256),
    ...changed,
  })
  const nan = good.x!.slice()
  nan[7] = Number.NaN

  const batches: [string, Model, object, string][] = [
    ['T too large', model, { T: 5 }, "batch: T: expected a whole number from 1 to the plan's 4 but received 5"],
    ['T 0', model, { T: 0 }, "batch: T: expected a whole number from 1 to the plan's 4 but received 0"],
    ['B NaN', model, { B: Number.NaN }, "batch: B: expected a whole number from 1 to the plan's 3 but received NaN"],
    [
      'x too short',
      model,
      { x: new Float32Array(35) },
      'batch: x: expected 36 elements (T·B·I = 4·3·3) but received 35',
    ],
    ['no x', model, { x: undefined }, 'batch: x: expected [T,B,I] values for a model with input size 3: add x'],
    ['NaN in x', model, { x: nan }, 'batch: x[7]: expected a finite number but received NaN: clean the data'],
    [
      'bytes for a wide input',
      model,
      { x: undefined, bytes: shown() },
      'batch: bytes: expected x for a model with input size 3 (bytes are one number a step)',
    ],
    [
      'both x and bytes',
      model,
      { bytes: shown() },
      'batch: bytes: expected x or bytes but received both: leave one out',
    ],
    [
      'bytes that are none',
      narrow,
      { x: undefined, bytes: shown({ bytes: [0, 256, 1, 1, 1, 1, 1, 1, 1, 1] }) },
      'batch: bytes.bytes[1]: expected 0 … 255 but received 256',
    ],
    [
      'too few starts',
      narrow,
      { x: undefined, bytes: shown({ starts: new Int32Array(2) }) },
      'batch: bytes.starts: expected 3 elements (B = 3) but received 2',
    ],
    [
      'too long an order',
      narrow,
      { x: undefined, bytes: shown({ order: new Int32Array(5) }) },
      'batch: bytes.order: expected 4 elements (T = 4) but received 5',
    ],
    [
      'too few values',
      narrow,
      { x: undefined, bytes: shown({ value: new Float32Array(255) }) },
      'batch: bytes.value: expected 256 elements (one for each byte) but received 255',
    ],
    [
      'a byte that stands for nothing',
      narrow,
      { x: undefined, bytes: shown({ value: new Float32Array(256).fill(Number.NaN, 9, 10) }) },
      'batch: bytes.value[9]: expected a finite number but received NaN: clean the data',
    ],
    [
      'an order before the start',
      narrow,
      { x: undefined, bytes: shown({ order: Int32Array.of(0, -1, 2, 3) }) },
      'batch: bytes.order[1]: expected 0 … 9 but received -1',
    ],
    [
      'a start too near the end',
      narrow,
      { x: undefined, bytes: shown({ starts: Int32Array.of(0, 6, 7) }) },
      'batch: bytes.starts[2]: expected 0 … 6 but received 7',
    ],
    ['no tokens', words, {}, 'batch: tokens: expected [T,B] for a vocabulary of 11: add tokens'],
    [
      'a token outside',
      words,
      { tokens: new Int32Array(12).fill(11) },
      'batch: tokens[0]: expected 0 … 10 but received 11',
    ],
    ['lengths 0', model, { lengths: Int32Array.of(1, 0, 4) }, 'batch: lengths[1]: expected 1 … 4 but received 0'],
    [
      'lengths beyond T',
      model,
      { lengths: Int32Array.of(1, 2, 5) },
      'batch: lengths[2]: expected 1 … 4 but received 5',
    ],
    [
      'too few lengths',
      model,
      { lengths: Int32Array.of(1, 2) },
      'batch: lengths: expected 3 elements (B = 3) but received 2',
    ],
    ['no y', model, { y: undefined }, 'batch: y: expected targets for the loss but received none: add y'],
    ['a class outside', model, { y: new Int32Array(12).fill(4) }, 'batch: y[0]: expected -1 … 3 but received 4'],
    [
      'y for the last step only',
      model,
      { y: new Int32Array(3) },
      'batch: y: expected 12 elements (T·B = 12) but received 3',
    ],
    [
      'values for classes',
      model,
      { y: new Float32Array(12).fill(0.5) },
      'batch: y[0]: expected a whole number, -1 … 3, but received 0.5',
    ],
    [
      'Infinity in y',
      values,
      { y: new Float64Array(12).fill(Infinity) },
      'batch: y[0]: expected a finite number but received Infinity: clean the data',
    ],
  ]
  for (const [name, owner, change, message] of batches) {
    test(name, () => {
      const plan = owner.plan({ T: 4, B: 3 })
      const bad = { ...good, ...change }
      assert.throws(
        () => {
          plan.forward(bad)
          plan.loss(bad, { reduction: 'mean', gradient: false })
        },
        { name: 'InputError', message },
      )
    })
  }

  test('plans of no size, or of too much', () => {
    assert.throws(() => model.plan({ T: 0, B: 1 }), { message: 'plan: T: expected a whole number >= 1 but received 0' })
    assert.throws(() => model.plan({ T: 1, B: 1.5 }), {
      message: 'plan: B: expected a whole number >= 1 but received 1.5',
    })
    assert.throws(
      () => model.plan({ T: 1e6, B: 1e6 }),
      /^InputError: plan: expected buffers of fewer than 2\^31 elements/,
    )
  })

  test('calls out of order', () => {
    const plan = model.plan({ T: 4, B: 3 })
    assert.throws(() => plan.loss(good, { reduction: 'mean', gradient: true }), /call forward first/)
    assert.throws(() => plan.carryState(), /call forward first/)
    assert.throws(() => plan.getState(), /call forward first/)
    plan.forward(good)
    plan.loss(good, { reduction: 'mean', gradient: false })
    assert.throws(() => plan.backward(good), /loss with gradient: true/)
    plan.loss(good, { reduction: 'mean', gradient: true })
    assert.throws(() => plan.backward(good, { derivativeClip: -1 }), /^InputError: derivativeClip/)
    assert.throws(() => plan.backward(good, { derivativeClip: Number.NaN }), /^InputError: derivativeClip/)
    plan.backward(good)
    assert.throws(() => plan.backward(good), /loss with gradient: true/)
    plan.dispose()
    assert.throws(() => plan.forward(good), /disposed of/)
    const inference = model.plan({ T: 4, B: 3, training: false })
    inference.forward(good)
    assert.throws(() => inference.loss(good, { reduction: 'mean', gradient: true }), /training: false/)
  })

  test('states that do not fit', () => {
    const state = { B: 3, h: new Float64Array(27), c: null }
    assert.throws(() => plan.setState({ ...state, B: 2 }), /^InputError: state: expected h of 18 elements/)
    assert.throws(
      () => plan.setState({ ...state, c: new Float64Array(27) }),
      /^InputError: state: expected .* c null but received/,
    )
    assert.throws(
      () => plan.setState({ ...state, h: new Float64Array(27).fill(Number.NaN) }),
      /^InputError: state: h\[0\]: expected a finite number but received NaN: start without a state/,
    )
    plan.setState(state)
    assert.throws(
      () => plan.forward(batch(shape, { T: 4, B: 2 })),
      /^InputError: batch: B: expected 3, as in the state/,
    )
    plan.resetState()
    plan.forward(batch(shape, { T: 4, B: 2 }))
  })

  test('lengths in loss that forward did not have', () => {
    const plan = model.plan({ T: 4, B: 3 })
    const loss = (lengths: unknown) =>
      plan.loss({ ...good, lengths: lengths as never }, { reduction: 'mean', gradient: true })
    const padded = { ...good, lengths: Int32Array.of(1, 2, 4) }
    plan.forward(padded)
    for (const other of [undefined, [1, 2, 3], [1, 2], ['1', 2, 4], [1, 2, Symbol('4')]])
      assert.throws(
        () => loss(other),
        /^InputError: plan\.loss: lengths\[\d\]: expected \d, as in forward, but received /,
      )
    const right = loss(padded.lengths)
    assert.deepEqual(loss([1n, 2n, 4n]), right)
    plan.forward(good)
    assert.throws(
      () => loss(padded.lengths),
      /^InputError: plan\.loss: lengths\[0\]: expected 4, as in forward, but received 1/,
    )
    assert.deepEqual(loss([4, 4, 4]), loss(undefined))
  })

  test('a state is copied when it is set, and a refused batch leaves it', () => {
    const plan = model.plan({ T: 4, B: 3 })
    const stepper = model.stepper({ B: 3 })
    const state = () => ({ B: 3, h: new Float64Array(27).fill(0.5), c: null })
    const given = state()
    const x = new Float64Array(9).fill(1)
    for (const object of [plan, stepper]) object.setState(given)
    given.h.fill(Number.NaN)
    assert.throws(() => plan.forward({ ...good, x: nan }), /^InputError: batch: x\[7\]/)
    plan.forward({ ...good, T: 1, x, y: [1, 1, 1] })
    const { logits } = model.forward({ T: 1, B: 3, x }, { state: state() })
    assert.deepEqual(plan.logits, logits)
    assert.deepEqual(stepper.step(x), logits)
    const before = plan.getState()
    assert.throws(() => plan.forward({ ...good, x: nan }), /^InputError: batch: x\[7\]/)
    assert.deepEqual(plan.getState(), before)
    assert.throws(() => plan.loss(good, { reduction: 'mean', gradient: true }), /call forward first/)
  })

  test('steps that cannot be', () => {
    const both = createModel(spec({ cell: 'irnn', bidirectional: true }), { backend: reference })
    assert.throws(
      () => both.step([1, 2, 3]),
      /^InputError: step: a bidirectional model reads the sequence from its end/,
    )
    const plan = both.plan({ T: 4, B: 3 })
    plan.forward(good)
    assert.throws(() => plan.carryState(), /^InputError: carryState: a bidirectional model/)
    assert.throws(() => model.step([1, 2]), /^InputError: step: x: expected \[I\] or \[B,I\] with I = 3 but received 2/)
    assert.throws(() => model.step([]), /^InputError: step: x/)
    assert.throws(() => model.step([1, Number.NaN, 3]), /^InputError: batch: x\[1\]/)
    assert.throws(
      () => words.step(1.5),
      /^InputError: batch: tokens\[0\]: expected a whole number, 0 … 10, but received/,
    )
    assert.throws(() => words.step(11), /^InputError: batch: tokens\[0\]/)
    const { state } = words.step([3, 4])
    assert.equal(state.B, 2)
    assert.throws(() => both.stepper(), /^InputError: step: a bidirectional model/)
    assert.throws(() => model.stepper({ B: 0 }), /^InputError: stepper: B: expected a whole number >= 1 but received 0/)
    const typist = words.stepper()
    assert.throws(
      () => typist.step(1.5),
      /^InputError: step: x\[0\]: expected a whole number, 0 … 10, but received 1.5/,
    )
    assert.throws(() => typist.step([11]), /^InputError: step: x\[0\]: expected 0 … 10 but received 11/)
    assert.throws(() => typist.step([3, 4]), /^InputError: step: x: expected B = 1 tokens but received 2/)
    assert.throws(() => typist.setState(state), /^InputError: step: state: expected one of B = 1 but received one of 2/)
    const stepper = model.stepper()
    stepper.step([1, 2, 3])
    const before = stepper.getState()
    assert.throws(() => stepper.step([1, 2]), /^InputError: step: x: expected \[B,I\] = \[1,3\] values but received 2/)
    assert.throws(() => stepper.step([1, 1e300 ** 2, 3]), /^InputError: step: x\[1\]/)
    assert.deepEqual(stepper.getState(), before, 'a refused step is no step')
  })

  const backends: [string, unknown, string][] = [
    ['a promise', Promise.resolve(reference), 'a promise: await it'],
    ['nothing', undefined, 'undefined'],
    ['a name', 'wasm', '"wasm"'],
    ['one of another package', { name: 'wasm', threads: 1 }, 'an object with name, threads'],
  ]
  for (const [name, backend, received] of backends) {
    test(`a backend: ${name}`, () => {
      const message = `backend: expected what createBackend() gives but received ${received}`
      const options = { backend } as { backend: typeof reference }
      assert.throws(() => createModel(spec(shape), options), { name: 'InputError', message })
      assert.throws(() => loadModel(saveModel(model), options), { name: 'InputError', message })
    })
  }
})
