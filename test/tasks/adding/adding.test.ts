// The data are the paper's problem: two marks, their sum, fixed sets that follow from the seed, each example once an
// epoch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Batch } from '../../../src/batch.ts'
import { InputError } from '../../../src/error.ts'
import { adding } from '../../../src/tasks/adding/adding.ts'

/** Sequence b of a batch: its numbers, the steps of its marks, its target. */
function sequence({ T, B, x, y }: Batch, b: number): { u: number[]; marks: number[]; target: number } {
  const u: number[] = []
  const marks: number[] = []
  for (let t = 0; t < T; t++) {
    u.push(x![(t * B + b) * 2]!)
    const mask = x![(t * B + b) * 2 + 1]!
    assert.ok(mask === 0 || mask === 1)
    if (mask === 1) marks.push(t)
  }
  return { u, marks, target: y![b]! }
}

test('two marks, u in [0,1), and the target is the sum of the marked numbers', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      fc.nat(),
      (T, B, halves, seed) => {
        const batch = adding({ T, train: 20, test: 5, seed, halves }).train(B).next()
        assert.equal(batch.x!.length, T * B * 2)
        for (let b = 0; b < B; b++) {
          const { u, marks, target } = sequence(batch, b)
          assert.equal(marks.length, 2)
          assert.ok(u.every((value) => value >= 0 && value < 1))
          assert.equal(target, Math.fround(u[marks[0]!]! + u[marks[1]!]!))
          if (halves) assert.ok(marks[0]! < T >> 1 && marks[1]! >= T >> 1)
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('marks are anywhere, evenly; answering 1 scores 1/6', () => {
  const T = 10
  const counts = new Array<number>(T).fill(0)
  let squares = 0
  let sum = 0
  let bothInOneHalf = 0
  const n = 20_000
  for (const batch of adding({ T, test: n }).test(500)) {
    for (let b = 0; b < batch.B; b++) {
      const { u, marks, target } = sequence(batch, b)
      for (const t of marks) counts[t]! += 1
      if (marks[0]! < 5 === marks[1]! < 5) bothInOneHalf += 1
      squares += (target - 1) ** 2
      sum += u.reduce((a, value) => a + value, 0) / T
    }
  }
  // Bounds of five standard deviations.
  for (const count of counts) assert.ok(Math.abs(count - 4000) < 300, String(counts))
  assert.ok(Math.abs(squares / n - 1 / 6) < 0.007, String(squares / n))
  assert.ok(Math.abs(sum / n - 0.5) < 0.004, String(sum / n))
  assert.ok(Math.abs(bothInOneHalf / n - 4 / 9) < 0.02, String(bothInOneHalf / n))
})

test('an epoch has every training sequence once, whatever the batch; the next has them in another order', () => {
  const stream = adding({ T: 3, train: 50, test: 5 }).train(8)
  const seen: number[] = []
  while (seen.length < 100) {
    const batch = stream.next()
    for (let b = 0; b < batch.B; b++) seen.push(sequence(batch, b).u[0]!)
  }
  const first = seen.slice(0, 50)
  const second = seen.slice(50, 100)
  assert.equal(new Set(first).size, 50)
  assert.deepEqual(first.toSorted(), second.toSorted())
  assert.notDeepEqual(first, second)
})

test('the test set is the same every time, whatever the batch, and none of it is trained on', () => {
  const task = adding({ T: 4, train: 300, test: 100 })
  const all = (B: number) => {
    const found: number[][] = []
    for (const batch of task.test(B)) for (let b = 0; b < batch.B; b++) found.push(sequence(batch, b).u)
    return found
  }
  assert.deepEqual(all(7), all(100))
  assert.deepEqual(all(7).length, 100)
  const trained = new Set<string>()
  const stream = task.train(30)
  for (let i = 0; i < 10; i++) {
    const batch = stream.next()
    for (let b = 0; b < 30; b++) trained.add(String(sequence(batch, b).u))
  }
  assert.equal(trained.size, 300)
  assert.ok(all(50).every((u) => !trained.has(String(u))))
})

test('the seed decides the data', () => {
  const data = (seed: number) => Array.from(adding({ T: 20, seed }).train(4).next().x!)
  assert.deepEqual(data(7), data(7))
  assert.notDeepEqual(data(7), data(8))
})

test('normalised inputs: the numbers have mean 0 and deviation 1, the marks a size that does not depend on T', () => {
  const { normalisation } = adding({ T: 100, inputs: 'normalised' })
  assert.deepEqual(adding({ T: 5000, inputs: 'normalised' }).normalisation, normalisation)
  assert.equal(adding({ T: 100 }).normalisation, undefined)
  const { mean, std } = normalisation!
  const sums = [0, 0, 0, 0]
  let n = 0
  for (const { x } of adding({ T: 100, test: 2000 }).test(500)) {
    for (let i = 0; i < x!.length; i += 2, n++) {
      for (const k of [0, 1]) {
        const z = (x![i + k]! - mean[k]!) / std[k]!
        sums[2 * k]! += z
        sums[2 * k + 1]! += z * z
      }
    }
  }
  const [m, s, marks, squares] = sums.map((sum) => sum / n) as [number, number, number, number]
  assert.ok(Math.abs(m) < 0.01 && Math.abs(s - 1) < 0.01, `${m} ${s}`)
  // A mark is 7, two of 100 steps.
  assert.ok(Math.abs(marks - 0.14) < 1e-6 && Math.abs(squares - 0.98) < 1e-6, `${marks} ${squares}`)
})

test('a shortened task is the same one with fewer steps', () => {
  const task = adding({ T: 30, train: 50, test: 5, seed: 4, halves: true, inputs: 'normalised' })
  const short = task.shortened!(9)
  assert.deepEqual(short.options, { ...task.options, T: 9 })
  assert.equal(short.train(4).next().T, 9)
})

test('a stream goes on from its state, across the end of an epoch, in the same bits', () => {
  const task = adding({ T: 5, train: 20, test: 5 })
  for (const before of [0, 1, 3, 4, 9]) {
    const stream = task.train(6)
    for (let i = 0; i < before; i++) stream.next()
    const state = JSON.parse(JSON.stringify(stream.getState()))
    const other = task.train(6)
    other.setState(state)
    for (let i = 0; i < 5; i++) {
      assert.equal(other.epoch, stream.epoch)
      assert.deepEqual(Array.from(other.next().x!), Array.from(stream.next().x!))
    }
  }
  assert.equal(task.train(6).epoch, 0)
})

test('bad options and states are refused in one line', () => {
  const refused = (work: () => unknown, pattern: RegExp) =>
    assert.throws(
      work,
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    )
  refused(() => adding({ T: 1 }), /T: expected .* >= 2 but received 1/)
  refused(() => adding({ train: 0 }), /train/)
  refused(() => adding({ T: Number.NaN }), /T: expected a/)
  refused(() => adding({ seed: -1 }), /seed/)
  refused(() => adding({ lenght: 3 } as object), /lenght/)
  for (const options of [5, 'T', null, [5], true]) {
    refused(() => adding(options as object), /^adding problem: expected options in an object but received/)
  }
  refused(
    () => adding({ train: 10 }).train(11),
    /adding: train: batch: expected a whole number from 1 to 10, all .* but received 11/,
  )
  refused(() => adding({ train: 10 }).train(5).setState({ epoch: 0, position: 11 }), /position/)
})
