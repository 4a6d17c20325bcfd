/** A run read back: what its folder says it was, how it went, and the model it has. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, ownText, readingFile } from '../disk.node.ts'
import { checked, InputError, nearest, refuseNoText, refuseUnless } from '../error.ts'
import type { Source } from '../formats/safetensors.ts'
import * as z from '../schema.ts'
import type { DoneEvent, TrainEvent } from '../train/events.ts'
import { refuseDamagedOptions, type TrainSpec } from '../train/options.ts'
import { BEST, LAST, PREVIOUS } from './checkpoint.ts'
import { refuseDamaged, sumOf } from './checksum.ts'
import { parseRecords, type Records } from './records.ts'

export const CONFIG = 'config.json'
export const METRICS = 'metrics.jsonl'
export const MODEL = 'model.safetensors'

/** What config.json holds: no dates and no paths, so that equal runs have equal files on equal machines. */
export interface RunConfig {
  /** Version of irnn. */
  readonly version: string
  /** Title for people; it stands over the curve. */
  readonly title?: string
  readonly recipe: string
  readonly seed: number
  readonly task: { readonly name: string; readonly options: Readonly<Record<string, number | boolean | string>> }
  /** The complete model spec. */
  readonly model: object
  readonly training: TrainSpec
  /** Iterations between checkpoints; null or absent: one a minute. */
  readonly checkpointEvery?: number | null
  readonly backend: {
    readonly name: string
    readonly threads: number
    readonly description: string
    /** Another instruction set gives other bits. */
    readonly instructionSet?: string
  }
  readonly machine: { readonly node: string; readonly platform: string; readonly arch: string }
  /** Of a model that was trained elsewhere (`irnn import`): its file. */
  readonly imported?: { readonly file: string; readonly sha256: string }
}

/** The name of the task of an imported model that has none: nothing scores it. */
export const NO_TASK = 'imported'

/** @throws InputError unless it is what a folder of a run can hold */
export function refuseNoConfig(config: unknown, what: string): void {
  checked(configSchema as z.Schema<unknown>, config, what)
}

// Loose: what a later version adds does not make a run unreadable.
const configSchema = z.looseObject({
  title: z.string().optional(),
  version: z.string(),
  recipe: z.string(),
  seed: z.int().min(0),
  task: z.looseObject({
    name: z.string(),
    options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  }),
  model: z.looseObject({}),
  training: z.looseObject({}),
  checkpointEvery: z.int().min(1).nullable().optional(),
  backend: z.looseObject({
    name: z.string(),
    threads: z.number(),
    description: z.string(),
    instructionSet: z.string().optional(),
  }),
  machine: z.looseObject({}).optional(),
  imported: z.looseObject({ file: z.string(), sha256: z.string() }).optional(),
})

/** A finished or interrupted run, read back. */
export interface StoredRun {
  readonly dir: string
  /**
   * Identifies the config.json that was read, so that whoever locks the folder later can see whether it was replaced.
   */
  readonly stamp: string
  readonly config: RunConfig
  readonly events: readonly TrainEvent[]
  /** What is wrong with lines of metrics.jsonl that are no records; they are passed over. */
  readonly problems: readonly string[]
  /**
   * What `work` (loadModel) makes of the final model or of the best one. Final: model.safetensors or, if the run has
   * not ended, its last checkpoint. Best: the checkpoint with the best score.
   * @throws InputError when the run has none, or it is damaged
   */
  readModel<T>(which: 'final' | 'best', work: (source: Source, name: string) => T): T
  /**
   * The last record of a run that ended and has the model that it ended with; else null, whatever its records say: a
   * run is what is on the disk.
   */
  end(): DoneEvent | null
}

/** @throws InputError when there is no run in `dir` or its files are damaged */
export function readRunFolder(dir: string): StoredRun {
  refuseNoText('readRunFolder', dir)
  const stamp = stampOf(dir)
  const config = readConfig(dir)
  const { events, problems } = recordsOf(dir)
  return {
    dir,
    stamp,
    config,
    events,
    problems: problems.map((problem) => `${path.join(dir, METRICS)}: ${problem}`),
    readModel(which, work) {
      refuseUnless(which === 'final' || which === 'best', 'readModel', "'final' or 'best'", which)
      refuseUnless(typeof work === 'function', 'readModel: work', 'a function', work)
      const name = modelFile(dir, which)
      const file = path.join(dir, name)
      return readingFile(file, (source) => {
        if (name !== MODEL) refuseDamaged(source, file)
        else refuseOther(source, file, doneOf(events))
        return work(source, name)
      })
    },
    end() {
      const done = doneOf(events)
      const file = path.join(dir, MODEL)
      const stats = explaining(file, 'cannot be read', () => fs.lstatSync(file, { throwIfNoEntry: false }))
      if (!done || !stats?.isFile()) return null
      try {
        readingFile(file, (source) => refuseOther(source, file, done))
        return done
      } catch (error) {
        if (error instanceof InputError) return null
        throw error
      }
    },
  }
}

