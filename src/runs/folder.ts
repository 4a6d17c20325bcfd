/**
 * The folder of a run: config.json (all it takes to repeat it), metrics.jsonl (the loop's events, one a line, appended as
 * they come) and the same for TensorBoard, checkpoints, model.safetensors, curve.svg. Whole files appear atomically: written
 * beside, synced to disk, renamed. So a run that dies leaves what it had, and nothing half-written but at most the last line
 * of metrics.jsonl; and it goes on from its last checkpoint as if it had never died.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { DiskError, explaining, makeFolder, TEMPORARY, writeAtomic } from '../disk.node.ts'
import { InputError } from '../error.ts'
import type { Source } from '../formats/safetensors.ts'
import { encodeFileVersion } from '../formats/tfevents.ts'
import type { Model } from '../model/model.ts'
import { encodeEvent, type TrainEvent } from '../train/events.ts'
import type { RunState } from '../train/loop.ts'
import { BEST, encodeCheckpoint, findCheckpoint, LAST, type Lengths, PREVIOUS } from './checkpoint.ts'
import { type Journal, openJournal } from './journal.ts'
import { LOCK, lockFolder } from './lock.ts'
import { CONFIG, METRICS, MODEL, type RunConfig, readEvents, type StoredRun, stampOf } from './stored.ts'
import { BOARD, boardRecord } from './tensorboard.ts'

const CURVE = 'curve.svg'
const ALL = [CONFIG, METRICS, BOARD, LAST, PREVIOUS, BEST, MODEL, CURVE]

/** A run's folder, open for writing, and locked against others. Where a method fails, all that was there before still is. */
export interface RunFolder {
  readonly dir: string
  /** Adds an event to the records; `line` is what encodeEvent made of it, where that was done already. @throws DiskError; it is kept, and written with the next one or the next checkpoint */
  append(event: TrainEvent, line?: string): void
  /** Saves what a run needs to go on, as the last or the best checkpoint. @throws DiskError; the best one is kept for saveBest, unless it is `lost` */
  saveCheckpoint(which: 'last' | 'best', model: Model, state: RunState): void
  /** Tries again to write the best checkpoint, where the disk had refused it. @throws DiskError */
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
  /** Names of such files that a run of any task may have: an earlier run's are its own, and `overwrite` removes them. */
  readonly taskFiles?: readonly string[] | undefined
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
  { overwrite = false, files = {}, taskFiles = Object.keys(files), say }: CreateOptions = {},
): RunFolder {
  const names = [...ALL, ...taskFiles]
  return explaining(dir, 'cannot be written', () => {
    makeFolder(dir)
    refuseFilled(dir, names, overwrite)
    const unlock = lockFolder(dir, say)
    return unlockingOnFailure(unlock, () => {
      refuseFilled(dir, names, overwrite) // by a run that began meanwhile
      // The config makes it the folder of a run, so it comes last. An old one is replaced, not removed: without it the folder would be
      // taken for somebody else's by the next --overwrite.
      for (const name of names.filter((name) => name !== CONFIG)) removeWhole(path.join(dir, name))
      writeBeginning(dir, { ...files, [CONFIG]: jsonOf(config) })
      return new OpenFolder(dir, config, { metrics: 0, board: 0 }, unlock)
    })
  })
}

/** In their order, the config last; where that cannot be written, nothing is left that would make the folder somebody's. */
function writeBeginning(dir: string, files: Readonly<Record<string, string>>): void {
  try {
    for (const [name, text] of Object.entries(files)) writeAtomic(path.join(dir, name), text)
  } catch (error) {
    for (const name of Object.keys(files)) if (name !== CONFIG) removeWhole(path.join(dir, name))
    throw error
  }
}

function removeWhole(file: string): void {
  fs.rmSync(file, { force: true })
  fs.rmSync(file + TEMPORARY, { force: true })
}

