// Errors over 180 states, 48 and 39 phones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPhoneScore } from '../../../src/tasks/phones/score.ts'
import { THIRDS } from '../../../src/tasks/phones/targets.ts'
import { PHONES } from '../../../src/tasks/phones/timit.ts'

test('errors over states, 48 and 39 phones, and the confusion of the 39', () => {
  const state = (phone: string, third = 0) => 3 * PHONES.indexOf(phone) + third
  // Right; wrong third; folded alike in 39 (zh as sh); in 48 and 39 (axr as er); wrong; no target; padded.
  const truth = [state('aa'), state('aa', 1), state('zh'), state('axr'), state('s'), -1, state('s')]
  const answer = [state('aa'), state('aa', 2), state('sh'), state('er'), state('z'), state('s'), state('z')]
  const logits = new Float32Array(7 * 180)
  for (const [n, k] of answer.entries()) logits[n * 180 + k] = 1
  const score = createPhoneScore(THIRDS)
  const y = Int32Array.from(truth)
  score.add({ T: 7, B: 1, y, lengths: Int32Array.of(6) }, logits)
  score.add({ T: 1, B: 1, y: y.slice(0, 1) }, logits)
  const { frames, states, phones48, phones39, confusion } = score.result()
  assert.deepEqual([frames, states, phones48, phones39], [6, 4 / 6, 2 / 6, 1 / 6])
  const { labels, counts } = confusion
  assert.equal(labels.length, 39)
  const count = (row: string, column: string) => counts[labels.indexOf(row) * 39 + labels.indexOf(column)]
  assert.deepEqual(
    [count('aa', 'aa'), count('sh', 'sh'), count('er', 'er'), count('s', 'z'), count('s', 's')],
    [3, 1, 1, 1, 0],
  )
  assert.equal(
    counts.reduce((sum, n) => sum + n, 0),
    6,
  )
})
