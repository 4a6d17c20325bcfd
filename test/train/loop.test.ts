// The loop on every backend: it learns, repeats itself to the bit, stops when told, leaves the event loop alive, and
// says where it failed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '../../src/backend/backend.ts'
import { createBackend } from '../../src/backend/choose.ts'
import { InputError } from '../../src/error.ts'
import { classification, gaussian, irnn, regression } from '../../src/index.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import type { Task } from '../../src/task.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { clipDerivative, noClip } from '../../src/train/clip.ts'
import { DivergenceError } from '../../src/train/divergence.ts'
import { evaluate } from '../../src/train/evaluate.ts'
import { decodeEvent, encodeEvent, type TrainEvent } from '../../src/train/events.ts'
import { createIteration } from '../../src/train/iteration.ts'
import { train } from '../../src/train/loop.ts'
import { adam, sgd } from '../../src/train/optim.ts'
import { type TrainOptions, trainSpec } from '../../src/train/options.ts'
import { backends, relativeError } from '../support/backends.ts'

const TINY = adding({ T: 6, train: 500, test: 100 })

function tiny(backend: Backend, hidden = 20): Model {
  const head = regression(1, { init: gaussian(0.1) })
  return createModel({ input: 2, rnn: irnn(hidden, { inputStd: 0.1 }), head }, { backend, seed: 3 })
}

async function collect(
  model: Model,
  task: Task,
  options: TrainOptions & { signal?: AbortSignal },
): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const event of train(model, task, options)) events.push(event)
  return events
}

for (const { label, backend } of backends) {
  test(`${label}: a small adding problem is learnt, and the run ends at its target`, async () => {
    const model = tiny(backend)
    const task = adding({ T: 10, train: 20_000, test: 200 })
    const options = { iterations: 3000, evalEvery: 100, optimizer: adam({ lr: 3e-3 }), target: 0.01 }
    const done = (await collect(model, task, options)).at(-1)!
    assert.ok(done.type === 'done' && done.reason === 'target' && !done.stopped)
    assert.ok(done.test!.mse! <= 0.01 && done.iteration < 3000 && done.iteration % 100 === 0)
    assert.deepEqual(await evaluate(model, task), done.test)
    model.dispose()
  })

  test(`${label}: the same seed gives the same bits`, async () => {
    const run = async () => {
      const model = tiny(backend)
      await collect(model, TINY, { iterations: 40, evalEvery: 7 })
      const weights = Array.from(model.weights)
      model.dispose()
      return weights
    }
    const first = await run()
    assert.ok(first.every(Number.isFinite))
    assert.deepEqual(await run(), first)
  })

  test(`${label}: loss and gradients summed over the batch are the mean ones times the batch`, async () => {
    const weights = async (options: TrainOptions) => {
      const model = tiny(backend)
      const events = await collect(model, TINY, { iterations: 10, batch: 8, clip: noClip(), ...options })
      return { w: Array.from(model.weights), loss: events.find((e) => e.type === 'step')!.loss.mean }
    }
    const mean = await weights({ optimizer: sgd({ lr: 0.08 }), reduction: 'mean' })
    const sum = await weights({ optimizer: sgd({ lr: 0.01 }), reduction: 'sum' })
    assert.ok(Math.abs(sum.loss - mean.loss) < 1e-5 * mean.loss)
    assert.ok(relativeError(sum.w, mean.w) < 1e-5)
  })

  test(`${label}: what is not finite ends the run before it reaches the weights`, async () => {
    const model = tiny(backend)
    const events: TrainEvent[] = []
    const options = { iterations: 500, optimizer: sgd({ lr: 1e6 }), clip: noClip() }
    await assert.rejects(
      async () => {
        for await (const event of train(model, TINY, options)) events.push(event)
      },
      (error: Error) => {
        assert.ok(error instanceof DivergenceError)
        assert.match(
          error.message,
          /^training diverged at iteration \d+: loss .*, gradient norm .*; try a lower learning rate/,
        )
        assert.ok(error.iteration < 500 && !(Number.isFinite(error.loss) && Number.isFinite(error.gradNorm)))
        const last = events.at(-1)!
        assert.ok(last.type === 'step' && last.iteration === error.iteration - 1)
        assert.ok(!Number.isFinite(last.loss.max + last.gradNorm.max))
        assert.ok(Array.from(model.weights).every((w) => !Number.isNaN(w)))
        return true
      },
    )
    model.dispose()
  })
}

const backend = await createBackend({})

test('weights do not depend on the number of threads', async () => {
  const run = async (threads: number) => {
    const model = tiny(await createBackend({ threads }), 33)
    await collect(model, TINY, { iterations: 30, batch: 19 })
    return Array.from(model.weights)
  }
  const one = await run(1)
  for (const threads of [2, 4]) assert.deepEqual(await run(threads), one)
})

