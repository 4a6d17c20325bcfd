/** Every place where numbers enter a model: what is put there, and what comes out. */
import type { Engine } from '../../src/backend/backend.ts'
import {
  classification,
  constant,
  createModel,
  evaluate,
  gru,
  irnn,
  lstm,
  type Model,
  type Plan,
  regression,
  type Task,
  tanh,
  train,
} from '../../src/index.ts'

type Run = (value: never) => ArrayLike<number> | Promise<ArrayLike<number>>

export interface Entry {
  readonly name: string
  /** Numbers that are right there. */
  readonly good: readonly number[]
  /** What whole numbers may be; absent: any number of float32. */
  readonly range?: readonly [least: number, most: number]
  /** Whether NaN says that there is none. */
  readonly missing?: boolean
  /** Whether there may be as many numbers as one likes. */
  readonly anyLength?: boolean
  make(backend: Engine): Run
}

const T = 2
const I = 2
const H = 3
const V = 7
const K = 4

const reals = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i + 1)))
const whole = (n: number, below: number): number[] => Array.from({ length: n }, (_, i) => (i * 3 + 1) % below)

const EVERY = { steps: 'every', init: constant(0.3) } as const
const VALUES = { input: I, rnn: lstm(H), head: classification(K, EVERY) } as const
const NORMALISED = { ...VALUES, input: { size: I, normalise: true } } as const
const TOKENS = { input: { vocabulary: V, embedding: 3 }, rnn: gru(H), head: classification(V, EVERY) } as const
const REGRESSION = { input: I, rnn: tanh(H), head: regression(1, EVERY) } as const
const BYTES = { input: 1, rnn: irnn(H, { inputStd: 0.5 }), head: regression(1, { init: constant(1) }) } as const
const STATISTICS = { mean: [0.25, -1], std: [0.5, 2] }

const make = (backend: Engine, spec: Parameters<typeof createModel>[0]): Model =>
  createModel(spec, { backend, normalisation: STATISTICS })

/** An entry of a plan, whose other inputs are good. */
function planned(spec: Parameters<typeof createModel>[0], B: number, run: (plan: Plan, value: never) => unknown) {
  return (backend: Engine): Run => {
    const plan = make(backend, spec).plan({ T, B })
    return (value) => {
      plan.resetState()
      run(plan, value)
      return plan.logits.slice()
    }
  }
}

const batchOf = (B: number): { T: number; B: number; x: number[]; y: number[] } => ({
  T,
  B,
  x: reals(T * B * I),
  y: whole(T * B, K),
})

function ofPlans(B: number): Entry[] {
  const rest = batchOf(B)
  const lengths = Array.from({ length: B }, (_, b) => 1 + (b % T))
  const forward = (name: string, spec: Parameters<typeof createModel>[0]) =>
    planned(spec, B, (plan, value) => plan.forward({ T, B, [name]: value }))
  const loss = (spec: Parameters<typeof createModel>[0]) => (backend: Engine) => {
    const plan = make(backend, spec).plan({ T, B })
    return (y: never) => {
      plan.forward(rest)
      const { loss, correct, count } = plan.loss({ ...rest, y }, { reduction: 'mean', gradient: true })
      plan.backward(rest)
      return [loss, correct, count, ...plan.gradients.dense]
    }
  }
  const carry = planned(VALUES, B, (plan, carry) => {
    plan.forward(rest)
    plan.forward({ ...rest, carry })
  })
  const state = (name: 'h' | 'c') =>
    planned(VALUES, B, (plan, value) => {
      plan.setState({ B, h: reals(B * H), c: reals(B * H), [name]: value })
      plan.forward(rest)
    })
  return [
    { name: 'plan.forward: x', good: reals(T * B * I), make: forward('x', VALUES) },
    { name: 'plan.forward: x, normalised', good: reals(T * B * I), make: forward('x', NORMALISED) },
    { name: 'plan.forward: tokens', good: whole(T * B, V), range: [0, V - 1], make: forward('tokens', TOKENS) },
    {
      name: 'plan.forward: lengths',
      good: lengths,
      range: [1, T],
      make: planned(VALUES, B, (plan, lengths) => plan.forward({ ...rest, lengths })),
    },
    { name: 'plan.forward: carry', good: whole(B, 2), range: [0, 1], make: carry },
    { name: 'plan.loss: y, classes', good: whole(T * B, K), range: [-1, K - 1], make: loss(VALUES) },
    { name: 'plan.loss: y, values', good: reals(T * B), missing: true, make: loss(REGRESSION) },
    { name: 'plan.setState: h', good: reals(B * H), make: state('h') },
    { name: 'plan.setState: c', good: reals(B * H), make: state('c') },
  ].map((entry) => ({ ...entry, name: `${entry.name}, B ${B}` })) as Entry[]
}

