// Curves as text lie where their numbers are, and fit the room they are given.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boardOf, LEAST, lineOf, type Watched } from '../../cli/board.ts'
import { sparkline, textChart } from '../../src/figures/braille.ts'
import { bucketed, scoreHistory, stepsOf } from '../../src/figures/history.ts'
import type { StepEvent, TrainEvent } from '../../src/train/events.ts'

const CHART = { title: 't', y: {}, until: 10, width: 30, height: 6 }

function step(iteration: number, loss: number, max = loss): StepEvent {
  const gradNorm = { mean: 1, min: 1, max: 1 }
  const more = { seconds: 1, window: 1, clippedShare: null, liveShare: 1, lr: 0.1, iterationsPerSecond: 10 }
  return { type: 'step', iteration, loss: { mean: loss, min: loss, max }, gradNorm, ...more }
}

const scored = (iteration: number, mse: number): TrainEvent => ({
  type: 'eval',
  iteration,
  seconds: 2,
  test: { loss: mse, mse },
})

test('a line that rises goes from the lower left to the upper right corner', () => {
  const lines = textChart({ ...CHART, series: [Array.from({ length: 11 }, (_, i) => [i, i] as const)] })
  assert.equal(lines.length, 6)
  assert.ok(lines.every((line) => line.length <= 30))
  assert.match(lines[1]!, /^ +10 ┤.*⢀?.*[⠁-⣿]$/u)
  assert.match(lines[5]!, /^ +0 ┤[⠁-⣿]/u)
  assert.doesNotMatch(lines[5]!, /[⠁-⣿] {3}[⠁-⣿]/u)
})

test('what is not finite leaves a gap, and a level line its dots alone', () => {
  const dots = (series: (readonly [number, number])[]) =>
    textChart({ ...CHART, series: [series] })
      .join('')
      .match(/[⠁-⣿]/gu)?.length ?? 0
  const level = Array.from({ length: 11 }, (_, i) => [i, 3] as const)
  assert.equal(dots(level), 19)
  const holed = level.map(([x, y]) => [x, x > 2 && x < 8 ? Number.NaN : y] as const)
  assert.ok(dots(holed) < 12)
  assert.equal(dots([]), 0)
  assert.equal(dots([[5, Number.NaN]]), 0)
})

test('sparklines: the least is low, the most is high, what cannot be drawn is a space', () => {
  assert.equal(sparkline([1, 10, 100]), '▁▅█')
  assert.equal(sparkline([0, 1, Number.NaN, 2]), '▁▅ █')
  assert.equal(sparkline([4, 4]), '▁▁')
  assert.equal(sparkline([Number.NaN]), '')
})

test('buckets keep the spike of one iteration, however few they are', () => {
  const steps = Array.from({ length: 10_000 }, (_, i) => step(i + 1, 1, i === 7777 ? 1e6 : 1))
  const buckets = bucketed(steps, 'loss', 50)
  assert.equal(buckets.length, 50)
  assert.equal(Math.max(...buckets.map(({ max }) => max)), 1e6)
  assert.ok(buckets.every(({ mean }) => mean === 1))
})

test('the best score is the best of the held-out set, else of the test set', () => {
  const scores = scoreHistory([scored(1, 3), scored(2, 1), scored(3, 2)])!
  assert.deepEqual([scores.best.iteration, scores.last.iteration, scores.name], [2, 3, 'MSE'])
  const heldOut = (at: number, mse: number, other: number) => ({
    ...scored(at, mse),
    heldOut: { loss: other, mse: other },
  })
  assert.equal(scoreHistory([heldOut(1, 1, 2), heldOut(2, 2, 1)] as TrainEvent[])!.best.iteration, 2)
  assert.equal(scoreHistory([step(1, 1)]), null)
  assert.equal(stepsOf([step(1, 1), scored(1, 1)]).length, 1)
})

test('a board fits every terminal that is large enough, and says what went wrong', () => {
  const config = { title: 'adding', task: { name: 'adding' }, training: { iterations: 400 } } as Watched['config']
  const collapse: TrainEvent = { type: 'collapse', iteration: 30, seconds: 1, loss: 9, best: 0.5, finite: true }
  const steps = Array.from({ length: 40 }, (_, i) => step(i + 1, 1 / (i + 1)))
  const events = [...steps.slice(0, 30), collapse, ...steps.slice(30), scored(40, 0.1)]
  const watched = { config, events, running: true }
  for (const [columns, rows] of [
    [LEAST.columns, LEAST.rows - 1],
    [80, 24],
    [100, 24],
    [213, 50],
  ] as const) {
    const lines = boardOf(watched, { columns, rows })
    assert.ok(lines.length <= rows && lines.every((line) => line.length <= columns), `${columns} by ${rows}`)
    const text = lines.join('\n')
    for (const word of [
      'running, 10 %',
      'test MSE 0.1',
      '! iteration 30: training explodes',
      'gradient norm',
      '⠁'.slice(1),
    ]) {
      assert.ok(text.includes(word), `${columns} by ${rows}: ${word}\n${text}`)
    }
    assert.match(text, /[⠁-⣿]/u)
  }
  assert.match(
    lineOf(watched),
    /^adding {2}running, 10 %: 40 of 400 iterations {2}10 it\/s, 36 s left {2}test MSE 0.1 at/,
  )
  assert.match(lineOf({ ...watched, events: [], running: false }), /not running, not finished, 0 %.*not evaluated yet$/)
})