test('step records cover every iteration once; evaluations come when they should; done repeats the last', async () => {
  const events = await collect(tiny(backend), TINY, { iterations: 47, stepEvery: 10, evalEvery: 20 })
  const steps = events.filter((e) => e.type === 'step')
  assert.deepEqual(
    steps.map((e) => [e.iteration, e.window]),
    [
      [10, 10],
      [20, 10],
      [30, 10],
      [40, 10],
      [47, 7],
    ],
  )
  for (const { loss, gradNorm, clippedShare, liveShare, lr, iterationsPerSecond } of steps) {
    for (const { mean, min, max } of [loss, gradNorm]) assert.ok(min <= mean && mean <= max && min > 0)
    assert.ok(clippedShare! >= 0 && clippedShare! <= 1 && liveShare > 0 && liveShare <= 1)
    assert.ok(lr === 1e-3 && iterationsPerSecond > 0)
  }
  const evals = events.filter((e) => e.type === 'eval')
  assert.deepEqual(
    evals.map((e) => e.iteration),
    [20, 40, 47],
  )
  const done = events.at(-1)!
  assert.ok(done.type === 'done' && done.reason === 'iterations' && done.iteration === 47)
  assert.deepEqual(done.test, evals.at(-1)!.test)
  for (let i = 1; i < events.length; i++) assert.ok(events[i]!.seconds >= events[i - 1]!.seconds)
})

test('clipping by derivative bounds the gradients, and its share is not made up', async () => {
  const norm = async (limit: number) => {
    const options = { iterations: 1, optimizer: sgd({ lr: 1e-3 }), clip: clipDerivative(limit) }
    const [step] = (await collect(tiny(backend), TINY, options)) as [TrainEvent]
    assert.ok(step.type === 'step')
    assert.equal(step.clippedShare, null)
    return step.gradNorm.mean
  }
  assert.ok((await norm(1e-4)) < (await norm(1e4)))
})

test('a signal stops the run: its last record is done, and says so', async () => {
  const stop = new AbortController()
  const events: TrainEvent[] = []
  for await (const event of train(tiny(backend), TINY, { iterations: 1_000_000, evalEvery: 40, signal: stop.signal })) {
    events.push(event)
    if (event.iteration === 50) stop.abort()
  }
  const done = events.at(-1)!
  assert.ok(done.type === 'done' && done.stopped && done.reason === 'stopped')
  assert.ok(done.iteration >= 50 && done.iteration < 60)
  assert.equal(done.test!.mse, events.find((e) => e.type === 'eval')!.test.mse)
  const early = await collect(tiny(backend), TINY, { signal: AbortSignal.abort() })
  assert.deepEqual(
    early.map((e) => [e.type, e.iteration]),
    [['done', 0]],
  )
})

test('timers fire while it trains and while it evaluates', async () => {
  const task = adding({ T: 50, train: 100, test: 20_000 })
  const stop = new AbortController()
  let latest = performance.now()
  const start = latest
  let fired = 0
  const timer = setInterval(() => {
    fired += 1
    latest = performance.now()
    if (latest - start > 400) stop.abort()
  }, 5)
  const options = { iterations: 1_000_000, evalEvery: 100, signal: stop.signal }
  const done = (await collect(tiny(backend, 50), task, options)).at(-1)!
  clearInterval(timer)
  assert.ok(done.type === 'done' && done.stopped)
  assert.ok(fired >= 5, `${fired} times`)
})

test('what a run is made of is plain data in reach', async () => {
  const training = createIteration(tiny(backend), TINY, trainSpec())
  assert.equal(training.iterate(), true)
  assert.equal(training.optimizer.iteration, 1)
  assert.deepEqual(training.stream.getState(), { epoch: 0, position: 16 })
  training.dispose()
  assert.deepEqual(Object.keys(training.optimizer.state), [])
})

test('what cannot work is refused at once, in one line', () => {
  const model = tiny(backend)
  const refused = (work: () => unknown, pattern: RegExp) =>
    assert.throws(work, (error: Error) => {
      assert.ok(error instanceof InputError, String(error))
      assert.match(error.message, pattern)
      return !error.message.includes('\n')
    })
  refused(() => train(model, TINY, { batch: 501 }), /batch: expected at most 500, .* but received 501/)
  refused(() => train(model, TINY, { batch: 0 }), /training: batch: expected a .* but received 0/)
  refused(
    () => train(model, TINY, { optimizer: adam({ lr: Number.NaN }) }),
    /optimizer.lr: expected a number but received NaN/,
  )
  refused(
    () => train(model, TINY, { clip: { kind: 'norm', limit: -1 } }),
    /clip.limit: expected a number > 0 but received -1/,
  )
  refused(() => train(model, TINY, { iterations: 1.5 }), /iterations: expected a whole number but received 1.5/)
  refused(() => train(model, TINY, { iteratoins: 3 } as object), /iteratoins/)
  refused(() => trainSpec({ iterations: 1_000_000, stepEvery: 10 }), /stepEvery: expected at least 50/)
  const make = (input: number, head: ReturnType<typeof regression>) =>
    createModel({ input, rnn: irnn(3), head }, { backend })
  refused(
    () => train(make(3, regression(1)), TINY),
    /model: input: expected size 2 for task adding but received size 3/,
  )
  refused(() => train(make(2, classification(1)), TINY), /head.kind: expected "regression"/)
  refused(() => train(make(2, regression(1, { steps: 'every' })), TINY), /head.steps: expected "last"/)
})

test('an event survives JSON, numbers that JSON has not included', () => {
  const spread = { mean: Number.NaN, min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
  const event: TrainEvent = {
    type: 'step',
    iteration: 12_345_678,
    seconds: 0.125,
    window: 3,
    loss: spread,
    gradNorm: { ...spread, mean: 1.5 },
    clippedShare: null,
    liveShare: 0.25,
    lr: 1e-8,
    iterationsPerSecond: 800,
  }
  const line = encodeEvent(event)
  assert.ok(!line.includes('\n') && line.includes('"NaN"') && line.includes('"-Infinity"'))
  assert.deepEqual(decodeEvent(line), event)
})
