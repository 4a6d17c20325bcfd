/**
 * Windows: `window` steps of the past, then `horizon` steps ahead whose target and past-only columns are hidden and a
 * flag says so, while the calendar, lags and known columns are shown. A window is a series and the step of its first
 * forecast; its inputs are made when a batch needs them.
 */
import type { Axis } from './axis.ts'
import { calendarWidth, putCalendar } from './calendar.ts'
import { type Prepared, type PreparedSeries, seasonLag, tokenOf, transformedBack } from './prepared.ts'
import type { ForecastSchema } from './schema.ts'

/** Many windows: number k is of series[k], and its first step ahead is its step origins[k]. */
export interface Windows {
  readonly series: Int32Array
  readonly origins: Int32Array
}

/** Of the last steps that were asked for, `count` at most: for windows that move on through time. */
export function calendarCache({ calendar, lags }: ForecastSchema, axis: Axis, count: number): Days {
  const size = calendarWidth(calendar)
  const indices = new Float64Array(count).fill(Number.NaN)
  const table = new Float32Array(count * size)
  const years = new Float64Array(count)
  const slotOf = (index: number) => {
    const slot = ((index % count) + count) % count
    if (indices[slot] === index) return slot
    table.fill(0, slot * size, (slot + 1) * size)
    if (size > 0) putCalendar(calendar, axis, index, table, slot * size)
    if (lags.includes('year')) years[slot] = axis.yearBefore(index)
    indices[slot] = index
    return slot
  }
  return {
    put(index, x, at) {
      if (size === 0) return
      const slot = slotOf(index)
      for (let k = 0; k < size; k++) x[at + k] = table[slot * size + k]!
    },
    yearBefore: (index) => years[slotOf(index)]!,
  }
}

/** One group of inputs, in their order. */
export interface InputGroup {
  readonly name: string
  readonly width: number
}

/** Makes inputs and targets of windows, and values of outputs. */
export interface WindowFiller {
  /** Values of a step. */
  readonly width: number
  /** Tokens that there are; 0: a step has none. */
  readonly vocabulary: number
  readonly groups: readonly InputGroup[]
  /** Steps of a window: of the past that there is, and the horizon. */
  lengthOf(series: number, origin: number): number
  /** Writes x [T,B,width] of a window at b, all of its steps. x must be 0 there. */
  putInputs(series: number, origin: number, x: Float32Array, b: number, B: number): void
  /** Writes the tokens [T,B] of a window at b. They must be 0 there. */
  putTokens(series: number, origin: number, tokens: Int32Array, b: number, B: number): void
  /** The scaled target of the step `ahead` (0 the first); NaN where it is missing. */
  target(series: number, origin: number, ahead: number): number
  /** An output of the network for the step `ahead`, in the target's units. */
  toUnits(series: number, origin: number, ahead: number, output: number): number
}

/** @param days of all steps that windows can have; default: they are made at once */
export function windowFiller(prepared: Prepared, days: Days = calendarTable(prepared)): WindowFiller {
  const { schema, fitted } = prepared
  const { horizon, window, lags } = schema
  const groups = groupsOf(prepared)
  const width = groups.reduce((sum, group) => sum + group.width, 0)
  const seasonal = fitted.scaling === 'season' ? seasonLag(schema) : 0
  const pastOf = (origin: number) => Math.min(window, origin)
  const known = schema.known.length

  /** Level and scale of the values of a window whose first step ahead is `origin`: for two scalings, the last value. */
  const levelOf = ({ values, scale }: PreparedSeries, origin: number): [number, number] => {
    if (fitted.scaling === 'series') return [scale.mean, scale.std]
    return [values[origin - 1] ?? 0, fitted.scaling === 'season' ? scale.seasonal : scale.local]
  }
  /** The value a season before a step, where the scaling is about the difference from it. */
  const baseOf = ({ filled }: PreparedSeries, i: number): number =>
    seasonal > 0 && i >= seasonal ? filled[i - seasonal]! : 0

  const token = tokenOf(fitted.columns)
  return {
    width,
    vocabulary: token < 0 ? 0 : fitted.columns[token]!.levels.length + 2,
    groups,
    lengthOf: (_, origin) => pastOf(origin) + horizon,
    putInputs(series, origin, x, b, B) {
      const one = prepared.series[series]!
      const { values, filled, target, scale, columns, start } = one
      const [level, size] = levelOf(one, origin)
      const raw = seasonal > 0 ? (filled[origin - 1] ?? scale.mean) : level
      const rawSize = seasonal > 0 ? scale.local : size
      const past = pastOf(origin)
      const isPast = (i: number) => i >= 0 && i < origin
      for (let t = 0; t < past + horizon; t++) {
        const i = origin - past + t
        const hidden = t >= past
        let at = (t * B + b) * width
        x[at++] = hidden ? 0 : (values[i]! - level) / size
        x[at++] = hidden ? 1 : 0
        if (fitted.gaps) x[at++] = !hidden && Number.isNaN(target[i]!) ? 1 : 0
        if (seasonal > 0) x[at++] = isPast(i - seasonal) ? (filled[i - seasonal]! - raw) / rawSize : 0
        for (const lag of lags) {
          const j = lag === 'year' ? days.yearBefore(start + i) - start : i - lag
          x[at++] = isPast(j) ? (filled[j]! - raw) / rawSize : 0
        }
        for (let k = 0; k < columns.length; k++) {
          const size = prepared.widths[k]!
          if (!hidden || k < known) x.set(columns[k]!.subarray(i * size, (i + 1) * size), at)
          at += size
        }
        days.put(start + i, x, at)
      }
    },
    putTokens(series, origin, tokens, b, B) {
      const past = pastOf(origin)
      const steps = token < known ? past + horizon : past
      for (let t = 0; t < steps; t++) tokens[t * B + b] = prepared.series[series]!.tokens[origin - past + t] ?? 0
    },
    target(series, origin, ahead) {
      const one = prepared.series[series]!
      const [level, size] = levelOf(one, origin)
      return ((one.target[origin + ahead] ?? Number.NaN) - baseOf(one, origin + ahead) - level) / size
    },
    toUnits(series, origin, ahead, output) {
      const one = prepared.series[series]!
      const [level, size] = levelOf(one, origin)
      return transformedBack(schema.transform, output * size + level + baseOf(one, origin + ahead))
    },
  }
}

