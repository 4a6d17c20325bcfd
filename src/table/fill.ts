/** Columns that are filled batch by batch, by a plan. */
import { InputError, shown } from '../error.ts'
import { decimal } from '../formats/decimal.ts'
import { Dictionary } from '../formats/dictionary.ts'
import { Leftovers } from './leftovers.ts'
import {
  type CategoryPlan,
  type EpochPlan,
  epochTime,
  FLAGS,
  type FlagPlan,
  type NumberPlan,
  numberOf,
  type Plan,
} from './plan.ts'
import type { Batch, CellBatch, FieldBatch } from './source.ts'

export interface FillOptions {
  /** Words that the user says mean "missing". */
  readonly missing: readonly string[]
  readonly float32: boolean
  /** What messages call the column, and what its rows are counted by. */
  readonly what: string
  readonly places: 'line' | 'row'
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const SPACE = 32

/** A column while it is filled. */
export abstract class Filler<
  Values extends Float64Array | Float32Array | Int32Array = Float64Array | Float32Array | Int32Array,
> {
  abstract readonly plan: Plan
  /** [at least rows]; what lies behind `rows` is not yet filled, and not yet in RAM. */
  values: Values
  rows = 0
  readonly left: Leftovers
  readonly #options: FillOptions
  #scratch = new Uint8Array(256)

  constructor(values: Values, options: FillOptions) {
    this.values = values
    this.#options = options
    this.left = new Leftovers(options.missing)
  }

  /** The value of a field. @param row of the batch */
  protected abstract field(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number
  /** The value of a number; undefined where its text is what counts. */
  protected abstract number(value: number): number | undefined

  /** Adds a batch. @param capacity how many rows there may be in all */
  add(batch: Batch, column: number, capacity: number): void {
    if (this.rows + batch.rows > this.values.length) {
      const wider = new (this.values.constructor as new (n: number) => Values)(
        Math.max(capacity, this.rows + batch.rows, Math.ceil(1.25 * this.values.length)),
      )
      wider.set(this.values.subarray(0, this.rows))
      this.values = wider
    }
    if (batch.kind === 'fields') this.fields(batch, column)
    else this.#cells(batch, column)
    this.rows += batch.rows
  }

  protected fields(batch: FieldBatch, column: number): void {
    const { bytes, starts, ends, stride, rows } = batch
    const { values, rows: at } = this
    for (let r = 0, f = batch.first + batch.order[column]!; r < rows; r++, f += stride) {
      values[at + r] = this.field(bytes, starts[f]!, ends[f]!, r, batch)
    }
  }

  #cells(batch: CellBatch, column: number): void {
    const cells = batch.cells[column]!
    for (let r = 0; r < batch.rows; r++) this.values[this.rows + r] = this.#cell(cells[r], r, batch)
  }

  #cell(cell: unknown, row: number, batch: CellBatch): number {
    if (cell === null || cell === undefined) return this.none
    if (typeof cell === 'number') {
      if (Number.isNaN(cell)) return this.none
      return this.number(cell) ?? this.text(String(cell), row, batch)
    }
    if (typeof cell === 'string') return this.text(cell, row, batch)
    if (typeof cell === 'boolean') return this.text(String(cell), row, batch)
    if (typeof cell === 'bigint') {
      const exact = Number.isSafeInteger(Number(cell)) ? this.number(Number(cell)) : undefined
      return exact ?? this.text(String(cell), row, batch)
    }
    if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? this.none : this.date(cell, row, batch)
    const expected = 'expected a number, a word, a boolean or a Date'
    return this.refuse(row, batch, `${expected} but received ${shown(cell)}: give each value a column of its own`)
  }

  protected refuse(row: number, batch: Batch, problem: string): never {
    const { what, places } = this.#options
    throw new InputError(`${what}: ${places} ${batch.placeOf(row)}: ${problem}`)
  }

  /** What stands for a missing value. */
  protected readonly none: number = Number.NaN

  protected date(date: Date, row: number, batch: CellBatch): number {
    return this.text(date.toISOString(), row, batch)
  }

