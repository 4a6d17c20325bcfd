/** What a browser has kept is read as what anybody may have written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { History } from '../../../page/play/history.ts'
import { sessionOf } from '../../../page/play/session.ts'

const history = new History()
for (let i = 1; i <= 2000; i++) history.add(i, 1 / i)
// The last two after explosions.
const SCORES = [
  [1000, 0.1],
  [1500, Number.POSITIVE_INFINITY],
  [2000, Number.NaN],
]
const side = { training: { iteration: 2000 }, history, scores: SCORES, changed: true }
const record = { format: 1, address: '#a', sides: { left: side, right: null } }
const copy = (value: object) => structuredClone(value)

test('what was kept comes back, curves and all, for its own settings alone', () => {
  const { left, right } = sessionOf(copy(record), '#a')!
  assert.equal(right, null)
  assert.deepEqual([left!.training.iteration, left!.changed, left!.scores], [2000, true, SCORES])
  assert.deepEqual(left!.history, history)
  left!.history.add(2001, 5)
  history.add(2001, 5)
  assert.deepEqual(left!.history, history)
  assert.equal(sessionOf(copy(record), '#b'), null)
})

test('what is damaged is refused in a line', () => {
  const withSide = (more: object) => ({ ...record, sides: { left: { ...side, ...more }, right: null } })
  const withHistory = (more: object) => withSide({ history: { ...history, ...more } })
  for (const [damaged, expected] of [
    [null, 'session: it is no object'],
    ['<img>', 'session: it is no object'],
    [{ ...record, format: 2 }, 'session: its format is another'],
    [{ ...record, sides: null }, 'networks: it is no object'],
    [{ ...record, sides: { left: null, right: null } }, 'left: it is missing'],
    [withSide({ scores: [['1', '2']] }), 'left: its scores are no numbers'],
    [withSide({ scores: [[1]] }), 'left: its scores are no numbers'],
    [withSide({ training: 7 }), 'left: it is no object'],
    [withHistory({ mean: [1] }), 'left: its losses are no numbers'],
    [withHistory({ max: new Array(1e6).fill(1) }), 'left: its losses are no numbers'],
    [withHistory({ window: -1 }), 'left: its losses are no numbers'],
  ] as const) {
    assert.throws(() => sessionOf(damaged, '#a'), { message: expected })
  }
})
