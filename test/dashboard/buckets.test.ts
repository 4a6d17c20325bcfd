/** What a chart is given of many rows: nothing is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketsOf, type View } from '../../src/dashboard/buckets.ts'
import { ABSENT, createRows, numbersOf, type Rows } from '../../src/dashboard/rows.ts'
import { centresOf, curveOf, onCentres, rangeOf, smoothed } from '../../src/figures/curves.ts'
import { packSeries, unpackSeries } from '../../src/figures/wire.ts'

function rowsOf(records: readonly object[]): Rows {
  const rows = createRows()
  for (const record of records) rows.push(numbersOf(record))
  return rows
}

const VIEW: View = { x: 'iteration', from: 0, to: 100, n: 10, log: false }
const spread = (mean: number) => ({ mean, min: mean - 1, max: mean + 1 })

test('one spike in 200,000 rows is in the extremes of its column of pixels, and the mean is the mean', () => {
  const rows = createRows()
  const loss = (i: number) => (i === 123_456 ? 1e6 : 1)
  for (let i = 1; i <= 200_000; i++)
    rows.push(
      new Map([
        ['iteration', i],
        ['loss', loss(i)],
      ]),
    )
  const { index, series } = bucketsOf(rows, ['loss', 'none'], { ...VIEW, to: 200_000, n: 800 })
  assert.equal(index.length, 800)
  const { mean, max, min } = series.get('loss')!
  const at = max.indexOf(1e6)
  assert.equal(at, Math.floor((123_456 / 200_000) * 800))
  assert.ok(mean[at]! > 1 && mean[at]! < 1e6 && mean[at - 1] === 1 && Math.min(...min) === 1)
  assert.equal(series.has('none'), false)
})

test('windows weigh as much as their iterations, extremes come from the record', () => {
  const rows = rowsOf([
    { iteration: 1, window: 1, loss: spread(10) },
    { iteration: 4, window: 3, loss: spread(2) },
  ])
  const { mean, min, max } = bucketsOf(rows, ['loss'], VIEW).series.get('loss')!
  assert.deepEqual([mean[0], min[0], max[0]], [4, 1, 11])
})

test('numbers that are not finite are counted, and are no part of a mean', () => {
  const rows = rowsOf([5, Number.NaN, 7, Number.POSITIVE_INFINITY].map((loss, i) => ({ iteration: 20 * i, loss })))
  const { index, series } = bucketsOf(rows, ['loss'], VIEW)
  assert.deepEqual([...index], [0, 2, 4, 6])
  assert.deepEqual([...series.get('loss')!.bad], [0, 1, 0, 1])
  assert.deepEqual([...series.get('loss')!.mean], [5, Number.NaN, 7, Number.NaN])
})

test('a logarithmic axis leaves out what it has no place for; a part has the rows within', () => {
  const rows = rowsOf([0, 1, 10, 100].map((iteration) => ({ iteration, loss: iteration })))
  assert.deepEqual([...bucketsOf(rows, ['loss'], { ...VIEW, from: 1, n: 2, log: true }).index], [0, 1])
  assert.deepEqual([...bucketsOf(rows, ['loss'], { ...VIEW, from: 5, to: 50, n: 9 }).index], [1])
})

test('rows keep what columns lack, forget what is cut off, and find places', () => {
  const rows = rowsOf([
    { iteration: 1, a: 1 },
    { iteration: 2, b: 2 },
    { iteration: 4, a: 3 },
  ])
  assert.deepEqual([...rows.column('a')!], [1, ABSENT, 3])
  assert.equal(rows.from('iteration', 3), 2)
  rows.truncate(1)
  rows.push(new Map([['iteration', 9]]))
  assert.deepEqual([...rows.column('a')!], [1, ABSENT])
  assert.deepEqual([...rows.column('b')!], [ABSENT, ABSENT])
})

test('numbers come over the wire as they were, in single precision', () => {
  const rows = rowsOf([1, 2e300, Number.NaN].map((loss, i) => ({ iteration: 40 * i, loss })))
  const packed = packSeries([
    { run: 7, offset: 5, ...bucketsOf(rows, ['loss'], VIEW) },
    { run: 8, offset: 0, index: [], series: new Map() },
  ])
  const [one, two] = unpackSeries(packed.buffer as ArrayBuffer)
  assert.deepEqual([one!.run, one!.offset], [7, 5])
  assert.deepEqual([...one!.index], [0, 4, 8])
  assert.deepEqual([...one!.series.loss!.mean], [1, Math.fround(3.4e38), Number.NaN])
  assert.deepEqual([two!.run, two!.index.length], [8, 0])
})

test('a curve breaks where numbers are not finite, and not where no record is', () => {
  const losses = [8, 4, Number.NaN, 2, 0]
  const rows = rowsOf(losses.map((loss, i) => ({ iteration: 20 * i, loss })))
  const [wire] = unpackSeries(
    packSeries([{ run: 1, offset: 0, ...bucketsOf(rows, ['loss'], VIEW) }]).buffer as ArrayBuffer,
  )
  const centres = centresOf(VIEW)
  const curve = curveOf(wire!, 'loss', centres, { logY: true, tau: 0 })!
  assert.deepEqual(curve.mean, [8, undefined, 4, null, null, null, 2, undefined, undefined, undefined])
  assert.deepEqual([curve.bad, curve.dropped], [[4], 1])
  assert.equal(curveOf(wire!, 'other', centres, { logY: true, tau: 0 }), null)
})

test('smoothing begins without a pull to zero, follows iterations and not records, and starts anew after a gap', () => {
  const x = [0, 1, 2, 50, 51, 52]
  assert.deepEqual(
    smoothed([3, 3, 3, 3, null, 5], x, 10).map((v) => v && Number(v.toFixed(9))),
    [3, 3, 3, 3, null, 5],
  )
  const [, , after] = smoothed([0, 0, 1], [0, 1, 101], 10)
  assert.ok(Math.abs(after! - 1) < 1e-3)
})

test('axes hold all that is drawn, and a curve of others lies between its points', () => {
  const [low, high] = rangeOf(
    [
      [1, undefined, 100],
      [null, 1000],
    ],
    true,
  )
  assert.ok(low < 1 && low > 0.5 && high > 1000 && high < 2000)
  assert.deepEqual(rangeOf([[]], true), [0.1, 1])
  assert.deepEqual(rangeOf([[2 - 1e-12, 2]], false), [0, 4])
  assert.deepEqual(
    onCentres(
      [
        [10, 1],
        [30, 3],
      ],
      [5, 15, 20, 31],
    ),
    [undefined, 1.5, 2, undefined],
  )
})
