/**
 * Text as minibatches: B rows read side by side, T words at a time. A row takes a unit of the text (a sentence, or a
 * passage of sentences that follow each other), and when that is through the next one that no row has had. Either the
 * next one follows at once, and the state goes on from word to word for ever (truncated BPTT); or the rest of the batch
 * is padding, and the next unit starts in the next batch from the zero state.
 */

import type { Batch } from '../../batch.ts'
import { checked, InputError } from '../../error.ts'
import { permutation, rng } from '../../rng.ts'
import * as z from '../../schema.ts'
import type { StreamState } from '../../task.ts'

/** A stretch of text as numbers. */
export interface TokenBlock {
  /** Words, and the end mark after each sentence. */
  readonly tokens: Int32Array
  /** Where documents begin, in order; text before one and text after it do not belong together. */
  readonly documents: readonly number[]
}

/** A text; one block of it at a time is in memory. */
export interface Tokens {
  /** How many there are. */
  readonly blocks: number
  /** Block 0 … blocks - 1; it stays valid until the next is loaded. */
  load(block: number): TokenBlock
}

export interface Reading {
  readonly tokens: Tokens
  /** Marks: read before a sentence, predicted after it. */
  readonly start: number
  readonly end: number
  /** Tokens a unit has at least, unless the document ends; 1: units are sentences. */
  readonly passage: number
  /** Every unit starts from the zero state. */
  readonly fresh: boolean
  /** Blocks, and the units of a block, in an order of their own in each epoch. Absent: as they stand. */
  readonly shuffle?: { readonly seed: number; readonly stream: string }
}

/** A unit by its place: epoch, block and unit, the latter two in the order of that epoch. */
interface Place {
  epoch: number
  block: number
  unit: number
}

const count = z.int().min(0)
const placeSchema = z.strictObject({ epoch: count, block: count, unit: count })
const stateSchema = z.strictObject({
  epoch: count,
  position: count,
  block: count,
  /** Of each row: epoch, block, unit and tokens read of it; empty before the first batch. */
  rows: z.array(z.tuple([count, count, count, count])),
})
type RowsState = z.infer<typeof stateSchema>

/** Units in order, for ever or once through. */
class Units {
  private readonly reading: Reading
  readonly next: Place = { epoch: 0, block: 0, unit: 0 }
  /** The block that was loaded last: its units as starts and ends, shuffled. */
  private held: {
    epoch: number
    block: number
    tokens: Int32Array
    bounds: Int32Array
    order: Int32Array | null
  } | null = null

  constructor(reading: Reading) {
    this.reading = reading
  }

  /** The next unit, and its place put into `place`. null: all are through, and the epoch is over. */
  take(place: Place): Int32Array | null {
    const { next, reading } = this
    if (next.block === reading.tokens.blocks) return null
    while (next.unit === this.load(next).bounds.length - 1) {
      next.block += 1
      next.unit = 0
      if (next.block === reading.tokens.blocks) return null
    }
    Object.assign(place, next)
    next.unit += 1
    return this.at(place)
  }

  turn(): void {
    Object.assign(this.next, { epoch: this.next.epoch + 1, block: 0, unit: 0 })
  }

  at(place: Place): Int32Array {
    const { tokens, bounds, order } = this.load(place)
    if (place.unit >= bounds.length - 1) throw new InputError('stream state: it is of another text: begin the run anew')
    const unit = order ? order[place.unit]! : place.unit
    return tokens.subarray(bounds[unit], bounds[unit + 1])
  }

  private load({ epoch, block }: Place) {
    const { held, reading } = this
    const { tokens, shuffle, end, passage } = reading
    if (held?.block === block && held.epoch === epoch) return held
    if (block >= tokens.blocks) throw new InputError('stream state: it is of another text: begin the run anew')
    const shuffled = (n: number, what: string) => permutation(n, rng(shuffle!.seed, `${shuffle!.stream}/${what}`))
    const which = shuffle ? shuffled(tokens.blocks, `epoch ${epoch}`)[block]! : block
    const loaded = tokens.load(which)
    const bounds = unitBounds(loaded, end, passage)
    const order = shuffle ? shuffled(bounds.length - 1, `epoch ${epoch} block ${which}`) : null
    this.held = { epoch, block, tokens: loaded.tokens, bounds, order }
    return this.held
  }
}

/** Where units begin, and where the last one ends. */
export function unitBounds({ tokens, documents }: TokenBlock, end: number, passage: number): Int32Array {
  const bounds: number[] = []
  let start = 0
  let document = 0
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] !== end) continue
    while (document < documents.length && documents[document]! <= i) document += 1
    if (i + 1 - start < passage && i + 1 !== documents[document] && i + 1 < tokens.length) continue
    bounds.push(start)
    start = i + 1
  }
  bounds.push(start)
  return Int32Array.from(bounds)
}

