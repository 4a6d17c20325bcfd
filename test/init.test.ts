import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  constant,
  gaussian,
  glorot,
  type Init,
  identity,
  initialise,
  initWord,
  npRnn,
  orthogonal,
  randomWalk,
  uniform,
} from '../src/init.ts'
import { rng } from '../src/rng.ts'

function draw(init: Init, rows: number, columns = rows, activation: 'relu' | 'tanh' = 'tanh'): Float64Array {
  const w = new Float64Array(rows * columns).fill(Number.NaN)
  initialise(init, w, rows, columns, rng(1, 'test'), { activation })
  assert.ok(w.every(Number.isFinite))
  return w
}

/** Mean and standard deviation lie within 5 standard errors of a normal sample. */
function looksNormal(w: Float64Array, std: number): void {
  const n = w.length
  const mean = w.reduce((sum, value) => sum + value, 0) / n
  const spread = Math.sqrt(w.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n)
  assert.ok(Math.abs(mean) < (5 * std) / Math.sqrt(n), `mean ${mean}`)
  assert.ok(Math.abs(spread / std - 1) < 5 / Math.sqrt(2 * n), `std ${spread}, expected ${std}`)
}

test('identity(α) is α on the diagonal and 0 elsewhere, square or not', () => {
  assert.deepEqual([...draw(identity(0.01), 2)], [0.01, 0, 0, 0.01])
  assert.deepEqual([...draw(identity(), 2, 3)], [1, 0, 0, 0, 1, 0])
  assert.deepEqual([...draw(identity(), 3, 2)], [1, 0, 0, 1, 0, 0])
})

test('constant', () => assert.deepEqual([...draw(constant(-2), 1, 3)], [-2, -2, -2]))

test('gaussian(std)', () => looksNormal(draw(gaussian(0.001), 100), 0.001))

describe('random-walk has the scale of Sussillo & Abbott', () => {
  test('ReLU, H = 100: g is 1.432, as the paper’s facts state', () => {
    const g = Math.SQRT2 * Math.exp(1.2 / (100 - 2.4))
    assert.ok(Math.abs(g - 1.432) < 5e-4)
    looksNormal(draw(randomWalk(), 100, 100, 'relu'), g / 10)
  })
  test('tanh, H = 100', () => looksNormal(draw(randomWalk(), 100, 100, 'tanh'), Math.exp(1 / 200) / 10))
  test('ReLU, H below 6: 6 counts in the exponent', () => {
    const narrow = new Float64Array(4)
    const wide = new Float64Array(4)
    initialise(randomWalk(), narrow, 2, 2, rng(1), { activation: 'relu' })
    initialise(gaussian((Math.SQRT2 * Math.exp(1.2 / 3.6)) / Math.sqrt(2)), wide, 2, 2, rng(1))
    narrow.forEach((value, i) => {
      assert.ok(Math.abs(value / wide[i]! - 1) < 1e-14)
    })
  })
})

test('orthogonal: the shorter side is orthonormal times the gain', () => {
  for (const [rows, columns] of [
    [1, 1],
    [7, 7],
    [40, 40],
    [3, 9],
    [9, 3],
  ] as const) {
    const w = draw(orthogonal(2), rows, columns)
    const n = Math.min(rows, columns)
    const at = (i: number, k: number) => (rows <= columns ? w[i * columns + k]! : w[k * columns + i]!)
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0
        for (let k = 0; k < Math.max(rows, columns); k++) product += at(i, k) * at(j, k)
        assert.ok(Math.abs(product - (i === j ? 4 : 0)) < 1e-13, `${rows}×${columns}: ${i}·${j} = ${product}`)
      }
    }
  }
})

test('glorot and uniform stay in their bounds and reach for them', () => {
  for (const [init, bound] of [
    [glorot(), Math.sqrt(6 / 80)],
    [uniform(0.1), 0.1],
  ] as const) {
    const w = draw(init, 50, 30)
    const largest = w.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    assert.ok(largest <= bound && largest > 0.99 * bound, `${largest} of ${bound}`)
    const variance = w.reduce((sum, value) => sum + value * value, 0) / w.length
    assert.ok(Math.abs(variance / ((bound * bound) / 3) - 1) < 5 * Math.sqrt(0.8 / w.length), `variance ${variance}`)
  }
})

test('np-rnn is symmetric, positive definite, with largest eigenvalue 1', () => {
  for (const H of [1, 2, 30]) {
    const w = draw(npRnn(), H)
    for (let i = 0; i < H; i++) for (let j = 0; j < i; j++) assert.equal(w[i * H + j], w[j * H + i])
    // I - W has no negative pivot and W no small one: Cholesky of W + εI, and of (1+ε)I - W, both succeed; (1-ε)I - W
    // fails.
    const shifted = (sign: number, shift: number) =>
      Float64Array.from(w, (v, k) => sign * v + (k % (H + 1) === 0 ? shift : 0))
    assert.ok(isPositiveDefinite(w, H))
    assert.ok(isPositiveDefinite(shifted(-1, 1 + 1e-6), H), 'no eigenvalue above 1')
    assert.ok(!isPositiveDefinite(shifted(-1, 1 - 1e-6), H), 'an eigenvalue at 1')
  }
})

function isPositiveDefinite(w: Float64Array, n: number): boolean {
  const L = Float64Array.from(w)
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = L[i * n + j]!
      for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!
      if (i === j && sum <= 0) return false
      L[i * n + j] = i === j ? Math.sqrt(sum) : sum / L[j * n + j]!
    }
  }
  return true
}

test('an initialiser as a word: its kind, and its number where it takes one', () => {
  const words: [string, Init][] = [
    ['gaussian:0.001', gaussian(0.001)],
    ['identity', identity()],
    ['identity:0.5', identity(0.5)],
    ['orthogonal', orthogonal()],
    ['orthogonal:2', orthogonal(2)],
    ['glorot', glorot()],
    ['random-walk', randomWalk()],
    ['np-rnn', npRnn()],
    ['uniform:1e-2', uniform(0.01)],
    ['constant:-1', constant(-1)],
  ]
  for (const [word, init] of words) assert.deepEqual(initWord.read(word, '--recurrent'), init)
  const bad = [
    '',
    'gauss',
    'gaussian',
    'gaussian:',
    'gaussian:x',
    'gaussian:-1',
    'gaussian:1:2',
    'glorot:1',
    'uniform',
    ':1',
  ]
  for (const word of bad)
    assert.throws(
      () => initWord.read(word, '--recurrent'),
      /--recurrent: expected gaussian:<std>, identity:<scale>, /,
      word,
    )
})
