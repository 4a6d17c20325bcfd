/** A fit from table to folder and back: what may change its bytes, and that every entry gives the same numbers. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { createBackend } from '../../src/backend/choose.ts'
import type { Batch } from '../../src/batch.ts'
import { type Fitted, fit } from '../../src/data/fit.ts'
import { forecasting, forecastingBy } from '../../src/data/forecast.ts'
import { batches } from '../../src/data/forecasting.ts'
import type { ForecastChoices } from '../../src/data/infer.ts'
import { predictTable, preparedFor } from '../../src/data/predict.ts'
import { openRun } from '../../src/data/run.node.ts'
import { saveFit } from '../../src/data/save.node.ts'
import { type ForecastSchema, parseSchema } from '../../src/data/schema.ts'
import { windowFiller } from '../../src/data/windows.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { saveModel } from '../../src/model/modelFile.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import { inOrder } from '../../src/task.ts'
import { outputOf } from '../support/onnxRun.ts'

const N = 150
const H = 3
/** The test part: 20 % of the rows in whole weeks. */
const TEST = N - 28
const CHOICES = { target: 'sales', horizon: H, window: 8, known: ['promo', 'kind'] } as const
const backend = await createBackend({ threads: 1 })
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-fit-'))
after(() => fs.rmSync(dir, { recursive: true }))

const date = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
const promo = (i: number) => (i % 11 === 0 ? 1 : 0)
const kind = (i: number) => ['red', 'green', 'blue'][(i * 5) % 3]!
const sales = (i: number) => 100 + 20 * Math.sin((2 * Math.PI * i) / 7) + 30 * promo(i) + ((i * 37) % 11)

interface Shape {
  readonly factor?: number
  readonly order?: (i: number) => number
  readonly more?: boolean
  readonly rows?: number
}

/** `factor` multiplies the values of the test part. */
function columns({ factor = 1, order = (i) => i, more = false, rows = N }: Shape = {}) {
  const at = Array.from({ length: rows }, (_, i) => order(i))
  const made = {
    date: at.map(date),
    sales: at.map((i) => (i >= TEST ? factor : 1) * sales(i)),
    promo: at.map(promo),
    kind: at.map(kind),
  }
  return more
    ? { noise: at.map((i) => (i * i) % 7), kind: made.kind, promo: made.promo, sales: made.sales, date: made.date }
    : made
}

async function fitted(data: Record<string, readonly unknown[]>, choices: ForecastChoices = CHOICES): Promise<Fitted> {
  const work = forecasting(await openTable(data), choices)
  let result: Fitted | undefined
  for await (const event of fit(work, { backend, trials: 3, iterations: 60 }))
    if (event.type === 'result') result = event.fitted
  return result!
}

/** The model's file. */
const bytesOf = ({ model, outcome }: Fitted) =>
  Buffer.from(saveModel(model, { schema: JSON.stringify(outcome.schema) }))
const predictionsOf = ({ outcome }: Fitted) => outcome.files['predictions.csv']!

const first = await fitted(columns())
const run = path.join(dir, 'run')
saveFit(first, run, { version: '0.0.0' })

test('values of the test part change nothing in the model', async () => {
  const other = await fitted(columns({ factor: 1000 }))
  assert.ok(bytesOf(other).equals(bytesOf(first)))
  assert.notEqual(predictionsOf(other), predictionsOf(first))
})

test('the order of rows and columns and a column more change neither model nor predictions', async () => {
  const other = await fitted(columns({ order: (i) => (i * 37) % N, more: true }))
  assert.ok(bytesOf(other).equals(bytesOf(first)))
  assert.equal(predictionsOf(other), predictionsOf(first))
})

test('a run that is opened again predicts what the run has predicted, by rows and by stream, bit for bit', async () => {
  using opened = openRun(run, { backend })
  const lines = predictionsOf(first).trim().split('\n').slice(1)
  const start = TEST
  const data = columns({ rows: start + H })
  const known = { ...data, sales: data.sales.map((value, i) => (i < start ? value : null)) }
  const { steps } = await opened.predict(known)
  const expected = lines.slice(0, H).map((line) => line.split(',').slice(0, 6))
  assert.deepEqual(
    steps.map(({ time, series, point, quantiles: q }) => [time, series, point, q[0.1], point, q[0.9]].map(String)),
    expected,
  )
  const stream = opened.stream()
  for (let i = start - 60; i < start + H; i++) {
    // enough for window and lags
    stream.push({ date: date(i), sales: i < start ? sales(i) : null, promo: promo(i), kind: kind(i) })
  }
  assert.deepEqual((await stream.forecast()).steps, steps)
})

