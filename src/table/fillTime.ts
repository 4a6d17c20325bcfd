/** A column of moments while it is filled. */
import { FORMATS, isAmbiguous } from '../formats/date.ts'
import { fixedStamp, StampReader } from '../formats/stamp.ts'
import { Filler, type FillOptions } from './fill.ts'
import type { TimePlan } from './plan.ts'
import type { Batch, CellBatch, FieldBatch } from './source.ts'

/** A row of which the first or the second number of `?/?/YYYY` can only be the day. */
export interface SureDay {
  readonly text: string
  readonly place: number
}

const decoder = new TextDecoder()

export class TimeFiller extends Filler<Float64Array> {
  readonly plan: TimePlan
  /** Of ambiguous formats: the first row that only a day first, or only a month first, explains. */
  dayFirst: SureDay | undefined
  monthFirst: SureDay | undefined
  /** The most of the time of day that a row has. */
  precision = 0
  readonly #reader = new StampReader()
  /** What stands between the numbers where the format is that of `fixedStamp`; else 0, which nothing has there. */
  readonly #separator: number
  readonly isAmbiguous: boolean

  constructor(plan: TimePlan, options: FillOptions) {
    super(new Float64Array(), options)
    this.plan = plan
    this.precision = plan.precision
    const fixed = /^YYYY(.)MM.DD$/.exec(FORMATS[plan.format]!)
    this.#separator = fixed && !plan.zoned ? fixed[1]!.charCodeAt(0) : 0
    this.isAmbiguous = isAmbiguous(plan.format)
  }

  protected override fields(batch: FieldBatch, column: number): void {
    const { bytes, starts, ends, stride, rows } = batch
    const { values, rows: at } = this
    const separator = this.#separator
    for (let r = 0, f = batch.first + batch.order[column]!; r < rows; r++, f += stride) {
      const [start, end] = [starts[f]!, ends[f]!]
      let value = separator === 0 ? Number.NaN : fixedStamp(bytes, start, end, separator)
      if (Number.isNaN(value)) value = this.field(bytes, start, end, r, batch)
      values[at + r] = value
    }
  }

  protected field(bytes: Uint8Array, start: number, end: number, row: number, batch: Batch): number {
    const { plan } = this
    const reader = this.#reader
    if (start < end && reader.read(bytes, start, end) && reader.format === plan.format && reader.zoned === plan.zoned) {
      this.precision = Math.max(this.precision, reader.precision)
      if (!this.isAmbiguous) return reader.milliseconds(false)
      const { month: first, day: second } = reader.date
      if (first > 12) this.dayFirst ??= sure(bytes, start, end, batch.placeOf(row))
      if (second > 12) this.monthFirst ??= sure(bytes, start, end, batch.placeOf(row))
      return (plan.dayFirst ? second : first) <= 12 ? reader.milliseconds(plan.dayFirst) : Number.NaN
    }
    const text = this.left.explain(bytes, start, end)
    return text === undefined ? Number.NaN : this.odd(text, row, batch)
  }

  protected override number(): undefined {
    return
  }

  protected override date(date: Date, row: number, batch: CellBatch): number {
    return this.plan.zoned ? date.getTime() : super.date(date, row, batch)
  }
}

function sure(bytes: Uint8Array, start: number, end: number, place: number): SureDay {
  return { text: decoder.decode(bytes.subarray(start, end)), place }
}
