// A run taken up again anywhere is the run that was never stopped: weights to the bit, records to the last number but
// time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '../../src/backend/backend.ts'
import { createBackend } from '../../src/backend/choose.ts'
import { InputError } from '../../src/error.ts'
import { gaussian, irnn, regression } from '../../src/index.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { noClip } from '../../src/train/clip.ts'
import { growingLengths } from '../../src/train/curriculum.ts'
import { DivergenceError } from '../../src/train/divergence.ts'
import { encodeEvent, type TrainEvent } from '../../src/train/events.ts'
import { extras } from '../../src/train/extras.ts'
import { train } from '../../src/train/loop.ts'
import { muon, type OptimizerSpec, rmsprop, sgd } from '../../src/train/optim.ts'
import type { TrainOptions } from '../../src/train/options.ts'
import type { RunState } from '../../src/train/runState.ts'
import { cosineRate, halvingRate } from '../../src/train/schedule.ts'
import { backends } from '../support/backends.ts'

const TASK = adding({ T: 6, train: 100, test: 60 })
const OPTIONS: TrainOptions = { iterations: 50, stepEvery: 10, evalEvery: 15, probeEvery: 12, evalBatch: 20 }

function tiny(backend: Backend): Model {
  const head = regression(1, { init: gaussian(0.1) })
  return createModel({ input: 2, rnn: irnn(8, { inputStd: 0.1 }), head }, { backend, seed: 3 })
}

/** A record without what measures time. */
function timeless(event: TrainEvent): object {
  const { seconds: _, ...rest } = event
  return 'iterationsPerSecond' in rest ? { ...rest, iterationsPerSecond: 0 } : rest
}

/** As a file would hold it: copies, through JSON. */
function stored(state: RunState): RunState {
  const { optimizer, ...rest } = state
  const arrays = Object.entries(optimizer).map(([name, array]) => [name, array.slice()] as const)
  return { ...(JSON.parse(JSON.stringify(rest)) as typeof rest), optimizer: Object.fromEntries(arrays) }
}

/** All records of a run with a checkpoint every iteration, and what it was at each: state, weights, records before. */
async function whole(backend: Backend, options: TrainOptions) {
  const model = tiny(backend)
  const records: object[] = []
  const points: { state: RunState; weights: Model['weights']; records: number }[] = []
  const run = train(model, TASK, { extras, ...options, checkpoints: { every: 1 } })
  for await (const event of run) {
    if (event.type !== 'checkpoint') records.push(timeless(event))
    // Before a checkpoint is due, and after any other record but the last: everywhere is a place to be killed.
    if (event.type !== 'done') {
      points.push({ state: stored(run.getState()), weights: model.weights.slice(), records: records.length })
    }
  }
  return { records, points, weights: Array.from(model.weights) }
}

for (const { label, backend } of backends) {
  for (const optimizer of [undefined, sgd({ lr: 0.05, momentum: 0.5 }), rmsprop()] as (OptimizerSpec | undefined)[]) {
    test(`${label}, ${optimizer?.kind ?? 'adam'}: from every point of a run to the same end`, async () => {
      const { records, points, weights } = await whole(backend, { ...OPTIONS, optimizer })
      assert.ok(points.length > 50)
      for (const point of points.filter((_, i) => i % 3 === 0 || i > points.length - 4)) {
        const model = tiny(backend)
        model.weights.set(point.weights)
        const after: object[] = []
        for await (const event of train(model, TASK, { extras, ...OPTIONS, optimizer, resume: point.state })) {
          assert.ok(event.seconds >= point.state.seconds)
          after.push(timeless(event))
        }
        assert.deepEqual([...records.slice(0, point.records), ...after], records)
        assert.deepEqual(Array.from(model.weights), weights)
        model.dispose()
      }
    })
  }
}

const backend = await createBackend({})