test('its ONNX file gives the bands that predict scales back, and says what its inputs are', async () => {
  using opened = openRun(run, { backend })
  const data = columns({ rows: TEST + H })
  const table = await openTable({ ...data, sales: data.sales.map((value, i) => (i < TEST ? value : null)) })
  const { prepared } = preparedFor(opened.schema, table)
  const filler = windowFiller(prepared)
  const windows = { series: Int32Array.of(0), origins: Int32Array.of(TEST) }
  const [batch] = [...inOrder(1, 1, batches(filler, windows, H))] as [Batch]
  const file = opened.exportOnnx()
  const band = outputOf(file, batch, 'quantiles').slice(-3 * H)
  const { steps } = predictTable(opened, table)
  for (const [ahead, { quantiles }] of steps.entries()) {
    for (const [q, expected] of Object.values(quantiles)
      .sort((a, b) => a - b)
      .entries()) {
      const value = filler.toUnits(0, TEST, ahead, band[3 * ahead + q]!)
      assert.ok(Math.abs(value - expected) < 1e-4 * Math.abs(expected), `${ahead}: ${value}, not ${expected}`)
    }
  }
  const { metadata, graph } = decodeOnnx(file)
  assert.deepEqual(JSON.parse(metadata.get('schema')!), opened.schema)
  const inputs = JSON.parse(metadata.get('inputs')!) as { name: string; width: number }[]
  assert.deepEqual(inputs, filler.groups)
  const width = inputs.reduce((sum, { width }) => sum + width, 0)
  assert.deepEqual(graph.inputs[0]!.shape, ['T', 'B', width])
})

test('a run that is disposed of refuses to predict; a second time is harmless', async () => {
  const opened = openRun(run, { backend })
  const streams = [opened.stream(), opened.stream()] as const
  for (const stream of streams) {
    for (let i = 0; i < 60; i++) {
      stream.push({ date: date(i), sales: i < 57 ? sales(i) : null, promo: promo(i), kind: kind(i) })
    }
  }
  await streams[0].forecast()
  opened.dispose()
  opened.dispose()
  const data = columns({ rows: TEST + H })
  const known = { ...data, sales: data.sales.map((value, i) => (i < TEST ? value : null)) }
  await assert.rejects(opened.predict(known), /^InputError: .*disposed of/)
  for (const stream of streams) await assert.rejects(stream.forecast(), /^InputError: .*disposed of/)
  const fresh = openRun(run, { backend })
  fresh.dispose()
  await assert.rejects(async () => fresh.stream({ state: streams[0].state() }), /^InputError/)
})

test('a run is opened with a schema that is a constant only if its records have those columns', () => {
  const known = [
    { name: 'kind', type: 'category' },
    { name: 'promo', type: 'flag' },
  ] as const
  const time = { column: 'date' }
  const schema = { kind: 'forecast', time, series: null, targets: ['sales'], known, past: [] } as const
  openRun(run, { backend, schema }).dispose()
  const message = /expected a run whose records have .* but they have .*: correct "(promo|sold)" in the schema/
  for (const other of [
    { ...schema, known: known.slice(0, 1) },
    { ...schema, targets: ['sold'] },
  ]) {
    assert.throws(() => openRun(run, { backend, schema: other }), { name: 'InputError', message })
  }
  const label = { kind: 'label', id: null, time: null, inputs: [] } as const
  assert.throws(
    () => openRun(run, { backend, schema: label }),
    /expected a run of the kind label but it is of forecast/,
  )
})

test('quantiles never cross, whatever the widening', () => {
  for (const line of predictionsOf(first).trim().split('\n').slice(1)) {
    const [, , , low, middle, high] = line.split(',').map(Number)
    assert.ok(low! <= middle! && middle! <= high!, line)
  }
})

test('rows that do not fit the schema are refused in one line', async () => {
  using opened = openRun(run, { backend })
  const data = columns({ rows: 60 })
  const bad: [Record<string, readonly unknown[]>, RegExp][] = [
    [
      {
        ...data,
        promo: data.promo.slice(0, 60).map((v, i) => (i > 58 ? null : v)),
        sales: data.sales.map((v, i) => (i < 57 ? v : null)),
      },
      /^table: promo: expected its values for 2015-03-01 \(known in advance, 1 rows\) but received none: add the rows/,
    ],
    [data, /^table: kind: expected its values for 2015-03-02 … 2015-03-04 \(known in advance, 3 rows\)/],
    [
      { date: data.date, sales: data.sales, promo: data.promo },
      /^table: expected the column "kind" \(known in advance\) but it has date, sales, promo: add it$/,
    ],
    [
      { ...data, promo: data.promo.map((v, i) => (i === 7 ? 'seven' : v)) },
      /promo: expected numbers but received "seven" on row 8: correct it/,
    ],
    [{ ...data, sales: data.sales.map(() => null) }, /sales: expected past values but received none/],
  ]
  for (const [rows, expected] of bad) {
    await assert.rejects(opened.predict(rows), (error: Error) => {
      assert.equal(error.name, 'InputError', error.stack)
      assert.match(error.message, expected)
      assert.ok(!error.message.includes('\n'))
      return true
    })
  }
  const strange = await opened.predict({
    ...data,
    kind: data.kind.map((v, i) => (i === 3 ? 'pink' : v)),
    extra: data.promo,
    sales: data.sales.map((v, i) => (i < 57 ? v : null)),
  })
  const told = strange.notes.map(({ text }) => text).join('; ')
  assert.match(told, /not used: extra/)
  assert.match(told, /kind: 1 values are of no category of the training part/)
})

