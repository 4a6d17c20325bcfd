/**
 * Large vocabularies: a softmax by blocks is the softmax, a sampled one is what its definition says, gradients by rows are the
 * gradients, and a run with all of it is the same bits however it is cut.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Floats } from '../src/backend/backend.ts'
import { availableBackends, createBackend } from '../src/backend/choose.ts'
import { referenceBackend } from '../src/backend/reference.ts'
import { logUniform } from '../src/candidates.ts'
import { clipGradients, clipNorm } from '../src/clip.ts'
import { InputError } from '../src/error.ts'
import { evaluate } from '../src/evaluate.ts'
import { gaussian } from '../src/init.ts'
import { memory } from '../src/layers/layer.ts'
import { sampledLayer } from '../src/layers/sampled.ts'
import { softmaxLayer } from '../src/layers/softmax.ts'
import { createModel, loadModel, type Model } from '../src/model.ts'
import { adam, createOptimizer, type Muon, type OptimizerSpec, rmsprop, sgd } from '../src/optim.ts'
import { rng } from '../src/rng.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../src/runs/checkpoint.ts'
import { type Cell, classification } from '../src/spec.ts'
import { type TrainOptions, train, trainSpec } from '../src/train.ts'
import { random } from './backend/random.ts'
import { backends, relativeError } from './backends.ts'
import { allGradients } from './models.ts'
import { textTask } from './text.ts'

const TOLERANCE = 2e-5

/** Loss, correct and gradients of a softmax over all columns, with a logit subtracted and columns left out, in float64. */
function plain(
  {
    x,
    W,
    b,
    y,
    I,
    K,
  }: { x: ArrayLike<number>; W: ArrayLike<number>; b: ArrayLike<number>; y: Int32Array; I: number; K: number },
  scale: number,
  takes: (n: number, k: number) => boolean = () => true,
  less: (k: number) => number = () => 0,
) {
  const N = y.length
  const [dx, dW, db] = [new Float64Array(N * I), new Float64Array(K * I), new Float64Array(K)]
  let loss = 0
  for (let n = 0; n < N; n++) {
    if (y[n]! < 0) continue
    const logits = Array.from({ length: K }, (_, k) => {
      if (!takes(n, k)) return Number.NEGATIVE_INFINITY
      let sum = b[k]! - less(k)
      for (let i = 0; i < I; i++) sum += W[k * I + i]! * x[n * I + i]!
      return sum
    })
    const largest = Math.max(...logits)
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)
    loss += Math.log(total) + largest - logits[y[n]!]!
    logits.forEach((logit, k) => {
      const slope = scale * (Math.exp(logit - largest) / total - (k === y[n] ? 1 : 0))
      db[k]! += slope
      for (let i = 0; i < I; i++) {
        dW[k * I + i]! += slope * x[n * I + i]!
        dx[n * I + i]! += slope * W[k * I + i]!
      }
    })
  }
  return { loss, dx, dW, db }
}

function problem(T: number, B: number, I: number, K: number) {
  const r = random(T * B + K)
  const y = Int32Array.from({ length: T * B }, (_, n) => (n % 7 === 5 ? -1 : r.below(K)))
  return { x: r.uniform(T * B * I), W: r.uniform(K * I, 0.5), b: r.uniform(K, 0.5), y, I, K }
}

const SCALE = 0.01
const solutions = new Map<number, { given: ReturnType<typeof problem>; expected: ReturnType<typeof plain> }>()
/** Once for all backends. */
function solved(T: number, B: number, I: number, K: number) {
  const given = problem(T, B, I, K)
  const found = solutions.get(K) ?? { given, expected: plain(given, SCALE) }
  solutions.set(K, found)
  return found
}

