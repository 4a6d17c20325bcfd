/** Streams of records: the same bits as predict on all records so far, whatever the kind of work. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createBackend } from '../../src/backend/choose.ts'
import { forecasting } from '../../src/data/forecast.ts'
import { forecastStream } from '../../src/data/forecastStream.ts'
import type { ForecastChoices } from '../../src/data/infer.ts'
import { type FittedNetwork, predictTable } from '../../src/data/predict.ts'
import { measure, prepare } from '../../src/data/prepared.ts'
import type { ForecastSchema, Scaling } from '../../src/data/schema.ts'
import { streamBuffers } from '../../src/data/streams.node.ts'
import type { StreamState } from '../../src/data/streams.ts'
import { createModel } from '../../src/model/model.ts'
import { rng } from '../../src/rng.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import type { TableOptions } from '../../src/table/options.ts'
import type { Row } from '../../src/table/rows.ts'

const backend = await createBackend({ threads: 1 })
const DAY = 86_400_000

interface Case {
  readonly choices: ForecastChoices
  readonly scaling: Scaling
  readonly row: (i: number, series: number) => Row
  readonly series?: number
  readonly rows?: number
  readonly read?: TableOptions
}

const random = rng(7)
random.restart('streams')
const noise = Array.from({ length: 4000 }, () => random.normal())
const value = (i: number, s: number) =>
  100 + 20 * Math.sin((2 * Math.PI * i) / 7) + s + noise[(i * 3 + s * 1000) % 4000]!
const iso = (i: number) => new Date(Date.UTC(2015, 0, 1) + DAY * i).toISOString().slice(0, 10)
/** Is true for so many of 100. */
const some = (i: number, share: number) => (i * 7919) % 100 < share

const CASES: Readonly<Record<string, Case>> = {
  'days of several series, gaps, known and past columns': {
    choices: {
      ...{ target: 'sales', series: 'store', horizon: 3, window: 8, known: ['promo', 'kind'], past: ['degrees'] },
      duplicates: 'mean',
    },
    scaling: 'series',
    series: 3,
    row: (i, s) => ({
      date: iso(i),
      store: `store ${s}`,
      sales: some(i + s, 8) ? null : value(i, s),
      promo: i % 5 === 0,
      kind: some(i, 4) ? null : ['red', 'green', 'blue'][(i * 5) % 3],
      degrees: some(i + 3, 5) ? null : noise[i],
      unused: i,
    }),
  },
  'a category of many levels, which is a token': {
    choices: { target: 'sales', horizon: 3, window: 8, past: ['place', 'kind'] },
    scaling: 'window',
    rows: 320,
    row: (i) => ({
      date: iso(i),
      sales: value(i, 0),
      place: some(i, 3) ? null : i > 300 ? 'new' : `place ${(i * 37) % 90}`,
      kind: `kind ${i % 20}`,
    }),
  },
  'differences of a season, more than a year': {
    choices: { target: 'sales', horizon: 2, window: 6 },
    scaling: 'season',
    rows: 1900,
    row: (i) => ({ date: new Date(Date.UTC(2015, 0, 1) + DAY * i), sales: some(i, 3) ? null : value(i, 0) }),
  },
  'hours of local time, the window’s level': {
    choices: { target: 'load', horizon: 4, window: 12, timezone: 'Europe/Berlin' },
    scaling: 'window',
    rows: 500,
    read: { timezone: 'Europe/Berlin' },
    row: (i) => ({ hour: berlin(i), load: value(i, 0) }),
  },
  'rows without a time, several targets, log1p': {
    choices: { target: ['a', 'b'], horizon: 2, window: 5, past: ['c'], seasons: [4] },
    scaling: 'series',
    rows: 1300,
    row: (i) => ({ a: Math.exp(2 * noise[i]!), b: some(i, 9) ? null : Math.exp(2 * noise[i + 900]!), c: i % 4 }),
  },
  'months, a step without a row is 0': {
    choices: { target: 'sold', horizon: 2, window: 6, gaps: 'zero', duplicates: 'sum' },
    scaling: 'series',
    rows: 240,
    row: (i) => ({
      month: `${1990 + Math.floor(i / 24)}-${String((Math.floor(i / 2) % 12) + 1).padStart(2, '0')}`,
      sold: value(i, 0),
    }),
  },
}

