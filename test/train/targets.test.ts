/** Targets that are missing (-1, or NaN for regression), and minibatches and sets without any, count for nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { Batch } from '../../src/batch.ts'
import {
  classification,
  createModel,
  evaluate,
  gru,
  type Model,
  regression,
  sgd,
  type Task,
  train,
} from '../../src/index.ts'
import { backends } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const T = 3
const B = 2
const CLASSES = 3

function batchOf(seed: number, label: (n: number) => number): Batch {
  const x = Float32Array.from({ length: T * B }, (_, i) => Math.sin(seed * 7 + i))
  return { T, B, x, y: Int32Array.from({ length: T * B }, (_, n) => label(n)) }
}

const labelled = (seed: number): Batch => batchOf(seed, (n) => (n + seed) % CLASSES)
const masked = (seed: number): Batch => batchOf(seed, () => -1)

/** A task whose minibatches come from a list, again and again. */
function taskOf(minibatches: readonly Batch[], sets: { test?: Batch[]; heldOut?: Batch[] } = {}): Task {
  return {
    name: 'own',
    options: {},
    T,
    input: { size: 1 },
    head: { kind: 'classification', size: CLASSES, steps: 'every' },
    metric: 'accuracy',
    trainSize: B,
    testSize: B,
    train() {
      let n = 0
      return {
        next: () => minibatches[n++ % minibatches.length]!,
        epoch: 0,
        getState: () => ({ epoch: 0, position: n }),
        setState: ({ position }) => {
          n = position
        },
      }
    },
    test: () => sets.test ?? [labelled(99)],
    ...(sets.heldOut && { heldOut: () => sets.heldOut! }),
  }
}

const SPEC = { input: 1, rnn: gru(4), head: classification(CLASSES, { steps: 'every' }) } as const
const OPTIONS = { iterations: 12, batch: B, stepEvery: 10, evalEvery: 12 } as const

async function outcome(model: Model, task: Task, options: object) {
  const events: string[] = []
  for await (const { seconds: _, ...event } of train(model, task, { ...OPTIONS, ...options }))
    events.push(JSON.stringify(event, (key, value) => (key === 'iterationsPerSecond' ? 0 : value)))
  return { events, weights: Array.from(model.weights) }
}

for (const { label, backend } of backends) {
  describe(label, () => {
    const fresh = () => createModel(SPEC, { backend, seed: 3 })
    for (const reduction of ['mean', 'sum'] as const) {
      test(`${reduction}: minibatches without targets between the others change no bit and no record`, async () => {
        const good = [1, 2, 3, 4].map(labelled)
        const expected = await outcome(fresh(), taskOf(good), { reduction })
        const places = fc.array(fc.record({ at: fc.nat(4), run: fc.integer({ min: 1, max: 30 }) }), {
          minLength: 1,
          maxLength: 3,
        })
        const property = fc.asyncProperty(places, async (inserts) => {
          const list = [...good]
          for (const { at, run } of inserts) list.splice(at, 0, ...Array.from({ length: run }, (_, i) => masked(i)))
          assert.deepEqual(await outcome(fresh(), taskOf(list), { reduction }), expected)
        })
        await fc.assert(property, { seed: 21, numRuns: 5 })
      })
    }

    test('the loss of no target is 0 of 0, and its gradient 0', () => {
      const model = fresh()
      const plan = model.plan({ T, B })
      for (const reduction of ['mean', 'sum'] as const) {
        plan.forward(masked(1))
        assert.deepEqual(plan.loss(masked(1), { reduction, gradient: true }), { loss: 0, correct: 0, count: 0 })
        plan.backward(masked(1))
        assert.ok(plan.gradients.dense.every((value) => value === 0))
      }
    })

    test('training on nothing but these is refused after 1,000, and the weights are as they were', async () => {
      const model = fresh()
      const before = model.weights.slice()
      const message = /^task own: expected a target but received none in 1000 minibatches in a row \(all -1 or NaN\): /
      await assert.rejects(outcome(model, taskOf([masked(1)]), { optimizer: sgd({ momentum: 0.9 }) }), {
        name: 'InputError',
        message,
      })
      assert.deepEqual(model.weights, before)
    })

    test('a test set or a held-out set without targets is refused', async () => {
      const nothing = (set: string) => ({
        name: 'InputError',
        message: new RegExp(`^task own: expected targets in its ${set} but `),
      })
      const none = [masked(1), masked(2)]
      await assert.rejects(evaluate(fresh(), taskOf([labelled(1)], { test: none })), nothing('test set'))
      await assert.rejects(evaluate(fresh(), taskOf([labelled(1)], { test: [] })), nothing('test set'))
      await assert.rejects(outcome(fresh(), taskOf([labelled(1)], { test: none }), {}), nothing('test set'))
      await assert.rejects(outcome(fresh(), taskOf([labelled(1)], { heldOut: none }), {}), nothing('held-out set'))
      const { accuracy } = await evaluate(fresh(), taskOf([labelled(1)], { test: [masked(1), labelled(2)] }))
      assert.ok(accuracy! >= 0)
    })
  })
}

