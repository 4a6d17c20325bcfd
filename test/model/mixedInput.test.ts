/** Values and tokens in one input: a step is the values and after them the token's row; values alone are its twin. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Batch,
  createModel,
  gru,
  loadModel,
  type Model,
  type ModelInput,
  modelSpec,
  regression,
  type StepInput,
  saveModel,
  type Task,
  train,
} from '../../src/index.ts'
import { backends, relativeError } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const [T, B, size, vocabulary, embedding] = [6, 3, 2, 5, 3]
const I = size + embedding
const lengths = Int32Array.of(6, 2, 4)
const x = Float32Array.from({ length: T * B * size }, (_, i) => 3 + Math.sin(i))
const tokens = Int32Array.from({ length: T * B }, (_, n) => (n * 7) % vocabulary)
const y = Float32Array.from({ length: T * B }, (_, n) => Math.cos(n))
const normalisation = { mean: [3, 2.5], std: [0.5, 2] }
const rest = { rnn: gru(4, { layers: 2 }), head: regression(1, { steps: 'every' }) } as const
const MIXED: ModelInput = { input: { size, vocabulary, embedding, normalise: true }, ...rest }

/** The mixed model, a model of values with the same weights, and what it reads in place of a batch. */
function twins(backend: (typeof backends)[number]['backend']) {
  const mixed = createModel(MIXED, { backend, seed: 5, normalisation })
  const values = createModel({ input: I, ...rest }, { backend })
  const { data: table } = mixed.parameters.find(({ name }) => name === 'embedding.weight')!
  values.weights.set(mixed.weights.subarray(table.length))
  const joined = Float64Array.from({ length: T * B * I }, (_, at) => {
    const [n, i] = [Math.floor(at / I), at % I]
    if (i < size) return (x[n * size + i]! - normalisation.mean[i]!) / normalisation.std[i]!
    const padded = Math.floor(n / B) >= lengths[n % B]!
    return table[(padded ? 0 : tokens[n]!) * embedding + i - size]!
  })
  return { mixed, values, joined, table }
}

const batch: Batch = { T, B, x, tokens, lengths, y }

for (const { label, backend } of backends) {
  describe(label, () => {
    const tolerance = backend.name === 'reference' ? 1e-6 : 1e-5

    test('outputs, loss and gradients are those of the columns side by side', () => {
      const { mixed, values, joined, table } = twins(backend)
      const run = (model: Model, given: Batch, activationCheckpointing: boolean) => {
        const plan = model.plan({ T, B, inputGradient: true, activationCheckpointing })
        plan.forward(given)
        const { loss } = plan.loss(given, { reduction: 'mean', gradient: true })
        plan.backward(given)
        return { loss, logits: plan.logits.slice(), gradients: plan.gradients, dx: plan.inputGradient! }
      }
      for (const checkpointing of [false, true]) {
        const a = run(mixed, batch, checkpointing)
        const b = run(values, { T, B, x: joined, lengths, y }, checkpointing)
        assert.ok(relativeError(a.logits, b.logits) < tolerance)
        assert.ok(Math.abs(a.loss - b.loss) < tolerance)
        assert.ok(relativeError(a.gradients.dense, b.gradients.dense) < 10 * tolerance)
        // Gradients of the values, through the normalisation, and of the rows, summed over where they occur.
        const dx = x.map((_, at) => {
          const [n, i] = [Math.floor(at / size), at % size]
          return b.dx[n * I + i]! / normalisation.std[i]!
        })
        assert.ok(relativeError(a.dx, dx) < 10 * tolerance)
        const rows = new Float64Array(table.length)
        for (let n = 0; n < T * B; n++) {
          if (Math.floor(n / B) >= lengths[n % B]!) continue
          for (let e = 0; e < embedding; e++) rows[tokens[n]! * embedding + e]! += b.dx[n * I + size + e]!
        }
        const [found] = a.gradients.tables
        const sums = new Float64Array(table.length)
        for (let i = 0; i < found!.count; i++) {
          sums.set(found!.values.subarray(i * embedding, (i + 1) * embedding), found!.rows[i]! * embedding)
        }
        assert.ok(relativeError(sums, rows) < 10 * tolerance)
      }
    })

    test('a step, a stepper and a file give the bits of forward', () => {
      const { mixed } = twins(backend)
      const { logits } = mixed.forward({ T, B, x, tokens })
      const loaded = loadModel(saveModel(mixed), { backend })
      assert.deepEqual(loaded.forward({ T, B, x, tokens }).logits, logits)
      const stepper = loaded.stepper({ B })
      let state = null
      for (let t = 0; t < T; t++) {
        const given = { x: x.subarray(t * B * size, (t + 1) * B * size), tokens: tokens.subarray(t * B, (t + 1) * B) }
        const expected = logits.slice(t * B, (t + 1) * B)
        assert.deepEqual(stepper.step(given).slice(), expected)
        const step = mixed.step(given, state)
        assert.deepEqual(step.logits, expected)
        state = step.state
      }
      const single = createModel({ input: { size: 1, vocabulary, embedding }, ...rest }, { backend })
      assert.deepEqual(
        single.stepper().step({ x: 0.5, tokens: 2 }).slice(),
        single.step({ x: [0.5], tokens: 2n }).logits,
      )
    })

    test('it learns what only both together say', async () => {
      const spec: ModelInput = { input: { size: 1, vocabulary: 2, embedding: 4 }, rnn: gru(16), head: regression(1) }
      const model = createModel(spec, { backend, seed: 1 })
      let mse = Number.NaN
      const iterations = backend.name === 'reference' ? 200 : 400
      for await (const event of train(model, SIGNS, { iterations, evalEvery: iterations, dropout: 0 }))
        if (event.type === 'done') mse = event.test!.mse!
      assert.ok(mse < 0.3, `${mse}`) // without the tokens it is 1, the mean of x²
    })
  })
}