/** What windows ask of dates: without it they would be a sixth of a training. */
export interface Days {
  /** The step a year before the step `index`; only where that is a lag. */
  yearBefore(index: number): number
  /** Writes the calendar's inputs of the step `index`, from the origin of time, to x from `at` on. */
  put(index: number, x: Float32Array, at: number): void
}

/** Of all steps that windows can have. */
function calendarTable({ series, schema, axis }: Prepared): Days {
  const { calendar, horizon, lags } = schema
  const size = calendarWidth(calendar)
  const first = Math.min(...series.map(({ start }) => start))
  const last = Math.max(...series.map(({ start, target }) => start + target.length)) + horizon
  const table = new Float32Array(size * (last - first))
  if (size > 0) for (let i = first; i < last; i++) putCalendar(calendar, axis, i, table, (i - first) * size)
  const years = Float64Array.from({ length: lags.includes('year') ? last - first : 0 }, (_, i) =>
    axis.yearBefore(first + i),
  )
  return {
    yearBefore: (index) => years[index - first]!,
    put(index: number, x: Float32Array, at: number) {
      for (let k = 0; k < size; k++) x[at + k] = table[(index - first) * size + k]!
    },
  }
}

/** What the columns of a network's inputs are. */
export function groupsOf({ schema, fitted, widths }: Pick<Prepared, 'schema' | 'fitted' | 'widths'>): InputGroup[] {
  const { lags, calendar, known, past, targets } = schema
  const groups: InputGroup[] = [
    { name: targets.length > 1 ? 'value' : targets[0]!, width: 1 },
    { name: 'hidden', width: 1 },
  ]
  if (fitted.gaps) groups.push({ name: 'missing', width: 1 })
  if (fitted.scaling === 'season') groups.push({ name: `${seasonLag(schema)} steps before`, width: 1 })
  for (const lag of lags) groups.push({ name: lag === 'year' ? 'a year before' : `${lag} steps before`, width: 1 })
  for (const [k, { name }] of [...known, ...past].entries()) groups.push({ name, width: widths[k]! })
  for (const part of calendar) groups.push({ name: part, width: calendarWidth([part]) })
  return groups
}

/** Windows whose steps ahead lie within [from, until) of the line of time, one every `stride` steps from `from`. */
export function windowsWithin(
  { series, schema }: Pick<Prepared, 'series' | 'schema'>,
  [from, until]: readonly [number, number],
  stride: number,
  leastPast: number,
): Windows {
  const found: [number, number][] = []
  for (const [s, { start, target }] of series.entries()) {
    for (let step = from; step + schema.horizon <= until; step += stride) {
      const origin = step - start
      if (origin < leastPast || origin > target.length) continue
      if (target.subarray(origin, origin + schema.horizon).some((value) => !Number.isNaN(value)))
        found.push([s, origin])
    }
  }
  return {
    series: Int32Array.from(found, ([s]) => s),
    origins: Int32Array.from(found, ([, origin]) => origin),
  }
}