function refuseFilled(dir: string, names: readonly string[], overwrite: boolean): void {
  const held = fs.readdirSync(dir)
  const others = held.filter((name) => !name.startsWith(LOCK))
  if (others.length === 0) return
  if (!held.includes(CONFIG)) {
    if (isBeginning(held, names)) return
    throw new InputError(`${dir}: expected a new or empty folder but it holds other files: name another folder`)
  }
  if (!overwrite) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds a run: name another or add --overwrite`)
  }
}

/** Of a run that was killed before it had its config: it leaves its lock, and files of a run's names only. */
function isBeginning(held: readonly string[], names: readonly string[]): boolean {
  const whole = (name: string) => (name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length) : name)
  return held.includes(LOCK) && held.every((name) => name.startsWith(LOCK) || names.includes(whole(name)))
}

/** A run taken up again: its records end where its checkpoint was written. */
export interface ResumedRun<M> {
  readonly folder: RunFolder
  readonly config: RunConfig
  /** Its records up to here. */
  readonly events: readonly TrainEvent[]
  /** Where it goes on from, and its model; null: from the beginning, since it was killed before the first. */
  readonly checkpoint: { readonly state: RunState; readonly model: M } | null
}

export interface ResumeOptions<M> {
  /** Makes the model of a checkpoint: loadModel. */
  readonly load: (source: Source) => M
  /** May change the config, say how many iterations it has. */
  readonly revise?: (config: RunConfig, iteration: number) => RunConfig
  /** Gets a line where there is something to know. */
  readonly say?: (line: string) => void
}

/**
 * Locks the folder of a run that was interrupted, finds its last good checkpoint, and takes back the records that came after
 * it. The checkpoint is read once, and the config is the one that `run` has.
 * @throws InputError when another process writes the folder, or has changed it since; when its files are damaged or cannot be
 * written
 */
export function resumeRunFolder<M>(
  { dir, config: stored, stamp }: StoredRun,
  { load, revise = (config) => config, say = () => {} }: ResumeOptions<M>,
): ResumedRun<M> {
  const unlock = explaining(dir, 'cannot be written', () => lockFolder(dir, say))
  return unlockingOnFailure(unlock, () => {
    if (stampOf(dir) !== stamp) {
      throw new InputError(`${dir}: another process has changed the run since its ${CONFIG} was read: try again`)
    }
    const metrics = path.join(dir, METRICS)
    const { found, problems } = findCheckpoint(dir, stored, ({ lengths }) => refuseShort(metrics, lengths.metrics))
    for (const problem of problems) say(`${problem}; going on from ${found?.name}`)
    const config = revise(stored, found?.checkpoint.state.iteration ?? 0)
    const checkpoint = found && { state: found.checkpoint.state, model: load(found.checkpoint.source) }
    return explaining(dir, 'cannot be written', () => {
      if (config !== stored) writeAtomic(path.join(dir, CONFIG), jsonOf(config))
      for (const name of ALL) fs.rmSync(path.join(dir, name + TEMPORARY), { force: true })
      fs.rmSync(path.join(dir, MODEL), { force: true }) // of an end that is none any more
      const lengths = found?.checkpoint.lengths ?? { metrics: 0, board: 0 }
      const folder = new OpenFolder(dir, config, lengths, unlock, problems.length === 0)
      return { folder, config, events: readEvents(metrics), checkpoint }
    })
  })
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

type Parts = readonly Uint8Array[]

class OpenFolder implements RunFolder {
  readonly dir: string
  private readonly config: RunConfig
  private readonly metrics: Journal
  private readonly board: Journal
  private readonly unlock: () => void
  /** A damaged checkpoint that was passed over must not push out the good one before it. */
  private goodLast: boolean
  /** A best checkpoint that the disk refused, in memory of its own, for the weights go on. */
  private unsaved: Parts | null = null
  private open = true

  constructor(dir: string, config: RunConfig, lengths: Lengths, unlock: () => void, goodLast = true) {
    this.dir = dir
    this.config = config
    this.unlock = unlock
    this.goodLast = goodLast
    const board = this.file(BOARD)
    this.metrics = openJournal(this.file(METRICS), lengths.metrics)
    this.board = openJournal(board, sizeOf(board) < lengths.board ? 0 : lengths.board)
    if (this.board.length === 0) this.board.add(encodeFileVersion(Date.now() / 1000))
    this.board.flush()
  }

  append(event: TrainEvent, line: string = encodeEvent(event)): void {
    if (event.type === 'checkpoint') return
    // Both are kept before one can fail.
    this.metrics.add(new TextEncoder().encode(`${line}\n`))
    const scalars = boardRecord(event, Date.now() / 1000)
    if (scalars) this.board.add(scalars)
    this.writing(METRICS, this.metrics.flush)
    this.writing(BOARD, this.board.flush)
  }

  saveCheckpoint(which: 'last' | 'best', model: Model, state: RunState): void {
    const lengths = { metrics: this.metrics.length, board: this.board.length }
    const parts = encodeCheckpoint(model, state, this.config, lengths)
    if (which === 'best') this.writeBest(parts)
    else {
      this.write(LAST, parts, this.goodLast ? { keep: this.file(PREVIOUS) } : {})
      this.goodLast = true
    }
  }

  saveBest(): void {
    if (this.unsaved) this.write(BEST, this.unsaved)
    this.unsaved = null
  }

  saveModel(parts: Parts): void {
    this.save(MODEL, parts)
  }

  saveCurve(svg: string): void {
    this.save(CURVE, svg)
  }

  close(): void {
    if (!this.open) return
    this.open = false
    try {
      this.writing(METRICS, this.metrics.close)
      this.writing(BOARD, this.board.close)
    } finally {
      this.unlock()
    }
  }

  /** One that the disk refuses is kept, unless it takes half of the memory that is free: then it is lost. */
  private writeBest(parts: Parts): void {
    this.unsaved = null
    try {
      this.write(BEST, parts)
    } catch (error) {
      if (sizeOfParts(parts) <= process.availableMemory() / 2) this.unsaved = parts.map((part) => part.slice())
      else if (error instanceof DiskError) error.lost = true
      throw error
    }
  }

  private save(name: string, data: string | Parts): void {
    this.writing(name, () => writeAtomic(this.file(name), data))
  }

  /** A checkpoint: the records that it says it comes after are on disk before it is. */
  private write(name: string, parts: Parts, options: { keep?: string } = {}): void {
    this.writing(name, () => {
      this.metrics.sync()
      this.board.sync()
      writeAtomic(this.file(name), parts, options)
    })
  }

  private writing(name: string, work: () => void): void {
    explaining(this.file(name), 'cannot be written', work, DiskError)
  }

  private file(name: string): string {
    return path.join(this.dir, name)
  }
}

function sizeOfParts(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function jsonOf(config: RunConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}
