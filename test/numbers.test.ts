// Numbers as people read them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duration, grouped, percent, significant } from '../src/numbers.ts'

test('numbers as people read them', () => {
  assert.deepEqual([0, 999, 16_000, 1_234_567].map(grouped), ['0', '999', '16,000', '1,234,567'])
  assert.deepEqual(
    [0.00013842, 3.21e-9, 0, 123.4, Number.NaN].map((v) => significant(v)),
    ['0.000138', '3.21e-9', '0', '123', 'NaN'],
  )
  assert.deepEqual([0.04, 9.96, 59.4, 59.6, 3599.9, 3600, 90_061, Number.POSITIVE_INFINITY].map(duration), [
    '0.0 s',
    '10.0 s',
    '59 s',
    '1 min 0 s',
    '1 h 0 min',
    '1 h 0 min',
    '25 h 1 min',
    '?',
  ])
  assert.deepEqual([percent(0.98765), percent(0.1, 1), percent(1, 0)], ['98.77 %', '10.0 %', '100 %'])
})
