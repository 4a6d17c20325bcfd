/** The kinds of work, each by the function that decides about a table. Every one is fitted by the same `fit`. */
import type { Table } from '../table/table.ts'
import { forecasting as decide } from './forecast.ts'
import type { ForecastChoices } from './infer.ts'
import type { Work } from './work.ts'

/**
 * Forecasts: everything that is not said of them is inferred from the table; `fit` trains.
 * @throws InputError where the table and the choices do not give one
 */
export function forecasting(table: Table, choices: ForecastChoices): Work {
  return decide(table, choices)
}
