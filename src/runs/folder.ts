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
import { encodeFileVersion } from '../formats/tfevents.ts'
import type { Model } from '../model/model.ts'
import { encodeEvent, type TrainEvent } from '../train/events.ts'
import type { RunState } from '../train/loop.ts'
import { BEST, type Checkpoint, encodeCheckpoint, findCheckpoint, LAST, type Lengths, PREVIOUS } from './checkpoint.ts'
import { openJournal } from './journal.ts'
import { LOCK, lockFolder } from './lock.ts'
import { CONFIG, METRICS, MODEL, type RunConfig, readConfig, readEvents } from './stored.ts'
import { BOARD, boardRecord } from './tensorboard.ts'

const CURVE = 'curve.svg'
const ALL = [CONFIG, METRICS, BOARD, LAST, PREVIOUS, BEST, MODEL, CURVE]

/** A run's folder, open for writing, and locked against others. Where a method fails, all that was there before still is. */
export interface RunFolder {
  readonly dir: string
  /** Adds an event to the records. @throws DiskError; it is kept, and written with the next one or the next checkpoint */
  append(event: TrainEvent): void
  /** Saves what a run needs to go on, as the last or the best checkpoint. @throws DiskError; the best one is kept for saveBest, unless it is `lost` */
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

/** How the folder of a new run is made. */
export interface CreateOptions {
  /** Remove the files of an earlier run in the folder. Default false: such a folder is refused. */
  readonly overwrite?: boolean
  /** What belongs to the run beside its config, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined
  /** Names of such files that a run of any task may have: an earlier run's are its own, and `overwrite` removes them. */
  readonly taskFiles?: readonly string[] | undefined
  /** Is given a line where there is something to know. */
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
      return openFolder(dir, config, { metrics: 0, board: 0 }, unlock)
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

/** How the folder of a run is taken up again. */
export interface ResumeOptions {
  /** The config to go on with, given the stored one and the iteration reached. Default: the stored one. */
  readonly revise?: (config: RunConfig, iteration: number) => RunConfig
  /** Is given a line where there is something to know. */
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
  /** A best checkpoint that the disk refused, in memory of its own, for the weights go on; where it takes half of what is free, it is lost. */
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
          if (sizeOfParts(parts) <= process.availableMemory() / 2) unsaved = parts.map((part) => part.slice())
          else if (error instanceof DiskError) error.lost = true
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

function sizeOfParts(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function jsonOf(config: RunConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}
