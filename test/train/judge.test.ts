/** A task's own score decides in place of the metric; the weights of the best evaluation can be kept. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { curve } from '../../src/figures/curve.ts'
import {
  type Batch,
  createModel,
  decodeEvent,
  type EvalEvent,
  encodeEvent,
  evaluate,
  gru,
  halvingRate,
  type Judge,
  type RunState,
  regression,
  sgd,
  type Task,
  type TrainEvent,
  train,
} from '../../src/index.ts'
import { scored } from '../../src/train/spoken.ts'
import { backends } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const T = 2
const B = 4
const batch: Batch = {
  T,
  B,
  x: Float32Array.from({ length: T * B }, (_, i) => Math.sin(i)),
  y: Float32Array.of(1, 2, 3, 4),
}

/** Scores of the test set and of the held-out set, one an evaluation, whatever the model answers. */
function taskOf(scores: { test: number[]; heldOut?: number[] }, direction: Partial<Judge> = {}): Task {
  const left = { test: [...scores.test], heldOut: [...(scores.heldOut ?? [])] }
  let turn: 'test' | 'heldOut' = 'heldOut'
  return {
    name: 'judged',
    options: {},
    T,
    input: { size: 1 },
    head: { kind: 'regression', size: 1, steps: 'last' },
    metric: 'mse',
    trainSize: B,
    testSize: B,
    train: () => ({ next: () => batch, epoch: 0, getState: () => ({ epoch: 0, position: 0 }), setState() {} }),
    test: () => [batch],
    ...(scores.heldOut && { heldOut: () => [batch] }),
    judge: {
      name: 'MASE',
      lowerIsBetter: true,
      ...direction,
      scorer() {
        turn = scores.heldOut && turn === 'test' ? 'heldOut' : 'test'
        const of = turn
        let seen = 0
        return {
          add(given, logits) {
            seen += Number(given === batch && logits.length === B)
          },
          result() {
            assert.equal(seen, 1)
            return left[of].shift()!
          },
        }
      },
    },
  }
}

const [{ backend }] = backends as [(typeof backends)[number]]
const fresh = () => createModel({ input: 1, rnn: gru(2), head: regression(1) }, { backend, seed: 1 })
const OPTIONS = { batch: B, iterations: 40, evalEvery: 10, stepEvery: 10, optimizer: sgd({ lr: 0.01 }) }

async function run(task: Task, options: object = {}) {
  const events: TrainEvent[] = []
  const model = fresh()
  const going = train(model, task, { ...OPTIONS, ...options })
  let state: RunState | null = null
  const weights = new Map<number, ArrayLike<number>>()
  for await (const event of going) {
    events.push(event)
    if (event.type === 'eval') weights.set(event.iteration, model.weights.slice())
    if (event.type === 'eval') state = going.getState()
  }
  return { events, model, best: state!.best, weights }
}

