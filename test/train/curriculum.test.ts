// A curriculum of lengths: its stages by hand, and a run with one beside what it means, one run after the other on
// longer and longer sequences.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Backend } from '../../src/backend/backend.ts'
import { irnn, regression } from '../../src/index.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import type { Task } from '../../src/task.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { growingLengths, lengthsOf, noCurriculum, stageAfter, stagesOf } from '../../src/train/curriculum.ts'
import type { StageEvent, TrainEvent } from '../../src/train/events.ts'
import { train } from '../../src/train/loop.ts'
import { adam, muon, sgd } from '../../src/train/optim.ts'
import type { TrainOptions } from '../../src/train/options.ts'
import { constantRate, cosineRate, halvingRate } from '../../src/train/schedule.ts'
import { backends } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const TASK = adding({ T: 11, train: 90, test: 20, inputs: 'normalised' })

function tiny(backend: Backend): Model {
  const spec = { input: { size: 2, normalise: true }, rnn: irnn(8, { inputStd: 0.1 }), head: regression(1) } as const
  return createModel(spec, { backend, seed: 3, normalisation: TASK.normalisation })
}

async function trained(model: Model, task: Task, options: TrainOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const event of train(model, task, { batch: 8, stepEvery: 5, evalEvery: 100, ...options })) {
    events.push(event)
  }
  return events
}

test('lengths grow by the factor, at least by a step, and end with that of the task', () => {
  const lengths = (T: number, options?: object) => lengthsOf(growingLengths(options), T)
  assert.deepEqual(lengths(1000), [100, 200, 400, 800, 1000])
  assert.deepEqual(lengths(400), [100, 200, 400])
  assert.deepEqual(lengths(401), [100, 200, 400, 401])
  assert.deepEqual(lengths(100), [100])
  assert.deepEqual(lengths(3), [3])
  assert.deepEqual(lengths(7, { from: 2, factor: 1.1 }), [2, 3, 4, 5, 6, 7])
  assert.deepEqual(lengths(60, { from: 20, factor: 1.5 }), [20, 30, 45, 60])
  assert.deepEqual(lengthsOf(noCurriculum(), 1000), [1000])
})

test('stages follow each other without a gap; the last one has no end', () => {
  const stages = stagesOf(growingLengths({ from: 4, iterations: 7 }), TASK)
  assert.deepEqual(
    stages.map(({ task, begin, end }) => [task.T, begin, end]),
    [
      [4, 0, 7],
      [8, 7, 14],
      [11, 14, null],
    ],
  )
  const at = [0, 6, 7, 13, 14, 9999].map((iterations) => stages.indexOf(stageAfter(stages, iterations)))
  assert.deepEqual(at, [0, 0, 1, 1, 2, 2])
  assert.equal(stages.at(-1)!.task, TASK)
})

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const optimizer of [
      adam(),
      sgd({ momentum: 0.5 }),
      muon({ lr: 0.05, perSequence: 0.3, adam: { lr: 0.01 } }),
    ]) {
      test(`${optimizer.kind}: it is one run after the other, each with an optimiser of its own`, async () => {
        const curriculum = growingLengths({ from: 3, iterations: 7 })
        const grown = tiny(backend)
        const events = await trained(grown, TASK, { optimizer, curriculum, iterations: 40, schedule: cosineRate() })
        const model = tiny(backend)
        for (const [T, iterations] of [
          [3, 7],
          [6, 7],
          [11, 26],
        ] as const) {
          const task = T === TASK.T ? TASK : TASK.shortened!(T)
          const schedule = T === TASK.T ? cosineRate() : constantRate()
          const limited =
            optimizer.kind === 'muon' ? muon({ lr: Math.min(0.05, 0.3 / T), adam: { lr: 0.01 } }) : optimizer
          await trained(model, task, { optimizer: limited, iterations, schedule })
        }
        assert.deepEqual(Array.from(grown.weights), Array.from(model.weights))
        const stages = events.filter((event): event is StageEvent => event.type === 'stage')
        assert.deepEqual(
          stages.map(({ iteration, T, end }) => [iteration, T, end]),
          [
            [0, 3, 7],
            [7, 6, 14],
            [14, 11, null],
          ],
        )
        grown.dispose()
        model.dispose()
      })
    }
  })
}

const { backend } = backends[0]!

