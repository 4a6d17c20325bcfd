/** Results of the pages that were measured one by one: each says of which code it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measured } from '../../bench/page/claims.ts'
import { barsOf, type Saved, withEarlier } from '../../bench/page/saved.ts'

const none: Measured = { tail: null, digit: null, tasks: null, slow: null, memory: null, million: null }
const tail = { records: 40, median: 60, p95: 110, most: 200 }
const digit = { times: 5, median: 577, most: 602 }
const monday = { date: '2026-11-30', commit: 'aaa' }
const later = { date: '2026-11-30', commit: 'bbb' }

test('a part that is kept from an earlier save keeps its commit, also that of an older file', () => {
  const first = withEarlier({ ...none, tail, digit }, monday, null)
  assert.deepEqual(first, { measured: { tail: monday, digit: monday }, parts: { ...none, tail, digit } })
  const saved: Saved = { ...monday, ...first.parts, measured: first.measured, claims: [] }
  const { measured: _, ...old } = saved
  for (const earlier of [saved, old as Saved]) {
    const second = withEarlier({ ...none, digit: { ...digit, median: 500 } }, later, earlier)
    assert.deepEqual(second.measured, { tail: monday, digit: later })
    assert.deepEqual([second.parts.tail, second.parts.digit!.median], [tail, 500])
  }
})

test('the page says each bar, and which parts are of other code than the last', () => {
  const claims = [
    { text: 'soon', holds: true, measured: '1 ms' },
    { text: 'fast', holds: false, measured: '2 s' },
  ]
  const text = barsOf({ ...none, ...later, measured: { tail: monday, digit: later }, claims }, 'x.json')
  assert.match(text, /^\[Results\]\(x\.json\) of commit bbb \(2026-11-30\); tail of commit aaa \(2026-11-30\):\n/)
  assert.match(text, /\n- held: soon: 1 ms\n- \*\*FAILED\*\*: fast: 2 s\n$/)
})
