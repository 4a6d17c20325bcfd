/**
 * What a record costs in a stream of a fitted run: microseconds of CPU from the raw record to its answer.
 *
 *   node scripts/build.mjs typescript && node dist/bench/data/streaming.js [--write NAME]
 *
 * Networks are trained for a few iterations, for weights make no difference here. `--write` puts the numbers under NAME
 * into bench/results/streams.json.
 */
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { createBackend } from '../../src/backend/choose.ts'
import { fit } from '../../src/data/fit.ts'
import { forecasting, labelling, nextItem } from '../../src/data/kinds.ts'
import { openRun } from '../../src/data/run.node.ts'
import { saveFit } from '../../src/data/save.node.ts'
import type { Work } from '../../src/data/work.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import type { Row } from '../../src/table/rows.ts'

const RESULTS = path.join('bench', 'results', 'streams.json')
const DAY = 86_400_000
const backend = await createBackend({ threads: 1 })
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-streams-'))

async function saved(name: string, work: Work): Promise<string> {
  const dir = path.join(folder, name)
  for await (const event of fit(work, { backend, trials: 1, iterations: 5 })) {
    if (event.type !== 'result') continue
    saveFit(event.fitted, dir, { version: '0' })
    event.fitted.model.dispose()
  }
  return dir
}

/** Microseconds of CPU of one call, the median of 5 rounds. */
async function cost(calls: number, call: (i: number) => unknown): Promise<number> {
  const rounds: number[] = []
  let i = 0
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    for (let n = 0; n < calls; n++) await call(i++)
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / calls)
  }
  return Number(rounds.sort((a, b) => a - b)[2]!.toPrecision(3))
}

const found: Record<string, number> = {}
function note(name: string, value: number): void {
  found[name] = value
  process.stdout.write(`${name}: ${value} µs\n`)
}

const sale = (i: number, store: string) => ({
  date: new Date(DAY * (10_957 + i)),
  store,
  sales: 100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11) + store.length,
  promo: i % 11 === 0 ? 1 : 0,
})

/** Four years of days, the window and lags that are usual for them; a record, then a forecast of 14 days. */
async function forecasts(): Promise<void> {
  const stores = ['A', 'BB', 'CCC']
  const rows = Array.from({ length: 1400 }, (_, i) => stores.map((store) => sale(i, store))).flat()
  const choices = { target: 'sales', series: 'store', horizon: 14, past: ['promo'] }
  using run = openRun(await saved('forecast', forecasting(await openTable(rows), choices)), { backend })
  const stream = run.stream()
  for (const row of rows) stream.push(row)
  note('forecast: push', await cost(1000, (i) => stream.push(sale(1400 + i, 'A'))))
  note(
    'forecast: push, then forecast of its series',
    await cost(400, (i) => {
      stream.push(sale(7400 + i, 'A'))
      return stream.forecast('A')
    }),
  )
}

const reading = (id: number, i: number) => ({
  id: `machine ${id}`,
  x: Math.sin(i * (id % 2 ? 1.4 : 0.9) + id),
  y: (i * 7) % 5,
  state: id % 2 ? 'bad' : 'good',
  tag: ['low', 'middle', 'high'][(i * 7 + id) % 3]!,
})

async function labels(): Promise<void> {
  const rows = Array.from({ length: 40 }, (_, id) => Array.from({ length: 50 }, (_, i) => reading(id, i))).flat()
  const table = await openTable(rows)
  const works: [string, Work][] = [
    [
      'label of a row',
      labelling(table, { label: 'tag', of: 'row', id: 'id', inputs: ['x', 'y'], members: 1, ...ONE_WAY }),
    ],
    [
      'label of a row, both ways',
      labelling(table, { label: 'tag', of: 'row', id: 'id', inputs: ['x', 'y'], members: 1 }),
    ],
    ['label of a sequence, both ways', labelling(table, { label: 'state', id: 'id', inputs: ['x', 'y'], members: 1 })],
  ]
  for (const [name, work] of works) {
    using run = openRun(await saved(name, work), { backend, kind: 'label' })
    await after(name, () => run.stream())
  }
  const next = nextItem(table, { next: 'tag', id: 'id', members: 1 })
  using run = openRun(await saved('next', next), { backend, kind: 'next' })
  await after('next item', () => run.stream())
}

/** Of the records 100 and 1,000 of a sequence. */
async function after(name: string, made: () => { push(row: Row): unknown; end(): void }): Promise<void> {
  for (const length of [100, 1000]) {
    const stream = made()
    for (let i = 0; i < length; i++) stream.push(reading(1, i))
    note(`${name}: push after ${length} records`, await cost(20, (i) => stream.push(reading(1, length + i))))
    stream.end()
  }
}

const ONE_WAY = { oneWay: true }
await forecasts()
await labels()
fs.rmSync(folder, { recursive: true })
const at = process.argv.indexOf('--write')
if (at >= 0) {
  const kept = fs.existsSync(RESULTS) ? JSON.parse(fs.readFileSync(RESULTS, 'utf8')) : {}
  writeAtomic(RESULTS, `${JSON.stringify({ ...kept, [process.argv[at + 1]!]: found }, null, 2)}\n`)
}
