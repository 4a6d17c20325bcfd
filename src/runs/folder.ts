/**
 * The folder of a run: config.json (all it takes to repeat it), metrics.jsonl (the loop's events, one a line, appended as
 * they come), model.safetensors, curve.svg. Whole files appear atomically: written beside, synced to disk, renamed. So a run
 * that dies leaves what it had, and nothing half-written but at most the last line of metrics.jsonl.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { z } from 'zod'
import { checked, InputError } from '../error.ts'
import { decodeEvent, encodeEvent, type TrainEvent } from '../events.ts'
import type { TrainSpec } from '../train.ts'

const CONFIG = 'config.json'
const METRICS = 'metrics.jsonl'
const MODEL = 'model.safetensors'
const CURVE = 'curve.svg'

/** What config.json holds: no dates and no paths, so that equal runs have equal files on equal machines. */
export interface RunConfig {
  /** Version of irnn. */
  readonly version: string
  readonly recipe: string
  readonly seed: number
  readonly task: { readonly name: string; readonly options: Readonly<Record<string, number | boolean | string>> }
  /** The complete model spec. */
  readonly model: object
  readonly training: TrainSpec
  readonly backend: { readonly name: string; readonly threads: number; readonly description: string }
  readonly machine: { readonly node: string; readonly platform: string; readonly arch: string }
}

// Loose: what a later version adds does not make a run unreadable. What is used is checked again by its owner.
const configSchema = z.looseObject({
  version: z.string(),
  recipe: z.string(),
  seed: z.number(),
  task: z.looseObject({
    name: z.string(),
    options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  }),
  model: z.looseObject({}),
  training: z.looseObject({ batch: z.number(), iterations: z.number() }),
  backend: z.looseObject({ name: z.string(), threads: z.number(), description: z.string() }),
})

/** A run's folder, open for writing. */
export interface RunFolder {
  readonly dir: string
  append(event: TrainEvent): void
  saveModel(bytes: Uint8Array): void
  saveCurve(svg: string): void
  close(): void
}

/** `dir`, or the first of dir-2, dir-3, … that does not exist. */
export function freeFolder(dir: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? dir : `${dir}-${n}`
    if (!fs.existsSync(name)) return name
  }
}

/**
 * Makes the folder of a new run and writes its config: what cannot be written fails here, before any training.
 * @throws InputError when it cannot be written, is not a folder, or is not empty; with `overwrite` the files of an earlier
 * run in it (and nothing else) are removed
 */
export function createRunFolder(
  dir: string,
  config: RunConfig,
  { overwrite = false }: { overwrite?: boolean } = {},
): RunFolder {
  const fd = explaining(dir, 'cannot be written', () => {
    fs.mkdirSync(dir, { recursive: true })
    clear(dir, overwrite)
    writeAtomic(path.join(dir, CONFIG), `${JSON.stringify(config, null, 2)}\n`)
    return fs.openSync(path.join(dir, METRICS), 'a')
  })
  const writing = (name: string, work: () => void) => explaining(path.join(dir, name), 'cannot be written', work, Error)
  const save = (name: string, data: string | Uint8Array) => writing(name, () => writeAtomic(path.join(dir, name), data))
  return {
    dir,
    append: (event) => writing(METRICS, () => void fs.writeSync(fd, `${encodeEvent(event)}\n`)),
    saveModel: (bytes) => save(MODEL, bytes),
    saveCurve: (svg) => save(CURVE, svg),
    close: () =>
      writing(METRICS, () => {
        fs.fsyncSync(fd)
        fs.closeSync(fd)
      }),
  }
}

function clear(dir: string, overwrite: boolean): void {
  const held = fs.readdirSync(dir)
  if (held.length === 0) return
  if (!held.includes(CONFIG)) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds other files: name another folder`)
  }
  if (!overwrite) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds a run: name another or add --overwrite`)
  }
  for (const name of [CONFIG, METRICS, MODEL, CURVE]) fs.rmSync(path.join(dir, name), { force: true })
}

/** A finished or interrupted run, read back. */
export interface StoredRun {
  readonly dir: string
  readonly config: RunConfig
  readonly events: readonly TrainEvent[]
  /** Bytes of model.safetensors. @throws InputError when the run has none */
  model(): Uint8Array
}

/** @throws InputError when there is no run in `dir` or its files are damaged */
export function readRunFolder(dir: string): StoredRun {
  const file = path.join(dir, CONFIG)
  if (!fs.existsSync(file)) throw new InputError(`${dir}: expected the folder of a run but it has no ${CONFIG}`)
  const config = checked(configSchema as z.ZodType<unknown>, parse(file, JSON.parse), file) as RunConfig
  return {
    dir,
    config,
    events: readEvents(path.join(dir, METRICS)),
    model() {
      const file = path.join(dir, MODEL)
      if (!fs.existsSync(file)) throw new InputError(`${dir}: it has no ${MODEL}: the run ended before it was saved`)
      return explaining(file, 'cannot be read', () => fs.readFileSync(file))
    },
  }
}

function readEvents(file: string): TrainEvent[] {
  if (!fs.existsSync(file)) return []
  const lines = explaining(file, 'cannot be read', () => fs.readFileSync(file, 'utf8')).split('\n')
  lines.pop() // after the last newline: nothing, or a line that was being written when the run was killed
  return lines.map((line, i) => {
    try {
      return decodeEvent(line)
    } catch {
      throw new InputError(`${file}: line ${i + 1}: expected one JSON object`)
    }
  })
}

function parse(file: string, read: (text: string) => unknown): unknown {
  const text = explaining(file, 'cannot be read', () => fs.readFileSync(file, 'utf8'))
  try {
    return read(text)
  } catch (error) {
    throw new InputError(`${file}: expected JSON but ${(error as Error).message}`)
  }
}

/** Old content or new, never a mixture, whatever happens while it is written. */
export function writeAtomic(file: string, data: string | Uint8Array): void {
  const temporary = `${file}.tmp`
  try {
    fs.writeFileSync(temporary, data, { flush: true })
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
  // The rename itself is on disk once the folder is. Windows cannot open a folder, and does not need it.
  if (process.platform === 'win32') return
  const folder = fs.openSync(path.dirname(file), 'r')
  fs.fsyncSync(folder)
  fs.closeSync(folder)
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of its path is a file, not a folder',
  EEXIST: 'it is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  ENOENT: 'its path does not exist and cannot be made',
  ENAMETOOLONG: 'its name is too long',
}

/** Failures of the file system as one line for people: bad input when a run begins or is read, plain errors while it runs. */
function explaining<T>(
  what: string,
  failure: string,
  work: () => T,
  Kind: new (message: string) => Error = InputError,
): T {
  try {
    return work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof InputError || code === undefined) throw error
    throw new Kind(`${what}: ${failure}: ${REASONS[code] ?? message}`)
  }
}
