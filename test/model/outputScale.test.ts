/** `output` of a spec: logits in the target's units from every entry and from a file, losses in scaled units. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Batch,
  classification,
  createModel,
  gaussianNll,
  gru,
  huber,
  type LossSpec,
  loadModel,
  type ModelInput,
  modelSpec,
  type OutputInput,
  pinball,
  regression,
  saveModel,
  squaredError,
} from '../../src/index.ts'
import { backends, relativeError } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const T = 5
const B = 3
const mean = [1000, -2]
const std = [250, 0.5]
const x = Float32Array.from({ length: T * B * 2 }, (_, i) => Math.sin(2 * i))
const lengths = Int32Array.of(5, 1, 3)

interface Case {
  readonly loss: LossSpec
  readonly K: number
  readonly output: OutputInput
  /** From z, the logit of a model without a scale, to that of one with it. */
  logit(z: number, k: number): number
}

const CASES: Case[] = [
  { loss: squaredError(), K: 2, output: { mean, std }, logit: (z, k) => z * std[k]! + mean[k]! },
  { loss: huber(), K: 2, output: { mean, std }, logit: (z, k) => z * std[k]! + mean[k]! },
  {
    loss: pinball([0.1, 0.5, 0.9]),
    K: 6,
    output: { mean, std },
    logit: (z, k) => z * std[Math.floor(k / 3)]! + mean[Math.floor(k / 3)]!,
  },
  {
    loss: gaussianNll(),
    K: 4,
    output: { mean, std, gaussian: true },
    logit: (z, k) => (k % 2 ? z + Math.log(std[(k - 1) / 2]!) : z * std[k / 2]! + mean[k / 2]!),
  },
]

for (const { label, backend } of backends) {
  describe(label, () => {
    const tolerance = backend.name === 'reference' ? 1e-12 : 1e-6
    for (const { loss, K, output, logit } of CASES) {
      for (const steps of ['last', 'every'] as const) {
        const spec: ModelInput = { input: 2, rnn: gru(4), head: regression(K, { steps }) }
        const plain = createModel(spec, { backend, seed: 4 })
        const scaled = createModel({ ...spec, output }, { backend, seed: 4 })
        const rows = steps === 'last' ? B : T * B
        const z = plain.forward({ T, B, x, lengths }).logits
        const expected = z.map((v, i) => logit(v, i % K))

        test(`${loss.kind}, ${steps}: forward, plan, a checkpointed plan and a file give the target's units`, () => {
          const { logits } = scaled.forward({ T, B, x, lengths })
          assert.ok(relativeError(logits, expected) < tolerance)
          for (const activationCheckpointing of [false, true]) {
            const plan = scaled.plan({ T: 9, B: 4, activationCheckpointing })
            plan.forward({ T, B, x, lengths })
            assert.deepEqual(plan.logits.slice(), logits)
            plan.dispose()
          }
          const loaded = loadModel(saveModel(scaled), { backend })
          assert.deepEqual(loaded.spec, scaled.spec)
          assert.deepEqual(loaded.forward({ T, B, x, lengths }).logits, logits)
        })

        test(`${loss.kind}, ${steps}: loss and gradients are those of scaled targets`, () => {
          const D = mean.length
          const y = Float64Array.from({ length: rows * D }, (_, i) => (i % 4 === 1 ? Number.NaN : Math.cos(i)))
          const inUnits = y.map((v, i) => v * std[i % D]! + mean[i % D]!)
          const of = (model: typeof plain, targets: Batch['y']) => {
            const plan = model.plan({ T, B })
            const batch = { T, B, x, lengths, y: targets }
            plan.forward(batch)
            void plan.logits
            const { loss: value, count } = plan.loss(batch, { reduction: 'mean', gradient: true, loss })
            plan.backward(batch)
            return { value, count, gradient: plan.gradients.dense.slice() }
          }
          const [a, b] = [of(plain, y), of(scaled, inUnits)]
          assert.equal(a.count, b.count)
          assert.ok(Math.abs(a.value - b.value) < 10 * tolerance)
          assert.ok(relativeError(b.gradient, a.gradient) < 100 * tolerance)
        })
      }
      test(`${loss.kind}: a step and a stepper give the bits of forward`, () => {
        const model = createModel(
          { input: 2, rnn: gru(4), head: regression(K, { steps: 'every' }), output },
          { backend },
        )
        const { logits } = model.forward({ T, B: 1, x: x.subarray(0, 2 * T) })
        const stepper = model.stepper()
        let state = null
        for (let t = 0; t < T; t++) {
          const row = logits.slice(t * K, (t + 1) * K)
          assert.deepEqual(stepper.step(x.subarray(2 * t, 2 * t + 2)).slice(), row)
          const step = model.step(x.subarray(2 * t, 2 * t + 2), state)
          assert.deepEqual(step.logits, row)
          state = step.state
        }
      })
    }
  })
}

