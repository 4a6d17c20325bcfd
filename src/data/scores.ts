/**
 * Scores of forecasts. Errors are divided by what the seasonal naive method errs on average before the test part (MASE,
 * Hyndman & Koehler 2006), series by series, and averaged over series; so series of all sizes count alike. A series
 * that never changes has no such scale and is left out.
 */
import type { Panel } from './panel.ts'

/** Quantiles that networks forecast; the middle one is the point forecast. */
export const QUANTILES: readonly number[] = [0.1, 0.5, 0.9]

/** Forecasts of one series from one step on. */
export interface Forecast {
  readonly series: number
  /** The step of the first, from the origin of time. */
  readonly step: number
  /** [horizon] */
  readonly point: Float64Array
  /** [horizon] The ends of the 80 % band; absent where a method has none. */
  readonly low?: Float64Array
  readonly high?: Float64Array
}

/** How good forecasts are. */
export interface ForecastScores {
  readonly mase: number
  /** 0 to 2: a share, which is shown in percent. */
  readonly smape: number
  readonly mae: number
  /** Share of the values inside the 80 % band; null where there is none. */
  readonly coverage: number | null
  /** Mean pinball loss of the three quantiles, divided as MASE is; null without a band. */
  readonly pinball: number | null
}

/** [series] Mean absolute difference from `season` steps before, of all before the step `until`; NaN where it is 0. */
export function maseScales(panel: Panel, season: number, until: number): Float64Array {
  return Float64Array.from(panel.series, ({ target, start }) => {
    let sum = 0
    let count = 0
    for (let i = season; i < Math.min(target.length, until - start); i++) {
      const difference = Math.abs(target[i]! - target[i - season]!)
      if (Number.isNaN(difference)) continue
      sum += difference
      count++
    }
    return sum > 0 ? sum / count : Number.NaN
  })
}

/** Sums of one series. */
interface Sums {
  absolute: number
  symmetric: number
  inside: number
  pinball: number
  count: number
  banded: number
}

/** @param scales from `maseScales` */
export function scoresOf(panel: Panel, forecasts: readonly Forecast[], scales: Float64Array): ForecastScores {
  const sums = panel.series.map((): Sums => ({ absolute: 0, symmetric: 0, inside: 0, pinball: 0, count: 0, banded: 0 }))
  for (const forecast of forecasts) add(sums[forecast.series]!, forecast, panel)
  const scored = sums.map((sum, s) => ({ ...sum, scale: scales[s]! })).filter(({ count }) => count > 0)
  const mean = (value: (sum: Sums & { scale: number }) => number) => average(scored.map(value))
  const banded = scored.some((sum) => sum.banded > 0)
  return {
    mase: mean(({ absolute, count, scale }) => absolute / count / scale),
    smape: mean(({ symmetric, count }) => symmetric / count),
    mae: mean(({ absolute, count }) => absolute / count),
    coverage: banded ? mean(({ inside, banded }) => inside / banded) : null,
    pinball: banded ? mean(({ pinball, banded, scale }) => pinball / banded / scale) : null,
  }
}

/** Of the numbers that are some. */
function average(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : Number.NaN
}

function add(sums: Sums, { series, step, point, low, high }: Forecast, panel: Panel): void {
  const { target, start } = panel.series[series]!
  for (let ahead = 0; ahead < point.length; ahead++) {
    const value = target[step - start + ahead]
    const forecast = point[ahead]!
    if (value === undefined || Number.isNaN(value) || Number.isNaN(forecast)) continue
    const error = Math.abs(value - forecast)
    const size = Math.abs(value) + Math.abs(forecast)
    sums.absolute += error
    sums.symmetric += size > 0 ? (2 * error) / size : 0
    sums.count++
    if (!low || !high) continue
    sums.inside += value >= low[ahead]! && value <= high[ahead]! ? 1 : 0
    sums.pinball += meanPinball(value, [low[ahead]!, forecast, high[ahead]!])
    sums.banded++
  }
}

function meanPinball(value: number, quantiles: readonly number[]): number {
  let sum = 0
  for (const [q, quantile] of quantiles.entries()) {
    const error = value - quantile
    sum += Math.max(QUANTILES[q]! * error, (QUANTILES[q]! - 1) * error)
  }
  return sum / quantiles.length
}
