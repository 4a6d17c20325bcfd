// Pictures as sequences: the right pixel at the right step, the published permutation, each picture once an epoch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Batch } from '../../../src/batch.ts'
import { InputError } from '../../../src/error.ts'
import { loadMnist } from '../../../src/tasks/mnist/load.node.ts'
import { type MnistInput, mnist, reopenMnist } from '../../../src/tasks/mnist/mnist.ts'
import { NUMPY_92916 } from '../../../src/tasks/mnist/permutation92916.ts'
import { smallMnist } from '../../support/mnist.ts'
import { numpyPermutation } from '../../support/mt19937.ts'

const digits = smallMnist()

/** Sequence b of a batch, one number a step. */
function sequence({ T, bytes: input }: Batch, b: number): number[] {
  const { bytes, starts, order, value } = input!
  return Array.from({ length: T }, (_, t) => value[bytes[starts[b]! + order[t]!]!]!)
}

/** The numbers of a batch, one sequence after the other. */
const numbers = (batch: Batch) => Array.from({ length: batch.B }, (_, b) => sequence(batch, b)).flat()

/** What pictures() of test/support/mnist.ts draws. */
const drawn = (i: number, p: number) => (i + 3 * p) % 256

test('the shipped permutation is numpy’s, drawn again from the Mersenne Twister up', () => {
  // Published by numpy's users over and over: the generator of this test is the right one.
  assert.deepEqual(numpyPermutation(0, 10), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5])
  assert.deepEqual(numpyPermutation(42, 10), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6])
  assert.deepEqual(NUMPY_92916, numpyPermutation(92916, 784))
})

test('scanline: step t shows pixel t, raw or in 0 … 1, and y is the class', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.constantFrom('raw', 'unit'), (B, scale) => {
      let i = 0
      for (const batch of mnist({ data: digits, scale }).test(B)) {
        assert.equal(batch.T, 784)
        for (let b = 0; b < batch.B; b++, i++) {
          const wanted = Array.from({ length: 784 }, (_, p) => drawn(i, p))
          assert.deepEqual(
            sequence(batch, b),
            wanted.map((byte) => (scale === 'raw' ? byte : Math.fround(byte / 255))),
          )
          assert.equal(batch.y![b], i % 10)
        }
      }
      assert.equal(i, 20)
    }),
    { numRuns: 12 },
  )
})

test('permuted: step t shows pixel permutation[t]', () => {
  const shown = (permutation?: number, of: MnistInput['data'] = digits) => {
    const task = mnist({
      data: of,
      order: 'permuted',
      scale: 'raw',
      ...(permutation !== undefined && { permutation }),
    })
    for (const batch of task.test(1)) return sequence(batch, 0)
    return []
  }
  const numpys = NUMPY_92916.map((p) => drawn(0, p))
  assert.deepEqual(shown(), numpys)
  assert.deepEqual(shown(92916), numpys)
  assert.deepEqual(shown(1).toSorted(), numpys.toSorted())
  assert.notDeepEqual(shown(1), numpys)
  assert.notDeepEqual(shown(1), shown(2))
  assert.deepEqual(shown(3), shown(3))
  const small = smallMnist({ rows: 4, columns: 5 })
  assert.deepEqual(
    shown(5, small).toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, p) => 3 * p),
  )
})

