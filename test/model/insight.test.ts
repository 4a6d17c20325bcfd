// States, gradients over time and connectivity: against central differences on the reference backend, against the
// reference on the others, and against what a plan computes of the same sequence.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import {
  classification,
  connectivity,
  createModel,
  crossEntropy,
  gradientFlow,
  type Model,
  type ModelInput,
  modelSpec,
  read,
  regression,
  rng,
} from '../../src/index.ts'
import { CELLS } from '../../src/model/spec.ts'
import { backends, relativeError } from '../support/backends.ts'

const T = 6
const reference = referenceBackend()
const init = { recurrent: { kind: 'gaussian', std: 0.5 }, input: { kind: 'gaussian', std: 0.7 } } as const

function spec(cell: (typeof CELLS)[number], layers: number, steps: 'last' | 'every'): ModelInput {
  const head = classification(3, { steps, init: { kind: 'gaussian', std: 1 } })
  return { input: 2, rnn: { cell, hidden: 5, layers, init }, head } as unknown as ModelInput
}

function normal(n: number, seed: number): Float64Array {
  const random = rng(seed, 'x')
  return Float64Array.from({ length: n }, () => random.normal())
}

const X = normal(T * 2, 3)
const targets = (steps: 'last' | 'every') => (steps === 'last' ? [1] : [1, 0, 2, -1, 1, 0])

function lossOf(model: Model, x: ArrayLike<number>, y: readonly number[]): number {
  using plan = model.plan({ T, B: 1, training: false })
  const batch = { T, B: 1, x, y }
  plan.forward(batch)
  return plan.loss(batch, { reduction: 'mean', gradient: false }).loss
}

/** Central differences of f over each number of `at`. */
function differences(at: ArrayLike<number>, f: (moved: Float64Array) => number): number[] {
  const e = 1e-5
  return Array.from(at, (_, i) => {
    const [up, down] = [e, -e].map((by) => f(Float64Array.from(at, (value, j) => (i === j ? value + by : value))))
    return (up! - down!) / (2 * e)
  })
}

for (const cell of CELLS) {
  for (const layers of [1, 2]) {
    for (const steps of ['last', 'every'] as const) {
      test(`${cell}, ${layers} layers, head on the ${steps}: dL/dx and dlogit/dx are central differences`, () => {
        using model = createModel(spec(cell, layers, steps), { backend: reference, seed: 5 })
        const y = targets(steps)
        const flow = gradientFlow(model, X, y)
        assert.ok(Math.abs(flow.loss - lossOf(model, X, y)) < 1e-12)
        assert.ok(
          relativeError(
            flow.dx,
            differences(X, (x) => lossOf(model, x, y)),
          ) < 1e-6,
        )
        for (const [t, k] of [
          [T - 1, 2],
          [3, 0],
        ] as const) {
          const { dx, norms } = connectivity(model, X, t, k)
          assert.deepEqual([dx.length, norms.length], [2 * (t + 1), t + 1])
          const expected = differences(X, (x) => read(model, x).logits[3 * t + k]!).slice(0, 2 * (t + 1))
          assert.ok(relativeError(dx, expected) < 1e-6)
          assert.ok(Math.abs(norms[1]! - Math.hypot(dx[2]!, dx[3]!)) < 1e-12)
        }
      })
    }
  }

  test(`${cell}: dL/dh_t is what the loss does when the state after step t moves`, () => {
    using model = createModel(spec(cell, 1, 'last'), { backend: reference, seed: 6 })
    const { dh, norms } = gradientFlow(model, X, [1])
    const { h, c } = read(model, X)
    for (let t = 0; t < T - 1; t++) {
      const slot = (all: ArrayLike<number>) => Array.prototype.slice.call(all, 5 * t, 5 * (t + 1)) as number[]
      using plan = model.plan({ T, B: 1, training: false })
      const batch = { T: T - 1 - t, B: 1, x: X.slice(2 * (t + 1)), y: [1] }
      const expected = differences(slot(h[0]!), (moved) => {
        plan.setState({ B: 1, h: moved, c: c[0] ? slot(c[0]) : null })
        plan.forward(batch)
        return plan.loss(batch, { reduction: 'mean', gradient: false }).loss
      })
      assert.ok(relativeError(slot(dh[0]!), expected) < 1e-6, `step ${t}`)
      assert.ok(Math.abs(norms[t]! - Math.hypot(...expected)) < 1e-7)
    }
  })
}

