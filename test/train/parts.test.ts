// Minibatches in parts: a slow obvious version beside them, to the bit; as good as whole ones; the same bits after a
// resume.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/backend/backend.ts'
import type { Batch } from '../../src/batch.ts'
import { solo } from '../../src/distributed/group.ts'
import {
  adam,
  adding,
  classification,
  createModel,
  irnn,
  lstm,
  type Model,
  regression,
  type Task,
  type TrainOptions,
  train,
  trainSpec,
} from '../../src/index.ts'
import { rng } from '../../src/rng.ts'
import { lossesOf } from '../../src/train/evaluate.ts'
import { extras } from '../../src/train/extras.ts'
import { logUniform } from '../../src/train/logUniform.ts'
import { PartsPass } from '../../src/train/parts.ts'
import { backends, relativeError } from '../support/backends.ts'
import { allGradients } from '../support/models.ts'
import { refused } from '../support/refused.ts'
import { textTask } from '../support/text.ts'

const V = 40
const TEXT = textTask({ V, T: 5 })
const words = (backend: Model['backend']) =>
  createModel(
    {
      input: { vocabulary: V, embedding: 6 },
      rnn: lstm(10, { layers: 2 }),
      head: classification(V, { steps: 'every' }),
    },
    { backend, seed: 2 },
  )
const SAMPLED: TrainOptions = { batch: 16, shards: 4, seed: 5, dropout: 0.3, softmax: { kind: 'sampled', samples: 10 } }

/** Rows `from` … `from + b` of a batch whose arrays have a row for each step and sequence. */
function rowsOf({ T, B, tokens, y, carry }: Batch, from: number, b: number): Batch {
  const some = (array: ArrayLike<number>) =>
    Int32Array.from({ length: T * b }, (_, n) => array[Math.floor(n / b) * B + from + (n % b)]!)
  return { T, B: b, tokens: some(tokens!), y: some(y!), carry: carry!.slice(from, from + b) }
}

/** Sums arrays as a balanced binary tree, each number rounded to what the backend has. */
function treeOf(parts: readonly Float64Array[], round: (x: number) => number): Float64Array {
  if (parts.length === 1) return parts[0]!
  const half = parts.length / 2
  const [left, right] = [treeOf(parts.slice(0, half), round), treeOf(parts.slice(half), round)]
  return left.map((value, i) => round(value + right[i]!))
}

/** Of each backend one instruction set: kernels have tests of their own. */
const few = backends.filter(
  ({ backend }, i) => backends.findIndex((other) => other.backend.name === backend.name) === i,
)