/** Hours around the end of summer time, as clocks in Berlin show them. */
function berlin(i: number): string {
  const utc = Date.UTC(2015, 9, 15) + 3_600_000 * i
  const summer = utc < Date.UTC(2015, 9, 25, 1)
  return new Date(utc + (summer ? 2 : 1) * 3_600_000).toISOString().slice(0, 16)
}

/** A network of weights that were drawn, and all that was measured of the rows. */
async function networkOf({ choices, scaling, read }: Case, rows: readonly Row[]): Promise<FittedNetwork> {
  const work = forecasting(await openTable(rows, read), choices)
  const measured = measure(work.panel, work.schema, work.schema.split.validation)
  const series = measured.series.slice(0, Math.max(1, measured.series.length - 1)) // the last one is new
  const schema: ForecastSchema = { ...work.schema, fitted: { ...measured, scaling, widening: 0.1, series } }
  let trial = work.next([], 1)!
  const tried = []
  while (trial.prepared.fitted.scaling !== scaling) {
    tried.push({ trial, score: 1 - tried.length, early: false })
    trial = work.next(tried, 1)!
  }
  const { length } = [...schema.known, ...schema.past]
  assert.equal(length, trial.prepared.fitted.columns.length)
  return { model: createModel(trial.model, { backend, seed: 3 }), schema }
}

for (const [name, one] of Object.entries(CASES)) {
  test(`a forecast's stream: ${name}`, async () => {
    const { row, rows: count = 200, series = 1, read, choices } = one
    const all: Row[] = Array.from({ length: count * series }, (_, n) => row(Math.floor(n / series), n % series))
    // Days and rows that are missing.
    const rows = all.filter((_, n) => n < 3 * series || choices.time === null || !some(Math.floor(n / series) + 11, 6))
    const network = await networkOf(one, rows)
    const buffers = streamBuffers(network.model, network.schema)
    after(() => {
      buffers.dispose()
      network.model.dispose()
    })
    const { schema } = network
    const open = (state?: StreamState) => forecastStream({ ...network, ...buffers }, { state })
    let stream = open()
    if (name.includes('token'))
      assert.deepEqual(
        schema.fitted!.columns.map(({ as }) => as),
        [undefined, 'token'],
      )
    if (name.includes('year')) assert.ok(schema.lags.includes('year'), String(schema.lags))
    const blank = Object.fromEntries([...schema.targets, ...schema.past.map(({ name }) => name)].map((c) => [c, null]))
    const types = Object.fromEntries(schema.known.map(({ name, type }) => [name, type]))
    const checks = [9, 25, 26, 60, Math.floor(rows.length / 2), rows.length - 4 * series]
    const pushed: Row[] = []
    const push = (row: Row) => {
      pushed.push(row)
      stream.push(row)
    }
    for (let n = 0; n <= checks.at(-1)!; push(rows[n++]!)) {
      if (!checks.includes(n)) continue
      const at = all.indexOf(rows[n]!)
      if (schema.known.length > 0)
        for (const next of all.slice(at, at + 4 * series)) push({ ...next, ...blank, kind: next.kind ?? 'red' })
      const expected = predictTable(network, await openTable(pushed, { ...read, types }))
      const { steps, notes } = await stream.forecast()
      assert.deepEqual(steps, expected.steps, `after ${n} rows`)
      assert.deepEqual(
        notes,
        expected.notes.filter(({ kind }) => kind !== 'duplicates'),
      )
      const saved = JSON.parse(JSON.stringify(stream.state()))
      const restored = open(saved)
      assert.deepEqual(restored.state(), saved)
      assert.deepEqual((await restored.forecast()).steps, expected.steps, 'restored')
      if (n === 26) stream = restored // the last checks are of a stream that has dropped its first steps
    }
  })
}