test('the category of the most levels is a token where they are more than stand side by side', async () => {
  const rows = Array.from({ length: 280 }, (_, i) => ({
    date: date(i),
    place: `place ${(i * 37) % 90}`,
    many: `many ${(i * 41) % 70}`,
    sales: 100 + ((i * 37) % 90),
  }))
  const choices = { target: 'sales', horizon: 2, window: 6, known: ['place', 'many'] }
  const options = { backend, trials: 1, iterations: 10 }
  let result: Fitted | undefined
  for await (const event of fit(forecasting(await openTable(rows), choices), options)) {
    if (event.type === 'result') result = event.fitted
  }
  const { schema } = result!.outcome as { schema: ForecastSchema }
  const { columns } = schema.fitted!
  assert.deepEqual(
    columns.map(({ name, as, levels }) => [name, as, levels.length]),
    [
      ['many', undefined, 64],
      ['place', 'token', 90],
    ],
  )
  const { input } = result!.model.spec
  assert.deepEqual(input, { ...input, vocabulary: 92, embedding: 10 })
  const folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-tokens-')), 'run')
  saveFit(result!, folder, { version: '0' })
  using opened = openRun(folder, { backend })
  fs.rmSync(path.dirname(folder), { recursive: true })
  const lines = predictionsOf(result!).split('\n').slice(1, 3)
  const expected = lines.map((line) => line.split(',').slice(2, 6).map(Number))
  const origin = rows.findIndex((row) => lines[0]!.startsWith(row.date))
  const hidden = (more: object) => rows.slice(0, origin + 2).map((row, i) => (i < origin ? row : { ...row, ...more }))
  const { steps } = await opened.predict(hidden({ sales: null }))
  assert.deepEqual(
    steps.map(({ point, quantiles: q }) => [point, q[0.1], q[0.5], q[0.9]]),
    expected,
  )
  // A hidden step sees its own place.
  assert.notDeepEqual((await opened.predict(hidden({ sales: null, place: 'nowhere' }))).steps, steps)
  const twice = { ...schema, fitted: { ...schema.fitted!, columns: columns.map((c) => ({ ...c, as: 'token' })) } }
  assert.throws(() => parseSchema(twice), /fitted.columns: expected one category at most as token/)
})

test('a schema says the same again, and a stopped fit has no result', async () => {
  const table = await openTable(columns())
  const work = forecastingBy(table, first.outcome.schema as Parameters<typeof forecastingBy>[1])
  assert.equal(work.schema.fitted, null)
  const events: string[] = []
  const signal = { aborted: false }
  for await (const { type } of fit(work, { backend, iterations: 60, signal })) {
    events.push(type)
    signal.aborted = true
  }
  assert.deepEqual(events, ['inferred'])
})

test('a folder that holds something is left as it is, and a damaged schema is refused', async () => {
  assert.throws(() => saveFit(first, run, { version: '0.0.0' }), /holds a run: name another or add --overwrite/)
  saveFit(first, run, { version: '0.0.0', overwrite: true })
  assert.deepEqual(fs.readdirSync(dir), ['run'])
  const bad = path.join(dir, 'bad')
  const outcome = { ...first.outcome, schema: { ...first.outcome.schema, horizon: 0 } }
  saveFit({ ...first, outcome }, bad, { version: '0.0.0' })
  assert.throws(
    () => openRun(run, undefined as never),
    /^InputError: openRun: expected \{ backend \} but received undef/,
  )
  assert.throws(() => saveFit(first, bad, undefined as never), /^InputError: saveFit: expected options in an object/)
  assert.throws(
    () => saveFit(null as never, bad, { version: '0' }),
    /^InputError: saveFit: expected options in an object/,
  )
  assert.throws(() => openRun(bad, { backend }), /bad: schema: horizon: expected a number >= 1 but received 0/)
})