for (const { label, backend } of few) {
  const round = backend.name === 'reference' ? Number : Math.fround
  for (const accumulate of [1, 2]) {
    test(`${label}: parts are minibatches of their own, summed as a tree; ${accumulate} minibatches an update`, () => {
      const model = words(backend)
      const spec = trainSpec({ ...SAMPLED, accumulate })
      const { batch: B, shards, seed, dropout: p } = spec
      const losses = lossesOf(model.spec, TEXT, null, 'loss')
      const made: Disposable[] = []
      const pass = new PartsPass({ engine: engineOf(backend), model, task: TEXT, spec, losses, group: solo(), made })
      const [stream, same] = [TEXT.train(B), TEXT.train(B)]
      const obvious = Array.from({ length: shards }, (_, part) => {
        const generator = rng(seed)
        const masks = { p, seed: rng(seed, `training/dropout/${part}`).below(2 ** 31), iteration: 0 }
        const sampled = { samples: 10, sampler: logUniform(V, generator) }
        return { generator, masks, plan: model.plan({ T: 5, B: B / shards, sampled, dropout: masks, logits: false }) }
      })
      for (let iteration = 0; iteration < 2; iteration++) {
        const loss = pass.run(TEXT, stream, iteration)
        const sums = obvious.map(() => new Float64Array(model.weights.length))
        const totals = obvious.map(() => Float64Array.of(0, 0))
        for (let i = 0; i < accumulate; i++) {
          const whole = same.next()
          for (const [part, { plan, generator, masks }] of obvious.entries()) {
            const batch = rowsOf(whole, (part * B) / shards, B / shards)
            masks.iteration = accumulate * iteration + i
            generator.restart(`training/candidates/${masks.iteration}/${part}`)
            plan.forward(batch)
            const { loss, count } = plan.loss(batch, { reduction: 'sum', gradient: true })
            plan.backward(batch)
            sums[part] = sums[part]!.map(
              (
                (gradients) => (sum: number, k: number) =>
                  round(sum + gradients[k]!)
              )(allGradients(model, plan)),
            )
            totals[part] = totals[part]!.map((total, k) => total + [loss, count][k]!)
          }
        }
        const [sum, count] = treeOf(totals, Number) as unknown as [number, number]
        assert.equal(loss, sum / count)
        const expected = treeOf(sums, round).map((value) => round(value * round(1 / count)))
        const found = allGradients(model, pass as never)
        assert.ok(found.some((value) => value !== 0))
        assert.deepEqual(
          found.map((value) => value + 0),
          expected.map((value) => value + 0),
        ) // -0 is 0
      }
      for (const one of made) one[Symbol.dispose]()
      model.dispose()
    })
  }

  const run = async (model: Model, task: Task, options: TrainOptions) => {
    for await (const _ of train(model, task, {
      extras,
      iterations: 6,
      evalEvery: 6,
      optimizer: adam({ lr: 0.01 }),
      ...options,
    }));
    return Float64Array.from(model.weights)
  }

  test(`${label}: without anything that is drawn, parts are as good as the whole`, async () => {
    const tolerance = backend.name === 'reference' ? 1e-9 : 1e-3
    const numbers = () => createModel({ input: 2, rnn: irnn(9), head: regression(1) }, { backend, seed: 3 })
    const sums = adding({ T: 8, train: 100, test: 10 })
    for (const [make, task] of [
      [() => words(backend), TEXT],
      [numbers, sums],
    ] as const) {
      for (const reduction of ['mean', 'sum'] as const) {
        const whole = await run(make(), task, { batch: 16, reduction })
        const parts = await run(make(), task, { batch: 16, reduction, shards: 8 })
        assert.ok(relativeError(parts, whole) < tolerance, `${task.name} ${relativeError(parts, whole)}`)
      }
    }
  })

  test(`${label}: parts that carry states go on in the middle to the same bits`, async () => {
    const whole = await run(words(backend), TEXT, SAMPLED)
    const half = words(backend)
    const first = train(half, TEXT, {
      extras,
      ...SAMPLED,
      iterations: 6,
      evalEvery: 6,
      optimizer: adam({ lr: 0.01 }),
      checkpoints: { every: 3 },
    })
    for await (const event of first) {
      if (event.type !== 'checkpoint') continue
      const { carried } = first.getState()
      assert.equal(carried?.B, 16)
      const again = words(backend)
      again.weights.set(half.weights)
      assert.deepEqual(
        await run(again, TEXT, { ...SAMPLED, resume: structuredClone(first.getState()) } as TrainOptions),
        whole,
      )
      break
    }
  })
}

test('what cannot be cut into parts is refused', () => {
  const { backend } = backends[0]!
  refused(() => trainSpec({ shards: 3 }), /^training: shards: expected a power of two$/)
  const uneven = () => train(words(backend), TEXT, { batch: 12, shards: 8, extras })
  refused(
    uneven,
    /^shards: expected a number of parts that divides the batch of 12 but received 8: give a batch of 16$/,
  )
  const other: Task = { ...TEXT, train: () => TEXT.train(3) }
  const run = train(words(backend), other, { batch: 4, shards: 2, extras })
  return assert.rejects(
    run.next(),
    /^InputError: task text: train\(\): batch: B: expected 4, to be cut into 2 parts, but/,
  )
})
