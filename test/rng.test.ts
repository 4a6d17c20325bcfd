import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permutation, rng } from '../src/rng.ts'

const WORD = 2 ** 32

test('xoshiro128** gives the reference implementation’s numbers', () => {
  // From xoshiro128starstar.c 1.1 (Blackman & Vigna), as in the tests of Rust's rand_xoshiro.
  const generator = rng(0)
  generator.setState([1, 2, 3, 4])
  const expected = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]
  assert.deepEqual(
    expected.map(() => generator.below(WORD)),
    expected,
  )
  assert.deepEqual(generator.getState(), [939045227, 1864939416, 1451579149, 2199351389])
})

test('next is the top 24 bits: exact in float32, never 1', () => {
  const generator = rng(3)
  const twin = rng(3)
  for (let i = 0; i < 10_000; i++) {
    const value = generator.next()
    assert.equal(value, Math.floor(twin.below(WORD) / 256) / 2 ** 24)
    assert.equal(Math.fround(value), value)
    assert.ok(value >= 0 && value < 1)
  }
})

test('a seed and a stream give the same numbers again, others give others', () => {
  const first = (seed: number, stream?: string) => {
    const generator = rng(seed, stream)
    return Array.from({ length: 4 }, () => generator.below(WORD)).join()
  }
  assert.equal(first(7, 'weights'), first(7, 'weights'))
  assert.equal(first(7), first(7, ''))
  const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]
  const streams = ['', 'a', 'b', 'ab', 'ba', 'weights/head.weight', 'weights/head.weighu']
  const all = seeds.flatMap((seed) => streams.map((stream) => first(seed, stream)))
  assert.equal(new Set(all).size, all.length)
})

test('these numbers are promised: a change of seeding would change every recorded run', () => {
  const generator = rng(1, 'weights')
  assert.deepEqual(
    [generator.below(WORD), generator.below(WORD), generator.below(WORD)],
    [3258868341, 632264602, 1657242718],
  )
})

test('restarted on another stream it is a new generator of it', () => {
  const generator = rng(5, 'x')
  for (let i = 0; i < 17; i++) generator.normal()
  generator.restart('y')
  const fresh = rng(5, 'y')
  for (let i = 0; i < 50; i++) assert.equal(generator.next(), fresh.next())
  assert.notEqual(rng(5, 'x').next(), rng(5, 'y').next())
})

test('the state continues where it was taken, through JSON', () => {
  const generator = rng(5, 'x')
  for (let i = 0; i < 17; i++) generator.normal()
  const state = JSON.parse(JSON.stringify(generator.getState())) as number[]
  const ahead = Array.from({ length: 50 }, () => generator.normal())
  const other = rng(99)
  other.setState(state)
  assert.deepEqual(
    ahead.map(() => other.normal()),
    ahead,
  )
})

test('a state that is none is refused', () => {
  for (const state of [
    [],
    [1, 2, 3],
    [0, 0, 0, 0],
    [1, 2, 3, -1],
    [1, 2, 3, 1.5],
    [1, 2, 3, 2 ** 32],
    [1, 2, 3, Number.NaN],
  ]) {
    assert.throws(() => rng(1).setState(state), /^InputError: generator state: expected four 32-bit words/)
  }
})

test('a seed that is none is refused', () => {
  for (const seed of [-1, 0.5, Number.NaN, Infinity, 2 ** 53, '1' as unknown as number]) {
    assert.throws(() => rng(seed), /^InputError: seed: expected a whole number from 0 to 2\^53-1 but received/)
  }
})

test('uniforms fill their cells evenly, and neighbours independently', () => {
  // Chi-square over 16×16 cells of successive pairs: 255 degrees of freedom, so 255 ± 6·22.6 holds but once in 1e8
  // seeds.
  const generator = rng(11, 'pairs')
  const cells = new Float64Array(256)
  const n = 256 * 400
  for (let i = 0; i < n; i++) cells[Math.floor(generator.next() * 16) * 16 + Math.floor(generator.next() * 16)]! += 1
  const chi = cells.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0)
  assert.ok(chi > 255 - 136 && chi < 255 + 136, `chi-square ${chi}`)
})

test('different streams of one seed are uncorrelated', () => {
  const n = 100_000
  const a = rng(1, 'train')
  const b = rng(1, 'test')
  let sum = 0
  for (let i = 0; i < n; i++) sum += (a.next() - 0.5) * (b.next() - 0.5)
  const deviation = (sum / n) * 12 * Math.sqrt(n) // standard normal
  assert.ok(Math.abs(deviation) < 5, `${deviation} standard deviations`)
})

test('normals have the moments of a normal', () => {
  const n = 400_000
  const generator = rng(2)
  const moments = [0, 0, 0, 0]
  let beyond2 = 0
  for (let i = 0; i < n; i++) {
    const z = generator.normal()
    for (let k = 0; k < 4; k++) moments[k]! += z ** (k + 1) / n
    if (Math.abs(z) > 2) beyond2++
  }
  // Each is held to 5 standard errors: of z, z², z³, z⁴ the variances are 1, 2, 15, 96.
  const error = (variance: number) => 5 * Math.sqrt(variance / n)
  assert.ok(Math.abs(moments[0]!) < error(1), `mean ${moments[0]}`)
  assert.ok(Math.abs(moments[1]! - 1) < error(2), `variance ${moments[1]}`)
  assert.ok(Math.abs(moments[2]!) < error(15), `third ${moments[2]}`)
  assert.ok(Math.abs(moments[3]! - 3) < error(96), `fourth ${moments[3]}`)
  assert.ok(Math.abs(beyond2 / n - 0.0455) < error(0.0455 * 0.9545), `beyond 2: ${beyond2 / n}`)
})

test('below is fair where n does not divide 2^32', () => {
  const generator = rng(4)
  // x % n alone would give the lower third of 0 … 3·2^30-1 twice as often as the rest.
  const n = 3 * 2 ** 30
  let low = 0
  for (let i = 0; i < 30_000; i++) if (generator.below(n) < 2 ** 30) low++
  assert.ok(Math.abs(low / 30_000 - 1 / 3) < 5 * Math.sqrt(2 / 9 / 30_000), `${low / 30_000}`)
  assert.equal(generator.below(1), 0)
})

test('a permutation holds every number once, and every order of three comes as often', () => {
  const generator = rng(8)
  assert.deepEqual(
    [...permutation(100, generator)].sort((a, b) => a - b),
    [...Array(100).keys()],
  )
  assert.deepEqual([...permutation(0, generator)], [])
  const counts = new Map<string, number>()
  for (let i = 0; i < 12_000; i++) {
    const order = permutation(3, generator).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  assert.equal(counts.size, 6)
  for (const count of counts.values()) assert.ok(Math.abs(count - 2000) < 5 * Math.sqrt(2000 * (5 / 6)), `${count}`)
})
