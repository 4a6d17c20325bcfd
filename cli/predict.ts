/** `irnn predict` and `irnn backtest`: a fitted network on new rows. */
import * as fs from 'node:fs'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { cell, FORECAST_HEADER } from '../src/data/report.ts'
import { openRun } from '../src/data/run.node.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { type Flag, whole } from '../src/flag.ts'
import { methodLines, verdict } from './methods.ts'
import { BACKEND, JSON_RESULT, THREADS } from './options.ts'
import { print, say } from './say.ts'

interface Flags {
  backend?: BackendName
  threads?: number
}

export const PREDICT_FLAGS: readonly Flag[] = [
  { flag: '--out <file>', help: 'a file for the forecasts, .csv or .jsonl (default: CSV on standard output)' },
  { flag: '--horizon <N>', value: whole(), help: 'fewer steps than the network was fitted for' },
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
  const run = openRun(dir, { backend })
  try {
    const { horizon } = run.schema
    if (flags.horizon !== undefined && flags.horizon > horizon) {
      throw new InputError(
        `--horizon: expected at most ${horizon}, for which the network was fitted, but received ${flags.horizon}: ` +
          `fit one with --horizon ${flags.horizon}`,
      )
    }
    const { steps, notes } = await run.predict([...files])
    for (const { level, text } of notes) say(`${level === 'warning' ? '! ' : ''}${text}`)
    const shown = steps.filter((_, k) => k % horizon < (flags.horizon ?? horizon))
    const lines = shown.map((step) => {
      const { time, series, point, quantiles } = step
      if (jsonl) return JSON.stringify(step)
      return [time, series, point, quantiles[0.1], quantiles[0.5], quantiles[0.9]].map(cell).join(',')
    })
    const text = `${(jsonl ? lines : [FORECAST_HEADER, ...lines]).join('\n')}\n`
    if (flags.out === undefined) process.stdout.write(text)
    else writeAtomic(flags.out, text)
    return 0
  } finally {
    run.dispose()
  }
}

export const BACKTEST_FLAGS: readonly Flag[] = [
  { flag: '--stride <N>', value: whole(), help: "steps from one forecast to the next (default: the fit's)" },
  BACKEND,
  THREADS,
  JSON_RESULT,
]

/** Returns the exit code. */
export async function backtestRun(
  dir: string,
  files: readonly string[],
  flags: Flags & { stride?: number; json?: boolean },
): Promise<number> {
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const run = openRun(dir, { backend })
  try {
    const { notes, ...result } = await run.backtest([...files], { stride: flags.stride })
    if (flags.json) {
      print(JSON.stringify({ type: 'result', ...result }))
      return 0
    }
    for (const { level, text } of notes) say(`${level === 'warning' ? '! ' : ''}${text}`)
    print(
      `${result.forecasts} forecasts from ${result.from} to ${result.to}, by a network that was fitted once, before`,
    )
    for (const line of methodLines(result.methods, 'method')) print(line)
    print(`  ${verdict(result.methods, result.winner)}`)
    return 0
  } finally {
    run.dispose()
  }
}
