/**
 * One series of a stream: the last steps of it, as far back as a window and its lags reach, prepared for the network
 * while records come. Its numbers are those that `panelOf` and `prepare` make of all records so far.
 */
import * as z from '../schema.ts'
import type { PanelSeries } from './panel.ts'
import { type PreparedSeries, tokenOf, tokensOf, transformed } from './prepared.ts'
import { ScaleMeter } from './scaleMeter.ts'
import { type SeriesLayout, StepColumn } from './stepColumn.ts'

/** A step that a record may still change: rows of it, and what of each column they add up to. */
interface Step {
  /** [1 + inputs] the target first. */
  readonly sums: Float64Array
  readonly counts: Int32Array
}

export class SeriesBuffer {
  readonly name: string
  readonly #layout: SeriesLayout
  /** The first step of the series, from the origin of time; NaN: no record yet. */
  #start = Number.NaN
  /** Steps of the series that are no longer here. */
  #base = 0
  /** Steps that no record changes any more; they are prepared. */
  #length = 0
  readonly #target: StepColumn
  readonly #inputs: readonly StepColumn[]
  /** Differences from a season before, where the scaling is about them; else empty. */
  #values = new Float64Array(0)
  /** The steps after them. */
  readonly #pending: (Step | undefined)[] = []
  /** Of a series that training did not have. */
  #meter: ScaleMeter | null

  constructor(name: string, layout: SeriesLayout) {
    this.name = name
    this.#layout = layout
    this.#meter = layout.scales.has(name) ? null : new ScaleMeter(layout.lag)
    this.#target = new StepColumn(layout.season, null)
    this.#inputs = layout.encoders.map((encoder) => new StepColumn(layout.season, encoder))
  }

  /** The first step that a record may be of; NaN: any. */
  get from(): number {
    return this.#start + this.#base + this.#length
  }

  /** The last step that there is; NaN: none. */
  get last(): number {
    return this.from + this.#pending.length - 1
  }

  /** Whether the last value is so far back that the steps before it may no longer be here. */
  get isStale(): boolean {
    return this.#target.seen && !this.#pending.some((step) => !Number.isNaN(this.#value(step)))
  }