for (const { label, backend } of backends) {
  const small = backend.name === 'reference' || backend.name === 'wasm'
  const array = (values: ArrayLike<number>): Floats => {
    const made = backend.floats(values.length)
    made.set(values)
    return made
  }
  // Blocks of 2^21 numbers: all columns and several blocks of rows; columns cut as well; and, without a gradient, one of each.
  const shapes = small
    ? [[40, 9, 3, 9000]]
    : [
        [40, 9, 3, 9000],
        [8, 20, 4, 30_000],
        [20, 3, 5, 70_001],
      ]
  describe(`${label}: a softmax by blocks`, () => {
    for (const [T, B, I, K] of shapes as [number, number, number, number][])
      for (const training of [true, false])
        test(`T ${T} B ${B} K ${K}${training ? '' : ', loss alone'}`, () => {
          if (backend.name === 'reference' && training) return // the plain computation below takes as long
          const { given, expected } = solved(T, B, I, K)
          const arena = memory(backend)
          const weights = { W: array(given.W), b: array(given.b), dW: arena.floats(K * I), db: arena.floats(K) }
          const layer = softmaxLayer(arena, weights, { T, B, I, K, training })
          const y = backend.ints(T * B)
          y.set(given.y)
          const dx = training ? arena.floats(T * B * I) : null
          const result = { loss: 0, correct: 0 }
          layer.run(array(given.x), y, K, K, SCALE, dx, result)
          assert.ok(Math.abs(result.loss / expected.loss - 1) < 1e-5, `${result.loss} is not ${expected.loss}`)
          if (!dx) return
          for (const [name, values] of Object.entries({ dx, dW: weights.dW, db: weights.db })) {
            const error = relativeError(values, expected[name as 'dx'])
            assert.ok(error < TOLERANCE, `${name}: off by ${error}`)
          }
          arena.release()
        })
  })

  test(`${label}: a sampled softmax is what its definition says`, () => {
    const [T, B, I, K, samples] = [6, 5, 4, 60, 12]
    const given = problem(T, B, I, K)
    const sampler = logUniform(K, rng(3, 'test'))
    const arena = memory(backend)
    const y = backend.ints(T * B)
    y.set(given.y)
    const head = { W: array(given.W), b: array(given.b) }
    const layer = sampledLayer(arena, head, { samples, sampler }, { T, B, I, K, training: true })
    const dx = arena.floats(T * B * I)
    const x = array(given.x)
    for (let round = 0; round < 3; round++) {
      const result = { loss: 0, correct: 0 }
      layer.run(x, y, 0.05, dx, result)
      const { rows, dW, db, count } = layer.touched
      const candidates = [...rows.subarray(0, samples)]
      assert.equal(new Set(rows.subarray(0, count)).size, count)
      const expected = plain(given, 0.05, (n, k) => candidates.includes(k) || k === given.y[n], sampler.logExpected)
      assert.ok(Math.abs(result.loss / expected.loss - 1) < 1e-5, `${result.loss} is not ${expected.loss}`)
      assert.ok(relativeError(dx, expected.dx) < TOLERANCE)
      const [allW, allB] = [new Float64Array(K * I), new Float64Array(K)]
      for (let j = 0; j < count; j++) {
        allW.set(dW.subarray(j * I, (j + 1) * I), rows[j]! * I)
        allB[rows[j]!] = db[j]!
      }
      assert.ok(relativeError(allW, expected.dW) < TOLERANCE && relativeError(allB, expected.db) < TOLERANCE)
    }
    arena.release()
  })
}

test('candidates: log-uniform, no one twice, expected as often as they come', () => {
  const [V, samples, rounds] = [50, 10, 20_000]
  const sampler = logUniform(V, rng(1, 'candidates'))
  const classes = new Int32Array(samples)
  const [seen, expected] = [new Float64Array(V), new Float64Array(V)]
  let first = 0
  for (let round = 0; round < rounds; round++) {
    sampler.draw(classes)
    assert.equal(new Set(classes).size, samples)
    if (classes[0] === 0) first += 1
    for (const k of classes) seen[k]! += 1
    for (let k = 0; k < V; k++) expected[k]! += Math.exp(sampler.logExpected(k))
  }
  // The first draw is an ordinary one: P(0) = ln 2 / ln 51. Over all, the expectation given the tries is right within 2 %.
  assert.ok(Math.abs(first / rounds - Math.log(2) / Math.log(V + 1)) < 0.012, String(first / rounds))
  for (let k = 0; k < V; k++)
    assert.ok(Math.abs(seen[k]! / expected[k]! - 1) < 0.08, `${k}: ${seen[k]} for ${expected[k]}`)
  // Once among the candidates is certain for a class of probability 1: ln(1 - (1-p)^tries) by its formula.
  const all = new Int32Array(3)
  const tiny = logUniform(4, rng(2, 'candidates'))
  tiny.draw(all)
  assert.ok([0, 1, 2, 3].every((k) => tiny.logExpected(k) < 0 && Number.isFinite(tiny.logExpected(k))))
})

const V = 40
function words(backend: Model['backend'], cell: Cell = 'lstm', std = 0.3, size = V): Model {
  const head = classification(size, { steps: 'every', init: gaussian(std) })
  return createModel(
    { input: { vocabulary: size, embedding: 6 }, rnn: { cell, hidden: 10, layers: 2 }, head },
    { backend, seed: 2 },
  )
}

