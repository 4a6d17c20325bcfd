// Models of words: perplexity is what it says, logits kept or not, and a run by samples and with dropout is the same
// bits however it is cut.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { InputError } from '../../src/error.ts'
import { gaussian } from '../../src/init.ts'
import type { Cell } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { classification } from '../../src/model/spec.ts'
import { rng } from '../../src/rng.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/runs/checkpoint.ts'
import { evaluate } from '../../src/train/evaluate.ts'
import { logUniform } from '../../src/train/logUniform.ts'
import { train } from '../../src/train/loop.ts'
import { adam } from '../../src/train/optim.ts'
import { type TrainOptions, trainSpec } from '../../src/train/options.ts'
import { backends, relativeError } from '../support/backends.ts'
import { allGradients } from '../support/models.ts'
import { textTask } from '../support/text.ts'

const V = 40
function words(backend: Model['backend'], cell: Cell = 'lstm', std = 0.3, size = V): Model {
  const head = classification(size, { steps: 'every', init: gaussian(std) })
  return createModel(
    { input: { vocabulary: size, embedding: 6 }, rnn: { cell, hidden: 10, layers: 2 }, head },
    { backend, seed: 2 },
  )
}

test('a model of zero output weights has the vocabulary as its perplexity, kept logits or not', async () => {
  const backend = await createEngine({})
  for (const size of [V, 60_000]) {
    const model = words(backend, 'irnn', 0, size)
    const { perplexity } = await evaluate(model, textTask({ V: size, T: 10 }))
    assert.ok(Math.abs(perplexity! / size - 1) < 1e-12, `${perplexity}`)
    model.dispose()
  }
})

test('perplexity is e to the mean of what each sentence has, rows of unequal length', async () => {
  const backend = await createEngine({})
  const [T, B, size] = [12, 30, 9000]
  const model = words(backend, 'lstm', 0.3, size)
  const text = textTask({ V: size, T, length: T })
  const [batch] = [...text.test(B)]
  const lengths = Int32Array.from({ length: B }, (_, b) => 1 + ((5 * b) % T))
  const { carry: _, ...sentences } = { ...batch!, lengths }
  const whole = await evaluate(model, { ...text, testSize: B, test: () => [sentences] }, { batch: B })
  let [sum, count] = [0, 0]
  for (let b = 0; b < B; b++) {
    const length = lengths[b]!
    const column = (a: Int32Array) => Int32Array.from({ length }, (_, t) => a[t * B + b]!)
    const own = { T: length, B: 1, tokens: column(sentences.tokens!), y: column(sentences.y as Int32Array) }
    const { logits } = model.forward(own)
    for (let t = 0; t < length; t++) {
      const row = Float64Array.from(logits.subarray(t * size, (t + 1) * size))
      sum += Math.log(row.reduce((total, logit) => total + Math.exp(logit), 0)) - row[own.y[t]!]!
      count += 1
    }
  }
  assert.ok(
    Math.abs(whole.perplexity! / Math.exp(sum / count) - 1) < 1e-5,
    `${whole.perplexity} ${Math.exp(sum / count)}`,
  )
})

test('a plan that does not keep logits says so; its loss and gradients are those of one that does', () => {
  const backend = referenceBackend()
  const size = 30_000
  const model = words(backend, 'irnn', 0.1, size)
  const [batch] = [...textTask({ V: size, T: 20 }).test(4)]
  const results = [true, false].map((logits) => {
    const plan = model.plan({ T: 20, B: 4, logits })
    plan.forward(batch!)
    const { loss, correct, count } = plan.loss(batch!, { reduction: 'mean', gradient: true })
    plan.backward(batch!)
    if (!logits) assert.throws(() => plan.logits, /plan.logits: this plan does not keep them/)
    return { loss, counts: [correct, count], gradients: allGradients(model, plan) }
  })
  assert.ok(Math.abs(results[0]!.loss - results[1]!.loss) < 1e-12)
  assert.deepEqual(results[0]!.counts, results[1]!.counts)
  assert.ok(relativeError(results[1]!.gradients, results[0]!.gradients) < 1e-10)
})

const TASK = textTask({ V, T: 5 })
const OPTIONS: TrainOptions = {
  iterations: 17,
  batch: 9,
  stepEvery: 5,
  evalEvery: 6,
  evalBatch: 6,
  optimizer: adam({ lr: 0.01 }),
  dropout: 0.3,
  seed: 5,
  softmax: { kind: 'sampled', samples: 10 },
}

