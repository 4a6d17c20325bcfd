/** `irnn fit`: a table and what a person says of it → trials → the folder of a run, and a table of methods. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { birthsTable, isDemonstration } from '../src/data/births.node.ts'
import { type FitEvent, type Fitted, fit } from '../src/data/fit.ts'
import type { Note } from '../src/data/notes.ts'
import { openBy } from '../src/data/openBy.node.ts'
import { saveFit } from '../src/data/save.node.ts'
import { type Schema, schemaText } from '../src/data/schema.ts'
import type { Work } from '../src/data/work.ts'
import { freeName, writeAtomic } from '../src/disk.node.ts'
import { InputError, printable } from '../src/error.ts'
import { type Flag, kindOf, whole } from '../src/flag.ts'
import { grouped, percent } from '../src/numbers.ts'
import { refuseFolder } from '../src/runs/whole.ts'
import * as z from '../src/schema.ts'
import { readTable } from '../src/table/openTable.node.ts'
import type { ColumnType, OpenedTable, Table } from '../src/table/table.ts'
import { VERSION } from '../src/version.ts'
import {
  DECISIONS,
  type DecisionFlags,
  endingOf,
  type SpokenWork,
  schemaOf,
  scoreLines,
  spokenWork,
  wordsOf,
} from './kinds.ts'
import { BACKEND, THREADS } from './options.ts'
import { commandOf } from './repeat.ts'
import { print, say } from './say.ts'
import { type Stop, stopOnSignals } from './signals.ts'
import { WRITTEN, type WrittenFlags, writtenOptions } from './written.ts'

export interface FitFlags extends DecisionFlags, WrittenFlags {
  types?: Record<string, ColumnType>
  missingWords?: string[]
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

/** As a list; an empty word is a list of none. */
const words = kindOf(z.array(z.string()), 'words with commas between', {
  parse: (text) => (text.trim() === '' ? [] : text.split(',').map((word) => word.trim())),
})

const MISSING_WORDS: Flag = {
  flag: '--missing-words <words>',
  value: words,
  help: 'what stands for "no value", with commas between (default: NA, null, NaN, -, --, ? and such)',
}

