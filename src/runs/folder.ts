/**
 * The folder of a run: config.json (all it takes to repeat it), metrics.jsonl (the loop's events, one a line, appended as
 * they come) and the same for TensorBoard, checkpoints, model.safetensors, curve.svg. Whole files appear atomically: written
 * beside, synced to disk, renamed. So a run that dies leaves what it had, and nothing half-written but at most the last line
 * of metrics.jsonl; and it goes on from its last checkpoint as if it had never died.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { z } from 'zod'
import { checked, InputError } from '../error.ts'
import { decodeEvent, encodeEvent, type TrainEvent } from '../events.ts'
import type { Source } from '../formats/safetensors.ts'
import { encodeFileVersion } from '../formats/tfevents.ts'
import type { Model } from '../model.ts'
import { VOCABULARY_FILE } from '../tasks/words.node.ts'
import type { RunState } from '../train.ts'
import type { TrainSpec } from '../training.ts'
import { BOARD, boardRecord } from './board.ts'
import {
  BEST,
  type Checkpoint,
  encodeCheckpoint,
  findCheckpoint,
  LAST,
  type Lengths,
  PREVIOUS,
  refuseDamaged,
} from './checkpoint.ts'
import { DiskError, explaining, makeFolder, readingFile, TEMPORARY, writeAtomic } from './disk.ts'
import { openJournal } from './journal.ts'
import { LOCK, lockFolder } from './lock.ts'

export { readingFile, writeAtomic } from './disk.ts'

const CONFIG = 'config.json'
const METRICS = 'metrics.jsonl'
const MODEL = 'model.safetensors'
const CURVE = 'curve.svg'
const ALL = [CONFIG, METRICS, BOARD, LAST, PREVIOUS, BEST, MODEL, CURVE, VOCABULARY_FILE]

/** What config.json holds: no dates and no paths, so that equal runs have equal files on equal machines. */
export interface RunConfig {
  /** Version of irnn. */
  readonly version: string
  /** For people, over its curve. */
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
    /** Another one gives other bits. */
    readonly instructionSet?: string
  }
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

/** A run's folder, open for writing, and locked against others. Where a method fails, all that was there before still is. */
export interface RunFolder {
  readonly dir: string
  /** Adds an event to the records. @throws DiskError; it is kept, and written with the next one or the next checkpoint */
  append(event: TrainEvent): void
  /** Saves what a run needs to go on, as the last or the best checkpoint. @throws DiskError; the best one is kept for saveBest, up to 1 GB */
  saveCheckpoint(which: 'last' | 'best', model: Model, state: RunState): void
  /** Tries again what a best checkpoint has left, if anything. @throws DiskError */
  saveBest(): void
  /** The parts of its file (modelParts). @throws DiskError */
  saveModel(parts: readonly Uint8Array[]): void
  /** @throws DiskError */
  saveCurve(svg: string): void
  /** Unlocks it; a second time it does nothing. @throws DiskError when records are left that could not be written */
  close(): void
}

export interface CreateOptions {
  readonly overwrite?: boolean
  /** What belongs to the run beside its config, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined
  readonly say?: (line: string) => void
}

/** `dir`, or the first of dir-2, dir-3, … that does not exist. */
export function freeFolder(dir: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? dir : `${dir}-${n}`
    if (!fs.existsSync(name)) return name
  }
}

/**
 * Makes the folder of a new run, locks it, and writes its config: what cannot be written fails here, before any training.
 * `say` gets a line where there is something to know.
 * @throws InputError when it cannot be written, is not a folder, or is not empty; with `overwrite` the files of an earlier
 * run in it (and nothing else) are removed
 */
export function createRunFolder(
  dir: string,
  config: RunConfig,
  { overwrite = false, files = {}, say }: CreateOptions = {},
): RunFolder {
  return explaining(dir, 'cannot be written', () => {
    makeFolder(dir)
    refuseFilled(dir, overwrite)
    const unlock = lockFolder(dir, say)
    return unlockingOnFailure(unlock, () => {
      refuseFilled(dir, overwrite) // by a run that began meanwhile
      // The config is replaced, not removed: a folder without one would be taken for somebody else's by the next --overwrite.
      for (const name of ALL.filter((name) => name !== CONFIG)) removeWhole(path.join(dir, name))
      writeAtomic(path.join(dir, CONFIG), jsonOf(config))
      for (const [name, text] of Object.entries(files)) writeAtomic(path.join(dir, name), text)
      return openFolder(dir, config, { metrics: 0, board: 0 }, unlock)
    })
  })
}

