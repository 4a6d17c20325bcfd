/** What a report takes of the folder of a run. */
import * as path from 'node:path'
import { readReport, readSchema } from '../src/data/run.node.ts'
import { isKind } from '../src/data/schema.ts'
import { readBytes, statsOf } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { grouped } from '../src/numbers.ts'
import { isLocked } from '../src/runs/lock.ts'
import type { StoredRun } from '../src/runs/stored.ts'
import type { RunEvent } from '../src/train/notes.ts'
import type { Watched } from './board.ts'
import { methodTable, scoreLines } from './kinds.ts'
import { type Curves, type PaperCurve, paperOf } from './reportPaper.ts'

/** A run as a report has it: nothing in it says where the run lies. */
export interface Reported extends Watched {
  /** Of its folder; no two are alike. */
  readonly name: string
  /** What of its folder could not be read, a line each. */
  readonly problems: readonly string[]
  /** What the paper has of the same; null: nothing. */
  readonly paper: PaperCurve | null
  /** The command that makes the same run; null: its records do not say. */
  readonly command: string | null
  /** Of a run of irnn fit; null: it is none, or what it was worth cannot be read. */
  readonly fit: ReportedFit | null
}

export interface ReportedFit {
  /** Of the test part: a head, then a row a method. */
  readonly methods: readonly (readonly string[])[]
  readonly winner: string
  readonly verdict: string
  /** The picture of its forecasts, which is not trusted. null: it has none. */
  readonly picture: Uint8Array | null
}

const PICTURE = 'forecast.svg'
/** Bytes that a picture may have: ours have a tenth of it. */
const MOST_PICTURE = 4e6

/** Never fails: what cannot be read is among its problems. */
export function reported(run: StoredRun, name: string, curves: Curves | null): Reported {
  const { dir, config, events } = run
  const problems = run.problems.map((problem) => withoutPath(problem, dir))
  const fit = isKind(config.task.name) ? fitOf(run, (problem) => problems.push(withoutPath(problem, dir))) : null
  const begin = events.find((event): event is RunEvent => event.type === 'run')
  const command = typeof begin?.command === 'string' ? begin.command : null
  const paper = paperOf(run, curves)
  return { name, config, events, running: isLocked(dir), problems, paper, command, fit }
}

/** What is said of a file of the folder, without where that lies. */
function withoutPath(text: string, dir: string): string {
  return text.replaceAll(`${path.join(dir, '/')}`, '').replaceAll(`${dir}: `, '')
}

function fitOf(run: StoredRun, problem: (text: string) => void): ReportedFit | null {
  try {
    const schema = readSchema(run)
    const { methods, winner } = readReport(run, schema)
    return {
      methods: methodTable(schema, methods, 'test part'),
      winner,
      verdict: scoreLines(schema, methods, winner, '').at(-1)!.trim(),
      picture: schema.kind === 'forecast' ? pictureOf(path.join(run.dir, PICTURE)) : null,
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    problem(error.message)
    return null
  }
}

function pictureOf(file: string): Uint8Array {
  if (statsOf(file).size > MOST_PICTURE) {
    throw new InputError(`${file}: expected a picture of at most ${grouped(MOST_PICTURE)} bytes but it is larger`)
  }
  const bytes = readBytes(file)
  if (!/^<svg\s/.test(new TextDecoder().decode(bytes.subarray(0, 100)))) {
    throw new InputError(`${file}: expected a picture in SVG`)
  }
  return bytes
}