interface Row extends Place {
  tokens: Int32Array
  read: number
}

/** B rows, T words at a time. Batches: tokens and y [T,B], carry [B]; with `fresh` lengths [B]. */
export class Rows {
  private readonly reading: Reading
  private readonly units: Units
  private readonly rows: readonly Row[]
  private readonly batch: Required<Pick<Batch, 'T' | 'B' | 'tokens' | 'y' | 'carry' | 'lengths'>> & { y: Int32Array }
  private readonly whole: Batch
  private begun = false

  constructor(reading: Reading, T: number, B: number) {
    this.reading = reading
    this.units = new Units(reading)
    this.rows = Array.from({ length: B }, () => ({ epoch: 0, block: 0, unit: 0, tokens: EMPTY, read: 0 }))
    const [tokens, y] = [new Int32Array(T * B), new Int32Array(T * B)]
    this.batch = { T, B, tokens, y, carry: new Uint8Array(B), lengths: new Int32Array(B) }
    const { lengths: _, ...whole } = this.batch
    this.whole = whole
  }

  /** Whole passes over the text: all of it is read, or being read. */
  get epoch(): number {
    return this.units.next.epoch
  }

  /** The next batch, in the same arrays; with `once` null when the text is through, else it begins again. */
  next({ once = false }: { once?: boolean } = {}): Batch | null {
    const { batch, reading, rows } = this
    let some = false
    for (let b = 0; b < rows.length; b++) {
      batch.carry[b] = this.begun && rows[b]!.read > 0 ? 1 : 0
      const n = reading.fresh ? this.fillFresh(rows[b]!, b, once) : this.fillOn(rows[b]!, b)
      batch.lengths[b] = Math.max(1, n)
      some ||= n > 0
    }
    this.begun = true
    if (!some) return null
    return reading.fresh ? batch : this.whole
  }

  private fillOn(row: Row, b: number): number {
    const { T } = this.batch
    for (let t = 0; t < T; ) {
      if (row.read === row.tokens.length) this.renew(row, false)
      t = this.copy(row, b, t)
    }
    return T
  }

  /** Leaves a row that is through at 0 tokens read, so that its next batch starts from zero. */
  private fillFresh(row: Row, b: number, once: boolean): number {
    const { T, B, tokens, y } = this.batch
    if (row.read === 0) this.renew(row, once)
    const n = row.tokens.length === 0 ? 0 : this.copy(row, b, 0)
    if (row.read === row.tokens.length) row.read = 0
    for (let t = n, at = n * B + b; t < T; t++, at += B) {
      tokens[at] = 0
      y[at] = -1
    }
    return n
  }

  /** What fits of the row's unit into its column, from step t on. Returns the step after. */
  private copy(row: Row, b: number, t: number): number {
    const { T, B, tokens, y } = this.batch
    const { start, end } = this.reading
    const n = Math.min(T - t, row.tokens.length - row.read)
    let before = row.read === 0 ? end : row.tokens[row.read - 1]!
    for (let i = 0, at = t * B + b; i < n; i++, at += B) {
      const token = row.tokens[row.read + i]!
      tokens[at] = before === end ? start : before
      y[at] = token
      before = token
    }
    row.read += n
    return t + n
  }

  /** The next unit into the row; nothing where the text is through and only once is asked for. */
  private renew(row: Row, once: boolean): void {
    let unit = this.units.take(row)
    if (unit === null && !once) {
      this.units.turn()
      unit = this.units.take(row)
    }
    row.tokens = unit ?? EMPTY
    row.read = 0
  }

  getState(): StreamState {
    const { epoch, block, unit } = this.units.next
    const rows = this.begun ? this.rows.map((row) => [row.epoch, row.block, row.unit, row.read] as const) : []
    return { epoch, position: unit, block, rows }
  }

  /** @throws InputError when the state is not one of such a stream */
  setState(state: StreamState): void {
    const { epoch, position, block, rows } = checked(stateSchema, state, 'stream state') as RowsState
    if (rows.length !== 0 && rows.length !== this.rows.length) {
      throw new InputError(`stream state: expected ${this.rows.length} rows but received ${rows.length}`)
    }
    this.begun = rows.length > 0
    for (const [b, [epoch, block, unit, read]] of rows.entries()) {
      const place = checked(placeSchema, { epoch, block, unit }, 'stream state')
      Object.assign(this.rows[b]!, place, { tokens: this.units.at(place), read })
    }
    Object.assign(this.units.next, { epoch, block, unit: position })
  }
}

const EMPTY = new Int32Array(0)
