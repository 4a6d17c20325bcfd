// A softmax by blocks is the softmax, a sampled one is what its definition says, and candidates come as often as they
// are said to.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Floats } from '../../src/backend/backend.ts'
import { memory } from '../../src/layers/layer.ts'
import { sampledLayer } from '../../src/layers/sampled.ts'
import { softmaxLayer } from '../../src/layers/softmax.ts'
import { rng } from '../../src/rng.ts'
import { logUniform } from '../../src/train/logUniform.ts'
import { random } from '../backend/random.ts'
import { backends, relativeError } from '../support/backends.ts'

const TOLERANCE = 2e-5

/**
 * Loss, correct and gradients of a softmax over all columns, with a logit subtracted and columns left out, in float64.
 */
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
  // Blocks of 2^22 numbers: all columns and several blocks of rows; columns cut as well; and, without a gradient, one
  // of each.
  const shapes = small
    ? [[60, 9, 3, 9000]]
    : [
        [60, 9, 3, 9000],
        [8, 20, 4, 40_000],
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
  // The first draw is an ordinary one: P(0) = ln 2 / ln 51. Over all, the expectation given the tries is right within 2
  // %.
  assert.ok(Math.abs(first / rounds - Math.log(2) / Math.log(V + 1)) < 0.012, String(first / rounds))
  for (let k = 0; k < V; k++)
    assert.ok(Math.abs(seen[k]! / expected[k]! - 1) < 0.08, `${k}: ${seen[k]} for ${expected[k]}`)
  // Once among the candidates is certain for a class of probability 1: ln(1 - (1-p)^tries) by its formula.
  const all = new Int32Array(3)
  const tiny = logUniform(4, rng(2, 'candidates'))
  tiny.draw(all)
  assert.ok([0, 1, 2, 3].every((k) => tiny.logExpected(k) < 0 && Number.isFinite(tiny.logExpected(k))))
})