  /** What a step would be after one more row: the target and the inputs. Nothing is changed. */
  merged(index: number, target: number, inputs: Float64Array): Float64Array {
    const step = copyOf(this.#pending[index - this.from], inputs.length + 1)
    this.#merge(step, target, inputs)
    return step.sums.map((_, c) => this.#cell(step, c))
  }

  /** Adds a row of the step `index`, at or after `from`. */
  push(index: number, target: number, inputs: Float64Array): void {
    if (Number.isNaN(this.#start)) this.#start = index
    const until = Number.isNaN(target) ? index - this.#layout.ahead : index
    while (this.from < until) {
      const step = this.#pending.shift()
      this.#append(this.#value(step), (c) => this.#cell(step, c + 1))
    }
    const at = index - this.from
    while (this.#pending.length <= at) this.#pending.push(undefined)
    const step = this.#pending[at] ?? copyOf(undefined, inputs.length + 1)
    this.#pending[at] = step
    this.#merge(step, target, inputs)
  }

  #merge({ sums, counts }: Step, target: number, inputs: Float64Array): void {
    const { duplicates } = this.#layout.schema
    for (let c = 0; c <= inputs.length; c++) {
      const value = c === 0 ? target : inputs[c - 1]!
      if (Number.isNaN(value)) continue
      const isLast = duplicates === 'last' || (c > 0 && this.#layout.isCategory[c - 1])
      sums[c] = isLast ? value : sums[c]! + value
      counts[c]!++
    }
  }

  /** The target of a step, in its units. */
  #value(step: Step | undefined): number {
    if (step === undefined) return this.#layout.schema.gaps === 'zero' ? 0 : Number.NaN
    return this.#cell(step, 0)
  }

  #cell(step: Step | undefined, c: number): number {
    const count = step?.counts[c] ?? 0
    if (count === 0) return Number.NaN
    const isMean = this.#layout.schema.duplicates === 'mean' && !(c > 0 && this.#layout.isCategory[c - 1])
    return isMean ? step!.sums[c]! / count : step!.sums[c]!
  }

  /** Prepares one more step. */
  #append(value: number, input: (c: number) => number): void {
    const { schema, lag, reach, fitted } = this.#layout
    if (this.#length >= reach + this.#layout.slack) this.#forget(this.#length - reach)
    const k = this.#length
    const i = this.#base + k
    const wasSeen = this.#target.seen
    this.#target.append(k, i, transformed(schema.transform, value))
    for (const [c, column] of this.#inputs.entries()) column.append(k, i, input(c))
    const { filled } = this.#target
    const before = lag > 0 && i >= lag ? filled[k - lag]! : Number.NaN
    if (fitted.scaling === 'season') {
      if (this.#values.length <= k) this.#values = longer(this.#values, k + 1)
      this.#values[k] = lag === 0 ? filled[k]! : i >= lag ? filled[k]! - before : 0
    }
    this.#length++
    if (this.#meter === null || !this.#target.seen) return
    // Steps before the first value are filled with it.
    if (!wasSeen)
      for (let j = 0; j < i; j++) this.#meter.add(Number.NaN, filled[k]!, j >= lag ? filled[k]! : Number.NaN)
    this.#meter.add(this.#target.raw[k]!, filled[k]!, before)
  }

  /** Drops the first steps. */
  #forget(steps: number): void {
    for (const column of [this.#target, ...this.#inputs]) column.forget(steps, this.#length)
    this.#values.copyWithin(0, steps, this.#length)
    this.#base += steps
    this.#length -= steps
  }

  /** All steps as `panelOf` and `prepare` make them; arrays are views until the next record. */
  view(): { panel: PanelSeries; prepared: PreparedSeries } {
    const kept = { base: this.#base, length: this.#length, meter: this.#meter }
    const columns = [this.#target, ...this.#inputs]
    const seen = columns.map((column) => column.seen)
    if (this.#meter !== null) this.#meter = ScaleMeter.from(this.#layout.lag, this.#meter.state)
    if (this.#length + this.#pending.length > this.#layout.reach + this.#layout.slack) {
      kept.length = this.#layout.reach
      this.#forget(this.#length - this.#layout.reach)
      kept.base = this.#base
    }
    for (const step of this.#pending) this.#append(this.#value(step), (c) => this.#cell(step, c + 1))
    const n = this.#length
    const start = this.#start + this.#base
    const target = this.#target.raw.subarray(0, n)
    const filled = this.#target.filled.subarray(0, n)
    const values = this.#layout.fitted.scaling === 'season' ? this.#values.subarray(0, n) : filled
    const scale = this.#layout.scales.get(this.name) ?? this.#meter!.scale(this.name)
    const panel = { name: this.name, start, target, inputs: this.#inputs.map(({ raw }) => raw.subarray(0, n)) }
    const token = tokenOf(this.#layout.fitted.columns)
    const tokens = token < 0 ? new Int32Array(0) : tokensOf(this.#layout.fitted.columns[token]!, panel.inputs[token]!)
    const encoded = this.#inputs.map((column) => column.encoded.subarray(0, n * column.width))
    this.#length = kept.length
    this.#meter = kept.meter
    for (const [c, column] of columns.entries()) column.seen = seen[c]!
    return { panel, prepared: { name: this.name, start, target, filled, values, scale, columns: encoded, tokens } }
  }

  /** What `restored` makes the same buffer of. */
  get state(): SeriesState {
    const steps = Math.min(this.#length, this.#layout.reach)
    const from = this.#length - steps
    return {
      name: this.name,
      start: Number.isNaN(this.#start) ? null : this.#start,
      base: this.#base + from,
      columns: [this.#target, ...this.#inputs].map((column) => column.stateOf(from, this.#length)),
      pending: this.#pending.map((step) =>
        step === undefined ? null : { sums: [...step.sums], counts: [...step.counts] },
      ),
      meter: this.#meter?.state ?? null,
    }
  }

  /** @throws what `refuse` throws, for a state that this layout does not have */
  static restored(state: SeriesState, layout: SeriesLayout, refuse: (problem: string) => never): SeriesBuffer {
    const made = new SeriesBuffer(state.name, layout)
    const { base, columns, pending, meter } = state
    const own = [made.#target, ...made.#inputs]
    const length = columns[0]?.raw.length ?? 0
    if (columns.length !== own.length || columns.some(({ raw }) => raw.length !== length)) refuse('columns')
    if (length > layout.reach || (base > 0 && length < layout.reach)) refuse('steps')
    if (pending.length > layout.ahead + 1) refuse('pending')
    if (pending.some((step) => step && (step.sums.length !== own.length || step.counts.length !== own.length))) {
      refuse('pending')
    }
    if ((meter === null) !== (made.#meter === null)) refuse('meter')
    if (state.start === null && length + pending.length > 0) refuse('start')
    made.#start = state.start ?? Number.NaN
    made.#base = base
    for (const [c, column] of own.entries()) column.restore(columns[c]!, refuse)
    made.#length = length
    made.#restoreValues()
    for (const step of pending) {
      made.#pending.push(
        step === null ? undefined : { sums: Float64Array.from(step.sums), counts: Int32Array.from(step.counts) },
      )
    }
    if (meter !== null) made.#meter = ScaleMeter.from(layout.lag, meter)
    return made
  }

  /** Differences from a season before: those of the first steps that are here are never asked for. */
  #restoreValues(): void {
    const { lag, fitted } = this.#layout
    if (fitted.scaling !== 'season') return
    const { filled } = this.#target
    this.#values = new Float64Array(this.#length)
    for (let k = 0; k < this.#length; k++) {
      this.#values[k] = lag === 0 ? filled[k]! : k >= lag ? filled[k]! - filled[k - lag]! : 0
    }
  }
}

function copyOf(step: Step | undefined, columns: number): Step {
  if (step === undefined) return { sums: new Float64Array(columns), counts: new Int32Array(columns) }
  return { sums: step.sums.slice(), counts: step.counts.slice() }
}

/** The same numbers in a longer array. */
function longer(array: Float64Array, least: number): Float64Array<ArrayBuffer> {
  const made = new Float64Array(Math.max(least, Math.ceil(1.5 * array.length), 64))
  made.set(array)
  return made
}

const step = z.int().min(-1e12).max(1e12)
const cells = z.array(z.number().nullable()).max(10_000_000)

/** A series of a stream's state. */
export const SERIES_STATE = z.strictObject({
  name: z.string().max(1000),
  start: step.nullable(),
  base: z.int().min(0).max(1e12),
  columns: z.array(z.strictObject({ raw: cells, filled: z.array(z.number()).max(10_000_000), seen: z.boolean() })),
  pending: z.array(z.strictObject({ sums: z.array(z.number()), counts: z.array(z.int().min(0)) }).nullable()),
  meter: z.array(z.number()).min(9).max(9).nullable(),
})

export type SeriesState = z.infer<typeof SERIES_STATE>
