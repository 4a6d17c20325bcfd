/** How a fitted network would have done: forecasts from many moments of rows that are there, beside other methods. */
import { InputError, refuseUnless } from '../error.ts'
import type { Table } from '../table/table.ts'
import { forecastsOf, methodsFor } from './baselines/methods.ts'
import { NETWORK } from './forecast.ts'
import { networkForecasts } from './forecasting.ts'
import type { Note } from './notes.ts'
import type { Panel } from './panel.ts'
import { type FittedNetwork, preparedFor } from './predict.ts'
import { refitted, type Training } from './refit.ts'
import type { ForecastSchema } from './schema.ts'
import { type Forecast, maseScales, scoresOf } from './scores.ts'
import { type Windows, windowsWithin } from './windows.ts'
import type { MethodScores } from './work.ts'

/** How a network did on the rows after its validation part. */
export interface Backtest {
  /** The first and the last moment that was forecast. */
  readonly from: string
  readonly to: string
  readonly forecasts: number
  /** How often the network was fitted again; 0: it was fitted once, before. */
  readonly fits: number
  readonly methods: readonly MethodScores[]
  readonly winner: string
  readonly notes: readonly Note[]
}

/** How a network is tried. */
export interface BacktestOptions {
  /** Steps from one forecast to the next. Default: the fit's. */
  readonly stride?: number | undefined
  /**
   * The network is fitted again before each so many moments, on all rows before the first of them, as it was fitted at
   * first. Default: never.
   */
  readonly refit?: number | undefined
  /** Is called before each fit: of which moment, the how manieth of how many. */
  readonly onRefit?: ((moment: string, fit: number, fits: number) => void) | undefined
}

/**
 * Forecasts every `stride` steps from the end of the validation part on.
 * @throws InputError where no row is after the validation part, and for options that are no whole numbers
 */
export async function backtestTable(
  { model, schema }: FittedNetwork,
  table: Table,
  { stride = schema.split.stride, refit, onRefit }: BacktestOptions,
  training: Training,
): Promise<Backtest> {
  for (const [name, value] of Object.entries({ stride, refit })) {
    const fits = value === undefined || (Number.isSafeInteger(value) && value >= 1)
    refuseUnless(fits, `backtest: ${name}`, 'a whole number >= 1', value)
  }
  const { panel, prepared, notes } = preparedFor(schema, table)
  const { test } = schema.split
  if (schema.gaps === 'skip' && panel.axis.timeOf(0) !== schema.time.origin) {
    throw new InputError(
      `${table.name}: expected rows from the first one of the fit on, for steps are counted by rows (--gaps skip), ` +
        `but the first is of ${panel.axis.text(0)}: add those before`,
    )
  }
  const end = Math.max(
    ...panel.series.map(({ start, target }) => start + 1 + target.findLastIndex((v) => !Number.isNaN(v))),
  )
  const windows = windowsWithin(prepared, [test, end], stride, 1)
  if (windows.series.length === 0) {
    throw new InputError(
      `${table.name}: expected at least ${schema.horizon} steps from ${panel.axis.text(test)} on, where the training ` +
        `and validation parts end, but received ${Math.max(0, end - test)}: add later rows`,
    )
  }
  const scales = scalesOf(panel, schema)
  const network: Forecast[] = []
  let fits = 0
  if (refit === undefined) network.push(...networkForecasts(model, prepared, windows))
  else {
    const blocks = blocksOf(windows, panel, test, stride * refit)
    for (const [step, block] of blocks) {
      fits++
      onRefit?.(panel.axis.text(step), fits, blocks.size)
      const again = await refitted(model, schema, panel, step, training)
      network.push(...networkForecasts(again.model, again.prepared, block))
      again.model.dispose()
    }
  }
  const origins = network.map(({ series, step }) => ({ series, step }))
  const methods = methodsFor(schema, panel).map((method) => ({
    name: method.name,
    ...scoresOf(panel, forecastsOf(method, panel, origins), scales),
  }))
  methods.push({ name: NETWORK, ...scoresOf(panel, network, scales) })
  const winner = [...methods].sort((a, b) => a.mase - b.mase || a.mae - b.mae)[0]!.name
  return {
    from: panel.axis.text(test),
    to: panel.axis.text(end - 1),
    forecasts: network.length,
    fits,
    methods,
    winner,
    notes,
  }
}

/** What MASE divides by: as in the fit, for rows that come later have few before the test part, or none. */
function scalesOf(panel: Panel, schema: ForecastSchema): Float64Array {
  const own = maseScales(panel, schema.seasons.at(-1) ?? 1, schema.split.test)
  const ofFit = new Map(schema.fitted?.series.map(({ name, mase }) => [name, mase]))
  return own.map((scale, k) => ofFit.get(panel.series[k]!.name) ?? scale)
}

/** Windows by the fit that they are of, each with its first moment, the earliest first. */
function blocksOf({ series, origins }: Windows, panel: Panel, from: number, steps: number): Map<number, Windows> {
  const blocks = new Map<number, [number, number][]>()
  for (const [k, s] of series.entries()) {
    const step = panel.series[s]!.start + origins[k]!
    const first = from + steps * Math.floor((step - from) / steps)
    blocks.set(first, [...(blocks.get(first) ?? []), [s, origins[k]!]])
  }
  const sorted = [...blocks].sort(([a], [b]) => a - b)
  return new Map(
    sorted.map(([first, found]) => [
      first,
      { series: Int32Array.from(found, ([s]) => s), origins: Int32Array.from(found, ([, origin]) => origin) },
    ]),
  )
}