test('a model of zero output weights has the vocabulary as its perplexity, kept logits or not', async () => {
  const backend = await createBackend({})
  for (const size of [V, 60_000]) {
    const model = words(backend, 'irnn', 0, size)
    const { perplexity } = await evaluate(model, textTask({ V: size, T: 10 }))
    assert.ok(Math.abs(perplexity! / size - 1) < 1e-12, `${perplexity}`)
    model.dispose()
  }
})

test('perplexity is e to the mean of what each sentence has, rows of unequal length', async () => {
  const backend = await createBackend({})
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

for (const { label, backend } of backends)
  for (const spec of [sgd(), sgd({ momentum: 0.9 }), rmsprop(), adam()] as Exclude<OptimizerSpec, Muon>[])
    test(`${label}: updates of rows, ${JSON.stringify(spec)}: rows that occur as any weight, others not at all`, () => {
      const [rows, width] = [6, 3]
      const r = random(9)
      const [start, g] = [r.uniform(rows * width), [r.uniform(2 * width), r.uniform(2 * width)]]
      const touched = [
        [4, 1],
        [1, 5],
      ]
      const w = backend.floats(rows * width)
      w.set(start)
      const values = backend.floats(2 * width)
      const ids = backend.ints(2)
      const table = { start: 0, width, rows: ids, values, count: 2 }
      const optimizer = createOptimizer(spec, backend, w, {
        start: w.length,
        dense: backend.floats(0),
        tables: [table],
      })
      // The rule: a row's state advances only where the row occurs; corrections are the iteration's.
      const [expected, m, v] = [start.slice(), new Float64Array(w.length), new Float64Array(w.length)]
      for (let k = 1; k <= 2; k++) {
        ids.set(touched[k - 1]!)
        values.set(g[k - 1]!)
        optimizer.update(0.1)
        for (let i = 0; i < 2 * width; i++) {
          const at = touched[k - 1]![Math.floor(i / width)]! * width + (i % width)
          const d = g[k - 1]![i]!
          if (spec.kind === 'sgd') {
            v[at] = spec.momentum * v[at]! + d
            expected[at]! -= 0.1 * v[at]!
          } else if (spec.kind === 'rmsprop') {
            v[at] = spec.alpha * v[at]! + (1 - spec.alpha) * d * d
            expected[at]! -= (0.1 * d) / (Math.sqrt(v[at]!) + spec.eps)
          } else {
            m[at] = spec.beta1 * m[at]! + (1 - spec.beta1) * d
            v[at] = spec.beta2 * v[at]! + (1 - spec.beta2) * d * d
            const hat = Math.sqrt(v[at]! / (1 - spec.beta2 ** k)) + spec.eps
            expected[at]! -= (0.1 * (m[at]! / (1 - spec.beta1 ** k))) / hat
          }
        }
      }
      assert.ok(relativeError(w, expected) < 2e-6)
      for (const row of [0, 2, 3])
        assert.deepEqual([...w.subarray(3 * row, 3 * row + 3)], [...start.subarray(3 * row, 3 * row + 3)])
    })

test('the norm counts gradients by rows as what they are', () => {
  const backend = referenceBackend()
  const table = {
    start: 0,
    width: 2,
    rows: Int32Array.of(3, 1, 0),
    values: Float64Array.of(3, 0, 0, 2, 99, 99),
    count: 2,
  }
  const gradients = { start: 8, dense: Float64Array.of(6), tables: [table] }
  const { norm, clipped } = clipGradients(clipNorm(3.5), backend, gradients, { norm: 0, clipped: false })
  assert.deepEqual([norm, clipped], [7, true])
  assert.deepEqual([[...gradients.dense], [...table.values]], [[3], [1.5, 0, 0, 1, 99, 99]])
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
        points.push(encodeCheckpoint(model, run.getState(), identity, { metrics: 0, board: 0 }))
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
        const model = words(await createBackend({ name, threads }), 'lstm', 0.1, size)
        const task = textTask({ V: size, T: 20 })
        for await (const _ of train(model, task, { ...OPTIONS, softmax, iterations: 3, evalEvery: 99, evalBatch: 2 }));
        return Buffer.from(model.weights.slice().buffer)
      }
      const one = await run(1)
      for (const threads of [2, 4]) assert.ok(one.equals(await run(threads)), `${softmax.kind} ${threads}`)
    }
  })

test('dropout: as many units as said, none at p = 0, the same with activation checkpointing', async () => {
  const backend = await createBackend({})
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
  const backend = await createBackend({})
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