test('targets far from 0 are told apart: they are scaled before they become float32', () => {
  const output = { mean: [1e9], std: [0.5] }
  const model = createModel(
    { input: 1, rnn: gru(2), head: regression(1), output },
    { backend: backends.at(-1)!.backend },
  )
  const plan = model.plan({ T: 1, B: 2 })
  const of = (y: number[]) => {
    plan.forward({ T: 1, B: 2, x: [0, 0] })
    return plan.loss({ T: 1, B: 2, y }, { reduction: 'sum', gradient: false }).loss
  }
  assert.ok(Math.abs(of([1e9 + 1, 1e9 - 1]) - 8) < 1e-6) // the head answers 0 for x = 0
})

describe('what is no scale is refused in one line', () => {
  const spec = (output: unknown, head: object = regression(2)) => modelSpec({ input: 1, rnn: gru(2), head, output })
  const cases: [string, () => unknown, RegExp][] = [
    [
      'deviation 0',
      () => spec({ mean: [0, 0], std: [1, 0] }),
      /^model spec: output: std.1: expected a number > 0 but received 0$/,
    ],
    ['NaN', () => spec({ mean: [Number.NaN], std: [1] }), /^model spec: output: mean.0: expected a number/],
    ['no std', () => spec({ mean: [0] }), /^model spec: output: std: expected an array but received nothing$/],
    [
      'unlike lengths',
      () => spec({ mean: [0, 0], std: [1] }),
      /^model spec: output: std: expected 2, as many as mean, but received 1$/,
    ],
    [
      'too many',
      () => spec({ mean: [0, 0, 0], std: [1, 1, 1] }),
      /^model spec: output: expected a head of size a multiple of 3, for 3 targets, but it is 2$/,
    ],
    [
      'gaussian',
      () => spec({ mean: [0, 0], std: [1, 1], gaussian: true }),
      /^model spec: output: expected a head of size 4, for 2 targets, but it is 2$/,
    ],
    [
      'classes',
      () => spec({ mean: [0], std: [1] }, classification(2)),
      /^model spec: output: expected a regression head/,
    ],
    ['another key', () => spec({ mean: [0], std: [1], scale: 1 }), /^model spec: output: unknown key "scale"/],
  ]
  for (const [name, make, pattern] of cases) test(name, () => refused(make, pattern))

  test('a loss of other targets, or of another layout', () => {
    const { backend } = backends[0]!
    const output = { mean: [0], std: [2] }
    const plan = createModel({ input: 1, rnn: gru(2), head: regression(2), output }, { backend }).plan({ T: 1, B: 1 })
    plan.forward({ T: 1, B: 1, x: [1] })
    const lossOf = (loss: LossSpec | undefined) => () =>
      plan.loss({ T: 1, B: 1, y: [0] }, { reduction: 'mean', gradient: false, loss })
    lossOf(pinball([0.2, 0.8]))()
    refused(
      lossOf(undefined),
      /^plan.loss: loss: squaredError: expected a loss of 1 target\(s\) a row, as the spec's output says/,
    )
    refused(lossOf(gaussianNll()), /^plan.loss: loss: gaussianNll: expected gaussian: true in the spec's output/)
  })
})