function removeWhole(file: string): void {
  fs.rmSync(file, { force: true })
  fs.rmSync(file + TEMPORARY, { force: true })
}

function refuseFilled(dir: string, overwrite: boolean): void {
  // The last is what remains of a run that was killed while it began.
  const held = fs.readdirSync(dir).filter((name) => !name.startsWith(LOCK) && name !== CONFIG + TEMPORARY)
  if (held.length === 0) return
  if (!held.includes(CONFIG)) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds other files: name another folder`)
  }
  if (!overwrite) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds a run: name another or add --overwrite`)
  }
}

/** A run taken up again: its records end where its checkpoint was written. */
export interface ResumedRun {
  readonly folder: RunFolder
  readonly config: RunConfig
  /** Its records up to here. */
  readonly events: readonly TrainEvent[]
  /** Where it goes on from, and the file that has its model; null: from the beginning, since it was killed before the first. */
  readonly checkpoint: (Checkpoint & { readonly file: string }) | null
}

/**
 * Locks the folder of a run that was interrupted, finds its last good checkpoint, and takes back the records that came after
 * it. `revise` may change the config, say how many iterations it has. `say` gets a line where there is something to know.
 * @throws InputError when there is no run in `dir`, another process writes it, or its files are damaged or cannot be written
 */
export function resumeRunFolder(
  dir: string,
  { revise = (config) => config, say = () => {} }: ResumeOptions = {},
): ResumedRun {
  readConfig(dir)
  const unlock = explaining(dir, 'cannot be written', () => lockFolder(dir, say))
  return unlockingOnFailure(unlock, () => {
    const stored = readConfig(dir)
    const metrics = path.join(dir, METRICS)
    const { found, problems } = findCheckpoint(dir, stored, ({ lengths }) => refuseShort(metrics, lengths.metrics))
    for (const problem of problems) say(`${problem}; going on from ${found?.name}`)
    const checkpoint = found && { ...found.checkpoint, file: path.join(dir, found.name) }
    const config = revise(stored, checkpoint?.state.iteration ?? 0)
    return explaining(dir, 'cannot be written', () => {
      if (config !== stored) writeAtomic(path.join(dir, CONFIG), jsonOf(config))
      for (const name of ALL) fs.rmSync(path.join(dir, name + TEMPORARY), { force: true })
      fs.rmSync(path.join(dir, MODEL), { force: true }) // of an end that is none any more
      const lengths = checkpoint?.lengths ?? { metrics: 0, board: 0 }
      const folder = openFolder(dir, config, lengths, unlock, { keepLast: problems.length === 0 })
      return { folder, config, events: readEvents(metrics), checkpoint }
    })
  })
}

export interface ResumeOptions {
  readonly revise?: (config: RunConfig, iteration: number) => RunConfig
  readonly say?: (line: string) => void
}

function refuseShort(file: string, length: number): void {
  const held = sizeOf(file)
  if (held < length) throw new InputError(`it needs ${length} bytes of ${METRICS}, which has ${held}: it was cut off`)
}

function sizeOf(file: string): number {
  return fs.existsSync(file) ? fs.statSync(file).size : 0
}

function unlockingOnFailure<T>(unlock: () => void, work: () => T): T {
  try {
    return work()
  } catch (error) {
    unlock()
    throw error
  }
}

