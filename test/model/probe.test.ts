// Curves of a minibatch over its steps: those of gradientFlow and read of its sequences, one by one, on every backend.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import {
  type BatchInput,
  classification,
  createModel,
  decodeEvent,
  encodeEvent,
  gradientFlow,
  irnn,
  type Model,
  type ModelInput,
  read,
  regression,
  rng,
  tanh,
} from '../../src/index.ts'
import { modelOf } from '../../src/model/model.ts'
import { type ProbeCurves, Prober } from '../../src/model/probe.ts'
import { CELLS } from '../../src/model/spec.ts'
import { backends } from '../support/backends.ts'

const reference = referenceBackend()
const [T, B, H] = [6, 3, 5]
const LENGTHS = [6, 4, 1]
const random = rng(3, 'x')
/** [T,B,2] */
const X = Float64Array.from({ length: T * B * 2 }, () => random.normal())
const CLASSES = Array.from({ length: T * B }, (_, i) => (i * 7) % 3)
const init = { recurrent: { kind: 'gaussian', std: 0.5 }, input: { kind: 'gaussian', std: 0.7 } } as const

function spec(cell: (typeof CELLS)[number], steps: 'last' | 'every'): ModelInput {
  const head = classification(3, { steps, init: { kind: 'gaussian', std: 1 } })
  return { input: 2, rnn: { cell, hidden: H, layers: 2, init }, head } as unknown as ModelInput
}

/** What the public functions say of sequence b alone. */
function alone(model: Model, b: number, steps: 'last' | 'every') {
  const length = LENGTHS[b]!
  const x = Array.from({ length }, (_, t) => [X[(t * B + b) * 2]!, X[(t * B + b) * 2 + 1]!]).flat()
  const y = steps === 'last' ? [CLASSES[b]!] : Array.from({ length }, (_, t) => CLASSES[t * B + b]!)
  return { norms: gradientFlow(model, x, y).norms, h: read(model, x).h[1]!, length }
}

/** Quadratic means over the sequences that have each step. */
function expected(each: readonly { readonly at: (t: number) => number; readonly length: number }[]): number[] {
  return Array.from({ length: T }, (_, t) => {
    const there = each.filter(({ length }) => t < length)
    return Math.sqrt(there.reduce((sum, { at }) => sum + at(t) ** 2, 0) / there.length)
  })
}

function assertNear(found: readonly number[], wanted: readonly number[], limit: number): void {
  assert.equal(found.length, wanted.length)
  for (const [i, value] of found.entries()) {
    assert.ok(Math.abs(value - wanted[i]!) <= limit, `${i}: ${value}, not ${wanted[i]}`)
  }
}

for (const { label, backend } of backends) {
  describe(label, () => {
    const limit = backend.name === 'reference' ? 1e-9 : 1e-4
    for (const cell of CELLS) {
      for (const steps of ['last', 'every'] as const) {
        test(`${cell}, head on the ${steps}: sequences of unequal length, as each alone`, () => {
          using model = createModel(spec(cell, steps), { backend, seed: 5 })
          const before = model.weights.slice()
          const y = steps === 'last' ? CLASSES.slice(0, B) : CLASSES
          const found = probe(model, { T, B, x: X, y, lengths: LENGTHS })
          const each = LENGTHS.map((_, b) => alone(model, b, steps))
          // Alone, the loss is a mean over its own targets; together, over the targets of all, times B.
          const total = LENGTHS.reduce((sum, length) => sum + length, 0)
          const norms = each.map(({ norms, length }) => {
            const scale = steps === 'last' ? 1 : (B * length) / total
            return { at: (t: number) => scale * norms[t]!, length }
          })
          const sizes = each.map(({ h, length }) => ({
            at: (t: number) => Math.hypot(...h.subarray(t * H, (t + 1) * H)),
            length,
          }))
          assertNear(found.flow, expected(norms).map(Math.log10), limit)
          assertNear(found.hNorm, expected(sizes), limit)
          const [first] = [norms.map(({ at }) => at(0)).sort((a, b) => a - b)]
          assertNear([found.flowLow[0]!], [Math.log10(0.8 * first[0]! + 0.2 * first[1]!)], limit)
          assertNear([found.flowHigh[0]!], [Math.log10(0.8 * first[2]! + 0.2 * first[1]!)], limit)
          assert.ok(found.activeT.every((share) => share >= 0 && share <= 1))
          assert.deepEqual(model.weights, before)
        })
      }
    }
  })
}

function probe(model: Model, batch: BatchInput): ProbeCurves {
  const prober = new Prober(modelOf(model), batch)
  try {
    return prober.probe(batch, undefined)
  } finally {
    prober.dispose()
  }
}

