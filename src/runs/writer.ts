/**
 * A run's folder while the run is at work. It holds on to the folder itself, not to its name: where the folder was
 * moved, removed, or another one has taken its name, all that the run has goes to a new folder beside it, and nothing
 * into the other one.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { DiskError, explaining, freeName, makeFolder, writeAtomic } from '../disk.node.ts'
import { refuseNoText, refuseUnless } from '../error.ts'
import type { Model } from '../model/model.ts'
import { encodeEvent, type TrainEvent } from '../train/events.ts'
import type { RunState } from '../train/runState.ts'
import { BEST, encodeCheckpoint, LAST, PREVIOUS } from './checkpoint.ts'
import { refuseFenced } from './fence.ts'
import { type Journal, openJournal } from './journal.ts'
import { LOCK, lockFolder } from './lock.ts'
import { formatRecords, markAfter } from './records.ts'
import { CONFIG, METRICS, MODEL, type RunConfig } from './stored.ts'
import { BOARD, boardOf, boardRecord } from './tensorboard.ts'

export const CURVE = 'curve.svg'

/**
 * A run's folder, open for writing, and locked against others. Where a method fails, all that was there before still
 * is.
 */
export interface RunFolder {
  /** Its path; another one once `moved`. */
  readonly dir: string
  /** Whether the folder was lost, and the run writes into another one since: time to stop. */
  readonly moved: boolean
  /**
   * Adds an event to the records; `line` is what encodeEvent made of it, where that was done already.
   * @throws DiskError; it is kept, and written with the next one or the next checkpoint
   */
  append(event: TrainEvent, line?: string): void
  /**
   * Saves what a run needs to go on, as the last or the best checkpoint.
   * @throws DiskError; the best one is kept for saveBest, unless it is `lost`
   */
  saveCheckpoint(which: 'last' | 'best', model: Model, state: RunState): void
  /** Tries again what a best checkpoint has left, if anything. @throws DiskError */
  saveBest(): void
  /** Writes the parts of a model's file (modelParts) and returns its SHA-256 in hexadecimal. @throws DiskError */
  saveModel(parts: readonly Uint8Array[]): string
  /** @throws DiskError */
  saveCurve(svg: string): void
  /** Unlocks it; a second time it does nothing. @throws DiskError when records are left that could not be written */
  close(): void
}

export function jsonOf(config: RunConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}

export interface WriterOptions {
  /** What belongs to the run beside its config, by name. */
  readonly files: Readonly<Record<string, string>>
  /** Its records so far. */
  readonly events: readonly TrainEvent[]
  readonly unlock: () => void
  readonly say?: ((line: string) => void) | undefined
  /** false: the last checkpoint is damaged, and the one before it must not give way to it. Default true. */
  readonly keepLast?: boolean
  /** Its token (fence.ts). */
  readonly owner?: string | undefined
}

type Parts = readonly Uint8Array[]

export class RunWriter implements RunFolder {
  dir: string
  moved = false
  private readonly config: RunConfig
  private readonly texts: Readonly<Record<string, string>>
  private readonly records: TrainEvent[]
  private readonly say: (line: string) => void
  private readonly owner: string | undefined
  private unlock: () => void
  private held: HeldFolder
  private metrics: Journal
  private board: Journal
  /**
   * A best checkpoint that the disk refused, copied, for the weights go on; where it takes half of the free memory, it
   * is lost.
   */
  private unsaved: Parts | null = null
  private goodLast: boolean
  private open = true

  constructor(dir: string, config: RunConfig, { files, events, unlock, say, owner, keepLast = true }: WriterOptions) {
    this.dir = dir
    this.config = config
    this.texts = { ...files, [CONFIG]: jsonOf(config) }
    this.records = [...events]
    this.unlock = unlock
    this.say = say ?? (() => {})
    this.owner = owner
    this.goodLast = keepLast
    this.held = holdFolder(dir)
    this.metrics = this.openMetrics()
    this.board = this.openBoard()
  }

  append(event: TrainEvent, line: string = encodeEvent(event)): void {
    refuseNoText('append: line', line)
    if (event.type === 'checkpoint') return
    // All are kept before one can fail.
    this.records.push(event)
    this.metrics.add(new TextEncoder().encode(`${line}\n`))
    const scalars = boardRecord(event, Date.now() / 1000)
    if (scalars) this.board.add(scalars)
    this.writing(METRICS, () => this.metrics.flush())
    this.writing(BOARD, () => this.board.flush())
  }

  saveCheckpoint(which: 'last' | 'best', model: Model, state: RunState): void {
    const parts = encodeCheckpoint(model, state, this.config, markAfter(this.records))
    if (which === 'best') this.writeBest(parts)
    else {
      // Do not let a damaged checkpoint replace the good previous one.
      this.write(LAST, parts, this.goodLast ? PREVIOUS : undefined)
      this.goodLast = true
    }
  }

