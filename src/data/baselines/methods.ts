/** The methods beside a network: what is to be beaten, in words that say what they do. */
import type { Panel, PanelSeries } from '../panel.ts'
import { fill, transformed, transformedBack } from '../prepared.ts'
import type { ForecastSchema } from '../schema.ts'
import type { Forecast } from '../scores.ts'
import { DAY, perYear } from '../step.ts'
import { fitSmoother, type Smoother, smoothAhead } from './ets.ts'
import { mstl } from './mstl.ts'

/** Forecasts of a series after `origin` of its steps. */
export type Forecaster = (origin: number) => Omit<Forecast, 'series' | 'step'>

export interface Method {
  readonly name: string
  /** For a series; what it learns once, it learns from the steps before `first`. */
  start(series: PanelSeries, first: number): Forecaster
}

/** Those that fit a schema; the simplest first. */
export function methodsFor(schema: ForecastSchema, panel: Panel): Method[] {
  const { seasons, horizon } = schema
  const season = seasons.at(-1)
  const methods: Method[] = [{ name: 'last value', start: (series) => repeating(series, 1, horizon) }]
  if (season !== undefined) {
    const name = `value a season before (${season} steps)`
    methods.push({ name, start: (series) => repeating(series, season, horizon) })
  }
  const year = weeksOfYear(panel)
  if (year !== null && year !== season && panel.series.some(({ target }) => target.length > 2 * year)) {
    methods.push({ name: 'same weekday a year before', start: (series) => repeating(series, year, horizon) })
  }
  const name = season === undefined ? 'trend of the last values (ETS)' : 'seasons and trend (MSTL, ETS)'
  methods.push({
    name,
    start: (series, first) => seasonsAndTrend(series, first, seasonsWithYear(schema, panel), schema),
  })
  return methods
}

/** Steps in the 52 weeks that are nearest to a year, where a step is a day or less. */
function weeksOfYear({ axis: { step } }: Panel): number | null {
  if (step.unit !== 'ms' || step.size > DAY || DAY % step.size !== 0) return null
  return perYear(step) > 0 ? (364 * DAY) / step.size : null
}

/** The values `period` steps before, again and again. A missing one is that of the period before. */
function repeating({ target }: PanelSeries, period: number, horizon: number): Forecaster {
  return (origin) => ({
    point: Float64Array.from({ length: horizon }, (_, ahead) => {
      let i = origin + ahead - period * Math.ceil((ahead + 1) / period)
      while (i >= 0 && Number.isNaN(target[i]!)) i -= period
      return i >= 0 ? target[i]! : Number.NaN
    }),
  })
}

/** Those of a schema, and of days the year: 365, as R's msts rounds it. */
function seasonsWithYear({ seasons }: ForecastSchema, { axis: { step } }: Panel): number[] {
  return step.unit === 'ms' && step.size === DAY ? [...seasons, Math.round(perYear(step))] : [...seasons]
}

/** The standard normal distribution's 0.9 quantile: the ends of an 80 % band. */
const Z90 = 1.2815515655446004
/** Values that a fit looks at: decomposition by season needs no more. */
const MOST_VALUES = 20_000

/**
 * The seasons of the last period, and exponential smoothing of what is left. Its form and parameters are found once;
 * decomposition and state follow the series.
 */
function seasonsAndTrend(
  { target }: PanelSeries,
  first: number,
  seasons: readonly number[],
  { horizon, transform }: ForecastSchema,
): Forecaster {
  const values = fill(
    target.map((value) => transformed(transform, value)),
    seasons.at(-1) ?? 0,
  )
  let smoother: Smoother | null = null
  const decompose = (origin: number) => mstl(values.slice(Math.max(0, origin - MOST_VALUES), origin), seasons)
  return (origin) => {
    const { adjusted, seasonal } = decompose(origin)
    smoother ??= fitSmoother(first === origin ? adjusted : decompose(first).adjusted)
    const { mean, deviation } = smoothAhead(adjusted, smoother, horizon)
    const periods = seasons.filter((season) => season > 1 && season < adjusted.length / 2)
    const at = (ahead: number, band: number) => {
      let value = mean[ahead]! + band * deviation[ahead]!
      for (const [k, part] of seasonal.entries()) {
        const period = periods[k]!
        value += part[part.length - period + (ahead % period)]!
      }
      return transformedBack(transform, value)
    }
    const ends = (band: number) => Float64Array.from({ length: horizon }, (_, ahead) => at(ahead, band))
    return { point: ends(0), low: ends(-Z90), high: ends(Z90) }
  }
}

/** The forecasts of a method at the origins of windows: pairs of series and step, those of a series in a row. */
export function forecastsOf(
  method: Method,
  panel: Panel,
  windows: readonly { readonly series: number; readonly step: number }[],
): Forecast[] {
  const forecasters = new Map<number, Forecaster>()
  return windows.map(({ series, step }) => {
    const one = panel.series[series]!
    const forecaster = forecasters.get(series) ?? method.start(one, step - one.start)
    forecasters.set(series, forecaster)
    return { series, step, ...forecaster(step - one.start) }
  })
}