function openFolder(
  dir: string,
  config: RunConfig,
  lengths: Lengths,
  unlock: () => void,
  { keepLast = true }: { keepLast?: boolean } = {},
): RunFolder {
  const file = (name: string) => path.join(dir, name)
  const metrics = openJournal(file(METRICS), lengths.metrics)
  const board = openJournal(file(BOARD), sizeOf(file(BOARD)) < lengths.board ? 0 : lengths.board)
  if (board.length === 0) board.add(encodeFileVersion(Date.now() / 1000))
  board.flush()
  const writing = (name: string, work: () => void) => explaining(file(name), 'cannot be written', work, DiskError)
  type Parts = readonly Uint8Array[]
  const save = (name: string, data: string | Parts) => writing(name, () => writeAtomic(file(name), data))
  const write = (name: string, parts: Parts, options: { keep?: string } = {}) =>
    writing(name, () => {
      metrics.sync()
      board.sync()
      writeAtomic(file(name), parts, options)
    })
  /** A best checkpoint that the disk refused, in memory of its own, for the weights go on. */
  let unsaved: Parts | null = null
  const saveBest = () => {
    if (unsaved) write(BEST, unsaved)
    unsaved = null
  }
  let goodLast = keepLast
  let open = true
  return {
    dir,
    append(event) {
      if (event.type === 'checkpoint') return
      // Both are kept before one can fail.
      metrics.add(new TextEncoder().encode(`${encodeEvent(event)}\n`))
      const scalars = boardRecord(event, Date.now() / 1000)
      if (scalars) board.add(scalars)
      writing(METRICS, metrics.flush)
      writing(BOARD, board.flush)
    },
    saveCheckpoint(which, model, state) {
      const parts = encodeCheckpoint(model, state, config, { metrics: metrics.length, board: board.length })
      if (which === 'best') {
        unsaved = null
        try {
          return write(BEST, parts)
        } catch (error) {
          if (sizeOfParts(parts) <= MOST_KEPT) unsaved = parts.map((part) => part.slice())
          throw error
        }
      }
      // One that was passed over for a damage must not push out the one that was good.
      write(LAST, parts, goodLast ? { keep: file(PREVIOUS) } : {})
      goodLast = true
    },
    saveBest,
    saveModel: (parts) => save(MODEL, parts),
    saveCurve: (svg) => save(CURVE, svg),
    close() {
      if (!open) return
      open = false
      try {
        writing(METRICS, metrics.close)
        writing(BOARD, board.close)
      } finally {
        unlock()
      }
    },
  }
}

/** A checkpoint that the disk refused is kept up to this size; a larger one, from V 250,000 and H 512 on, comes with the next best. */
const MOST_KEPT = 2 ** 30

function sizeOfParts(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function jsonOf(config: RunConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}

/** A finished or interrupted run, read back. */
export interface StoredRun {
  readonly dir: string
  readonly config: RunConfig
  readonly events: readonly TrainEvent[]
  /**
  /**
   * What `work` (loadModel) makes of model.safetensors or, of a run that has not ended, of its last checkpoint; or of the one with
   * the best score.
   * @throws InputError when the run has none, or it is damaged
   */
  readModel<T>(which: 'final' | 'best', work: (source: Source) => T): T
}

/** @throws InputError when there is no run in `dir` or its files are damaged */
export function readRunFolder(dir: string): StoredRun {
  return {
    dir,
    config: readConfig(dir),
    events: readEvents(path.join(dir, METRICS)),
    readModel(which, work) {
      const name = modelFile(dir, which)
      const file = path.join(dir, name)
      return readingFile(file, (source) => {
        if (name !== MODEL) refuseDamaged(source, file)
        return work(source)
      })
    },
  }
}

function modelFile(dir: string, which: 'final' | 'best'): string {
  const names = which === 'best' ? [BEST] : [MODEL, LAST, PREVIOUS]
  const found = names.find((name) => fs.existsSync(path.join(dir, name)))
  if (found !== undefined) return found
  const why = which === 'best' ? 'the run was not evaluated' : 'the run ended before it was saved'
  throw new InputError(`${dir}: it has no ${names[0]}: ${why}: go on with "irnn train --resume ${dir}"`)
}

function readConfig(dir: string): RunConfig {
  const file = path.join(dir, CONFIG)
  if (!fs.existsSync(file)) throw new InputError(`${dir}: expected the folder of a run but it has no ${CONFIG}`)
  return checked(configSchema as z.ZodType<unknown>, parse(file, JSON.parse), file) as RunConfig
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
