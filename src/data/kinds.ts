/** The kinds of work, each by the function that decides about a table. Every one is fitted by the same `fit`. */
import type { Table } from '../table/table.ts'
import { forecasting as decide } from './forecast.ts'
import type { ForecastChoices } from './infer.ts'
import type { LabelChoices, NextChoices } from './labels/inferSequences.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import { labelling as decideLabels, nextItem as decideNext } from './labels/sequenceWork.ts'
import type { ForecastSchema } from './schema.ts'
import type { Work } from './work.ts'

/**
 * Forecasts: everything that is not said of them is inferred from the table; `fit` trains.
 * @throws InputError where the table and the choices do not give one
 */
export function forecasting(table: Table, choices: ForecastChoices): Work & { readonly schema: ForecastSchema } {
  return decide(table, choices)
}

/**
 * Labels of whole sequences or of every row: everything that is not said of them is inferred from the table.
 * @throws InputError where the table and the choices do not give labels to learn
 */
export function labelling(table: Table, choices: LabelChoices): Work & { readonly schema: SequenceSchema } {
  return decideLabels(table, choices)
}

/**
 * Items that come next in sequences of items.
 * @throws InputError where the table and the choices do not give sequences of items
 */
export function nextItem(table: Table, choices: NextChoices): Work & { readonly schema: SequenceSchema } {
  return decideNext(table, choices)
}
