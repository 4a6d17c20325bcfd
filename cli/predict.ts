/** `irnn predict` and `irnn backtest`: a fitted network on new rows. */
import * as fs from 'node:fs'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import type { Backtest } from '../src/data/backtest.ts'
import type { Note } from '../src/data/notes.ts'
import { cell, FORECAST_HEADER } from '../src/data/report.ts'
import { type FittedRun, type LabelRun, openAnyRun, openRun } from '../src/data/run.node.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { type Flag, whole } from '../src/flag.ts'
import { methodLines, verdict } from './methods.ts'
import { BACKEND, JSON_RESULT, THREADS } from './options.ts'
import { print, say } from './say.ts'
import { WRITTEN, type WrittenFlags, writtenOptions } from './written.ts'

interface Flags extends WrittenFlags {
  backend?: BackendName
  threads?: number
}

export const PREDICT_FLAGS: readonly Flag[] = [
  { flag: '--out <file>', help: 'a file for the forecasts, .csv or .jsonl (default: CSV on standard output)' },
  { flag: '--horizon <N>', value: whole(), help: 'fewer steps than the network was fitted for' },
  ...WRITTEN,
  BACKEND,
  THREADS,
]

/** Returns the exit code. */
export async function predictRun(
  dir: string,
  files: readonly string[],
  flags: Flags & { out?: string; horizon?: number },
): Promise<number> {
  const jsonl = flags.out?.endsWith('.jsonl') === true
  if (flags.out !== undefined && !jsonl && !flags.out.endsWith('.csv')) {
    throw new InputError(`--out: expected a name that ends in .csv or .jsonl but received ${flags.out}`)
  }
  if (flags.out !== undefined && fs.existsSync(flags.out))
    throw new InputError(`${flags.out}: it exists: name another file`)
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const run = openAnyRun(dir, { backend })
  try {
    const { lines, notes } =
      'backtest' in run ? await forecastLines(run, files, flags, jsonl) : await labelLines(run, files, flags, jsonl)
    for (const { level, text } of notes) say(`${level === 'warning' ? '! ' : ''}${text}`)
    const text = `${lines.join('\n')}\n`
    if (flags.out === undefined) process.stdout.write(text)
    else writeAtomic(flags.out, text)
    return 0
  } finally {
    run.dispose()
  }
}

interface Lines {
  readonly lines: readonly string[]
  readonly notes: readonly Note[]
}

async function forecastLines(
  run: FittedRun,
  files: readonly string[],
  flags: Flags & { horizon?: number },
  jsonl: boolean,
): Promise<Lines> {
  const { horizon } = run.schema
  const { horizon: asked } = flags
  if (asked !== undefined && asked > horizon) {
    throw new InputError(
      `--horizon: expected at most ${horizon}, for which the network was fitted, but received ${asked}: fit ` +
        `one with --horizon ${asked}`,
    )
  }
  const { steps, notes } = await run.predict([...files], writtenOptions(flags))
  const lines = steps
    .filter((_, k) => k % horizon < (asked ?? horizon))
    .map((step) => {
      const { time, series, point, quantiles } = step
      if (jsonl) return JSON.stringify(step)
      return [time, series, point, quantiles[0.1], quantiles[0.5], quantiles[0.9]].map(cell).join(',')
    })
  return { lines: jsonl ? lines : [FORECAST_HEADER, ...lines], notes }
}

/** A column for the probability of each label, unless there are more. */
const MOST_COLUMNS = 50

async function labelLines(
  run: LabelRun,
  files: readonly string[],
  flags: Flags & { horizon?: number },
  jsonl: boolean,
): Promise<Lines> {
  if (flags.horizon !== undefined) throw new InputError('--horizon: expected none, for the run labels: leave it out')
  const { labels, notes } = await run.predict([...files], writtenOptions(flags))
  if (jsonl) return { lines: labels.map((one) => JSON.stringify(one)), notes }
  const classes = run.schema.fitted!.classes
  const shown = classes.length > MOST_COLUMNS ? [] : classes
  const lines = labels.map(({ id, row, label, probabilities }) =>
    [id, row, label, probabilities[label], ...shown.map((name) => probabilities[name])].map(cell).join(','),
  )
  return { lines: [['id', 'row', 'label', 'probability', ...shown].map(cell).join(','), ...lines], notes }
}

export const BACKTEST_FLAGS: readonly Flag[] = [
  { flag: '--stride <N>', value: whole(), help: "steps from one forecast to the next (default: the fit's)" },
  {
    flag: '--refit <N>',
    value: whole(),
    help: 'fit the network again before each N-th moment, on all rows before it (default: never)',
  },
  ...WRITTEN,
  BACKEND,
  THREADS,
  JSON_RESULT,
]

/** Returns the exit code. */
export async function backtestRun(
  dir: string,
  files: readonly string[],
  flags: Flags & { stride?: number; refit?: number; json?: boolean },
): Promise<number> {
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const run = openRun(dir, { backend })
  try {
    const onRefit = (moment: string, fit: number, fits: number) => say(`fitting as of ${moment} (${fit}/${fits})`)
    const { stride, refit } = flags
    const { notes, ...result } = await run.backtest([...files], { ...writtenOptions(flags), stride, refit, onRefit })
    if (flags.json) {
      print(JSON.stringify({ type: 'result', ...result }))
      return 0
    }
    for (const { level, text } of notes) say(`${level === 'warning' ? '! ' : ''}${text}`)
    for (const line of backtestLines(result)) print(line)
    return 0
  } finally {
    run.dispose()
  }
}

export function backtestLines({ forecasts, from, to, fits, methods, winner }: Omit<Backtest, 'notes'>): string[] {
  const fitted = fits === 0 ? 'that was fitted once, before' : `that was fitted ${fits} times, each before them`
  return [
    `${forecasts} forecasts from ${from} to ${to}, by a network ${fitted}`,
    ...methodLines(methods, 'method'),
    `  ${verdict(methods, winner)}`,
  ]
}