test('a rate that has fallen stays fallen, and the run ends where the whole one did', async () => {
  const schedule = halvingRate({ improvement: 0.1, most: 3 })
  const options = { ...OPTIONS, iterations: 200, evalEvery: 5, optimizer: sgd({ lr: 0.05 }), schedule }
  const { records, points, weights } = await whole(backend, options)
  const rates = new Set(points.map(({ state }) => state.rate.drops))
  assert.deepEqual([...rates], [0, 1, 2, 3, 4])
  const done = records.at(-1) as TrainEvent
  assert.ok(done.type === 'done' && done.reason === 'plateau' && !done.stopped && done.iteration < 200)
  for (const point of points) {
    const model = tiny(backend)
    model.weights.set(point.weights)
    const after: object[] = []
    for await (const event of train(model, TASK, { extras, ...options, resume: point.state }))
      after.push(timeless(event))
    assert.deepEqual([...records.slice(0, point.records), ...after], records)
    assert.deepEqual(Array.from(model.weights), weights)
    model.dispose()
  }
})

test('a curriculum: from every point of a run to the same end, in the same stages', async () => {
  const optimizer = muon({ lr: 0.05, perSequence: 0.1 })
  const curriculum = growingLengths({ from: 2, factor: 1.5, iterations: 12 })
  const options = { ...OPTIONS, optimizer, curriculum, schedule: cosineRate() }
  const { records, points, weights } = await whole(backend, options)
  assert.equal(records.filter((event) => (event as TrainEvent).type === 'stage').length, 4)
  for (const point of points) {
    const model = tiny(backend)
    model.weights.set(point.weights)
    const after: object[] = []
    for await (const event of train(model, TASK, { extras, ...options, resume: point.state }))
      after.push(timeless(event))
    assert.deepEqual([...records.slice(0, point.records), ...after], records)
    assert.deepEqual(Array.from(model.weights), weights)
    model.dispose()
  }
})

test('the evaluation at the end of a run, which a longer one has not, moves no rate', async () => {
  const schedule = halvingRate({ improvement: 0.9 })
  const options = { ...OPTIONS, iterations: 12, evalEvery: 5, schedule }
  const { points } = await whole(backend, options)
  assert.equal(points.at(-1)!.state.evaluated, 12)
  assert.equal(points.at(-1)!.state.rate.drops, 1)
})

test('a run stopped by its signal, wherever, goes on as if it had not been', async () => {
  const { records, weights } = await whole(backend, OPTIONS)
  for (const at of [1, 9, 10, 15, 30, 49]) {
    const stop = new AbortController()
    const model = tiny(backend)
    const before: object[] = []
    let state: RunState | undefined
    // Aborted at a record of the iteration: an evaluation due there is owed.
    const run = train(model, TASK, { extras, ...OPTIONS, stepEvery: 1, checkpoints: {}, signal: stop.signal })
    for await (const event of run) {
      if (event.iteration === at) stop.abort()
      if (event.type === 'checkpoint') state = stored(run.getState())
      else before.push(event)
    }
    assert.equal(state!.iteration, at)
    assert.ok((before.at(-1) as TrainEvent & { stopped: boolean }).stopped)
    const after: object[] = []
    for await (const event of train(model, TASK, { extras, ...OPTIONS, stepEvery: 1, resume: state })) after.push(event)
    assert.deepEqual(Array.from(model.weights), weights)
    const evals = [...before, ...after].filter((event) => (event as TrainEvent).type === 'eval') as TrainEvent[]
    assert.deepEqual(
      evals.map(timeless),
      records.filter((event) => (event as TrainEvent).type === 'eval'),
    )
  }
})

test('a run that has reached its target says done again, and trains no more', async () => {
  const options = { ...OPTIONS, target: 1e9 }
  const { records, points } = await whole(backend, options)
  const model = tiny(backend)
  const { state, weights } = points.at(-2)!
  model.weights.set(weights)
  const after: object[] = []
  for await (const event of train(model, TASK, { extras, ...options, resume: state })) after.push(timeless(event))
  assert.equal(state.iteration, 15)
  assert.deepEqual(after, records.slice(-2), 'the records of the minibatches that no step had reported, and done')
})

