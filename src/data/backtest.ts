/** How a fitted network would have done: forecasts from many moments of rows that are there, beside other methods. */
import { InputError } from '../error.ts'
import type { Table } from '../table/table.ts'
import { forecastsOf, methodsFor } from './baselines/methods.ts'
import { NETWORK } from './forecast.ts'
import { networkForecasts } from './forecasting.ts'
import type { Note } from './notes.ts'
import { type FittedNetwork, preparedFor } from './predict.ts'
import { maseScales, scoresOf } from './scores.ts'
import { windowsWithin } from './windows.ts'
import type { MethodScores } from './work.ts'

/** How a network did on the rows after its validation part. */
export interface Backtest {
  /** The first and the last moment that was forecast. */
  readonly from: string
  readonly to: string
  readonly forecasts: number
  readonly methods: readonly MethodScores[]
  readonly winner: string
  readonly notes: readonly Note[]
}

/**
 * Forecasts every `stride` steps from the end of the validation part on; the network was fitted once, before.
 * @throws InputError where no row is after the validation part
 */
export function backtestTable({ model, schema }: FittedNetwork, table: Table, stride = schema.split.stride): Backtest {
  const { panel, prepared, notes } = preparedFor(schema, table)
  const { test } = schema.split
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
  const scales = maseScales(panel, schema.seasons.at(-1) ?? 1, test)
  const network = networkForecasts(model, prepared, windows)
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
    methods,
    winner,
    notes,
  }
}