  protected text(text: string, row: number, batch: CellBatch): number {
    if (3 * text.length > this.#scratch.length) this.#scratch = new Uint8Array(6 * text.length)
    const { written } = encoder.encodeInto(text, this.#scratch)
    return this.field(this.#scratch, 0, written, row, batch)
  }

  /** Notes a text that the plan does not explain. */
  protected odd(text: string, row: number, batch: Batch): number {
    this.left.add(text, () => batch.placeOf(row))
    return this.none
  }
}

export class NumberFiller extends Filler<Float64Array | Float32Array> {
  readonly plan: NumberPlan | EpochPlan
  readonly #numbers: NumberPlan
  readonly #mark: number

  constructor(plan: NumberPlan | EpochPlan, options: FillOptions) {
    const float32 = options.float32 && plan.kind === 'number'
    super(float32 ? new Float32Array() : new Float64Array(), options)
    this.plan = plan
    this.#numbers = plan.kind === 'number' ? plan : { kind: 'number', mark: '.', group: '', unit: '' }
    this.#mark = this.#numbers.mark.charCodeAt(0)
  }

  protected override fields(batch: FieldBatch, column: number): void {
    const { bytes, starts, ends, stride, rows } = batch
    const { values, rows: at } = this
    const mark = this.#mark
    for (let r = 0, f = batch.first + batch.order[column]!; r < rows; r++, f += stride) {
      let value = decimal(bytes, starts[f]!, ends[f]!, mark)
      if (Number.isNaN(value)) value = this.#other(bytes, starts[f]!, ends[f]!, r, batch)
      values[at + r] = value
    }
    if (this.plan.kind === 'epoch') {
      for (let r = at; r < at + rows; r++) values[r] = epochTime(values[r]!, this.plan.unit)
    }
  }

  protected field(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number {
    const value = decimal(bytes, start, end, this.#mark)
    return this.number(Number.isNaN(value) ? this.#other(bytes, start, end, row, batch) : value)!
  }

  protected override number(value: number): number | undefined {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? value : undefined
    return this.plan.kind === 'epoch' ? epochTime(value, this.plan.unit) : value
  }

  #other(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number {
    const text = this.left.explain(bytes, start, end)
    if (text === undefined) return Number.NaN
    const value = numberOf(text, this.#numbers)
    return Number.isNaN(value) ? this.odd(text, row, batch) : value
  }
}

/** Words for yes and no. */
export class FlagFiller extends Filler<Float64Array | Float32Array> {
  readonly plan: FlagPlan
  readonly #words = new Dictionary()
  /** Of each word: 1, 0, or NaN for one that is no flag. */
  readonly #flags: number[] = []

  constructor(plan: FlagPlan, options: FillOptions) {
    super(options.float32 ? new Float32Array() : new Float64Array(), options)
    this.plan = plan
  }

  protected field(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number {
    const code = this.#words.size < MOST_FLAGS ? this.#words.codeOf(bytes, start, end) : -1
    if (code === this.#flags.length)
      this.#flags.push(FLAGS.get(decoder.decode(this.#words.word(code)).trim().toLowerCase()) ?? Number.NaN)
    const flag = this.#flags[code]
    if (flag !== undefined && !Number.isNaN(flag)) return flag
    const text = this.left.explain(bytes, start, end)
    return text === undefined ? Number.NaN : this.odd(text, row, batch)
  }

  protected override number(): undefined {
    return
  }
}

/** Words of a column, the ways to write yes, no and missing among them, that are looked at as flags. */
const MOST_FLAGS = 1000

/** Words of any kind. */
export class WordFiller extends Filler<Int32Array> {
  readonly plan: CategoryPlan
  readonly words = new Dictionary()
  protected override readonly none = -1

  constructor(plan: CategoryPlan, options: FillOptions) {
    super(new Int32Array(), options)
    this.plan = plan
  }

  protected override fields(batch: FieldBatch, column: number): void {
    const { bytes, starts, ends, stride, rows } = batch
    const { values, words, rows: at } = this
    for (let r = 0, f = batch.first + batch.order[column]!; r < rows; r++, f += stride) {
      const [start, end] = [starts[f]!, ends[f]!]
      const plain = start < end && bytes[start]! > SPACE && bytes[end - 1]! > SPACE
      const code = plain ? words.codeOf(bytes, start, end) : -1
      values[at + r] = code >= 0 ? code : this.field(bytes, start, end, r, batch)
    }
  }

  protected field(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number {
    while (start < end && bytes[start]! <= SPACE) start++
    while (start < end && bytes[end - 1]! <= SPACE) end--
    if (start === end) return -1
    const code = this.words.codeOf(bytes, start, end)
    if (code >= 0) return code
    return this.refuse(row, batch, 'expected less than 2 GB of different words: leave the column out')
  }

  protected override number(): undefined {
    return
  }
}