test('what a forecast’s stream refuses is one line, and leaves it as it was', async () => {
  const one = CASES['days of several series, gaps, known and past columns']!
  const rows = Array.from({ length: 120 }, (_, i) => one.row(i, 0))
  const network = await networkOf(one, rows)
  const buffers = streamBuffers(network.model, network.schema)
  const run = { ...network, ...buffers }
  const stream = forecastStream(run)
  for (const row of rows) stream.push(row)
  const good: Row = { ...one.row(120, 0), sales: 5, kind: 'red' }
  const before = stream.state()
  const { promo: _, ...without } = good
  const bad: [unknown, RegExp][] = [
    [null, /expected a record but received null/],
    [[good], /expected a record but received an array of 1/],
    [without, /expected the column "promo" but the record has date, store, sales, kind, degrees, unused: add it/],
    [{ ...without, Promo: 1 }, /expected the column "promo" but .*: is it "Promo"\?/],
    [{ ...good, sales: Number.NaN }, /stream: sales: expected a number that float32 can hold, .* but received NaN/],
    [{ ...good, sales: 1e39 }, /stream: sales: expected a number that float32 can hold, .* but received 1e\+39/],
    [{ ...good, sales: 3e38 }, /stream: sales: expected a number that float32 can hold once it is scaled/],
    [{ ...good, degrees: 'warm' }, /stream: degrees: expected a number .* but received "warm"/],
    [{ ...good, kind: { a: 1 } }, /stream: kind: expected a word/],
    [{ ...good, store: null }, /stream: store: expected the name of a series but it is missing/],
    [{ ...good, date: iso(110) }, /stream: date: expected 2015-04-30 or later, .* but received 2015-04-21: sort them/],
    [{ ...good, date: '2015-05-01T11:00' }, /expected steps of 1d from .* but received "2015-05-01T11:00", between/],
    [{ ...good, date: '01/02/2015' }, /expected a date of one meaning but received "01\/02\/2015"/],
    [{ ...good, date: 'soon' }, /stream: date: expected a time, as 2015-01-31 .* but received "soon"/],
    [{ ...good, date: null }, /stream: date: expected a time, .* but received null/],
    [{ ...good, sales: null, date: '2025-01-01' }, /expected at most 1,000 steps after 2015-04-30, the last row,/],
    [{ ...good, date: '9000-01-01' }, /expected at most 1,000,000 steps after 2015-04-30/],
  ]
  for (const [record, message] of bad) {
    assert.throws(
      () => stream.push(record as Row),
      (error: Error) => {
        assert.equal(error.name, 'InputError', error.stack)
        assert.match(error.message, message)
        assert.ok(!error.message.includes('\n'))
        return true
      },
    )
  }
  assert.deepEqual(stream.state(), before)
  stream.push({ ...good, kind: 'pink' }) // as one of no category
  assert.notDeepEqual(stream.state(), before)
  await assert.rejects(stream.forecast('store 9'), /expected records of "store 9" before a forecast/)
  const other = { ...before, run: 'other' }
  assert.throws(
    () => forecastStream(run, { state: other }),
    /expected that of a stream of this run but it is of another/,
  )
  assert.throws(() => forecastStream(run, { state: {} as StreamState }), /^InputError: stream: state: /)
  const held = before.held[0] as { series: { columns: unknown[] }[] }
  for (const columns of [[], held.series[0]!.columns.slice(1)]) {
    const damaged = { ...before, held: [{ ...held, series: [{ ...held.series[0]!, columns }] }] }
    assert.throws(
      () => forecastStream(run, { state: damaged }),
      /"store 0": columns: expected what a stream of this run/,
    )
  }
  stream.end('store 0')
  assert.deepEqual(stream.state().held, [])
  buffers.dispose()
  network.model.dispose()
})

test('the scale of a new series is that of one of the training part, but for the last bits', async () => {
  const rows = Array.from({ length: 90 }, (_, i) => ({ date: iso(i), sales: some(i, 9) ? null : value(i, 0) }))
  const { panel, schema } = forecasting(await openTable(rows), { target: 'sales', horizon: 2, window: 6 })
  const fitted = measure(panel, schema, 90)
  const [known] = fitted.series
  const own = prepare(panel, schema, { ...fitted, series: [] }).series[0]!.scale
  for (const part of ['mean', 'std', 'local', 'seasonal'] as const) {
    assert.ok(Math.abs(own[part] / known![part] - 1) < 1e-12, `${part}: ${own[part]}, ${known![part]}`)
  }
})

test('what a stream holds of a series does not grow', async () => {
  const one = CASES['days of several series, gaps, known and past columns']!
  const rows = Array.from({ length: 120 }, (_, i) => one.row(i, 0))
  const network = await networkOf(one, rows)
  const stream = forecastStream({ ...network, run: () => '', stepper: () => assert.fail() })
  const sizes = [1000, 5000].map((until, n) => {
    for (let i = n * 1000; i < until; i++)
      stream.push(one.row(i % 3000, 0) && { ...one.row(i % 3000, 0), date: iso(i) })
    return JSON.stringify(stream.state()).length
  })
  assert.ok(sizes[1]! < 1.2 * sizes[0]!, String(sizes))
  network.model.dispose()
})