export const FIT_FLAGS: readonly Flag[] = [
  ...DECISIONS,
  { flag: '--types <list>', value: types, help: 'types of columns, as zip=category,flag=number' },
  MISSING_WORDS,
  ...WRITTEN,
  { flag: '--schema <file>', help: 'take all decisions from a file that --dry-run --out wrote' },
  {
    flag: '--dry-run',
    help:
      'say every decision and one window, from the first 100,000 rows of a larger file, train nothing; --out then ' +
      'names a file for the schema, which all rows decide',
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

/** Returns the exit code. A signal ends it wherever it is: until all is done, nothing is written. */
export async function fitFiles(files: readonly string[], flags: FitFlags): Promise<number> {
  const saying = (line: string) => {
    clear()
    say(line)
  }
  const stop = stopOnSignals({ say: saying, show() {}, clear }, 'nothing is written')
  try {
    const schema = schemaOf(flags, [MISSING_WORDS, ...WRITTEN])
    if (flags.dryRun) return await dryRun(files, flags, schema, stop)
    const table = await tableOf(files, flags, schema, stop)
    return await fitWork(
      table,
      spokenWork(table, flags, schema),
      flags,
      stop,
      isDemonstration(files) ? 'births' : 'FILES',
    )
  } catch (error) {
    if (error instanceof Stopped) return stop.exitCode()
    throw error
  } finally {
    stop.release()
  }
}

/** @param from the table, as the command that makes the fit again says it */
async function fitWork(table: Table, spoken: SpokenWork, flags: FitFlags, stop: Stop, from: string): Promise<number> {
  const { work } = spoken
  const { seed, trials, iterations, backend: name, threads, json = false, overwrite } = flags
  const dir = flags.out ?? freeName(path.join('runs', `${nameOf(work)}-gru-seed${seed}`))
  refuseFolder(dir, overwrite)
  if (!json) introduce(table, spoken)
  const backend = await createBackend({ name, threads })
  let fitted: Fitted | undefined
  try {
    for await (const event of fit(work, { backend, seed, trials, iterations, signal: stop.signal })) {
      if (event.type === 'result') fitted = event.fitted
      else show(event, flags)
      await turn() // signals are heard between trials, too
      if (stop.signal.aborted) return stop.exitCode()
    }
    if (!fitted) return stop.exitCode()
    saveFit(fitted, dir, { version: VERSION, overwrite, say, command: repeating(from, fitted) })
    conclude(fitted, dir, flags)
    return 0
  } finally {
    clear()
    fitted?.model.dispose()
  }
}

/** What was typed, with what a later version might decide otherwise. */
function repeating(from: string, { seed, model }: Fitted): string {
  const fixed = { '--seed': seed, '--backend': model.backend.name }
  return commandOf(`npx irnn fit ${from}`, process.argv.slice(3), FIT_FLAGS, fixed)
}

/** A signal came while files were read. */
class Stopped extends Error {}

/** The table of the demonstration is no file, and has no report. */
type ReadTable = Table & Partial<Pick<OpenedTable, 'report'>>

/** @param most rows to read, from the first on */
async function tableOf(
  files: readonly string[],
  flags: FitFlags,
  schema: Schema | null,
  stop: Stop,
  most = Number.POSITIVE_INFINITY,
): Promise<ReadTable> {
  if (isDemonstration(files)) return birthsTable()
  const { types, timezone, missingWords: missing, json = false } = flags
  const options = {
    ...writtenOptions(flags),
    ...(types !== undefined && { types }),
    ...(timezone !== undefined && { timezone }),
    ...(missing !== undefined && { missing }),
    onProgress({ bytes, total }: { readonly bytes: number; readonly total: number }) {
      if (stop.signal.aborted) throw new Stopped()
      if (!json) redraw(`reading ${percent(Math.min(1, bytes / Math.max(1, total)), 0)}`)
    },
  }
  try {
    const table = await (schema
      ? openBy(schema, [...files], options)
      : readTable([...files], options, wordsOf(flags), most))
    await turn()
    if (stop.signal.aborted) throw new Stopped()
    if (!json) for (const note of table.report.notes) sayNote(note)
    return table
  } finally {
    clear()
  }
}

let drawn = false

/** A line that a terminal draws anew. */
function redraw(text: string): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\x1b[K  ${printable(text)}`)
  drawn = true
}

function clear(): void {
  if (drawn) process.stderr.write('\r\x1b[K')
  drawn = false
}

function nameOf(work: Work): string {
  return (
    work.title
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[-.]+/, '')
      .slice(0, 60) || 'fit'
  )
}

function introduce(table: ReadTable, { work, decisions }: SpokenWork): void {
  const rows = `${samplesOf(table).length > 0 ? 'the first ' : ''}${grouped(table.rows)} rows`
  print(`${table.name}: ${rows}, ${table.columns.length} columns`)
  for (const [title, text] of decisions) print(`  ${title.padEnd(8)} ${text}`)
  for (const note of work.notes) sayNote(note)
}

function sayNote({ level, text }: Pick<Note, 'level' | 'text'>): void {
  say(`  ${level === 'warning' ? '! ' : ''}${text}`)
}

/** Rows that decide in a dry run: a few tenths of a second, where a GB of CSV takes half a minute. */
const SAMPLE = 100_000

async function dryRun(files: readonly string[], flags: FitFlags, schema: Schema | null, stop: Stop): Promise<number> {
  // Decisions that are kept are those of all rows; and a pipe is read only once.
  const again = files.every((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile())
  const most = schema === null && flags.out === undefined && again ? SAMPLE : Number.POSITIVE_INFINITY
  let table = await tableOf(files, flags, schema, stop, most)
  let spoken: SpokenWork
  try {
    spoken = spokenWork(table, flags, schema)
  } catch (error) {
    if (!(error instanceof InputError) || samplesOf(table).length === 0) throw error
    say(`  the first ${grouped(most)} rows do not decide it, so all are read: ${error.message}`)
    table = await tableOf(files, flags, schema, stop)
    spoken = spokenWork(table, flags, schema)
  }
  return sayDecisions(table, spoken, flags)
}

/** What says that there are more rows than were read. */
function samplesOf({ report }: ReadTable): readonly Note[] {
  return report?.notes.filter(({ kind }) => kind === 'sample') ?? []
}

function sayDecisions(table: ReadTable, spoken: SpokenWork, flags: FitFlags): number {
  const { work } = spoken
  if (flags.out !== undefined) writeSchema(flags.out, schemaText(work.schema), flags.overwrite === true)
  if (flags.json) {
    print(JSON.stringify({ type: 'inferred', schema: work.schema, notes: [...samplesOf(table), ...work.notes] }))
    return 0
  }
  introduce(table, spoken)
  print('  an example of the test part')
  for (const line of spoken.example) print(`    ${line}`)
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
    clear()
    const scores = Object.entries(event.validation).map(([name, value]) => `${name} ${value.toFixed(3)}`)
    say(`  tried ${event.name}: validation ${scores.join(', ')}${event.best ? ', the best so far' : ''}`)
  } else if (event.type === 'progress') redraw(`${event.trial}: ${event.iteration}/${event.iterations}`)
}

function conclude({ outcome, trial }: Fitted, dir: string, { json = false }: FitFlags): void {
  const { methods, winner, schema } = outcome
  if (json) {
    print(JSON.stringify({ type: 'result', winner, methods, trial: trial.name, dir }))
    return
  }
  print('')
  print(`  network: ${trial.name}`)
  for (const line of scoreLines(schema, methods, winner, 'test part')) print(line)
  const { files, next } = endingOf(schema)
  print(`${dir}: ${files}; next: irnn predict ${dir} ${next}`)
}
