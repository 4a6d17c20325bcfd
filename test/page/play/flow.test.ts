/** How far a gradient travels, in words, and the losses that a page keeps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spokenFlow } from '../../../page/play/flow.ts'
import { History } from '../../../page/play/history.ts'

const along = (T: number, decades: number) =>
  Float64Array.from({ length: T }, (_, t) => 10 ** (decades * (1 - t / (T - 1))))

test('a gradient vanishes, is carried or explodes', () => {
  assert.equal(
    spokenFlow(along(100, -8)).words,
    'vanishes, by 8.0 decades: the first step gets 10⁻⁸ of what the last one gets',
  )
  assert.match(spokenFlow(along(100, 3)).words, /^explodes, by 3.0 decades: .*10³ times/)
  assert.equal(spokenFlow(along(100, 0)).words, 'is carried: no change over 100 steps')
  assert.equal(spokenFlow(along(100, -0.4)).words, 'is carried: −0.40 decades over 100 steps')
  // Five decades over a thousand steps are half a decade in a hundred.
  assert.equal(spokenFlow(along(1001, -4.9)).verdict, 'carried')
  assert.equal(spokenFlow(Float64Array.of(0, 0, 1)).words, 'vanishes: the first step gets nothing')
  assert.equal(spokenFlow(Float64Array.of(0, 0)).verdict, 'nothing')
  assert.equal(spokenFlow(Float64Array.of(Number.NaN, 1)).words, 'explodes: it is no finite number any more')
})

test('a history keeps the extremes of 100,000 losses in some hundred points', () => {
  const history = new History()
  let sum = 0
  for (let i = 1; i <= 100_000; i++) {
    const loss = i === 77_777 ? 1000 : i === 3 ? -5 : 1
    sum += loss
    history.add(i, loss)
  }
  assert.ok(history.iteration.length <= 600)
  assert.equal(history.iteration.at(-1), 100_000)
  assert.equal(Math.max(...history.max), 1000)
  assert.equal(Math.min(...history.min), -5)
  const mean = history.mean.reduce((all, one) => all + one, 0) / history.mean.length
  assert.ok(Math.abs(mean - sum / 100_000) < 0.05, String(mean))
  assert.deepEqual(
    history.iteration,
    [...history.iteration].sort((a, b) => a - b),
  )
})