  saveBest(): void {
    if (this.unsaved) this.write(BEST, this.unsaved)
    this.unsaved = null
  }

  saveModel(parts: Parts): string {
    const areParts: boolean = Array.isArray(parts) && [...parts].every(ArrayBuffer.isView)
    refuseUnless(areParts, 'saveModel', 'what modelParts() gives', parts)
    this.write(MODEL, parts)
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest('hex')
  }

  saveCurve(svg: string): void {
    refuseNoText('saveCurve', svg)
    this.writing(CURVE, () => writeAtomic(this.file(CURVE), svg))
  }

  close(): void {
    if (!this.open) return
    this.open = false
    try {
      this.writing(METRICS, () => this.makeWhole())
      this.writing(METRICS, () => this.metrics.close())
      this.writing(BOARD, () => this.board.close())
    } finally {
      this.held.release()
      explaining(this.file(LOCK), 'cannot be removed', this.unlock, DiskError)
    }
  }

  private file(name: string): string {
    return path.join(this.dir, name)
  }

  private openMetrics(): Journal {
    return openJournal(this.file(METRICS), Buffer.from(formatRecords(this.records)), this.say)
  }

  private openBoard(): Journal {
    const file = this.file(BOARD)
    const held = fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() ? fs.readFileSync(file) : new Uint8Array(0)
    return openJournal(file, boardOf(held, this.records, Date.now() / 1000), this.say)
  }

  private writeBest(parts: Parts): void {
    this.unsaved = null
    try {
      this.write(BEST, parts)
    } catch (error) {
      const size = parts.reduce((sum, { length }) => sum + length, 0)
      if (size <= process.availableMemory() / 2) this.unsaved = parts.map((part) => part.slice())
      else if (error instanceof DiskError) error.lost = true
      throw error
    }
  }

  /**
   * A whole file, after the records that belong to it. The model at the end is written whatever becomes of the records,
   * and nothing waits for TensorBoard's file, which is made of them.
   * @throws DiskError
   */
  private write(name: string, parts: Parts, keep?: string): void {
    const lacksRecords = this.failureOf(METRICS, () => {
      this.makeWhole()
      this.metrics.sync()
    })
    if (lacksRecords && name !== MODEL) throw lacksRecords
    const lacksBoard = this.failureOf(BOARD, () => this.board.sync())
    this.writing(name, () => writeAtomic(this.file(name), parts, keep === undefined ? {} : { keep: this.file(keep) }))
    const lacks = lacksRecords ?? lacksBoard
    if (lacks) throw lacks
  }

  private failureOf(name: string, work: () => void): DiskError | null {
    try {
      this.writing(name, work)
      return null
    } catch (error) {
      if (error instanceof DiskError) return error
      throw error
    }
  }

  /** Writes what makes the folder a run's again, where another hand has removed it. */
  private makeWhole(): void {
    for (const [name, text] of Object.entries(this.texts)) {
      if (fs.existsSync(this.file(name))) continue
      this.say(`${this.file(name)}: it was removed while the run was at work: written again`)
      writeAtomic(this.file(name), text)
    }
  }

  private writing(name: string, work: () => void): void {
    explaining(this.dir, 'cannot be written', () => this.goOnElsewhere(), DiskError)
    refuseFenced(this.dir, this.owner)
    explaining(this.file(name), 'cannot be written', work, DiskError)
  }

  /** Takes the run to a new folder where the old one is not what its name says any more. */
  private goOnElsewhere(): void {
    if (this.held.isThere()) return
    const lost = this.dir
    const dir = freeName(`${lost}-saved`)
    makeFolder(dir)
    const unlock = lockFolder(dir)
    // From here on nothing is written under the old name, whatever fails.
    this.held.release()
    this.unlock()
    this.dir = dir
    this.moved = true
    this.unlock = unlock
    this.held = holdFolder(dir)
    this.goodLast = false
    this.say(`${lost}: the folder was moved, removed or replaced while the run was at work: saving the run in ${dir}`)
    for (const [name, text] of Object.entries(this.texts)) writeAtomic(this.file(name), text)
    for (const journal of [this.metrics, this.board]) journal.abandon()
    this.metrics = this.openMetrics()
    this.board = this.openBoard()
  }
}

/** A folder by its identity, which stays when its name is given to another. */
interface HeldFolder {
  isThere(): boolean
  release(): void
}

/**
 * The open handle keeps the number of the folder (its inode) from being used again. Windows has neither need nor way.
 */
function holdFolder(dir: string): HeldFolder {
  if (process.platform === 'win32') return { isThere: () => fs.existsSync(dir), release: () => {} }
  const fd = fs.openSync(dir, 'r')
  const { dev, ino } = fs.fstatSync(fd)
  let open = true
  return {
    isThere() {
      const named = fs.statSync(dir, { throwIfNoEntry: false })
      return named?.ino === ino && named.dev === dev
    },
    release() {
      if (open) fs.closeSync(fd)
      open = false
    },
  }
}
