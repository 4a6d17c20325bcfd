/**
 * Rows in the width of a chart: the mean and the extremes of all rows that share a column of pixels. Nothing is left
 * out, so that the spike of one iteration in a million is seen.
 */
import { ABSENT, type Rows } from './rows.ts'

/** The part of the x axis in view, in so many equal buckets. */
export interface View {
  readonly x: 'iteration' | 'seconds'
  readonly from: number
  readonly to: number
  readonly n: number
  readonly log: boolean
}

/** Of the buckets that have rows, in their order. */
export interface Buckets {
  /** Which buckets: whole numbers from 0 to n - 1. */
  readonly index: Uint32Array
  /** By column: mean, least and most of the finite numbers (NaN: there is none), and how many are not finite. */
  readonly series: ReadonlyMap<string, BucketSeries>
}

export interface BucketSeries {
  readonly mean: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
  readonly bad: Uint32Array
}

/** The numbers of rows by the buckets they are in; rows outside of the view are in none. */
export function bucketsOf(rows: Rows, keys: readonly string[], view: View): Buckets {
  const x = rows.column(view.x) ?? new Float64Array(0)
  const [start, end] = [rows.from(view.x, view.from), endOf(rows, view)]
  const bucket = new Int32Array(Math.max(0, end - start))
  const used: number[] = []
  const place = placer(view)
  let last = -1
  for (let i = start; i < end; i++) {
    const at = place(x[i]!)
    if (at >= 0 && at !== last) used.push(at)
    if (at >= 0) last = at
    bucket[i - start] = at < 0 ? -1 : used.length - 1
  }
  const series = new Map<string, BucketSeries>()
  for (const key of keys) {
    const column = rows.column(key)
    if (column) series.set(key, scan(rows, key, column, bucket, start, used.length))
  }
  return { index: Uint32Array.from(used), series }
}

function endOf(rows: Rows, { x, to }: View): number {
  const end = rows.from(x, to)
  return end < rows.length && rows.column(x)![end] === to ? end + 1 : end
}

/** Which bucket a place on the axis is in; -1: none. */
function placer({ from, to, n, log }: View): (x: number) => number {
  const scaled = log ? (x: number) => Math.log10(x) : (x: number) => x
  const [low, high] = [scaled(from), scaled(to)]
  return (x) => {
    if (log && !(x > 0)) return -1
    const at = Math.floor(((scaled(x) - low) / (high - low)) * n)
    return at < 0 || Number.isNaN(at) ? -1 : Math.min(n - 1, at)
  }
}

function scan(
  rows: Rows,
  key: string,
  column: Float64Array,
  bucket: Int32Array,
  start: number,
  count: number,
): BucketSeries {
  const lows = rows.column(`${key}Min`) ?? column
  const highs = rows.column(`${key}Max`) ?? column
  const weights = rows.column('window') ?? rows.column('n')
  const mean = new Float64Array(count)
  const min = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  const max = new Float64Array(count).fill(Number.NEGATIVE_INFINITY)
  const bad = new Uint32Array(count)
  const weight = new Float64Array(count)
  for (let i = 0; i < bucket.length; i++) {
    const at = bucket[i]!
    const value = column[start + i]!
    if (at < 0 || value === ABSENT) continue
    if (!Number.isFinite(value)) bad[at]! += 1
    else {
      const w = weights && weights[start + i]! > 1 ? weights[start + i]! : 1
      mean[at]! += w * value
      weight[at]! += w
    }
    // Extremes may be finite where the mean is not.
    const [low, high] = [lows[start + i]!, highs[start + i]!]
    if (low < min[at]! && low > ABSENT) min[at] = low
    if (high > max[at]! && high < Number.POSITIVE_INFINITY) max[at] = high
  }
  for (let at = 0; at < count; at++) {
    mean[at] = weight[at]! > 0 ? mean[at]! / weight[at]! : Number.NaN
    if (min[at]! > max[at]!) min[at] = max[at] = Number.NaN
  }
  return { mean, min, max, bad }
}