test('one that has looked at a larger batch says of a smaller one what a new one says, after its end nothing', () => {
  for (const cell of CELLS) {
    using model = createModel(spec(cell, 'every'), { backend: reference, seed: 5 })
    const batch = { T, B, x: X, y: CLASSES, lengths: LENGTHS }
    const smaller = { T: T - 2, B: 1, x: X.slice(0, (T - 2) * 2), y: CLASSES.slice(0, T - 2) }
    const prober = new Prober(modelOf(model), batch)
    const first = prober.probe(batch, undefined)
    assert.deepEqual(prober.probe(smaller, undefined), probe(model, smaller))
    assert.deepEqual(prober.probe(batch, undefined), first)
    prober.dispose()
    prober.dispose()
    assert.throws(() => prober.probe(batch, undefined), /^InputError: probe: it is disposed of: train anew$/)
  }
})

function adding(T: number): { T: number; B: number; x: Float64Array; y: number[] } {
  const x = Float64Array.from({ length: T * 2 }, (_, i) =>
    i % 2 === 0 ? ((i * 37) % 101) / 101 : Number(i % 21 === 0),
  )
  return { T, B: 1, x, y: [1] }
}

function curves(model: Model, T: number): ProbeCurves {
  return probe(model, adding(T))
}

test('more than 128 steps come in buckets: quadratic means', () => {
  const rnn = tanh(6, { recurrent: { kind: 'gaussian', std: 0.4 } })
  using model = createModel({ input: 2, rnn, head: regression(1) }, { backend: reference })
  const { flow, every, activeT, T } = curves(model, 301)
  assert.deepEqual([T, every, flow.length, activeT.length], [301, 3, 101, 101])
  const { norms, decades, verdict } = gradientFlow(model, adding(301).x, [1])
  const means = Array.from({ length: 101 }, (_, k) => {
    const of = norms.slice(3 * k, 3 * k + 3)
    return Math.log10(Math.sqrt(of.reduce((sum, norm) => sum + norm ** 2, 0) / of.length))
  })
  assertNear(flow, means, 1e-9)
  const found = curves(model, 301)
  assert.deepEqual([found.decades.toFixed(9), found.verdict], [decades.toFixed(9), verdict])
})

test('the paper: tanh loses its gradient over 100 steps; at the start of an IRNN it is flat and units live', () => {
  const weak = tanh(50, { recurrent: { kind: 'gaussian', std: 0.05 }, input: { kind: 'gaussian', std: 0.1 } })
  using forgetful = createModel({ input: 2, rnn: weak, head: regression(1) }, { backend: reference })
  const { verdict, decades, flow } = curves(forgetful, 100)
  assert.equal(verdict, 'vanishes')
  assert.ok(decades < -20)
  assert.ok(Math.abs(flow[0]! - flow.at(-1)! - decades) < 1e-9)

  using carrying = createModel({ input: 2, rnn: irnn(50), head: regression(1) }, { backend: reference })
  const carried = curves(carrying, 100)
  // Units whose sum of inputs is negative at a step let no gradient through; the others let all of it.
  const late = carried.flow.slice(-1)[0]!
  assert.equal(carried.rho, 1)
  assert.equal(carried.verdict, 'carried')
  assert.ok(carried.activeT.at(-1)! > 0.2)
  assert.ok(carried.flow.every((value) => value <= late + 1e-9))
})

test('the spectral radius of a rotation that shrinks, and none for cells with gates', () => {
  using model = createModel({ input: 2, rnn: tanh(2), head: regression(1) }, { backend: reference })
  const { data } = model.parameters.find(({ name }) => name === 'rnn.weight_hh_l0')!
  data.set([0.9 * Math.cos(1), -0.9 * Math.sin(1), 0.9 * Math.sin(1), 0.9 * Math.cos(1)])
  assert.ok(Math.abs(curves(model, 4).rho! - 0.9) < 1e-9)
  data.set([0.5, 100, 0, -0.7])
  assert.ok(Math.abs(curves(model, 4).rho! - 0.7) < 0.01)
  data.fill(0)
  assert.equal(curves(model, 4).rho, 0)
  using gated = createModel(spec('lstm', 'last'), { backend: reference })
  assert.equal(probe(gated, { T: 1, B: 1, x: [1, 2], y: [0] }).rho, null)
})

test('what is exactly 0 is -Infinity, in a record as a string', () => {
  using model = createModel({ input: 2, rnn: irnn(4), head: regression(1) }, { backend: reference })
  for (const { name, data } of model.parameters) if (name.startsWith('rnn.')) data.fill(name.includes('bias') ? -1 : 0)
  const found = curves(model, 3)
  assert.deepEqual(found.flow.slice(0, 2), [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])
  assert.deepEqual([found.verdict, found.activeT], ['vanishes', [0, 0, 0]])
  const line = encodeEvent({ type: 'probe', iteration: 0, seconds: 0, ...found })
  assert.match(line, /"flow":\["-Infinity","-Infinity",/)
  assert.deepEqual((decodeEvent(line) as unknown as ProbeCurves).flow.slice(0, 2), found.flow.slice(0, 2))
})
