/**
 * Decomposition of a series into seasons, and trend with remainder: STL (Cleveland et al. 1990), and for several
 * seasons one STL after the other, twice (Bandara, Hyndman & Bergmeir 2021, "MSTL"; `mstl` of R's package forecast,
 * with its widths 11, 15, 19 …).
 */
import { fitAt, type Smoothing, smooth } from './loess.ts'

/** A series in parts. */
export interface Decomposition {
  /** [seasons][n] */
  readonly seasonal: readonly Float64Array[]
  /** [n] The series without its seasons. */
  readonly adjusted: Float64Array
}

/** @param values none missing. @param seasons the shortest first; those longer than half of the series are left out */
export function mstl(values: Float64Array, seasons: readonly number[]): Decomposition {
  const periods = seasons.filter((season) => season > 1 && season < values.length / 2)
  const seasonal = periods.map(() => new Float64Array(values.length))
  const adjusted = values.slice()
  for (let round = 0; round < (periods.length > 1 ? 2 : 1); round++) {
    for (const [k, period] of periods.entries()) {
      const own = seasonal[k]!
      for (let i = 0; i < own.length; i++) adjusted[i]! += own[i]!
      own.set(stlSeasonal(adjusted, period, 11 + 4 * k))
      for (let i = 0; i < own.length; i++) adjusted[i]! -= own[i]!
    }
  }
  return { seasonal, adjusted }
}

/** The seasonal part, by STL without robustness weights. @param width of the smoothing of a season's values, odd */
export function stlSeasonal(values: Float64Array, period: number, width: number): Float64Array {
  const n = values.length
  const bySeason: Smoothing = { width, degree: 0, jump: Math.ceil(width / 10) }
  const trendWidth = odd((1.5 * period) / (1 - 1.5 / width))
  const forTrend: Smoothing = { width: trendWidth, degree: 1, jump: Math.ceil(trendWidth / 10) }
  const lowWidth = odd(period)
  const lowPass: Smoothing = { width: lowWidth, degree: 1, jump: Math.ceil(lowWidth / 10) }
  const trend = new Float64Array(n)
  const seasonal = new Float64Array(n)
  const detrended = new Float64Array(n)
  const low = new Float64Array(n)
  const cycles = new Float64Array(n + 2 * period)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < n; i++) detrended[i] = values[i]! - trend[i]!
    smoothCycles(detrended, period, bySeason, cycles)
    const averaged = averages(averages(averages(cycles, period), period), 3)
    smooth(averaged, n, lowPass, low)
    for (let i = 0; i < n; i++) seasonal[i] = cycles[period + i]! - low[i]!
    for (let i = 0; i < n; i++) detrended[i] = values[i]! - seasonal[i]!
    smooth(detrended, n, forTrend, trend)
  }
  return seasonal
}

function odd(value: number): number {
  const whole = Math.ceil(value)
  return whole % 2 === 0 ? whole + 1 : whole
}

/** Smooths the values of each place in the season by themselves, one more at either end. */
function smoothCycles(values: Float64Array, period: number, how: Smoothing, cycles: Float64Array): void {
  const longest = Math.ceil(values.length / period)
  const own = new Float64Array(longest)
  const smoothed = new Float64Array(longest + 2)
  for (let place = 0; place < period; place++) {
    const k = Math.floor((values.length - place - 1) / period) + 1
    for (let i = 0; i < k; i++) own[i] = values[i * period + place]!
    smooth(own, k, how, smoothed, 1)
    const before = fitAt(own, k, how, 0, 1, Math.min(how.width, k))
    const after = fitAt(own, k, how, k + 1, Math.max(1, k - how.width + 1), k)
    smoothed[0] = Number.isNaN(before) ? smoothed[1]! : before
    smoothed[k + 1] = Number.isNaN(after) ? smoothed[k]! : after
    for (let i = 0; i < k + 2; i++) cycles[i * period + place] = smoothed[i]!
  }
}

/** Moving averages of `width` values; as many fewer. */
function averages(values: Float64Array, width: number): Float64Array {
  const result = new Float64Array(values.length - width + 1)
  let sum = 0
  for (let i = 0; i < width; i++) sum += values[i]!
  result[0] = sum / width
  for (let i = 1; i < result.length; i++) {
    sum += values[i + width - 1]! - values[i - 1]!
    result[i] = sum / width
  }
  return result
}
