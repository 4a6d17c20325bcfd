/** What an update is of: rows without a gradient, several minibatches, all weights but those that are frozen. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  adam,
  adamw,
  type Batch,
  classification,
  clipNorm,
  createIteration,
  createModel,
  gru,
  type ModelInput,
  muon,
  type OptimizerSpec,
  rmsprop,
  sgd,
  type Task,
  type TrainOptions,
  train,
  trainSpec,
} from '../../src/index.ts'
import { memory } from '../../src/layers/layer.ts'
import { createOptimizer } from '../../src/train/optim.ts'
import { tableRules } from '../../src/train/rules.ts'
import { random } from '../backend/random.ts'
import { backends, relativeError } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const SPECS: readonly OptimizerSpec[] = [sgd(), sgd({ momentum: 0.9 }), rmsprop(), adam(), adamw({ weightDecay: 0.1 })]

for (const { label, backend } of backends) {
  for (const spec of SPECS) {
    test(`${label}: a dense update of a table is that of any weight, ${JSON.stringify(spec)}`, () => {
      const [V, width] = [7, 3]
      const r = random(4)
      const start = r.uniform(V * width)
      const make = (rows: boolean) => {
        const w = backend.floats(V * width)
        w.set(start)
        const [values, dense, ids] = [backend.floats(3 * width), backend.floats(V * width), backend.ints(3)]
        const table = { start: 0, width, rows: ids, values, count: 3 }
        const gradients = rows
          ? { start: w.length, dense: backend.floats(0), tables: [table] }
          : { start: 0, dense, tables: [] }
        const parameter = { name: 'embedding.weight', shape: [V, width], start: 0, data: w }
        const how = { tables: 'dense', parameters: [parameter] } as const
        return { w, values, dense, ids, optimizer: createOptimizer(spec, backend, w, gradients, [], undefined, how) }
      }
      const [byRows, whole] = [make(true), make(false)]
      for (const rows of [
        [1, 5, 0],
        [5, 2, 3],
        [6, 5, 1],
        [0, 1, 2],
      ]) {
        const g = r.uniform(3 * width)
        byRows.ids.set(rows)
        byRows.values.set(g)
        whole.dense.fill(0)
        for (const [i, row] of rows.entries()) whole.dense.set(g.subarray(i * width, (i + 1) * width), row * width)
        byRows.optimizer.update(0.1)
        whole.optimizer.update(0.1)
      }
      assert.ok(relativeError(byRows.w, whole.w) < 1e-6)
      for (const [name, state] of Object.entries(whole.optimizer.state)) {
        assert.ok(relativeError(byRows.optimizer.state[name]!, state) < 1e-6, name)
      }
    })
  }
}

test('auto is dense in tables of at most 10 million numbers; plain sgd needs no second pass', () => {
  const { backend } = backends[0]!
  const table = { start: 0, width: 1e6, rows: backend.ints(1), values: backend.floats(0), count: 0 }
  const passes = (
    rows: number,
    update: 'auto' | 'dense' | 'lazy',
    spec: Exclude<OptimizerSpec, { kind: 'muon' }> = adam(),
  ) => tableRules(spec, memory(backend), table, update, [{ length: rows * 1e6 } as Float32Array, null, null]).length
  assert.deepEqual([passes(10, 'auto'), passes(11, 'auto'), passes(11, 'dense'), passes(1, 'lazy')], [2, 1, 2, 1])
  assert.deepEqual([passes(1, 'dense', sgd()), passes(1, 'dense', sgd({ momentum: 0.5 }))], [1, 2])
})

test('options as a run of 0.1.0 has them, without tables, stay lazy; others are dense where that is cheap', () => {
  const { tables, loss, accumulate, frozen, ...of010 } = trainSpec({ batch: 3 })
  assert.equal(tables, 'auto')
  assert.equal(trainSpec(of010).tables, 'lazy')
  assert.equal(trainSpec({ ...of010, tables: 'dense' }).tables, 'dense')
  assert.equal(trainSpec({ batch: 3, optimizer: adam() }).tables, 'auto')
  assert.deepEqual([loss, accumulate, frozen], [null, 1, []])
})

test('a state says how it updates tables; one of 0.1.0 says nothing, and is lazy', async () => {
  const { backend } = backends[0]!
  const make = () => createModel(SPEC, { backend, seed: 3 })
  const ends = new Map<string, ArrayLike<number>>()
  for (const tables of ['dense', 'lazy'] as const) {
    const model = make()
    const going = train(model, TASK, { ...OPTIONS, tables, checkpoints: { every: 4 } })
    for await (const event of going) {
      if (event.type !== 'checkpoint' || event.iteration !== 4) continue
      const { tables: said, loss: _, ...state } = structuredClone(going.getState())
      assert.equal(said, tables)
      for (const resume of tables === 'dense' ? [{ ...state, tables }] : [{ ...state, tables }, state]) {
        const again = make()
        again.weights.set(model.weights)
        for await (const next of train(again, TASK, { ...OPTIONS, resume })) void next
        ends.set(`${tables} ${resume === state}`, again.weights.slice())
      }
    }
    assert.deepEqual(ends.get(`${tables} false`), model.weights)
  }
  assert.deepEqual(ends.get('lazy true'), ends.get('lazy false'))
  assert.notDeepEqual(ends.get('dense false'), ends.get('lazy false'))
})

const [T, V, K] = [3, 9, 4]

/** Sequence i of an endless set; some targets are missing, some steps are padded. */
function sequence(i: number) {
  const r = random(1000 + i)
  return {
    tokens: Array.from({ length: T }, () => r.below(V)),
    y: Array.from({ length: T }, () => r.below(K + 1) - 1),
    length: 1 + r.below(T),
  }
}