test('checkpoints come when asked for, and change nothing', async () => {
  const collect = async (checkpoints?: { every?: number }) => {
    const model = tiny(backend)
    const events: TrainEvent[] = []
    for await (const event of train(model, TASK, { extras, ...OPTIONS, checkpoints })) events.push(event)
    return { events, weights: Array.from(model.weights) }
  }
  const without = await collect()
  const seldom = await collect({})
  const often = await collect({ every: 7 })
  const iterations = (events: TrainEvent[]) => events.filter((e) => e.type === 'checkpoint').map((e) => e.iteration)
  assert.deepEqual(iterations(without.events), [])
  assert.deepEqual(iterations(seldom.events), [50])
  assert.deepEqual(iterations(often.events), [7, 14, 21, 28, 35, 42, 49, 50])
  for (const { events, weights } of [seldom, often]) {
    assert.deepEqual(weights, without.weights)
    assert.deepEqual(events.filter((e) => e.type !== 'checkpoint').map(timeless), without.events.map(timeless))
  }
  assert.throws(() => train(tiny(backend), TASK, { extras, checkpoints: { every: 0 } }), {
    message: 'checkpoints: every: expected a whole number >= 1 but received 0',
  })
})

test('the state of another optimiser is refused', async () => {
  const { points } = await whole(backend, { ...OPTIONS, iterations: 2, optimizer: sgd() })
  assert.throws(
    () => train(tiny(backend), TASK, { extras, ...OPTIONS, resume: points[0]!.state }),
    (error: Error) =>
      error instanceof InputError && /optimizer.m: expected \d+ elements but received none/.test(error.message),
  )
})

/** A training set whose minibatches can be spoilt: y is multiplied by what `factor` says of each, counted from 1. */
function spoilt(factor: (n: number) => number): typeof TASK {
  return {
    ...TASK,
    train(B) {
      const stream = TASK.train(B)
      let n = 0
      return {
        getState: stream.getState,
        setState: stream.setState,
        epoch: 0,
        next() {
          const batch = stream.next()
          n += 1
          return { ...batch, y: Float32Array.from(batch.y as Float32Array, (y) => y * factor(n)) }
        },
      }
    },
  }
}

async function collapsing(task: typeof TASK, options: TrainOptions): Promise<{ events: TrainEvent[]; error: unknown }> {
  const events: TrainEvent[] = []
  const base = {
    iterations: 800,
    optimizer: sgd({ lr: 1e-9 }),
    evalEvery: 100,
    clip: noClip(),
    reduction: 'sum',
  } as const
  try {
    for await (const event of train(tiny(backend), task, { extras, ...base, ...options })) events.push(event)
    return { events, error: null }
  } catch (error) {
    return { events, error }
  }
}

test('a collapse is said, and the run goes on, or stops where told so', async () => {
  const task = spoilt((n) => (n > 350 && n <= 450 ? 10 : 1))
  const { events } = await collapsing(task, {})
  const said = events.filter((event) => event.type === 'collapse')
  assert.deepEqual(
    said.map(({ iteration, finite }) => [iteration, finite]),
    [[400, true]],
  )
  assert.ok(said[0]!.loss > 10 * said[0]!.best!)
  assert.equal(events.at(-1)!.iteration, 800)
  const stopped = (await collapsing(task, { onCollapse: 'stop' })).events.at(-1)!
  assert.ok(stopped.type === 'done' && stopped.reason === 'collapse' && stopped.stopped && stopped.iteration === 400)
  assert.equal(JSON.parse(encodeEvent(said[0]!)).type, 'collapse')
})

test('a minibatch that is not finite is left out; ten in a row are the end', async () => {
  // Targets that are finite in float32; the sum of their gradients is not.
  const FAR = 1.6e38
  const one = await collapsing(
    spoilt((n) => (n === 30 || n === 31 ? FAR : 1)),
    { iterations: 60 },
  )
  assert.equal(one.error, null)
  assert.deepEqual(
    one.events.flatMap((event) => (event.type === 'collapse' ? [[event.iteration, event.finite]] : [])),
    [[29, false]],
  )
  const done = one.events.at(-1)!
  assert.ok(done.type === 'done' && done.iteration === 60 && Number.isFinite(done.test!.mse))
  const many = await collapsing(
    spoilt((n) => (n >= 30 ? FAR : 1)),
    { iterations: 60 },
  )
  assert.ok(many.error instanceof DivergenceError && many.error.iteration === 30)
  assert.equal(many.events.filter((event) => event.type === 'collapse').length, 1)
  const stop = await collapsing(
    spoilt((n) => (n === 30 ? FAR : 1)),
    { iterations: 60, onCollapse: 'stop' },
  )
  assert.ok(stop.error instanceof DivergenceError && stop.error.iteration === 30)
})
