/**
 * A run's folder that is open for writing: records, checkpoints, in the end the model and the curve. folder.ts opens
 * it.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { DiskError, explaining, writeAtomic } from '../disk.node.ts'
import { encodeFileVersion } from '../formats/tfevents.ts'
import type { Model } from '../model/model.ts'
import { encodeEvent, type TrainEvent } from '../train/events.ts'
import type { RunState } from '../train/loop.ts'
import { BEST, encodeCheckpoint, LAST, type Lengths, PREVIOUS } from './checkpoint.ts'
import { type Journal, openJournal } from './journal.ts'
import { METRICS, MODEL, type RunConfig } from './stored.ts'
import { BOARD, boardRecord } from './tensorboard.ts'

export const CURVE = 'curve.svg'

/**
 * A run's folder, open for writing, and locked against others. If a method fails, all that was there before is still
 * there.
 */
export interface RunFolder {
  readonly dir: string
  /**
   * Adds an event to the records; `line` is what encodeEvent made of it, where that was done already. @throws
   * DiskError; it is kept, and written with the next one or the next checkpoint
   */
  append(event: TrainEvent, line?: string): void
  /**
   * Saves what a run needs to go on, as the last or the best checkpoint. @throws DiskError; the best one is kept for
   * saveBest, unless it is `lost`
   */
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

type Parts = readonly Uint8Array[]

export class OpenFolder implements RunFolder {
  readonly dir: string
  private readonly config: RunConfig
  private readonly metrics: Journal
  private readonly board: Journal
  private readonly unlock: () => void
  /** A damaged checkpoint that was passed over must not push out the good one before it. */
  private goodLast: boolean
  /** A copy of a best checkpoint that the disk refused; the weights themselves change. */
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

  /** A checkpoint that the disk refuses is kept in memory, unless that takes half of what is free: then it is lost. */
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

  /** Writes a checkpoint. The records before it must be on disk first. */
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

/** 0 where there is none. */
export function sizeOf(file: string): number {
  return fs.existsSync(file) ? fs.statSync(file).size : 0
}
