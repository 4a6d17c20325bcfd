/** `irnn fit`: a table and what a person says of it → trials → the folder of a run, and a table of methods. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { z } from 'zod'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { axisOf } from '../src/data/axis.ts'
import { birthsTable } from '../src/data/births.node.ts'
import { type FitEvent, type Fitted, fit } from '../src/data/fit.ts'
import { type ForecastWork, forecasting, forecastingBy, rangeOf } from '../src/data/forecast.ts'
import type { ForecastChoices } from '../src/data/infer.ts'
import { listed, type Note } from '../src/data/notes.ts'
import { refuseFolder, saveFit, schemaFrom } from '../src/data/run.node.ts'
import { schemaText } from '../src/data/schema.ts'
import { decisionsOf, exampleWindow } from '../src/data/spoken.ts'
import { freeName, readBytes, writeAtomic } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import { type Flag, kindOf, names, oneOf, whole } from '../src/flag.ts'
import { grouped } from '../src/numbers.ts'
import { openTable } from '../src/table/openTable.node.ts'
import type { ColumnType, Table } from '../src/table/table.ts'
import { methodLines, verdict } from './methods.ts'
import { BACKEND, THREADS } from './options.ts'
import { print, say } from './say.ts'
import { stopOnSignals } from './signals.ts'
import { version } from './version.ts'

export interface FitFlags extends Omit<ForecastChoices, 'target' | 'seasons'> {
  target?: string[]
  seasons?: string[]
  types?: Record<string, ColumnType>
  schema?: string
  dryRun?: boolean
  out?: string
  overwrite?: boolean
  seed: number
  trials?: number
  iterations?: number
  backend?: BackendName
  threads?: number
  json?: boolean
}

const TYPES = ['number', 'category', 'flag', 'time', 'text'] as const

const types = kindOf(
  z.record(z.string(), z.enum(TYPES)),
  `column=type with commas between, types ${TYPES.join(', ')}`,
  {
    parse: (text) => Object.fromEntries(text.split(',').map((pair) => pair.split('=').map((part) => part.trim()))),
  },
)

/** What a schema says, and beside it nobody else. */
const DECISIONS: readonly Flag[] = [
  { flag: '--target <columns>', value: names, help: 'the column to forecast; of several each is a series' },
  { flag: '--horizon <N>', value: whole(), help: 'steps ahead (default: a season, of days 14)' },
  { flag: '--time <column>', help: 'the column of times (default: the only one)' },
  {
    flag: '--series <column>',
    help: 'the column that says of which series a row is (default: found where there is one)',
  },
  { flag: '--known <columns>', value: names, help: 'columns whose values will be known for the steps ahead' },
  { flag: '--past <columns>', value: names, help: 'columns whose past values are inputs' },
  { flag: '--window <N>', value: whole(), help: 'steps of the past that the network reads' },
  { flag: '--every <step>', help: 'step of time, as 1h, 1d, 1mo, weekday (default: the commonest distance)' },
  { flag: '--timezone <name>', help: 'where the clocks of the times are, as Europe/Berlin (default: UTC)' },
  {
    flag: '--seasons <steps>',
    value: names,
    help: 'after how many steps the series repeats itself, with commas between',
  },
  { flag: '--gaps <what>', value: oneOf('missing', 'zero'), help: 'what a step without a row is (default: missing)' },
  {
    flag: '--duplicates <what>',
    value: oneOf('last', 'sum', 'mean'),
    help: 'what several rows of one step are (default: last)',
  },
  {
    flag: '--test <part>',
    help: 'the test part: steps, a share as 20%, or its first date (default: a year, at most 20%)',
  },
  { flag: '--validation <part>', help: 'the validation part, before it (default: a year, at most 10%)' },
  { flag: '--stride <N>', value: whole(), help: 'steps from one forecast of the test part to the next' },
  { flag: '--types <list>', value: types, help: 'types of columns, as zip=category,flag=number' },
]

export const FIT_FLAGS: readonly Flag[] = [
  ...DECISIONS,
  { flag: '--schema <file>', help: 'take all decisions from a file that --dry-run --out wrote' },
  {
    flag: '--dry-run',
    help: 'say every decision and one window, train nothing; --out then names a file for the schema',
  },
  { flag: '--out <dir>', help: 'folder of the run, new or empty (default: runs/<target>-gru-seed…)' },
  { flag: '--overwrite', help: 'replace the run that is in the folder' },
  { flag: '--seed <n>', value: whole(0), default: 1, help: 'the same seed gives the same bits' },
  { flag: '--iterations <N>', value: whole(), help: 'minibatch updates of a trial at most (default: the recipe)' },
  { flag: '--trials <N>', value: whole(), help: 'how many recipes to try at most (default: all)' },
  BACKEND,
  THREADS,
  { flag: '--json', help: 'events, one JSON object a line on stdout; the last is the result' },
]

/** Returns the exit code. */
export async function fitFiles(files: readonly string[], flags: FitFlags): Promise<number> {
  const table = await tableOf(files, flags)
  const work = workOf(table, flags)
  if (flags.dryRun) return dryRun(table, work, flags)
  const dir = flags.out ?? freeName(path.join('runs', `${nameOf(work)}-gru-seed${flags.seed}`))
  refuseFolder(dir, flags.overwrite)
  if (!flags.json) introduce(table, work)
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'nothing is written')
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  let fitted: Fitted | undefined
  try {
    const options = {
      backend,
      seed: flags.seed,
      trials: flags.trials,
      iterations: flags.iterations,
      signal: stop.signal,
    }
    for await (const event of fit(work, options)) {
      if (event.type === 'result') fitted = event.fitted
      else show(event, flags)
    }
    if (!fitted || stop.signal.aborted) return stop.exitCode()
    saveFit(fitted, dir, { version: version(), overwrite: flags.overwrite, say })
    conclude(fitted, dir, flags)
    return 0
  } finally {
    stop.release()
    fitted?.model.dispose()
  }
}