test('an epoch has every picture once; a stream goes on from its state in the same bits', () => {
  const task = mnist({ data: digits, seed: 4 })
  const stream = task.train(20)
  const first = (batch: Batch) => Array.from({ length: batch.B }, (_, b) => Math.round(sequence(batch, b)[0]! * 255))
  const seen = [...first(stream.next()), ...first(stream.next())]
  const state = JSON.parse(JSON.stringify(stream.getState()))
  const batch = stream.next()
  const x = numbers(batch)
  seen.push(...first(batch))
  assert.deepEqual(
    seen.slice(0, 50).toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.equal(stream.epoch, 1)
  const other = task.train(20)
  other.setState(state)
  assert.deepEqual(numbers(other.next()), x)
  assert.notDeepEqual(first(mnist({ data: digits, seed: 5 }).train(20).next()), seen.slice(0, 20))
})

test('the same arrays serve every batch', () => {
  const stream = mnist({ data: digits }).train(7)
  assert.equal(stream.next(), stream.next())
})

test('sizes limit both sets to their first pictures', () => {
  const task = mnist({ data: digits, trainSize: 6, testSize: 3, scale: 'raw' })
  assert.deepEqual([task.trainSize, task.testSize], [6, 3])
  const stream = task.train(6)
  const seen = Array.from({ length: 6 }, (_, b) => sequence(stream.next(), b)[0]!)
  assert.ok(seen.every((pixel) => pixel < 6))
  assert.deepEqual(
    [...task.test(2)].map((batch) => batch.B).reduce((sum, B) => sum + B),
    3,
  )
})

test('held-out images are drawn by the seed, out of training for good; the test set stays', () => {
  const pictures = (batches: Iterable<Batch>) => {
    const seen: number[] = []
    // One by one: the next batch comes in the same arrays.
    for (const batch of batches) seen.push(...Array.from({ length: batch.B }, (_, b) => sequence(batch, b)[0]!))
    return seen
  }
  const task = mnist({ data: digits, heldOut: 12, scale: 'raw', seed: 3 })
  assert.deepEqual([task.trainSize, task.testSize], [38, 20])
  const held = pictures(task.heldOut!(5))
  const stream = task.train(19)
  const trained = [...pictures([stream.next()]), ...pictures([stream.next()])]
  assert.equal(held.length, 12)
  assert.deepEqual(
    [...held, ...trained].toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.deepEqual(pictures(task.test(7)), pictures(mnist({ data: digits, scale: 'raw' }).test(7)))
  const others = pictures(mnist({ data: digits, heldOut: 12, scale: 'raw', seed: 4 }).heldOut!(12))
  assert.notDeepEqual(others, held)
  // The first that are not held out.
  const few = pictures([mnist({ data: digits, heldOut: 12, trainSize: 6, scale: 'raw', seed: 3 }).train(6).next()])
  const left = Array.from({ length: 50 }, (_, i) => i).filter((i) => !held.includes(i))
  assert.deepEqual(
    few.toSorted((a, b) => a - b),
    left.slice(0, 6),
  )
  assert.equal(mnist({ data: digits }).heldOut, undefined)
})

test('shifted: each picture is moved whole, black comes in, and only training sees it', () => {
  const [rows, columns, shift] = [4, 5, 2]
  const small = smallMnist({ rows, columns })
  /** Picture i as it looks when moved. */
  const moved = (i: number, down: number, right: number) =>
    Array.from({ length: rows * columns }, (_, p) => {
      const [y, x] = [Math.floor(p / columns) - down, (p % columns) - right]
      return y < 0 || y >= rows || x < 0 || x >= columns ? 0 : drawn(i, y * columns + x)
    })
  const places = Array.from({ length: 2 * shift + 1 }, (_, i) => i - shift)
  const all = new Map<string, string>()
  for (let i = 0; i < 50; i++) {
    for (const down of places) for (const right of places) all.set(`${moved(i, down, right)}`, `${down} ${right}`)
  }
  const stream = mnist({ data: small, scale: 'raw', shift }).train(10)
  const seen = new Set<string>()
  for (let n = 0; n < 60; n++) {
    const batch = stream.next()
    for (let b = 0; b < 10; b++) {
      const how = all.get(`${sequence(batch, b)}`)
      assert.ok(how !== undefined, 'no picture moved looks like this')
      seen.add(how)
    }
  }
  assert.equal(seen.size, 25)
  const [still] = mnist({ data: small, scale: 'raw', shift, heldOut: 5 }).test(1)
  assert.deepEqual(sequence(still!, 0), moved(0, 0, 0))
  const [held] = mnist({ data: small, scale: 'raw', shift, heldOut: 5 }).heldOut!(1)
  assert.equal(all.get(`${sequence(held!, 0)}`), '0 0')
})

test('shifted and permuted: moved first; the stream goes on from its state in the same bits', () => {
  const shown = (order: 'scanline' | 'permuted') =>
    sequence(mnist({ data: digits, shift: 3, order, scale: 'raw' }).train(1).next(), 0)
  const scanline = shown('scanline')
  assert.deepEqual(
    shown('permuted'),
    NUMPY_92916.map((p) => scanline[p]),
  )
  const task = mnist({ data: digits, shift: 1 })
  const stream = task.train(20)
  for (let n = 0; n < 4; n++) stream.next()
  const state = JSON.parse(JSON.stringify(stream.getState()))
  const next = numbers(stream.next())
  assert.equal(stream.epoch, 2)
  const other = task.train(20)
  other.setState(state)
  assert.deepEqual(numbers(other.next()), next)
  assert.equal(other.epoch, 2)
  const { shift: _, ...without } = state
  const third = task.train(20)
  assert.throws(() => third.setState(without), InputError)
  assert.throws(() => third.setState({ ...state, position: 99 }), InputError)
  assert.deepEqual(numbers(third.next()), numbers(task.train(20).next()), 'a state that is refused changes nothing')
})

test('the options of a task make the same task again, with the same digits only', () => {
  const all: Partial<MnistInput>[] = [
    {},
    { scale: 'raw', seed: 9, trainSize: 30, testSize: 10 },
    { order: 'permuted' },
    { order: 'permuted', permutation: 17 },
    { heldOut: 7, shift: 2, seed: 2 },
    { heldOut: 0, shift: 0 },
  ]
  for (const options of all) {
    const task = mnist({ data: digits, ...options })
    const again = reopenMnist(JSON.parse(JSON.stringify(task.options)), digits)
    assert.deepEqual(again.options, task.options)
    assert.deepEqual(numbers(again.train(8).next()), numbers(task.train(8).next()))
    const heldOut = (one: typeof task) => [...(one.heldOut?.(7) ?? [])].flatMap(numbers)
    assert.deepEqual(heldOut(again), heldOut(task))
  }
  const { options } = mnist({ data: digits })
  assert.throws(() => reopenMnist(options, { ...digits, id: 'mnist' }), {
    name: 'InputError',
    message: /digits "small" that the run was made with but received "mnist": give --data DIR/,
  })
})

test('bad options are refused in one line', () => {
  const refused = (options: object, pattern: RegExp) =>
    assert.throws(
      () => mnist({ data: digits, ...options }),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
      String(pattern),
    )
  refused({ order: 'spiral' }, /order: expected one of scanline, permuted but received "spiral"/)
  refused({ scale: 255 }, /scale: expected one of raw, unit but received 255/)
  refused({ permutation: -1 }, /permutation: expected a number >= 0/)
  refused({ permutation: 1.5 }, /permutation: expected a whole number/)
  refused({ trainSize: 0 }, /trainSize/)
  refused({ trainSize: 51 }, /trainSize: expected at most the 50 images there are but received 51/)
  refused({ testSize: 21 }, /testSize: expected at most the 20/)
  refused({ heldOut: 50 }, /heldOut: expected fewer than the 50 training images but received 50/)
  refused({ heldOut: -1 }, /heldOut/)
  refused(
    { heldOut: 20, trainSize: 31 },
    /trainSize: expected at most the 30 of 50 images that are not held out but received 31/,
  )
  refused({ shift: 65 }, /shift: expected a number <= 64/)
  refused({ permuted: true }, /unknown key "permuted"/)
  refused({ data: smallMnist({ rows: 4 }), order: 'permuted' }, /92916 is for 784 pixels and these images have 112/)
  refused({ data: { ...digits, test: smallMnist({ rows: 4 }).test } }, /test images of 784 pixels.* received 4×28/)
  assert.throws(
    () => mnist({ data: digits }).train(51),
    /mnist: train: batch: expected a whole number from 1 to 50, all .* but received 51/,
  )
})

test('the real digits, as bytes', async () => {
  const real = await loadMnist()
  assert.equal(real.id, 'mnist')
  const task = mnist({ data: real })
  assert.deepEqual([task.T, task.trainSize, task.testSize], [784, 60_000, 10_000])
  assert.equal(real.train.images.length, 47_040_000)
  assert.ok(real.train.images instanceof Uint8Array)
  // Statistics everybody normalises by: mean 0.1307, standard deviation 0.3081.
  let sum = 0
  let squares = 0
  for (const byte of real.train.images) {
    sum += byte
    squares += byte * byte
  }
  const mean = sum / 255 / 47_040_000
  assert.ok(Math.abs(mean - 0.1307) < 5e-5, String(mean))
  assert.ok(Math.abs(Math.sqrt(squares / 255 ** 2 / 47_040_000 - mean ** 2) - 0.3081) < 5e-5)
  assert.deepEqual(Array.from(real.train.labels.subarray(0, 10)), [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
  assert.deepEqual(Array.from(real.test.labels.subarray(0, 10)), [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
})
