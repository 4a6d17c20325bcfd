/** `irnn eval DIR [NEW]` of a run of `irnn fit`: the scores of its test part, or of new rows. */
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { openAnyRun, readReport, readSchema } from '../src/data/run.node.ts'
import { InputError } from '../src/error.ts'
import { type Given, longOf, nameOf } from '../src/flag.ts'
import { grouped } from '../src/numbers.ts'
import type { StoredRun } from '../src/runs/stored.ts'
import { scoreLines, scoresAlone } from './kinds.ts'
import { BEST, STORED_SOURCES } from './options.ts'
import { backtestLines } from './predict.ts'
import { print, say } from './say.ts'

/** With the flags that say where data are. */
export interface EvalFlags extends Given {
  backend?: BackendName
  threads?: number
  best?: boolean
  json?: boolean
}

/** Returns the exit code. */
export async function evalFit(stored: StoredRun, files: readonly string[], flags: EvalFlags): Promise<number> {
  const { dir } = stored
  const unheard = [BEST, ...STORED_SOURCES].find((flag) => flags[nameOf(flag)] !== undefined)
  if (unheard !== undefined) {
    throw new InputError(`${longOf(unheard)}: a run of irnn fit has none: write irnn eval ${dir} NEW to score new rows`)
  }
  if (files.length === 0) return evalTestPart(stored, flags)
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const run = openAnyRun(dir, { backend })
  try {
    if ('backtest' in run) {
      const { notes, ...result } = await run.backtest([...files])
      tell(notes)
      if (flags.json) print(JSON.stringify({ type: 'eval', kind: run.schema.kind, part: 'new', ...result }))
      else for (const line of backtestLines(result)) print(line)
      return 0
    }
    const { notes, count, methods } = await run.evaluate([...files])
    tell(notes)
    if (flags.json) print(JSON.stringify({ type: 'eval', kind: run.schema.kind, part: 'new', count, methods }))
    else for (const line of scoresAlone(run.schema, methods, `${grouped(count)} of new rows`)) print(line)
    return 0
  } finally {
    run.dispose()
  }
}

/** The rows are not kept with a run; their scores are. */
function evalTestPart(stored: StoredRun, { json = false, backend, threads }: EvalFlags): number {
  for (const [name, value] of Object.entries({ backend, threads })) {
    if (value === undefined) continue
    throw new InputError(`--${name}: the scores of the test part are stored, nothing is computed: remove it`)
  }
  const schema = readSchema(stored)
  const { winner, methods } = readReport(stored, schema)
  if (json) print(JSON.stringify({ type: 'eval', kind: schema.kind, part: 'test', winner, methods }))
  else for (const line of scoreLines(schema, methods, winner, 'test part')) print(line)
  return 0
}

function tell(notes: readonly { readonly level: string; readonly text: string }[]): void {
  for (const { level, text } of notes) say(`${level === 'warning' ? '! ' : ''}${text}`)
}