for (const { label, backend } of backends)
  test(`${label}: sampled, with dropout, killed anywhere: the same bits; evaluated on all classes`, async () => {
    const training = trainSpec(OPTIONS)
    const model = words(backend)
    const identity = { seed: 2, task: TASK, model: model.spec, training }
    const points: Uint8Array[] = []
    const run = train(model, TASK, { ...OPTIONS, checkpoints: { every: 1 } })
    let test = Number.NaN
    for await (const event of run) {
      if (event.type === 'checkpoint')
        points.push(Buffer.concat(encodeCheckpoint(model, run.getState(), identity, { count: 0, last: null })))
      if (event.type === 'done') test = event.test!.perplexity!
    }
    assert.equal(test, (await evaluate(model, TASK, { batch: 6 })).perplexity)
    for (const bytes of [points[1]!, points[8]!, points.at(-3)!]) {
      const { state } = decodeCheckpoint(bytes, identity)
      const again = loadModel(bytes, { backend })
      for await (const _ of train(again, TASK, { ...OPTIONS, resume: state }));
      assert.deepEqual([...again.weights], [...model.weights])
      again.dispose()
    }
    for (const other of [{ seed: 6 }, { dropout: 0 }, { softmax: { kind: 'full' } as const }]) {
      const changed = words(backend)
      for await (const _ of train(changed, TASK, { ...OPTIONS, ...other, iterations: 2 }));
      const same = words(backend)
      for await (const _ of train(same, TASK, { ...OPTIONS, iterations: 2 }));
      assert.notDeepEqual([...changed.weights], [...same.weights], JSON.stringify(other))
    }
    model.dispose()
  })

const threaded = new Set((await availableBackends()).map(({ name }) => name))
threaded.delete('reference')
for (const name of threaded)
  test(`${name}: weights do not depend on the number of threads: sampled, full by blocks, dropout`, async () => {
    const size = 12_000
    for (const softmax of [{ kind: 'sampled', samples: 300 }, { kind: 'full' }] as const) {
      const run = async (threads: number) => {
        const model = words(await createEngine({ name, threads }), 'lstm', 0.1, size)
        const task = textTask({ V: size, T: 20 })
        for await (const _ of train(model, task, { ...OPTIONS, softmax, iterations: 3, evalEvery: 99, evalBatch: 2 }));
        return Buffer.from(model.weights.slice().buffer)
      }
      const one = await run(1)
      for (const threads of [2, 4]) assert.ok(one.equals(await run(threads)), `${softmax.kind} ${threads}`)
    }
  })

test('dropout: as many units as said, none at p = 0, the same with activation checkpointing', async () => {
  const backend = await createEngine({})
  const n = 100_000
  const [x, y] = [backend.floats(n).fill(1), backend.floats(n)]
  for (const [iteration, p] of [
    [0, 0],
    [1, 0.2],
    [2, 0.5],
  ] as const) {
    backend.dropout(n, 0, 77, iteration, p, x, y)
    const kept = y.filter((value) => value !== 0)
    assert.ok(Math.abs(kept.length / n - (1 - p)) < 0.006, `${kept.length}`)
    assert.ok(kept.every((value) => Math.abs(value * (1 - p) - 1) < 1e-6))
  }
  const task = textTask({ V, T: 40 })
  const run = async (activationCheckpointing: boolean) => {
    const model = words(backend)
    for await (const _ of train(model, task, { ...OPTIONS, iterations: 4, activationCheckpointing }));
    return [...model.weights]
  }
  assert.deepEqual(await run(true), await run(false))
})

test('what cannot be sampled or left out is said in one line', async () => {
  const backend = await createEngine({})
  const refused = (options: TrainOptions, message: RegExp) =>
    assert.throws(
      () => train(words(backend), TASK, options),
      (error: Error) => error instanceof InputError && message.test(error.message),
    )
  refused(
    { softmax: { kind: 'sampled', samples: V } },
    /^softmax: samples: expected a whole number from 1 to 39, fewer than the 40 classes, but received 40: sample fewer or use full$/,
  )
  refused(
    { softmax: { kind: 'sampled', samples: 0 } },
    /^training: softmax.samples: expected a number >= 1 but received 0$/,
  )
  refused({ dropout: 1 }, /^training: dropout: expected a number < 1 but received 1$/)
  const last = createModel({ input: 3, rnn: { cell: 'irnn', hidden: 4 }, head: classification(9) }, { backend })
  const sampled = { samples: 3, sampler: logUniform(9, rng(1)) }
  assert.throws(
    () => last.plan({ T: 2, B: 2, sampled }),
    /softmax: sampled: expected a classification head on every step/,
  )
})

test('a sampler that draws no different classes is refused: kernels would read beyond the weights', async () => {
  const backend = await createEngine({})
  const T = 2
  const batch = { T, B: 1, tokens: [1, 2], y: [3, 4] }
  const options = { reduction: 'mean', gradient: true } as const
  let drawn: readonly number[] = []
  const sampler = { draw: (classes: Int32Array) => classes.set(drawn), logExpected: () => 0 }
  const plan = words(backend).plan({ T, B: 1, sampled: { samples: 3, sampler } })
  for (const bad of [
    [0, 1, V],
    [0, -1, 2],
    [5, 6, 5],
    [0, 1, 2 ** 31 - 1],
  ]) {
    drawn = bad
    plan.forward(batch)
    assert.throws(
      () => plan.loss(batch, options),
      /^InputError: sampler: draw: expected 3 different classes, 0 … 39, but \d is /,
    )
    drawn = [0, 1, 2]
    plan.forward(batch)
    assert.ok(plan.loss(batch, options).loss > 0)
  }
  for (const other of [{}, { draw: sampler.draw }, null])
    assert.throws(
      () => words(backend).plan({ T, B: 1, sampled: { samples: 3, sampler: other as never } }),
      /^InputError: plan: sampled: sampler: expected draw and logExpected but received /,
    )
})
