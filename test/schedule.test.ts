// Rates at the iterations where something happens: first, end of the warm-up, drops, last.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constantRate, cosineRate, learningRate, scheduleSchema, stepRate } from '../src/schedule.ts'

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

test('a schedule that says neither when, or both, is refused', () => {
  assert.equal(scheduleSchema.safeParse({ kind: 'steps', factor: 0.1, warmup: 0 }).success, false)
  assert.equal(scheduleSchema.safeParse({ kind: 'steps', factor: 0.1, every: 2, at: [3], warmup: 0 }).success, false)
  for (const good of [constantRate(), cosineRate(), stepRate({ every: 2 }), stepRate({ at: [3, 4] })]) {
    assert.deepEqual(scheduleSchema.parse(good), good)
  }
})