test('step records have the rate of their stage: after a warm-up the whole one, in the end the schedule', async () => {
  const optimizer = muon({ lr: 1, perSequence: 3, adam: { lr: 0.001 } })
  const schedule = cosineRate({ warmup: 2 })
  const curriculum = growingLengths({ from: 4, iterations: 4 })
  const options = { optimizer, schedule, curriculum, stepEvery: 1, iterations: 14 }
  const rates = (await trained(tiny(backend), TASK, options)).flatMap((event) =>
    event.type === 'step' ? event.lr : [],
  )
  const [first, second, last] = [rates.slice(0, 4), rates.slice(4, 8), rates.slice(8)]
  assert.deepEqual(first, [3 / 8, 3 / 4, 3 / 4, 3 / 4])
  assert.deepEqual(second, [3 / 16, 3 / 8, 3 / 8, 3 / 8])
  const base = 3 / 11
  const cosine = (k: number) => (base * (1 + Math.cos((Math.PI * k) / 4))) / 2
  assert.deepEqual(last, [base / 2, base, cosine(0), cosine(1), cosine(2), cosine(3)])
})

test('scores on the whole length do not halve the rate while sequences are shorter', async () => {
  const schedule = halvingRate({ improvement: 0.9, most: 2 })
  const curriculum = growingLengths({ from: 6, iterations: 30 })
  const options = { schedule, curriculum, optimizer: sgd({ lr: 1e-9 }), evalEvery: 5, stepEvery: 5, iterations: 90 }
  const events = await trained(tiny(backend), TASK, options)
  const rates = events.flatMap((event) => (event.type === 'step' ? event.lr : []))
  assert.deepEqual(rates.slice(0, 7), Array(7).fill(1e-9))
  assert.ok(rates.at(-1)! < 1e-9)
  assert.deepEqual([events.at(-1)!.type, events.at(-1)!.iteration], ['done', 45])
})

test('a run that is over before its last stage has one length, and is scored at the whole one', async () => {
  const seen = new Set<number>()
  const task: Task = {
    ...TASK,
    test: (B) => TASK.test(B),
    shortened(T) {
      const made = TASK.shortened!(T)
      return { ...made, train: (B) => watched(made, B, seen) }
    },
  }
  const curriculum = growingLengths({ from: 5, iterations: 20 })
  const events = await trained(tiny(backend), task, { curriculum, iterations: 9 })
  assert.deepEqual([...seen], [5])
  const done = events.at(-1)!
  assert.ok(done.type === 'done' && done.test!.mse! > 0)
  assert.equal(events.filter(({ type }) => type === 'stage').length, 1)
  const usual = await trained(tiny(backend), TASK, { curriculum: growingLengths({ from: 50 }), iterations: 3 })
  assert.equal(usual.filter(({ type }) => type === 'stage').length, 0, 'one stage is the usual training')
})

/** The stream of a task; the steps of its batches go into `seen`. */
function watched(task: Task, B: number, seen: Set<number>): ReturnType<Task['train']> {
  const stream = task.train(B)
  return {
    getState: stream.getState,
    setState: stream.setState,
    get epoch() {
      return stream.epoch
    },
    next() {
      const batch = stream.next()
      seen.add(batch.T)
      return batch
    },
  }
}

test('losses of one stage are no measure for those of the next: no collapse is said where one begins', async () => {
  // The targets of the longer sequences are 10 times as large: a loss 100 times that of the first stage.
  const task: Task = {
    ...TASK,
    train(B) {
      const stream = TASK.train(B)
      return {
        getState: stream.getState,
        setState: stream.setState,
        epoch: 0,
        next() {
          const batch = stream.next()
          return { ...batch, y: Float32Array.from(batch.y as Float32Array, (y) => 10 * y) }
        },
      }
    },
  }
  const options = { optimizer: sgd({ lr: 1e-9 }), iterations: 600 }
  const curriculum = growingLengths({ from: 6, iterations: 200 })
  const events = await trained(tiny(backend), task, { ...options, curriculum })
  assert.equal(events.filter(({ type }) => type === 'collapse').length, 0)
  const steps = events.flatMap((event) => (event.type === 'step' ? event.loss.mean : []))
  assert.ok(steps.at(-1)! > 10 * Math.max(...steps.slice(0, 20)))
})

test('a task that has no shorter sequences, or gives longer ones, is refused before anything is trained', () => {
  const { shortened: _, ...whole } = TASK
  const curriculum = growingLengths({ from: 4 })
  refused(
    () => train(tiny(backend), whole, { curriculum }),
    /^curriculum: expected a task whose sequences can be shorter but received adding, which has no shortened\(\): /,
  )
  refused(
    () => train(tiny(backend), { ...TASK, shortened: () => TASK }, { curriculum }),
    /^task adding: shortened\(4\): expected a task of at most 4 steps but received one of 11$/,
  )
  refused(() => train(tiny(backend), { ...TASK, shortened: () => ({}) as Task }, { curriculum }), /^task: /)
  refused(
    () => train(tiny(backend), TASK, { curriculum: growingLengths({ from: 1 }) }),
    /curriculum.from: expected .*2/,
  )
  refused(() => train(tiny(backend), TASK, { curriculum: growingLengths({ factor: 1 }) }), /curriculum.factor: .*1\.1/)
  refused(() => growingLengths({ until: 4 } as object), /growingLengths: .*"?until"?/)
})