describe('what decides', () => {
  test('is the own score in its direction; it is recorded with its name', async () => {
    const lower = await run(taskOf({ test: [3, 1, 2, 5] }))
    assert.equal(lower.best?.iteration, 20)
    const higher = await run(taskOf({ test: [3, 1, 2, 5] }, { name: 'macro-F1', lowerIsBetter: false, percent: true }))
    assert.equal(higher.best?.iteration, 40)
    const event = lower.events.find(({ type }) => type === 'eval') as EvalEvent
    assert.deepEqual(event.judge, { name: 'MASE', lowerIsBetter: true })
    assert.equal(event.test.score, 3)
    assert.ok(event.test.mse! > 0)
    assert.deepEqual(decodeEvent(encodeEvent(event)), JSON.parse(encodeEvent(event)))
    assert.equal(scored(event, { metric: 'mse', baseline: { name: 'last', value: 1.5 } }), 'test MASE 3 (last: 1.5)')
    const { test, judge } = higher.events.find(({ type }) => type === 'eval') as EvalEvent
    assert.match(scored({ test, judge: judge! }, { metric: 'mse' }), /^test macro-F1 300/)
    assert.match(curve(lower.events, taskOf({ test: [] }), 'a run'), /MASE/)
  })

  test('is that of the held-out set where there is one', async () => {
    const { best } = await run(taskOf({ test: [1, 2, 3, 4], heldOut: [4, 3, 2.5, 9] }))
    assert.deepEqual([best?.iteration, best?.heldOut?.score, best?.test.score], [30, 2.5, 3])
  })

  test('ends the run at its target, and lowers a rate that gains nothing', async () => {
    const done = (await run(taskOf({ test: [3, 1, 2, 5] }), { target: 1.5 })).events.at(-1)!
    assert.deepEqual([done.type, done.iteration, done.type === 'done' && done.reason], ['done', 20, 'target'])
    const schedule = halvingRate({ most: 1 })
    const halved = await run(taskOf({ test: [3, 3, 3, 3] }), { schedule })
    assert.equal(halved.events.at(-1)!.iteration, 30)
    const shares = taskOf({ test: [0.5] }, { lowerIsBetter: false, percent: true, name: 'F1' })
    refused(
      () => train(fresh(), shares, { ...OPTIONS, target: 90 }),
      /^target: expected a share from 0 to 1, since F1 is one/,
    )
  })

  test('evaluate gives it too; what is no score is refused', async () => {
    assert.equal((await evaluate(fresh(), taskOf({ test: [7] }))).score, 7)
    await assert.rejects(evaluate(fresh(), taskOf({ test: [] })), {
      message: 'task judged: judge MASE: expected a number as result but received undefined',
    })
    const bad = { ...taskOf({ test: [] }), judge: { name: 'MASE' } as never }
    refused(() => train(fresh(), bad), /^task: judge.lowerIsBetter: expected a boolean but received nothing$/)
  })
})

for (const { label, backend } of backends) {
  describe(`${label}: keepBest`, () => {
    const scores = [3, 1, 2, 5]
    const model = () => createModel({ input: 1, rnn: gru(2), head: regression(1) }, { backend, seed: 1 })

    test('the model ends with the weights of the best evaluation; without, with the last', async () => {
      for (const keepBest of [true, false]) {
        const net = model()
        const stepper = net.stepper()
        const kept = new Map<number, ArrayLike<number>>()
        for await (const event of train(net, taskOf({ test: scores }), { ...OPTIONS, keepBest })) {
          if (event.type === 'eval') kept.set(event.iteration, net.weights.slice())
          if (event.type !== 'done') continue
          assert.deepEqual(net.weights, kept.get(keepBest ? 20 : 40))
          assert.equal(event.best?.iteration, keepBest ? 20 : undefined)
          assert.equal(event.test?.score, 5)
        }
        const { logits } = net.forward({ T: 1, B: 1, x: [1] })
        assert.deepEqual(stepper.step(1).slice(), logits)
      }
    })

    test('a run that goes on remembers them', async () => {
      const first = model()
      const going = train(first, taskOf({ test: scores }), { ...OPTIONS, keepBest: true, checkpoints: { every: 30 } })
      let best: ArrayLike<number> = []
      for await (const event of going) {
        if (event.type === 'eval' && event.iteration === 20) best = first.weights.slice()
        if (event.type !== 'checkpoint') continue
        const second = model()
        second.weights.set(first.weights)
        const resume = structuredClone(going.getState())
        const rest = { ...OPTIONS, keepBest: true }
        for await (const next of train(second, taskOf({ test: [5] }), { ...rest, resume })) void next
        assert.deepEqual(second.weights, best)
        const { bestWeights: _, ...without } = resume
        const message = /^resume: bestWeights: expected \d+ elements but received none: give the state of a run with/
        refused(() => train(model(), taskOf({ test: [5] }), { ...rest, resume: without }), message)
        break
      }
    })
  })
}

test('keepBest is yes or no', () => {
  refused(
    () => train(fresh(), taskOf({ test: [] }), { keepBest: 1 as never }),
    /^train: keepBest: expected true or false but received 1$/,
  )
})