test('two layers, targets at every step: dh of each layer makes the gradient of its biases', () => {
  using model = createModel(spec('tanh', 2, 'every'), { backend: reference, seed: 5 })
  const y = targets('every')
  using plan = model.plan({ T, B: 1 })
  const batch = { T, B: 1, x: X, y }
  plan.forward(batch)
  plan.loss(batch, { reduction: 'mean', gradient: true })
  plan.backward(batch)
  const { dh } = gradientFlow(model, X, y)
  const { h } = read(model, X)
  for (const l of [0, 1]) {
    const { start } = model.parameters.find(({ name }) => name === `rnn.bias_ih_l${l}`)!
    const sums = Array.from({ length: 5 }, (_, j) => {
      const at = Array.from({ length: T }, (_, t) => 5 * t + j)
      return at.reduce((sum, i) => sum + dh[l]![i]! * (1 - h[l]![i]! ** 2), 0)
    })
    assert.ok(relativeError(sums, plan.gradients.dense.slice(start, start + 5)) < 1e-10)
  }
})

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const cell of CELLS) {
      test(`${cell}: logits to the bit of forward, gradients of the reference`, () => {
        using model = createModel(spec(cell, 2, 'every'), { backend, seed: 5 })
        using other = createModel(spec(cell, 2, 'every'), { backend: reference, seed: 5 })
        const { logits, h } = read(model, X)
        const whole = model.forward({ T, B: 1, x: X })
        assert.deepEqual(logits, whole.logits)
        assert.deepEqual(h[1], whole.output)
        const flow = gradientFlow(model, X, targets('every'))
        const expected = gradientFlow(other, X, targets('every'))
        for (const l of [0, 1]) assert.ok(relativeError(flow.dh[l]!, expected.dh[l]!) < 1e-5)
        assert.ok(relativeError(flow.dx, expected.dx) < 1e-5)
        assert.ok(relativeError(connectivity(model, X, 4, 1).dx, connectivity(other, X, 4, 1).dx) < 1e-5)
      })
    }
  })
}

test('tokens, values beside them, normalised inputs, and outputs in units of their own', () => {
  const rnn = { cell: 'gru', hidden: 5 } as const
  const head = classification(3)
  using words = createModel({ input: { vocabulary: 7, embedding: 4 }, rnn, head }, { backend: reference })
  const flow = gradientFlow(words, [1, 2, 6], [0])
  assert.deepEqual([flow.T, flow.dx.length, flow.norms.length], [3, 12, 3])
  const table = words.parameters[0]!.data
  const expected = differences(table.slice(4, 12), (rows) => {
    const before = table.slice(4, 12)
    table.set(rows, 4)
    words.weightsChanged()
    const { loss } = gradientFlow(words, [1, 2, 6], [0])
    table.set(before, 4)
    return loss
  })
  assert.ok(relativeError(flow.dx.slice(0, 8), expected) < 1e-6)

  using both = createModel({ input: { size: 2, vocabulary: 7, embedding: 4 }, rnn, head }, { backend: reference })
  assert.equal(gradientFlow(both, { x: X.slice(0, 6), tokens: [1, 2, 6] }, [0]).dx.length, 6)

  const output = { mean: [100], std: [20] }
  const scaled = modelSpec({ input: { size: 2, normalise: true }, rnn, head: regression(1), output })
  const normalisation = { mean: [1, 2], std: [3, 0.5] }
  using model = createModel(scaled, { backend: reference, normalisation })
  const logit = (x: Float64Array) => read(model, x).logits[T - 1]!
  assert.equal(logit(X), model.forward({ T, B: 1, x: X }).logits[0])
  assert.ok(relativeError(connectivity(model, X, T - 1, 0).dx, differences(X, logit)) < 1e-6)
  assert.ok(
    relativeError(
      gradientFlow(model, X, [130]).dx,
      differences(X, (x) => lossOf(model, x, [130])),
    ) < 1e-6,
  )
})