/** y is x of the last step, with the sign that its token says. */
function signs(seed: number): Batch {
  const at = (i: number) => Math.sin(seed * 12.9898 + i * 78.233) * Math.SQRT2
  const x = Float32Array.from({ length: 32 }, (_, i) => at(i))
  const tokens = Int32Array.from({ length: 32 }, (_, i) => (at(i + 100) > 0 ? 1 : 0))
  return { T: 2, B: 16, x, tokens, y: x.slice(16).map((v, b) => (tokens[16 + b] === 1 ? v : -v)) }
}

const SIGNS: Task = {
  name: 'sign',
  options: {},
  T: 2,
  input: { size: 1, vocabulary: 2 },
  head: { kind: 'regression', size: 1, steps: 'last' },
  metric: 'mse',
  trainSize: 16,
  testSize: 16,
  train: () => {
    let n = 0
    const next = () => signs(n++)
    return { next, epoch: 0, getState: () => ({ epoch: 0, position: n }), setState() {} }
  },
  test: () => [signs(1e5)],
}

describe('what does not fit is refused in one line', () => {
  const { backend } = backends[0]!
  const model = createModel(MIXED, { backend, normalisation })
  const without = (name: keyof Batch) => () => model.forward({ ...batch, [name]: undefined })
  const step = (given: unknown) => () => model.stepper().step(given as StepInput)
  const cases: [string, () => unknown, RegExp][] = [
    ['no x', without('x'), /^batch: x: expected \[T,B,I\] values for a model with input size 2: add x$/],
    ['no tokens', without('tokens'), /^batch: tokens: expected \[T,B\] for a vocabulary of 5: add tokens$/],
    [
      'a step of values',
      step([1, 2]),
      /^step: expected { x, tokens } for a model that reads both but received an array of 2$/,
    ],
    ['a step without tokens', step({ x: [1, 2] }), /^step: expected { x, tokens } .* but received an object with x$/],
    ['a token outside', step({ x: [1, 2], tokens: 5 }), /^step: tokens\[0\]: expected 0 … 4 but received 5$/],
    ['NaN', step({ x: [1, Number.NaN], tokens: 1 }), /^step: x\[1\]: expected a finite number but received NaN/],
    ['too many values', () => model.step({ x: [1, 2, 3], tokens: [1] }), /^batch: x: expected 2 elements/],
    ['no step', step(undefined), /^step: expected { x, tokens } for a model that reads both but received undefined$/],
    [
      'no width',
      () => modelSpec({ ...MIXED, input: { size, vocabulary } }),
      /^model spec: input: embedding: expected a number but/,
    ],
  ]
  for (const [name, work, pattern] of cases) test(name, () => refused(work, pattern))

  test('a task of other inputs', () => {
    const task = {
      name: 't',
      options: {},
      T: 1,
      input: { size: 2 },
      head: rest.head,
      metric: 'mse',
      trainSize: 1,
      testSize: 1,
    }
    const work = () => train(model, { ...task, train() {}, test() {} } as never, { batch: 1 })
    refused(work, /^model: input: expected size 2 for task t but received size 2 and vocabulary 5$/)
  })
})
