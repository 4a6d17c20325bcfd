// Rates at the iterations where something happens: first, end of the warm-up, drops, last.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Metric } from '../../src/metric.ts'
import {
  constantRate,
  cosineRate,
  FIRST_RATE,
  halvingRate,
  heardScore,
  isSpent,
  learningRate,
  type RateState,
  scheduleSchema,
  stepRate,
} from '../../src/train/schedule.ts'

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`)

test('a constant rate is constant, after a linear warm-up', () => {
  for (const k of [1, 7, 100]) close(learningRate(constantRate(), 0.5, k, 100), 0.5)
  const schedule = constantRate({ warmup: 4 })
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((k) => learningRate(schedule, 8, k, 10)),
    [2, 4, 6, 8, 8],
  )
})

test('a cosine starts at the base rate, is half way in the middle and falls all the time', () => {
  const schedule = cosineRate({ to: 0.1 })
  close(learningRate(schedule, 2, 1, 100), 2)
  close(learningRate(schedule, 2, 51, 100), 1.1)
  close(learningRate(schedule, 2, 101, 100), 0.2)
  let before = Number.POSITIVE_INFINITY
  for (let k = 1; k <= 100; k++) {
    const rate = learningRate(schedule, 2, k, 100)
    assert.ok(rate < before && rate > 0.2, `iteration ${k}: ${rate}`)
    before = rate
  }
})

test('a cosine begins where its warm-up ends', () => {
  const schedule = cosineRate({ warmup: 10 })
  close(learningRate(schedule, 1, 10, 110), 1)
  close(learningRate(schedule, 1, 11, 110), 1)
  close(learningRate(schedule, 1, 61, 110), 0.5)
})

test('steps fall after the iterations named', () => {
  const every = stepRate({ every: 3, factor: 0.5 })
  assert.deepEqual(
    [1, 3, 4, 6, 7].map((k) => learningRate(every, 8, k, 10)),
    [8, 8, 4, 4, 2],
  )
  const at = stepRate({ at: [2, 5], factor: 0.25 })
  assert.deepEqual(
    [1, 2, 3, 5, 6, 9].map((k) => learningRate(at, 16, k, 10)),
    [16, 16, 4, 4, 1, 1],
  )
})

/** The rates after each of the scores. */
function halved(scores: readonly number[], metric: Metric, improvement: number): number[] {
  const schedule = halvingRate({ improvement })
  let state: RateState = FIRST_RATE
  return scores.map((score) => {
    state = heardScore(schedule, state, metric, score)
    return learningRate(schedule, 8, 10, 10, state.drops)
  })
}

test('a halving rate falls where a score is not better, whichever way better is', () => {
  assert.deepEqual(halved([0.5, 0.4, 0.4, 0.3, 0.35, 0.31], 'frameError', 0), [8, 8, 4, 4, 2, 1])
  assert.deepEqual(halved([0.5, 0.6, 0.6, 0.7, 0.65, 0.69], 'accuracy', 0), [8, 8, 4, 4, 2, 1])
})

test('a gain below its part of the best is none, and still the one to beat', () => {
  assert.deepEqual(halved([0.5, 0.44, 0.41, 0.36], 'frameError', 0.1), [8, 8, 4, 4])
  assert.deepEqual(halved([0.5, 0.56, 0.6, 0.67], 'accuracy', 0.1), [8, 8, 4, 4])
})

test('a score that is no number is no gain', () => {
  assert.deepEqual(halved([Number.NaN, 3, Number.NaN, 2], 'mse', 0), [4, 4, 2, 2])
})

test('a halving rate is spent when it would fall once more than it may; others never are', () => {
  const schedule = halvingRate({ most: 2 })
  assert.deepEqual(
    [0, 2, 3].map((drops) => isSpent(schedule, { best: 1, drops })),
    [false, false, true],
  )
  const state = { best: 1, drops: 99 }
  assert.equal(isSpent(constantRate(), state), false)
  assert.equal(heardScore(cosineRate(), state, 'mse', 5), state)
  close(learningRate(constantRate(), 2, 1, 10, 3), 2)
})

test('a halving rate warms up like the others', () => {
  close(learningRate(halvingRate({ warmup: 4 }), 8, 2, 10, 0), 4)
})

test('a schedule that says neither when, or both, is refused', () => {
  assert.equal(scheduleSchema.safeParse({ kind: 'steps', factor: 0.1, warmup: 0 }).success, false)
  assert.equal(scheduleSchema.safeParse({ kind: 'steps', factor: 0.1, every: 2, at: [3], warmup: 0 }).success, false)
  assert.equal(scheduleSchema.safeParse(halvingRate({ factor: 1 })).success, false)
  for (const good of [constantRate(), cosineRate(), stepRate({ every: 2 }), stepRate({ at: [3, 4] }), halvingRate()]) {
    assert.deepEqual(scheduleSchema.parse(good), good)
  }
})