function batchOf(first: number, B: number): Batch {
  const all = Array.from({ length: B }, (_, b) => sequence(first + b))
  const steps = (of: (s: (typeof all)[number]) => number[]) =>
    Int32Array.from({ length: T * B }, (_, n) => of(all[n % B]!)[Math.floor(n / B)]!)
  return { T, B, tokens: steps((s) => s.tokens), y: steps((s) => s.y), lengths: Int32Array.from(all, (s) => s.length) }
}

const TASK: Task = {
  name: 'letters',
  options: {},
  T,
  input: { vocabulary: V },
  head: { kind: 'classification', size: K, steps: 'every' },
  metric: 'perplexity',
  trainSize: 1000,
  testSize: 4,
  train(B) {
    let n = 0
    return {
      next: () => batchOf(B * n++, B),
      epoch: 0,
      getState: () => ({ epoch: 0, position: n }),
      setState: ({ position }) => {
        n = position
      },
    }
  },
  test: (B) => [batchOf(1e6, Math.min(B, 4))],
}
const SPEC: ModelInput = {
  input: { vocabulary: V, embedding: 3 },
  rnn: gru(4),
  head: classification(K, { steps: 'every' }),
}
const OPTIONS: TrainOptions = { iterations: 8, batch: 4, evalEvery: 8, stepEvery: 1, optimizer: adam({ lr: 0.01 }) }

for (const { label, backend } of backends) {
  describe(`${label}: several minibatches an update`, () => {
    const fresh = () => createModel(SPEC, { backend, seed: 3 })
    const run = async (options: TrainOptions) => {
      const model = fresh()
      const losses: number[] = []
      for await (const event of train(model, TASK, { ...OPTIONS, ...options }))
        if (event.type === 'step') losses.push(event.loss.mean)
      return { weights: model.weights.slice(), losses }
    }
    for (const reduction of ['mean', 'sum'] as const) {
      for (const tables of ['dense', 'lazy'] as const) {
        test(`${reduction}, ${tables}: three of 4 are one of 12`, async () => {
          const whole = await run({ batch: 12, reduction, tables })
          const parts = await run({ accumulate: 3, reduction, tables })
          const tolerance = backend.name === 'reference' ? 1e-9 : 1e-3
          assert.ok(relativeError(parts.weights, whole.weights) < tolerance)
          assert.ok(relativeError(parts.losses, whole.losses) < tolerance)
          assert.ok(relativeError(parts.weights, (await run({ reduction, tables })).weights) > 0.01)
        })
      }
    }

    test('a run that goes on in the middle ends with the same bits', async () => {
      const options = { ...OPTIONS, accumulate: 3, frozen: ['head.bias'], optimizer: adamw({ lr: 0.01 }), dropout: 0.3 }
      const whole = fresh()
      for await (const event of train(whole, TASK, options)) void event
      const half = fresh()
      const first = train(half, TASK, { ...options, checkpoints: { every: 5 } })
      for await (const event of first) {
        if (event.type !== 'checkpoint') continue
        const model = fresh()
        model.weights.set(half.weights)
        const resume = structuredClone(first.getState())
        for await (const event of train(model, TASK, { ...options, resume })) void event
        assert.deepEqual(model.weights, whole.weights)
        break
      }
    })
  })

  test(`${label}: frozen parameters stay as they are, the others learn`, async () => {
    for (const optimizer of [
      adamw({ lr: 0.01, weightDecay: 0.5 }),
      muon({ weightDecay: 0.5 }),
      sgd({ lr: 0.1, momentum: 0.9 }),
    ]) {
      for (const frozen of [['embedding'], ['rnn.weight_hh_l0', 'head'], ['rnn']]) {
        const model = createModel(SPEC, { backend, seed: 3 })
        const before = model.weights.slice()
        for await (const event of train(model, TASK, { ...OPTIONS, optimizer, frozen })) void event
        for (const { name, start, data } of model.parameters) {
          const same = data.every((value, i) => value === before[start + i])
          const expected = frozen.some((part) => name === part || name.startsWith(`${part}.`))
          assert.equal(same, expected, `${name} with ${frozen} frozen, ${optimizer.kind}`)
        }
      }
    }
  })
}

test('the norm is of what is trained', () => {
  const { backend } = backends[0]!
  const norms = [[], ['embedding'], ['rnn', 'embedding']].map((frozen) => {
    const options = trainSpec({ ...OPTIONS, clip: clipNorm(1e-9), frozen })
    const work = createIteration(createModel(SPEC, { backend, seed: 3 }), TASK, options)
    work.iterate()
    return work.last.norm
  })
  assert.ok(norms[0]! > norms[1]! && norms[1]! > norms[2]! && norms[2]! > 0, `${norms}`)
})

test('names that no parameter has are refused, and so is everything', () => {
  const start = (frozen: string[]) => () =>
    train(createModel(SPEC, { backend: backends[0]!.backend }), TASK, { ...OPTIONS, frozen })
  refused(
    start(['embeding']),
    /^training: frozen: expected names .* but received "embeding": did you mean embedding\?$/,
  )
  refused(
    start(['weight_hh']),
    /^training: frozen: expected names of parameters, or their beginnings, but received "weight_hh": /,
  )
  refused(start(['embedding', 'rnn', 'head']), /^training: frozen: expected a parameter that is left to train/)
  refused(() => trainSpec({ frozen: 'rnn' as never }), /^training: frozen: expected an array but received "rnn"$/)
  refused(() => trainSpec({ accumulate: 0 }), /^training: accumulate: expected a number >= 1 but received 0$/)
  refused(() => trainSpec({ tables: 'eager' as never }), /^training: tables: expected one of auto, dense, lazy/)
})
