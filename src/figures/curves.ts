/** From buckets to what a chart draws: gaps, smoothing, and what an axis cannot show. */
import type { WireSeries } from './wire.ts'

/** undefined: no record is there, and the line goes on; null: a number that is not finite, and the line breaks. */
export type Value = number | null | undefined

export interface Curve {
  readonly mean: Value[]
  /** As it is where `mean` is smoothed; else empty. */
  readonly raw: Value[]
  readonly low: Value[]
  readonly high: Value[]
  /** Buckets that have a number that is not finite. */
  readonly bad: readonly number[]
  /** Buckets that a logarithmic axis cannot show: 0 and below. */
  readonly dropped: number
}

export interface Part {
  readonly from: number
  readonly to: number
  readonly n: number
  readonly log: boolean
}

/** The middle of each bucket on the x axis. */
export function centresOf({ from, to, n, log }: Part): number[] {
  const [low, high] = log ? [Math.log10(from), Math.log10(to)] : [from, to]
  return Array.from({ length: n }, (_, i) => {
    const at = low + ((i + 0.5) / n) * (high - low)
    return log ? 10 ** at : at
  })
}

export interface CurveOptions {
  readonly logY: boolean
  /** Time constant of the smoothing, in the unit of x; 0: none. */
  readonly tau: number
}

/** null: the run has no such numbers in this part. */
export function curveOf(
  { index, series }: WireSeries,
  key: string,
  centres: readonly number[],
  { logY, tau }: CurveOptions,
): Curve | null {
  const values = series[key]
  if (!values || index.length === 0) return null
  const empty = () => new Array<Value>(centres.length).fill(undefined)
  const [mean, low, high] = [empty(), empty(), empty()]
  const bad: number[] = []
  let dropped = 0
  let any = false
  const fit = (value: number) => (logY && !(value > 0) ? undefined : value)
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!
    const value = values.mean[i]!
    if (values.bad[i]! > 0) bad.push(at)
    if (Number.isNaN(value)) {
      if (values.bad[i]! > 0) mean[at] = low[at] = high[at] = null
      continue
    }
    any = true
    mean[at] = fit(value)
    if (mean[at] === undefined) dropped += 1
    const [least, most] = [values.min[i]!, values.max[i]!]
    low[at] = fit(least) ?? mean[at]
    high[at] = fit(most) ?? mean[at]
  }
  if (!any && bad.length === 0) return null
  for (const list of [mean, low, high]) widenGaps(list)
  const smooth = tau > 0 ? smoothed(mean, centres, tau) : mean
  return { mean: smooth, raw: tau > 0 ? mean : [], low, high, bad, dropped }
}

/** A gap reaches from the last number before it to the first after it: between two records there is nothing to draw. */
function widenGaps(list: Value[]): void {
  let number = -1
  for (let at = 0; at < list.length; at++) {
    if (list[at] === null) {
      let end = at
      while (end < list.length && typeof list[end] !== 'number') end += 1
      list.fill(null, number + 1, end)
      at = end // the number after the gap, or the end of the list
    }
    if (typeof list[at] === 'number') number = at
  }
}

/**
 * An exponential moving average of what came before, without the pull to zero at the start (as in Kingma & Ba 2015). A
 * gap in x weighs as much as the records that it would have had.
 */
export function smoothed(values: readonly Value[], x: readonly number[], tau: number): Value[] {
  let [sum, weight, last] = [0, 0, 0]
  return values.map((value, i) => {
    if (value === undefined) return undefined
    if (value === null) {
      sum = weight = 0
      return null
    }
    const part = weight === 0 ? 1 - Math.exp(-1 / tau) : 1 - Math.exp(-(x[i]! - last) / tau)
    sum += part * (value - sum)
    weight += part * (1 - weight)
    last = x[i]!
    return sum / weight
  })
}

/** Ends of the y axis: all that is drawn is within. */
export function rangeOf(lists: readonly (readonly Value[])[], logY: boolean): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const list of lists) {
    for (const value of list) {
      if (value === null || value === undefined || (logY && value <= 0)) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  if (low > high) return logY ? [0.1, 1] : [0, 1]
  // What differs in its last digits alone is one number, which smoothing has rounded.
  if (high - low <= 1e-9 * Math.abs(high)) low = high
  if (logY) return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.04, high * (high / low) ** 0.04]
  const room = low === high ? Math.abs(low) || 0.5 : (high - low) * 0.04
  return [low - room, high + room]
}

/** Another curve at the middle of each bucket, between its points on a straight line; beyond them it is not. */
export function onCentres(points: readonly (readonly [number, number])[], centres: readonly number[]): Value[] {
  let next = 0
  return centres.map((x) => {
    while (next < points.length && points[next]![0] < x) next += 1
    const [before, after] = [points[next - 1], points[next]]
    if (!before || !after) return undefined
    return before[1] + ((x - before[0]) / (after[0] - before[0])) * (after[1] - before[1])
  })
}
