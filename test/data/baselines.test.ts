/** Seasons and trend against R: `stlf` of its package forecast 8.20 on births in the United States. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitSmoother, smoothAhead } from '../../src/data/baselines/ets.ts'
import { forecastsOf, methodsFor } from '../../src/data/baselines/methods.ts'
import { mstl, stlSeasonal } from '../../src/data/baselines/mstl.ts'
import { minimise } from '../../src/data/baselines/simplex.ts'
import { birthsTable } from '../../src/data/births.node.ts'
import { inferForecast } from '../../src/data/infer.ts'
import { maseScales, scoresOf } from '../../src/data/scores.ts'

const table = await birthsTable()
const births = table.columns[1]!
assert.ok(births.type === 'number')
const values = Float64Array.from(births.values)

/** Seasons, means of `stlf(msts(births[1:5115], seasons), h = 14)`, and how far the 80 % band is above the first. */
const R: [readonly number[], readonly number[], number][] = [
  [
    [7],
    [
      11466.89, 11815.759, 8212.671, 7300.345, 12208.975, 12237.221, 10728.978, 11466.89, 11815.759, 8212.671, 7300.345,
      12208.975, 12237.221, 10728.978,
    ],
    805.086,
  ],
  [
    [7, 365],
    [
      11034.099, 11718.963, 8129.502, 7561.49, 13036.339, 12992.986, 11118.491, 11201.949, 11670.409, 8068.819, 7393.27,
      12882.482, 12825.707, 11014.122,
    ],
    652.11,
  ],
]

test("the decomposition is R's to its last digit", () => {
  // stl(ts(births[1:200], frequency = 7), s.window = 11): the first, middle and last week.
  const expected = [
    [0, [-2277.403, -3239.705, 270.828, 1591.987, 1306.605, 1242.885, 1105.945]],
    [96, [1202.29, 1009.122, -2302.457, -3303.285, 375.803, 1735.182, 1333.428]],
    [193, [1261.862, 1643.818, 1465.698, -2238.451, -3334.811, 170.004, 1035.139]],
  ] as const
  const seasonal = stlSeasonal(values.slice(0, 200), 7, 11)
  for (const [at, week] of expected) {
    for (const [i, value] of week.entries()) assert.ok(Math.abs(seasonal[at + i]! - value) < 1e-3, `${at + i}`)
  }
})

for (const [seasons, means, band] of R) {
  test(`seasons ${seasons}: forecasts and band are within 0.3 % of R's`, () => {
    const { adjusted, seasonal } = mstl(values.slice(0, 5115), seasons)
    const { mean, deviation } = smoothAhead(adjusted, fitSmoother(adjusted), 14)
    for (const [ahead, expected] of means.entries()) {
      const season = seasonal.reduce(
        (sum, part, k) => sum + part[part.length - seasons[k]! + (ahead % seasons[k]!)]!,
        0,
      )
      assert.ok(Math.abs((mean[ahead]! + season) / expected - 1) < 3e-3, `step ${ahead}: ${mean[ahead]! + season}`)
    }
    assert.ok(Math.abs((1.2815515 * deviation[0]!) / band - 1) < 0.02)
  })
}

test('a straight line goes on, a level stays', () => {
  const line = Float64Array.from({ length: 40 }, (_, i) => 30 + 2 * i + Math.sin(i))
  const ahead = smoothAhead(line, fitSmoother(line), 3).mean
  for (const [i, value] of ahead.entries()) assert.ok(Math.abs(value - (30 + 2 * (40 + i))) < 2, `${value}`)
  const constant = new Float64Array(10).fill(5)
  assert.deepEqual([...smoothAhead(constant, fitSmoother(constant), 2).mean], [5, 5])
  assert.deepEqual(
    [...smoothAhead(Float64Array.of(3, 4), fitSmoother(Float64Array.of(3, 4)), 1).mean.map(Math.round)],
    [4],
  )
})

test('the simplex finds the bottom of a valley', () => {
  const banana = ([x, y]: Float64Array) => (1 - x!) ** 2 + 100 * (y! - x! * x!) ** 2
  const found = minimise(banana, [-1, 1], [0.5, 0.5], { evaluations: 1000, tolerance: 1e-14 })
  assert.ok(Math.abs(found[0]! - 1) < 1e-3 && Math.abs(found[1]! - 1) < 1e-3, `${found}`)
})

test('scores of the simple methods on births are those of an independent implementation', () => {
  const { schema, panel } = inferForecast(table, { target: 'births', horizon: 14 })
  const scales = maseScales(panel, 7, schema.split.test)
  const origins = Array.from({ length: 26 }, (_, k) => ({ series: 0, step: schema.split.test + 14 * k }))
  const expected = [
    ['last value', 3.55, 0.1597],
    ['value a season before (7 steps)', 0.939, 0.0408],
    ['same weekday a year before', 0.665, 0.0294],
    ['seasons and trend (MSTL, ETS)', 0.8441, 0.0363],
  ] as const
  const methods = methodsFor(schema, panel)
  assert.deepEqual(
    methods.map(({ name }) => name),
    expected.map(([name]) => name),
  )
  for (const [k, [name, mase, smape]] of expected.entries()) {
    const scores = scoresOf(panel, forecastsOf(methods[k]!, panel, origins), scales)
    assert.ok(Math.abs(scores.mase - mase) < 1e-3, `${name}: ${scores.mase}`)
    assert.ok(Math.abs(scores.smape - smape) < 1e-4, `${name}: ${scores.smape}`)
  }
})