async function tableOf(files: readonly string[], flags: FitFlags): Promise<Table> {
  if (files.length === 1 && files[0] === 'births' && !fs.existsSync('births')) return birthsTable()
  const table = await openTable([...files], {
    ...(flags.types && { types: flags.types }),
    ...(flags.timezone !== undefined && { timezone: flags.timezone }),
  })
  if (!flags.json) for (const note of table.report.notes) sayNote(note)
  return table
}

function workOf(table: Table, flags: FitFlags): ForecastWork {
  if (flags.schema !== undefined) {
    const said = DECISIONS.map(({ flag }) => flag.split(' ')[0]!).find((flag) => flags[keyOf(flag)] !== undefined)
    if (said !== undefined && said !== '--types') {
      throw new InputError(`${said}: expected no decision beside --schema, which has all of them: edit the file`)
    }
    const text = new TextDecoder().decode(readBytes(flags.schema))
    return forecastingBy(table, schemaFrom(text, flags.schema))
  }
  const target = flags.target ?? (table.name === 'births' ? ['births'] : undefined)
  if (target === undefined) {
    const columns = listed(
      table.columns.map(({ name }) => name),
      12,
    )
    throw new InputError(`--target: expected the column to forecast, one of ${columns}, but received none: name it`)
  }
  const seasons = flags.seasons?.map((text) => {
    if (Number.isSafeInteger(Number(text)) && Number(text) > 1) return Number(text)
    throw new InputError(`--seasons: expected whole numbers above 1 but received ${shown(text)}`)
  })
  const { horizon, time, series, known, past, window, every, timezone, gaps, duplicates, test, validation, stride } =
    flags
  const said = {
    horizon,
    time,
    series,
    known,
    past,
    window,
    every,
    timezone,
    gaps,
    duplicates,
    test,
    validation,
    stride,
  }
  return forecasting(table, { target, seasons, ...said })
}

function keyOf(flag: string): keyof FitFlags {
  return flag.slice(2) as keyof FitFlags
}

function nameOf(work: ForecastWork): string {
  return (
    work.title
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[-.]+/, '')
      .slice(0, 60) || 'fit'
  )
}

function introduce(table: Table, work: ForecastWork): void {
  print(`${table.name}: ${grouped(table.rows)} rows, ${table.columns.length} columns`)
  for (const [title, text] of decisionsOf(work.schema, work.series, rangeOf(work)))
    print(`  ${title.padEnd(8)} ${text}`)
  for (const note of work.notes) sayNote(note)
}

function sayNote({ level, text }: Pick<Note, 'level' | 'text'>): void {
  say(`  ${level === 'warning' ? '! ' : ''}${text}`)
}

function dryRun(table: Table, work: ForecastWork, flags: FitFlags): number {
  if (flags.out !== undefined) writeSchema(flags.out, schemaText(work.schema), flags.overwrite === true)
  if (flags.json) {
    print(JSON.stringify({ type: 'inferred', schema: work.schema, notes: work.notes }))
    return 0
  }
  introduce(table, work)
  print('  a window of the test part')
  for (const line of exampleWindow(work.schema, axisOf(work.schema.time))) print(`    ${line}`)
  if (flags.out !== undefined) print(`${flags.out}: the schema; next: irnn fit ${table.name} --schema ${flags.out}`)
  return 0
}

function writeSchema(file: string, text: string, overwrite: boolean): void {
  if (fs.existsSync(file) && !overwrite)
    throw new InputError(`${file}: it exists: name another file or add --overwrite`)
  try {
    writeAtomic(file, text)
  } catch (error) {
    throw new InputError(`${file}: cannot be written: ${(error as Error).message}`)
  }
}

function show(event: FitEvent, { json = false }: FitFlags): void {
  if (event.type === 'result') return
  if (json) {
    if (event.type !== 'progress') print(JSON.stringify(event))
    return
  }
  if (event.type === 'trial') {
    const scores = Object.entries(event.validation).map(([name, value]) => `${name} ${value.toFixed(3)}`)
    say(`  tried ${event.name}: validation ${scores.join(', ')}${event.best ? ', the best so far' : ''}`)
  } else if (event.type === 'progress' && process.stderr.isTTY) {
    const end = event.iteration === event.iterations ? '\r\x1b[K' : ''
    process.stderr.write(`\r\x1b[K  ${event.trial}: ${event.iteration}/${event.iterations}${end}`)
  }
}

function conclude({ outcome, trial }: Fitted, dir: string, { json = false }: FitFlags): void {
  const { methods, winner, schema } = outcome
  if (json) {
    print(JSON.stringify({ type: 'result', winner, methods, trial: trial.name, dir }))
    return
  }
  print('')
  for (const line of methodLines(methods, 'test part')) print(line)
  print(`  network: ${trial.name}`)
  print(`  ${verdict(methods, winner)}`)
  const next = schema.known.length > 0 ? 'NEW, with the known columns of the steps ahead' : 'NEW'
  print(`${dir}: forecast.svg, report.html, predictions.csv, model.safetensors; next: irnn predict ${dir} ${next}`)
}
