/** The table is only worth what it catches: wrong kernels on purpose, each of which a case must notice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine, Floats, Kernels } from '../../src/backend/backend.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { type Case, difference, input, output, run } from './arguments.ts'
import { random } from './random.ts'

const r = random(1)
const row: Case = {
  kernel: 'dense_forward',
  name: 'small',
  args: [3, 2, 4, input('x', r.uniform(6)), input('W', r.uniform(8)), input('b', r.uniform(4)), output('y', 12)],
}
const right = referenceBackend()
const expected = run(right, row).arrays.get('y')!

function outcomeOf(wrong: (x: Floats, y: Floats, runRight: () => void) => void): {
  faults: readonly string[]
  apart: number
} {
  const dense_forward: Kernels['dense_forward'] = (N, I, K, x, W, b, y) =>
    wrong(x, y, () => right.dense_forward(N, I, K, x, W, b, y))
  const backend: Engine = { ...right, dense_forward }
  const { faults, arrays } = run(backend, row)
  return { faults, apart: difference(arrays.get('y')!, expected, () => false)[0] }
}

/** The element `offset` places from where `a` starts, which may lie outside of it. */
const write = (a: Floats, offset: number, value: number): void => {
  new Float64Array(a.buffer, 0)[a.byteOffset / 8 + offset] = value
}

test('a right kernel has no faults', () => {
  assert.deepEqual(
    outcomeOf((_x, _y, runRight) => runRight()),
    { faults: [], apart: 0 },
  )
})

test('a kernel that writes before or behind its output is noticed', () => {
  const behind = outcomeOf((_x, y, runRight) => {
    runRight()
    write(y, 12, 0)
  })
  assert.deepEqual(behind.faults, ['y: the guard behind it was overwritten'])
  const before = outcomeOf((_x, y, runRight) => {
    runRight()
    write(y, -16, 0)
  })
  assert.deepEqual(before.faults, ['y: the guard before it was overwritten'])
})

test('a kernel that changes an input is noticed', () => {
  assert.deepEqual(
    outcomeOf((x, _y, runRight) => {
      runRight()
      x[5]! *= 1 + 2e-16
    }).faults,
    ['x: an input was changed'],
  )
})

test('an element left unwritten, made NaN, or slightly wrong is noticed', () => {
  assert.equal(
    outcomeOf((_x, y, runRight) => {
      const old = y[11]!
      runRight()
      y[11] = old
    }).apart,
    Number.POSITIVE_INFINITY,
  )
  assert.equal(
    outcomeOf((_x, y, runRight) => {
      runRight()
      y[0] = Number.NaN
    }).apart,
    Number.POSITIVE_INFINITY,
  )
  const { apart } = outcomeOf((_x, y, runRight) => {
    runRight()
    y[3]! += 2e-4 * Math.max(...expected.map(Math.abs))
  })
  assert.ok(Math.abs(apart - 2e-4) < 1e-9)
})

test('a result that is a number where NaN is expected is noticed', () => {
  assert.deepEqual(
    difference(Float64Array.of(1, 0), Float64Array.of(1, Number.NaN), () => false),
    [Number.POSITIVE_INFINITY, 1],
  )
  assert.deepEqual(
    difference(Float64Array.of(1, Number.NaN), Float64Array.of(1, Number.NaN), () => false),
    [0, -1],
  )
})
