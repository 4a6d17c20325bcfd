// What goes wrong in a run is found in its records, once, with what helps; and nothing where all is well.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertLine, alertsOf, alertWatch } from '../../src/figures/alerts.ts'
import {
  adding,
  constantRate,
  createBackend,
  createModel,
  irnn,
  noClip,
  regression,
  type StepEvent,
  sgd,
  type TrainEvent,
  train,
} from '../../src/index.ts'

const spread = (mean: number, max = mean) => ({ mean, min: mean, max })

function step(iteration: number, loss: number, more: Partial<StepEvent> = {}): StepEvent {
  const rest = { seconds: 1, window: 1, clippedShare: null, liveShare: 0.7, lr: 0.1, iterationsPerSecond: 10 }
  return { type: 'step', iteration, loss: spread(loss), gradNorm: spread(1), ...rest, ...more }
}

const falling = Array.from({ length: 100 }, (_, i) => step(i + 1, 1 / (1 + i / 10) + 0.05 * Math.sin(i)))
const kinds = (events: readonly TrainEvent[]) => alertsOf(events).map(({ kind, iteration }) => `${kind} ${iteration}`)

test('a run that goes well has none', () => {
  assert.deepEqual(kinds(falling), [])
  assert.deepEqual(kinds([]), [])
  assert.deepEqual(kinds([...falling].reverse().map((one, i) => ({ ...one, iteration: i + 1 }))), [])
})

test('a spike of one iteration within a record, and one that lasts, once each and until when', () => {
  const single = falling.with(50, step(51, 0.2, { loss: spread(0.2, 1e4) }))
  const [spike, ...others] = alertsOf(single)
  assert.deepEqual(others, [])
  assert.match(
    alertLine(spike!),
    /^iteration 51: the loss jumps to 10000, [\d.]+ times the usual, over at iteration 52: lower/,
  )
  const long = falling.map((one, i) => (i >= 60 && i < 70 ? step(i + 1, 40) : one))
  assert.deepEqual(kinds(long), ['spike 61'])
  assert.match(alertsOf(long)[0]!.message, /over at iteration 71$/)
  const never = falling.map((one, i) => (i >= 60 ? step(i + 1, 40) : one))
  assert.match(alertsOf(never)[0]!.message, /not over yet$/)
  assert.equal(alertsOf(never)[0]!.level, 'error')
  // Before it is known what is usual, 10,000 times the least of the first record; of a run that goes on later, nothing.
  const early = falling.with(3, step(4, 0.2, { loss: spread(1e6, 1e7) })).slice(0, 10)
  assert.match(alertsOf(early)[0]!.message, /^training explodes, a loss of 10000000, [\de.]+ times the first, over at/)
  assert.deepEqual(kinds(early.map((one) => ({ ...one, iteration: one.iteration + 5000 }))), [])
})

test('minibatches of one sequence have small losses by chance; what explodes in the first record is seen there', () => {
  const one = (iteration: number, { mean, min, max }: StepEvent['loss']) =>
    step(iteration, mean, { window: 100, loss: { mean, min, max } })
  const chance = { mean: 0.17, min: 1e-7, max: 0.9 }
  assert.deepEqual(kinds([one(100, chance), one(200, chance)]), [])
  assert.deepEqual(kinds([one(100, chance), one(200, { ...chance, mean: 1.6 })]), [])
  assert.deepEqual(kinds([one(100, chance), one(200, { ...chance, mean: 1.8, max: 200 })]), ['exploding 200'])
  assert.deepEqual(kinds([one(100, { mean: 7e15, min: 0.1, max: 7e17 }), one(200, chance)]), ['exploding 100'])
})

test('losses that are not finite, dead units, a gradient that vanishes, no better evaluations', () => {
  assert.deepEqual(kinds([...falling, step(101, Number.NaN), step(102, Number.POSITIVE_INFINITY)]), ['nan 101'])
  const dead = falling.map((one, i) => (i < 85 ? one : { ...one, liveShare: 0.01 }))
  assert.deepEqual(kinds(dead), ['dead 86'])
  assert.deepEqual(kinds([...dead, step(101, 0.1)]), [], 'they live again')
  const still = falling.map((one, i) => (i < 90 ? one : { ...one, gradNorm: spread(1e-12) }))
  assert.deepEqual(kinds(still), ['vanishing 91'])
  assert.deepEqual(kinds(still.slice(0, 99)), [], 'too few to tell')
  const scored = (iteration: number, mse: number): TrainEvent => ({
    type: 'eval',
    iteration,
    seconds: 1,
    test: { loss: mse, mse },
  })
  const evals = Array.from({ length: 15 }, (_, i) => scored(i + 1, i === 3 ? 0.1 : 0.2))
  assert.match(alertLine(alertsOf(evals)[0]!), /^iteration 4: no better than MSE 0.1 in 11 evaluations since: /)
  assert.deepEqual(kinds(evals.slice(0, 13)), [])
})