test('states run through minibatches without targets: what carries on carries on from them', async () => {
  const { backend } = backends[0]!
  const goesOn = (batch: Batch): Batch => ({ ...batch, carry: Uint8Array.of(1, 1) })
  const list = [labelled(1), goesOn(masked(2)), goesOn(labelled(3))]
  const model = createModel(SPEC, { backend, seed: 3 })
  const plan = model.plan({ T, B, training: false })
  for (const batch of list) plan.forward(batch)
  const loss = plan.loss(list[2]!, { reduction: 'mean', gradient: false }).loss
  let second = 0
  for await (const event of train(model, taskOf(list), {
    ...OPTIONS,
    iterations: 2,
    stepEvery: 1,
    optimizer: sgd({ lr: 1e-12 }),
  }))
    if (event.type === 'step') second = event.loss.mean
  assert.ok(Math.abs(second - loss) < 1e-9, `${second} is not ${loss}`)
})

describe('missing values among the targets of a regression', () => {
  const K = 2
  const lengths = Int32Array.of(3, 2)
  const values = Float32Array.from({ length: T * B * K }, (_, i) => Math.cos(i))
  /** [T,B,K]: of whole rows, of single columns, of a padded step. */
  const missing = [0, 1, 6, 9, 10, 11]
  const known = values.map((v, i) => (missing.includes(i) ? Number.NaN : v))
  const { x } = labelled(5)
  const spec = { input: 1, rnn: gru(4), head: regression(K, { steps: 'every' }) } as const
  const counted = [2, 3, 4, 5, 7, 8]

  for (const { label, backend } of backends) {
    test(`${label}: they count for nothing`, () => {
      const model = createModel(spec, { backend, seed: 3 })
      const plan = model.plan({ T, B })
      const batch = { T, B, x, lengths }
      plan.forward({ ...batch, y: known })
      const logits = plan.logits.slice()
      const { loss, count } = plan.loss({ ...batch, y: known }, { reduction: 'sum', gradient: true })
      plan.backward(batch)
      const gradient = plan.gradients.dense.slice()
      const expected = counted.reduce((sum, i) => sum + (logits[i]! - values[i]!) ** 2, 0)
      assert.equal(count, counted.length)
      assert.ok(Math.abs(loss / expected - 1) < 1e-5, `${loss} is not ${expected}`)
      // A target that is hit has no gradient either.
      plan.forward(batch)
      plan.loss(
        { ...batch, y: logits.map((v, i) => (counted.includes(i) ? values[i]! : v)) },
        { reduction: 'sum', gradient: true },
      )
      plan.backward(batch)
      assert.deepEqual(gradient, plan.gradients.dense)
      model.dispose()
    })

    test(`${label}: infinity, and what is no number, are refused where they stand`, () => {
      const model = createModel(spec, { backend, seed: 3 })
      const plan = model.plan({ T, B })
      const wrong = (at: number, value: unknown) => {
        const y = Array.from(known) as unknown[]
        y[at] = value
        const batch = { T, B, x, y: y as number[] }
        plan.forward(batch)
        return () => plan.loss(batch, { reduction: 'mean', gradient: false })
      }
      refused(wrong(4, Number.POSITIVE_INFINITY), /^batch: y\[4\]: expected a finite number but received Infinity/)
      refused(wrong(4, 1e39), /^batch: y\[4\]: expected a number within ±3.4e38/)
      for (const value of [null, undefined, '3', {}])
        refused(wrong(9, value), /^batch: y\[9\]: expected a finite number but received/)
      model.dispose()
    })
  }
})
