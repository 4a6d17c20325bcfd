/**
 * Memory comes back: of what is disposed of, of runs however they end, and of what could not be made for want of it.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import {
  adding,
  createIteration,
  createModel,
  irnn,
  lstm,
  type Model,
  muon,
  regression,
  train,
  trainSpec,
} from '../../src/index.ts'
import { counting } from '../support/counting.ts'
import { batch, type Shape, spec } from '../support/models.ts'

const TASK = adding({ T: 5, train: 50, test: 20 })
const SHAPE: Shape = { cell: 'lstm', layers: 2, tokens: true, projection: true, steps: 'every' }
const RUN = { iterations: 6, evalEvery: 3, batch: 4 }
const learner = (backend: Parameters<typeof createModel>[1]['backend']) =>
  createModel({ input: 2, rnn: irnn(5, { inputStd: 0.1 }), head: regression(1) }, { backend })

/** What is made from a model; each is disposed of by itself. */
const MAKERS: Readonly<Record<string, (model: Model) => Disposable>> = {
  plan: (model) => model.plan({ T: 4, B: 2, inputGradient: true }),
  'plan, checkpointed, without logits': (model) =>
    model.plan({ T: 40, B: 2, activationCheckpointing: 16, logits: false }),
  stepper: (model) => model.stepper({ B: 2 }),
}

describe('where memory ends while something is made, all that was taken goes back', () => {
  for (const [name, make] of Object.entries(MAKERS)) {
    test(name, () => failing(() => createModel(spec(SHAPE), { backend: referenceBackend() }).spec, make))
  }
  test('training', () =>
    failing(null, (model) => createIteration(model, TASK, trainSpec({ ...RUN, optimizer: muon() }))))

  /** Lets the memory end at the first array, the second, … until there is enough. */
  function failing(of: (() => Model['spec']) | null, make: (model: Model) => Disposable): void {
    const { backend, held, made, allow } = counting(referenceBackend())
    const model = of ? createModel(of(), { backend }) : learner(backend)
    const before = held()
    for (let arrays = 0; ; arrays++) {
      allow(arrays)
      const start = made()
      try {
        const made = make(model)
        assert.ok(arrays > 3)
        made[Symbol.dispose]()
        break
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error))
        assert.equal(made() - start, arrays)
        assert.equal(held(), before, `with room for ${arrays} arrays`)
      }
    }
    allow(Number.POSITIVE_INFINITY)
    model.dispose()
    model.dispose()
  }
})

test('a model that could not be made leaves nothing', () => {
  const { backend, held } = counting(referenceBackend())
  assert.throws(() => createModel({ input: 1, rnn: lstm(2), head: regression(1, { bias: 1e39 }) }, { backend }), {
    name: 'InputError',
    message: /^model spec: head.bias: expected weights that float32 can hold: /,
  })
  assert.throws(
    () => createModel({ input: 1, rnn: lstm(2), head: regression(1) }, { backend, seed: -1 }),
    /^InputError: seed/,
  )
  assert.equal(held(), 0)
})

const ENDS: Readonly<Record<string, (model: Model) => Promise<unknown>>> = {
  'to its end': async (model) => {
    for await (const _ of train(model, TASK, RUN));
  },
  'left by a break': async (model) => {
    for await (const _ of train(model, TASK, RUN)) break
  },
  'by an error of its consumer': async (model) => {
    const consume = async () => {
      for await (const _ of train(model, TASK, RUN)) throw new Error('mine')
    }
    await assert.rejects(consume, /mine/)
  },
  'before it begins': (model) => train(model, TASK, RUN).return(),
  'before it begins, by `await using`': async (model) => train(model, TASK, RUN)[Symbol.asyncDispose](),
  'by an error of its task': async (model) => {
    const bad = { ...TASK, train: () => ({ ...TASK.train(4), next: () => ({ T: 5, B: 4, x: [] }) }) } as never
    await assert.rejects(async () => {
      for await (const _ of train(model, bad, RUN));
    }, /^InputError: batch: x/)
  },
  'by a task that makes no stream': async (model) => {
    const bad = {
      ...TASK,
      train() {
        throw new Error('no data')
      },
    }
    assert.throws(() => train(model, bad, RUN), /no data/)
  },
  'by a state that does not fit': async (model) => {
    assert.throws(() => train(model, TASK, { ...RUN, resume: { optimizer: {} } as never }), /^InputError: resume/)
  },
}

describe('a run gives its memory back, and the model is free for another', () => {
  for (const [name, end] of Object.entries(ENDS)) {
    test(name, async () => {
      const { backend, held } = counting(referenceBackend())
      const model = learner(backend)
      const before = held()
      await end(model)
      assert.equal(held(), before)
      for await (const _ of train(model, TASK, RUN)); // not refused
      assert.equal(held(), before)
      model.dispose()
      assert.equal(held(), 0)
    })
  }
})

test('two runs at once on one model are refused, and the first goes on', async () => {
  const model = learner(referenceBackend())
  const first = train(model, TASK, RUN)
  const second = train(model, TASK, RUN) // has not begun
  await first.next()
  const message =
    /^train: model: expected one that no run trains, but another run does: let that end, or end it with run\.return\(\)$/
  await assert.rejects(second.next(), { name: 'InputError', message })
  await assert.rejects(train(model, TASK, RUN).next(), { name: 'InputError', message })
  assert.equal((await first.next()).done, false)
  await first.return()
  for await (const _ of train(model, TASK, RUN));
})

test('after the end of a run its state is still there, without arrays', async () => {
  const model = learner(referenceBackend())
  const run = train(model, TASK, RUN)
  for await (const { type } of run) if (type === 'eval') break
  const { optimizer, carried, liveShare, iteration } = run.getState()
  assert.deepEqual(
    { optimizer, carried, liveShare, iteration },
    { optimizer: {}, carried: null, liveShare: 0, iteration: 3 },
  )
})

test('plans that a model makes for itself are given back when a larger one takes their place', () => {
  const { backend, held } = counting(referenceBackend())
  const model = createModel(spec(SHAPE), { backend })
  model.forward(batch(SHAPE, { T: 2, B: 2 }))
  const small = held()
  for (const T of [3, 9, 2]) model.forward(batch(SHAPE, { T, B: 1 }))
  assert.equal(held(), small)
  model.dispose()
  assert.equal(held(), 0)
})