test('a gradient that grows or vanishes by less than a factor of ten is no trouble', () => {
  const probe = (iteration: number, decades: number): TrainEvent => {
    const verdict = decades > 0 ? 'explodes' : 'vanishes'
    const curves = { flow: [0], flowLow: [0], flowHigh: [0], hNorm: [0], activeT: [0] }
    return { type: 'probe', iteration, seconds: 1, T: 20, every: 1, decades, verdict, rho: null, ...curves }
  }
  assert.deepEqual(kinds([probe(0, 0.4), probe(5, -0.9)]), [])
  assert.deepEqual(kinds([probe(0, 0.4), probe(5, -1.2), probe(9, -3)]), ['vanishing 5'])
  assert.deepEqual(kinds([probe(0, -2), probe(5, 1.1)]), ['exploding 5'])
  assert.deepEqual(kinds([probe(0, -2), probe(5, 0.1)]), [])
  assert.deepEqual(kinds([probe(0, Number.NEGATIVE_INFINITY)]), ['vanishing 0'])
})

test('who writes the records hears of it with the record that shows it, and once', () => {
  const heard = (events: readonly TrainEvent[]) => {
    const watch = alertWatch()
    return events.flatMap((event) => watch.add(event).map(({ kind, iteration }) => [event.iteration, kind, iteration]))
  }
  const spike = falling.with(50, step(51, 0.2, { loss: spread(0.2, 1e4) }))
  assert.deepEqual(heard(spike), [[51, 'spike', 51]])
  const long = falling.map((one, i) => (i >= 60 && i < 70 ? step(i + 1, 40) : one))
  assert.deepEqual(heard(long), [[61, 'spike', 61]])
  const dead = falling.map((one, i) => (i < 80 ? one : { ...one, liveShare: 0.01 }))
  assert.deepEqual(heard([...dead, step(101, 0.1)]), [[90, 'dead', 81]])
  assert.deepEqual(heard([...falling, step(101, Number.NaN), step(102, Number.NaN)]), [[101, 'nan', 101]])
  const collapse = (iteration: number, finite: boolean): TrainEvent => {
    return { type: 'collapse', iteration, seconds: 1, loss: 9, best: 0.1, finite }
  }
  assert.deepEqual(heard([collapse(5, false), step(6, Number.NaN), collapse(7, true)]), [
    [5, 'nan', 5],
    [7, 'exploding', 7],
  ])
  const scored = (iteration: number, mse: number): TrainEvent => ({
    ...{ type: 'eval', iteration, seconds: 1, test: { loss: mse, mse } },
  })
  const evals = Array.from({ length: 30 }, (_, i) => scored(i + 1, i === 3 ? 0.1 : 0.2))
  assert.deepEqual(heard(evals), [[14, 'plateau', 4]])
})

test('an IRNN at ten times a rate that trains explodes, and is told what helps', async () => {
  const events = async (lr: number) => {
    using backend = await createBackend({ name: 'reference' })
    using model = createModel({ input: 2, rnn: irnn(20, { inputStd: 0.1 }), head: regression(1) }, { backend })
    const task = adding({ T: 30, train: 200, test: 20 })
    const seen: TrainEvent[] = []
    const optimizer = sgd({ lr })
    const how = {
      optimizer,
      schedule: constantRate(),
      clip: noClip(),
      batch: 8,
      iterations: 100,
      stepEvery: 1,
      evalEvery: 100,
    }
    try {
      for await (const event of train(model, task, how)) seen.push(event)
    } catch (error) {
      assert.equal((error as Error).name, 'DivergenceError')
    }
    return seen
  }
  assert.deepEqual(kinds(await events(0.01)), [])
  const alerts = alertsOf(await events(0.1))
  assert.deepEqual(
    alerts.map(({ kind, level, iteration }) => [kind, level, iteration < 20]),
    [
      ['nan', 'error', true],
      ['exploding', 'error', true],
    ],
  )
  assert.match(alerts[1]!.message, /^training explodes, a loss of [\d.e]+, [\d.e]+ times the first, not over yet$/)
  assert.match(alerts[0]!.remedy, /^lower the learning rate, to a tenth say, or clip the gradient$/)
})
