/** One column of a series in a stream, step by step: what came, what stands for what is missing, and its inputs. */
import type { Axis } from './axis.ts'
import { type ColumnEncoder, columnEncoder, seasonLag } from './prepared.ts'
import type { FittedForecast, ForecastSchema, SeriesScale } from './schema.ts'
import { perYear } from './step.ts'

/** What all series of a stream have in common. */
export interface SeriesLayout {
  readonly schema: ForecastSchema
  readonly fitted: FittedForecast
  readonly axis: Axis
  readonly scales: ReadonlyMap<string, SeriesScale>
  /** [inputs] known ones first. */
  readonly encoders: readonly ColumnEncoder[]
  readonly isCategory: readonly boolean[]
  /** Steps back to what stands for a missing value; 0: the last one. */
  readonly season: number
  /** `seasonLag` */
  readonly lag: number
  /** Steps before the first one ahead that a window can ask for. */
  readonly reach: number
  /** So many steps may lie between the last value and the last row. */
  readonly ahead: number
  /** Steps beyond `reach` that an array has, so that it need not move at every record. */
  readonly slack: number
}

/** A year has so many days at most. */
const MOST_DAYS = 366 / 365.2425

export function layoutOf(schema: ForecastSchema, fitted: FittedForecast, axis: Axis): SeriesLayout {
  const inputs = [...schema.known, ...schema.past]
  const season = schema.seasons.at(-1) ?? 0
  const lag = seasonLag(schema)
  const year = Math.ceil(perYear(axis.step) * MOST_DAYS) + 2
  const back = schema.lags.map((lag) => (lag === 'year' ? year : lag))
  const reach = schema.window + Math.max(lag, season, ...back) + 1
  const ahead = Math.max(1000, 2 * schema.horizon)
  return {
    schema,
    fitted,
    axis,
    scales: new Map(fitted.series.map((scale) => [scale.name, scale])),
    encoders: fitted.columns.map((column, k) => columnEncoder(inputs[k]!.type, column)),
    isCategory: inputs.map(({ type }) => type === 'category'),
    season,
    lag,
    reach,
    ahead,
    slack: Math.max(64, reach >> 1) + ahead + 1,
  }
}

/** Numbers that a series takes at most, of 8 bytes. */
export function numbersOf({ encoders, reach, slack, ahead }: SeriesLayout): number {
  const width = encoders.reduce((sum, { width }) => sum + width, 0)
  return (reach + slack) * (3 + 2 * encoders.length + width / 2) + 2 * ahead * (1 + encoders.length)
}

/** Arrays of a column; a step of the buffer is its index. */
export class StepColumn {
  /** NaN: missing; of a category the place of the level. */
  raw = new Float64Array(64)
  /** With the value a season before where it is missing, else the last one; before the first value, it. */
  filled = new Float64Array(64)
  /** [steps × width] what the network reads; of the target nothing. */
  encoded = new Float32Array(0)
  readonly width: number
  /** Whether there was a value. */
  seen = false
  readonly #season: number
  readonly #encoder: ColumnEncoder | null

  constructor(season: number, encoder: ColumnEncoder | null) {
    this.#season = season
    this.#encoder = encoder
    this.width = encoder?.width ?? 0
    this.encoded = new Float32Array(64 * this.width)
  }

  /** @param k where the step stands here. @param i its place in the series */
  append(k: number, i: number, value: number): void {
    if (k >= this.raw.length) this.#grow()
    this.raw[k] = value
    if (!Number.isNaN(value)) {
      if (!this.seen) this.#begin(k, value)
      this.filled[k] = value
    } else if (!this.seen) this.filled[k] = 0
    else this.filled[k] = this.#season > 0 && i >= this.#season ? this.filled[k - this.#season]! : this.filled[k - 1]!
    this.#encode(k)
  }

  /** The first value stands for all that are missing before it. */
  #begin(k: number, value: number): void {
    this.seen = true
    this.filled.fill(value, 0, k)
    for (let j = 0; j < k; j++) this.#encode(j)
  }

  #encode(k: number): void {
    if (this.#encoder === null) return
    const at = k * this.width
    this.encoded.fill(0, at, at + this.width)
    this.#encoder.put(this.encoded, at, this.raw[k]!, this.filled[k]!)
  }

  #grow(): void {
    const length = 2 * this.raw.length
    const wider = <A extends Float64Array | Float32Array>(from: A, to: A): A => {
      to.set(from)
      return to
    }
    this.raw = wider(this.raw, new Float64Array(length))
    this.filled = wider(this.filled, new Float64Array(length))
    this.encoded = wider(this.encoded, new Float32Array(length * this.width))
  }

  /** Drops the first of `length` steps. */
  forget(steps: number, length: number): void {
    this.raw.copyWithin(0, steps, length)
    this.filled.copyWithin(0, steps, length)
    this.encoded.copyWithin(0, steps * this.width, length * this.width)
  }

  /** Steps [from, to), as JSON can have them. */
  stateOf(from: number, to: number): { raw: (number | null)[]; filled: number[]; seen: boolean } {
    const raw = Array.from(this.raw.subarray(from, to), (value) => (Number.isNaN(value) ? null : value))
    const filled = this.filled.subarray(from, to).filter((_, j) => raw[j] === null)
    return { raw, filled: [...filled], seen: this.seen }
  }

  restore({ raw, filled, seen }: ReturnType<StepColumn['stateOf']>, refuse: (problem: string) => never): void {
    if (filled.length !== raw.filter((value) => value === null).length) refuse('columns: filled')
    const places = this.#encoder?.places ?? null
    let next = 0
    for (const [k, value] of raw.entries()) {
      if (value !== null && places !== null && !(Number.isInteger(value) && value >= 0 && value < places))
        refuse('columns')
      while (k >= this.raw.length) this.#grow()
      this.raw[k] = value ?? Number.NaN
      this.filled[k] = value ?? filled[next++]!
      this.#encode(k)
    }
    this.seen = seen
  }
}