function doneOf(events: readonly TrainEvent[]): DoneEvent | null {
  const last = events.at(-1)
  return last?.type === 'done' ? last : null
}

/** @throws InputError unless the file is the one that the run ended with; runs of 0.1.0 do not say which that is */
function refuseOther(source: Source, file: string, done: DoneEvent | null): void {
  if (done?.model === undefined || sumOf(source) === done.model.sha256) return
  throw new InputError(
    `${file}: damaged: its SHA-256 is not the one that the run ended with: remove it, and go on with "irnn train --resume ` +
      `${path.dirname(file)}"`,
  )
}

function modelFile(dir: string, which: 'final' | 'best'): string {
  const names = which === 'best' ? [BEST] : [MODEL, LAST, PREVIOUS]
  const found = names.find((name) => fs.existsSync(path.join(dir, name)))
  if (found !== undefined) return found
  const why = which === 'best' ? 'the run was not evaluated' : 'the run ended before it was saved'
  throw new InputError(`${dir}: it has no ${names[0]}: ${why}: go on with "irnn train --resume ${dir}"`)
}

/** Changes whenever config.json is replaced; empty if there is none. */
export function stampOf(dir: string): string {
  const file = path.join(dir, CONFIG)
  if (!fs.existsSync(file)) return ''
  const { ino, size, mtimeMs } = explaining(file, 'cannot be read', () => fs.statSync(file))
  return `${ino} ${size} ${mtimeMs}`
}

/** @throws InputError when there is no run in `dir`, or its config is damaged */
function readConfig(dir: string): RunConfig {
  const file = path.join(dir, CONFIG)
  const folder = explaining(dir, 'cannot be read', () => fs.statSync(dir, { throwIfNoEntry: false }))
  if (!folder?.isDirectory() || !isThere(file)) {
    throw new InputError(`${dir}: expected the folder of a run but it has no ${CONFIG}${otherRun(dir)}`)
  }
  const config = checked(configSchema as z.Schema<unknown>, parse(file, JSON.parse), file) as RunConfig
  try {
    refuseDamagedOptions({ ...config.training })
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error
  }
  return config
}

/** The run that was probably meant: of a file in one that one, of a folder of runs one of them, else one named alike. */
function otherRun(dir: string): string {
  const above = path.dirname(dir)
  if (fs.existsSync(path.join(above, CONFIG))) return `; did you mean ${above}?`
  const [inside] = runsIn(dir)
  if (inside !== undefined) return `: it holds runs: name one, say ${path.join(dir, inside)}`
  for (const folder of [above, 'runs']) {
    const near = nearest(path.basename(dir), runsIn(folder))
    if (near !== undefined) return `; did you mean ${path.join(folder, near)}?`
  }
  return ''
}

/** Names of the runs in a folder. */
function runsIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => fs.existsSync(path.join(folder, name, CONFIG)))
  } catch {
    return []
  }
}

/** Whether there is something of that name, a link to nothing too. @throws InputError where the disk refuses to say */
function isThere(file: string): boolean {
  return explaining(file, 'cannot be read', () => fs.lstatSync(file, { throwIfNoEntry: false })) !== undefined
}

/**
 * The records of a run. Where its metrics.jsonl cannot be read, being a folder or a pipe, there are none, and why: a
 * run whose checkpoints are good goes on whatever its records look like.
 */
export function recordsOf(dir: string): Records {
  const file = path.join(dir, METRICS)
  try {
    return readRecords(file)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { events: [], problems: [error.message.slice(`${file}: `.length)] }
  }
}

/** What a metrics.jsonl holds; nothing where there is no file. @throws InputError where it cannot be read */
export function readRecords(file: string): Records {
  refuseNoText('readRecords', file)
  return isThere(file) ? parseRecords(ownText(file)) : { events: [], problems: [] }
}

function parse(file: string, read: (text: string) => unknown): unknown {
  const text = ownText(file)
  try {
    return read(text)
  } catch (error) {
    throw new InputError(`${file}: expected JSON but ${(error as Error).message}`)
  }
}