describe('what the paper says', () => {
  const long = 100
  const x = Float64Array.from({ length: long * 2 }, (_, i) =>
    i % 2 === 0 ? (1 + ((i * 37) % 101)) / 101 : i === 21 ? 1 : 0,
  )

  test('of tanh units a gradient vanishes over 100 steps, and is said by how many decades', () => {
    const small = { recurrent: { kind: 'gaussian', std: 0.05 }, input: { kind: 'gaussian', std: 0.1 } } as const
    const rnn = { cell: 'tanh', hidden: 100, init: small } as const
    using model = createModel({ input: 2, rnn, head: regression(1) } as ModelInput, { backend: reference })
    const { verdict, decades, norms } = gradientFlow(model, x, [1])
    assert.equal(verdict, 'vanishes')
    assert.ok(decades < -20 && decades > -60, `${decades}`)
    assert.ok(Math.abs(decades - Math.log10(norms[0]! / norms[long - 1]!)) < 1e-9)
  })

  test('of an IRNN at its start it is flat to 1e-5 while its units live', () => {
    const rnn = { cell: 'irnn', hidden: 100, init: { input: { kind: 'constant', value: 0.01 } } } as unknown
    for (const { label, backend } of backends) {
      using model = createModel({ input: 2, rnn, head: regression(1) } as ModelInput, { backend })
      assert.ok(read(model, x).h[0]!.every((unit) => unit > 0))
      const { verdict, decades, norms } = gradientFlow(model, x, [1])
      assert.equal(verdict, 'carried')
      assert.ok(Math.abs(decades) < 1e-5, `${label}: ${decades}`)
      assert.ok(norms.every((norm) => Math.abs(norm / norms[long - 1]! - 1) < 1e-5))
    }
  })

  test('of a recurrent matrix of 1.1 times the identity it explodes', () => {
    const recurrent = { kind: 'identity', scale: 1.1 }
    const rnn = { cell: 'irnn', hidden: 20, init: { recurrent, input: { kind: 'constant', value: 0.01 } } } as unknown
    using model = createModel({ input: 2, rnn, head: regression(1) } as ModelInput, { backend: reference })
    const { verdict, decades } = gradientFlow(model, x, [1])
    assert.equal(verdict, 'explodes')
    assert.ok(Math.abs(decades - (long - 1) * Math.log10(1.1)) < 1e-6)
  })
})

test('what does not fit is refused in a line, and memory comes back', () => {
  using model = createModel(spec('lstm', 1, 'last'), { backend: reference })
  const cases: [() => unknown, RegExp][] = [
    [() => read(model, [1, 2, 3]), /^sequence: expected at least one step of 2 values but received/],
    [() => read(model, []), /^sequence: expected at least one step of 2 values/],
    [() => read(model, [1, Number.NaN]), /^batch: x/],
    [() => read(model, { x: [1, 2], y: [1] } as never), /^sequence: .*y/],
    [() => gradientFlow(model, X, [3]), /^batch: y/],
    [() => gradientFlow(model, X, [1, 2]), /^batch: y/],
    [() => gradientFlow(model, X, [1], { los: crossEntropy() } as never), /^gradientFlow: .*los/],
    [() => connectivity(model, X, T, 0), /^connectivity: t: expected a whole number from 0 to 5 but received 6$/],
    [() => connectivity(model, X, 0, 1.5), /^connectivity: k: expected a whole number from 0 to 2 but received 1.5$/],
  ]
  for (const [call, message] of cases) assert.throws(call, { name: 'InputError', message })
  const rnn = { cell: 'gru', hidden: 3, bidirectional: true } as const
  using two = createModel({ input: 2, rnn, head: classification(3) }, { backend: reference })
  assert.throws(() => read(two, X), /^InputError: read: a bidirectional model reads the sequence from its end/)
})