function ofBytes(): Entry[] {
  const B = 2
  const good = { bytes: whole(9, 256), starts: [0, 4], order: [3, 1], value: reals(256) }
  const last = { bytes: 255, starts: good.bytes.length - 1 - 3, order: good.bytes.length - 1 }
  return (['bytes', 'starts', 'order', 'value'] as const).map((name) => ({
    name: `plan.forward: bytes.${name}`,
    good: good[name],
    anyLength: name === 'bytes',
    ...(name !== 'value' && { range: [0, last[name]] as const }),
    make: planned(BYTES, B, (plan, value) => plan.forward({ T, B, bytes: { ...good, [name]: value } })),
  }))
}

function ofModels(B: number): Entry[] {
  const state = { B, h: reals(B * H), c: reals(B * H) }
  const x = reals(B * I)
  const all = (spec: Parameters<typeof createModel>[0], run: (model: Model, value: never) => ArrayLike<number>) => {
    return (backend: Engine): Run => {
      const model = make(backend, spec)
      return (value) => Array.from(run(model, value))
    }
  }
  const stepper = (spec: Parameters<typeof createModel>[0], part?: 'h' | 'c') => (backend: Engine) => {
    const stepper = make(backend, spec).stepper({ B })
    return (value: never) => {
      stepper.resetState()
      if (part) stepper.setState({ ...state, [part]: value })
      return stepper.step(part ? x : value).slice()
    }
  }
  const tokens = { good: whole(B, V), range: [0, V - 1] as const }
  return [
    { name: 'model.forward: x', good: x, make: all(VALUES, (model, x) => model.forward({ T: 1, B, x }).logits) },
    {
      name: 'model.forward: tokens',
      ...tokens,
      make: all(TOKENS, (m, tokens) => m.forward({ T: 1, B, tokens }).logits),
    },
    {
      name: 'model.forward: state.h',
      good: state.h,
      make: all(VALUES, (model, h) => model.forward({ T: 1, B, x }, { state: { ...state, h } }).logits),
    },
    { name: 'model.step: x', good: x, make: all(VALUES, (model, x) => model.step(x).logits) },
    {
      name: 'model.step: tokens',
      ...tokens,
      anyLength: true,
      make: all(TOKENS, (model, tokens) => model.step(tokens).logits),
    },
    {
      name: 'model.step: state.c',
      good: state.c,
      make: all(VALUES, (model, c) => model.step(x, { ...state, c }).logits),
    },
    { name: 'stepper.step: x', good: x, make: stepper(VALUES) },
    { name: 'stepper.step: x, normalised', good: x, make: stepper(NORMALISED) },
    { name: 'stepper.step: tokens', ...tokens, make: stepper(TOKENS) },
    { name: 'stepper.setState: h', good: state.h, make: stepper(VALUES, 'h') },
    { name: 'stepper.setState: c', good: state.c, make: stepper(VALUES, 'c') },
  ].map((entry) => ({ ...entry, name: `${entry.name}, B ${B}` })) as Entry[]
}

/** A task of one batch for training and test, with some of it in place of what is good. */
function taskOf(B: number, of: { train?: object; test?: object }): Task {
  const good = batchOf(B)
  const stream = { epoch: 0, next: () => ({ ...good, ...of.train }), getState: () => ({ epoch: 0, position: 0 }) }
  return {
    name: 'own',
    options: {},
    T,
    input: { size: I },
    head: { kind: 'classification', size: K, steps: 'every' },
    metric: 'accuracy',
    trainSize: B,
    testSize: B,
    train: () => ({ ...stream, setState: () => {} }) as never,
    test: () => [{ ...good, ...of.test }] as never,
  }
}

function ofTraining(B: number): Entry[] {
  const trained = (part: string) => (backend: Engine) => async (value: never) => {
    const model = make(backend, VALUES)
    for await (const _ of train(model, taskOf(B, { train: { [part]: value } }), { iterations: 2, batch: B }));
    return model.weights.slice()
  }
  const scored = (part: string) => (backend: Engine) => async (value: never) => {
    const { loss } = await evaluate(make(backend, VALUES), taskOf(B, { test: { [part]: value } }))
    return [loss]
  }
  const { x, y } = batchOf(B)
  return [
    { name: 'train: x', good: x, make: trained('x') },
    { name: 'train: y', good: y, range: [-1, K - 1], make: trained('y') },
    { name: 'evaluate: x', good: x, make: scored('x') },
    { name: 'evaluate: y', good: y, range: [-1, K - 1], make: scored('y') },
  ]
}

function ofStatistics(): Entry[] {
  return (['mean', 'std'] as const).map((name) => ({
    name: `createModel: normalisation.${name}`,
    good: [0.5, 1.5],
    make: (backend) => (value: never) => {
      const model = createModel(NORMALISED, { backend, normalisation: { ...STATISTICS, [name]: value } })
      return model.forward({ T: 1, B: 1, x: [1, 2] }).logits
    },
  }))
}

/** With few numbers, which are copied one by one, and with many. */
export const ENTRIES: readonly Entry[] = [
  ...[2, 40].flatMap((B) => [...ofPlans(B), ...ofModels(B)]),
  ...ofBytes(),
  ...ofTraining(3),
  ...ofStatistics(),
]
