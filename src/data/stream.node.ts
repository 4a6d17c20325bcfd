/** Forecasts of records that come one by one. */
import { InputError, shown } from '../error.ts'
import { openTable } from '../table/openTable.node.ts'
import type { Row } from '../table/rows.ts'
import { axisOf } from './axis.ts'
import { type FittedNetwork, type Predicted, predictTable } from './predict.ts'
import { seasonLag } from './prepared.ts'
import { perYear } from './step.ts'

/** Takes records one by one. */
export interface ForecastStream {
  /**
   * Adds a record to its series; records of a series come in the order of time. One whose target is null says what the
   * known columns of a step ahead are.
   * @throws InputError unless it is an object
   */
  push(record: Row): void
  /**
   * Forecasts the steps after the last value of a series, or of every series: the numbers that `predict` gives for all
   * records so far.
   * @throws InputError where a column, or a known column of a step ahead, is missing
   */
  forecast(series?: string): Promise<Predicted>
}

/** The records that a forecast can need are kept, series by series, and go through the same code as a table. */
export function forecastStream(network: FittedNetwork): ForecastStream {
  const { schema } = network
  const year = Math.ceil(perYear(axisOf(schema.time).step)) + 1
  const back = schema.lags.map((lag) => (lag === 'year' ? year : lag))
  const most = schema.window + Math.max(seasonLag(schema), ...back) + 2 * schema.horizon + 1
  const kept = new Map<string, Row[]>()
  return {
    push(record) {
      if (typeof record !== 'object' || record === null) {
        throw new InputError(`stream: expected a record but received ${shown(record)}: push an object of columns`)
      }
      const name = schema.series === null ? '' : String(record[schema.series])
      kept.set(name, [...(kept.get(name) ?? []), record].slice(-most))
    },
    async forecast(series) {
      const rows = series === undefined ? [...kept.values()].flat() : (kept.get(series) ?? [])
      if (rows.length === 0)
        throw new InputError('stream: expected records before a forecast but received none: push some')
      return predictTable(network, await openTable(rows))
    },
  }
}
