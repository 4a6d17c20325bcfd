/** Activation checkpointing changes memory and time, and not a bit of anything else. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Batch } from '../../src/batch.ts'
import { irnn } from '../../src/layers/cells.ts'
import { createModel, type Model, type Plan, type PlanOptions } from '../../src/model/model.ts'
import { CELLS, regression } from '../../src/model/spec.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { train } from '../../src/train/loop.ts'
import { adam } from '../../src/train/optim.ts'
import { backends } from '../support/backends.ts'
import { allGradients, batch, type Shape, spec } from '../support/models.ts'

/** Everything that two batches leave, the second one begun where the first one ended. */
function everything(model: Model, plan: Plan, batches: readonly Batch[], derivativeClip: number) {
  return batches.map((data, i) => {
    if (i > 0) plan.carryState()
    plan.forward(data)
    const live = plan.liveFraction()
    const loss = plan.loss(data, { reduction: 'mean', gradient: true })
    const logits = plan.logits.slice()
    plan.backward(data, { derivativeClip })
    const { T, B } = data
    const inputGradient = plan.inputGradient?.slice(0, T * B * 3)
    return { live, loss, logits, inputGradient, gradients: allGradients(model, plan), state: plan.getState() }
  })
}

interface Case extends Shape {
  size: Parameters<typeof batch>[1]
  S: number
  clip?: number
}

const CASES: Case[] = [
  ...CELLS.flatMap((cell): Case[] => [
    { cell, size: { T: 37, B: 3 }, S: 16 },
    {
      cell,
      size: { T: 50, B: 17, lengths: [50, 1, 16, 17, 31, 32, 33, 48, 49, 2, 5, 9, 11, 20, 40, 45, 15] },
      S: 16,
      clip: 0.01,
    },
    {
      cell,
      size: { T: 65, B: 9, lengths: [65, 64, 1, 30, 32, 33, 63, 12, 50] },
      S: 32,
      layers: 3,
      steps: 'every',
      projection: true,
    },
    { cell, size: { T: 33, B: 10 }, S: 16, layers: 2, tokens: true, head: 'regression', steps: 'every' },
  ]),
  // Sums too large to be fused with the recurrence, and dense layers of several blocks.
  { cell: 'irnn', size: { T: 33, B: 17 }, S: 16, hidden: 290 },
  { cell: 'tanh', size: { T: 20, B: 9 }, S: 16, hidden: 290, steps: 'every' },
  { cell: 'lstm', size: { T: 33, B: 25 }, S: 16, hidden: 140 },
  { cell: 'gru', size: { T: 33, B: 9 }, S: 16, hidden: 170, layers: 2 },
  // So many rows that they are fused all the same, more than a tile of the head's gradient takes at once, and several
  // blocks of steps a segment.
  { cell: 'irnn', size: { T: 65, B: 17 }, S: 32, hidden: 290 },
  { cell: 'gru', size: { T: 65, B: 17 }, S: 48, hidden: 170 },
  { cell: 'lstm', size: { T: 70, B: 17 }, S: 32, hidden: 140, steps: 'every' },
]

for (const { label, backend } of backends)
  describe(label, () => {
    for (const { size, S, clip = 0, ...shape } of CASES)
      test(`${JSON.stringify(shape)} T ${size.T} B ${size.B} S ${S}: the bits of the whole`, () => {
        if (backend.name === 'reference' && (shape.hidden ?? 0) > 100) return // its sums know no blocks
        const model = createModel(spec(shape), { backend })
        // The second batch is shorter and narrower than the plan, in whole segments and not.
        const { lengths } = size
        const shorter = {
          T: size.T - 3,
          B: size.B,
          ...(lengths && { lengths: lengths.map((n) => Math.min(n, size.T - 3)) }),
        }
        const batches = [batch(shape, size), batch(shape, shorter), batch(shape, { T: Math.min(S, 16), B: size.B })]
        const options: PlanOptions = { T: size.T, B: size.B + 2, inputGradient: !shape.tokens }
        const whole = model.plan(options)
        const segments = model.plan({ ...options, activationCheckpointing: S })
        const expected = everything(model, whole, batches, clip)
        assert.deepEqual(everything(model, segments, batches, clip), expected)
        assert.deepEqual(everything(model, segments, batches, clip), expected, 'again')
        assert.ok(expected[0]!.gradients.some((g) => g !== 0))
        const inference = model.plan({ ...options, training: false, activationCheckpointing: S })
        inference.forward(batches[0]!)
        assert.deepEqual(inference.logits, expected[0]!.logits)
        assert.deepEqual(inference.getState(), expected[0]!.state)
        inference.setState(expected[0]!.state)
        inference.forward(batches[1]!)
        assert.deepEqual(inference.logits, expected[1]!.logits)
        for (const plan of [whole, segments, inference]) plan.dispose()
        model.dispose()
      })

    test('training is the same run, records and all', async () => {
      const run = async (activationCheckpointing: boolean) => {
        const model = createModel({ input: 2, rnn: irnn(12, { inputStd: 0.1 }), head: regression(1) }, { backend })
        const task = adding({ T: 40, train: 60, test: 30 })
        const every = { iterations: 8, stepEvery: 2, batch: 10, optimizer: adam({ lr: 0.01 }) }
        const options = { ...every, activationCheckpointing }
        const records: unknown[] = []
        for await (const { seconds, ...event } of train(model, task, options)) {
          // Which units live is told from the states of all steps, which are not kept.
          if (event.type === 'step') records.push({ ...event, iterationsPerSecond: 0, aliveUnits: undefined })
          else records.push(event)
        }
        return { records, weights: [...model.weights] }
      }
      assert.deepEqual(await run(true), await run(false))
    })

    test('memory grows with the root of T', () => {
      const asked = (T: number, activationCheckpointing: boolean, shape: Shape): number => {
        let floats = 0
        const counting = Object.assign(Object.create(backend), {
          floats(n: number) {
            floats += n
            return backend.floats(n)
          },
        }) as typeof backend
        const model = createModel(spec(shape), { backend: counting })
        floats = 0
        const plan = model.plan({ T, B: 2, activationCheckpointing })
        plan.dispose()
        model.dispose()
        return floats - T * 2 * 3 // x is the batch's
      }
      for (const cell of ['irnn', 'lstm'] as const) {
        const shape = { cell, hidden: 8, layers: 2 }
        assert.ok(asked(1600, true, shape) < asked(1600, false, shape) / 9, cell)
        assert.ok(asked(6400, true, shape) < 2.2 * asked(1600, true, shape), cell)
      }
    })
  })

test('what checkpointing cannot do is said', () => {
  const { backend } = backends[0]!
  const both = createModel(spec({ cell: 'irnn', bidirectional: true }), { backend })
  const plan = (activationCheckpointing: boolean | number, model = both) =>
    model.plan({ T: 40, B: 1, activationCheckpointing })
  assert.throws(
    () => plan(true),
    /^InputError: activationCheckpointing: a bidirectional model reads the sequence from its end/,
  )
  const model = createModel(spec({ cell: 'irnn' }), { backend })
  assert.throws(
    () => plan(17, model),
    /^InputError: activationCheckpointing: expected true, false or a multiple of 16 but received 17/,
  )
  assert.throws(() => plan(0, model), /^InputError: activationCheckpointing: expected/)
  const checkpointed = plan(16, model)
  checkpointed.forward(batch({ cell: 'irnn' }, { T: 40, B: 1 }))
  assert.throws(() => checkpointed.output(), /plan.output: a plan with activationCheckpointing does not keep it/)
})
