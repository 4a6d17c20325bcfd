/** Forecasts of new rows by a fitted network. The schema says what the rows must have. */
import { InputError, shown } from '../error.ts'
import type { Model } from '../model/model.ts'
import { grouped } from '../numbers.ts'
import type { CategoryColumn, Column, Table } from '../table/table.ts'
import { categoryOf, columnOf } from './columns.ts'
import { networkForecasts } from './forecasting.ts'
import { type Note, note, warning } from './notes.ts'
import { type Panel, panelOf } from './panel.ts'
import { type Prepared, placesOf, prepare } from './prepared.ts'
import { seriesName } from './report.ts'
import type { FittedColumn, FittedForecast, ForecastSchema, InputColumn } from './schema.ts'
import type { Forecast } from './scores.ts'
import type { Windows } from './windows.ts'

/** A forecast of one step. */
export interface ForecastStep {
  /** As the source writes time: `2015-01-01`, `2015-01-01T10:30`. */
  readonly time: string
  readonly series: string
  /** The median, in the target's units, as all are. */
  readonly point: number
  /** By the share of values that are below. */
  readonly quantiles: { readonly 0.1: number; readonly 0.5: number; readonly 0.9: number }
}

/** Forecasts of new rows, and what a person should know of these. */
export interface Predicted {
  /** Series by series, step by step. */
  readonly steps: readonly ForecastStep[]
  readonly notes: readonly Note[]
}

/** A model and the schema that it was fitted with. */
export interface FittedNetwork {
  readonly model: Model
  readonly schema: ForecastSchema
}

/**
 * The `horizon` steps after the last value of each series.
 * @throws InputError where columns or rows that the schema needs are not there, or are of another type
 */
export function predictTable({ model, schema }: FittedNetwork, table: Table): Predicted {
  const { panel, prepared, notes } = preparedFor(schema, table)
  const windows = nextWindows(panel, schema, table.name)
  const forecasts = networkForecasts(model, prepared, windows)
  return { steps: forecasts.flatMap((forecast) => stepsOf(panel, schema, forecast)), notes }
}

/** A panel of rows by a schema that is there already, ready for the network. */
export function preparedFor(
  schema: ForecastSchema,
  table: Table,
): { panel: Panel; prepared: Prepared; notes: readonly Note[] } {
  const fitted = fittedForecast(schema)
  const own = fittingTable(schema, table)
  const panel = panelOf(own, schema)
  const notes = [...panel.notes, ...unusedOf(schema, table), ...strangeOf(schema, panel)]
  return { panel, prepared: prepare(panel, schema, fitted), notes }
}

/** @throws InputError for a schema of decisions alone */
export function fittedForecast({ fitted }: ForecastSchema): FittedForecast {
  if (fitted !== null) return fitted
  throw new InputError('schema: expected a fitted one but received decisions only: run irnn fit first')
}

export function stepsOf(
  { axis, series }: Pick<Panel, 'series' | 'axis'>,
  schema: ForecastSchema,
  forecast: Forecast,
): ForecastStep[] {
  const { step, point, low, high } = forecast
  const name = seriesName(schema, series[forecast.series]!.name)
  return Array.from(point, (value, ahead) => ({
    time: axis.text(step + ahead),
    series: name,
    point: value,
    quantiles: { 0.1: low![ahead]!, 0.5: value, 0.9: high![ahead]! },
  }))
}

/** The columns that a schema needs, each of its type. @throws InputError where one is missing or of another type */
function fittingTable(schema: ForecastSchema, table: Table): Table {
  const { time, series, targets, known, past } = schema
  const columns: Column[] = []
  const need = (name: string, use: string) => {
    if (table.columns.some((column) => column.name === name)) return columnOf(table, name, table.name)
    throw new InputError(
      `${table.name}: expected the column ${shown(name)} (${use}) but it has ` +
        `${table.columns
          .map((column) => column.name)
          .slice(0, 12)
          .join(', ')}: add it`,
    )
  }
  if (time.column !== null) columns.push(need(time.column, 'time'))
  if (series !== null) columns.push(need(series, 'series'))
  for (const name of targets) columns.push(asNumbers(need(name, 'target'), table))
  const uses: [string, readonly InputColumn[]][] = [
    ['known in advance', known],
    ['an input', past],
  ]
  for (const [use, inputs] of uses) {
    for (const { name, type } of inputs) {
      const column = need(name, use)
      columns.push(type === 'category' ? asCategory(column) : asNumbers(column, table))
    }
  }
  return { name: table.name, rows: table.rows, columns }
}

function asCategory(column: Column): CategoryColumn {
  return column.type === 'category' ? column : categoryOf(column)
}

function asNumbers(column: Column, table: Table): Column {
  if (column.type === 'number') return column
  if (column.type === 'category') {
    // A column that is all empty has no type of its own.
    const row = column.codes.findIndex((code) => code >= 0 && Number.isNaN(Number(column.levels[code])))
    if (row < 0) {
      const values = Float64Array.from(column.codes, (code) => (code < 0 ? Number.NaN : Number(column.levels[code])))
      return { name: column.name, type: 'number', values }
    }
    throw new InputError(
      `${table.name}: row ${row + 1}: ${column.name}: expected a number, as in training, but received ` +
        `${shown(column.levels[column.codes[row]!])}: correct it`,
    )
  }
  if (column.values.every(Number.isNaN)) return { name: column.name, type: 'number', values: column.values }
  throw new InputError(
    `${table.name}: ${column.name}: expected numbers, as in training, but received times: correct them`,
  )
}

/** One window a series: the steps after its last value. @throws InputError where rows of known columns are missing */
export function nextWindows(
  { series, axis }: Pick<Panel, 'series' | 'axis'>,
  schema: ForecastSchema,
  what: string,
): Windows {
  const found: [number, number][] = []
  for (const [s, { target, inputs, start, name }] of series.entries()) {
    const last = target.findLastIndex((value) => !Number.isNaN(value))
    if (last < 0) continue
    const origin = last + 1
    for (const [k, column] of schema.known.entries()) {
      const missing: number[] = []
      for (let i = origin; i < origin + schema.horizon; i++) {
        const value = inputs[k]![i]
        if (value === undefined || Number.isNaN(value)) missing.push(i)
      }
      if (missing.length === 0) continue
      const from = axis.text(start + missing[0]!)
      const to = axis.text(start + missing.at(-1)!)
      throw new InputError(
        `${what}: ${column.name}: expected its values for ${from === to ? from : `${from} … ${to}`} ` +
          `(known in advance, ${missing.length} rows${name === '' ? '' : ` of ${shown(name)}`}) but received none: ` +
          `add the rows with ${schema.targets[0]} left empty`,
      )
    }
    found.push([s, origin])
  }
  if (found.length > 0) {
    return { series: Int32Array.from(found, ([s]) => s), origins: Int32Array.from(found, ([, origin]) => origin) }
  }
  throw new InputError(
    `${what}: ${schema.targets[0]}: expected past values but received none: add the rows before the forecast`,
  )
}

/** Columns that a schema needs. */
export function columnsOf({ time, series, targets, known, past }: ForecastSchema): string[] {
  const names = [time.column, series, ...targets, ...[...known, ...past].map(({ name }) => name)]
  return names.filter((name) => name !== null)
}

function unusedOf(schema: ForecastSchema, table: Table): Note[] {
  const used = new Set(columnsOf(schema))
  const rest = table.columns.map(({ name }) => name).filter((name) => !used.has(name))
  return rest.length > 0 ? [note('unused', `not used: ${rest.join(', ')}`)] : []
}

/** Values farther than this many deviations from the mean of the training part are told. */
const FAR = 6

/** Whether training did not see such a value. @param value of a category, the place of its level */
export function isStrange({ type }: InputColumn, { levels, mean, std }: FittedColumn, value: number): boolean {
  if (Number.isNaN(value) || type === 'flag') return false
  return type === 'category' ? value === levels.length : Math.abs(value - mean) > FAR * std
}

/** Categories and values that training did not see. */
function strangeOf(schema: ForecastSchema, panel: Panel): Note[] {
  const counts = [...schema.known, ...schema.past].map((column, k) => {
    const fitted = schema.fitted!.columns[k]!
    const places = column.type === 'category' ? panel.levels[k]!.map(placesOf(fitted)) : null
    let strange = 0
    for (const { inputs } of panel.series) {
      for (const value of inputs[k]!) if (isStrange(column, fitted, places?.[value] ?? value)) strange++
    }
    return strange
  })
  const names = panel.series.map(({ name }) => name)
  return strangeNotes(schema, counts, names)
}

/** @param counts strange values of each input column. @param names of all series */
export function strangeNotes(schema: ForecastSchema, counts: readonly number[], names: readonly string[]): Note[] {
  const notes: Note[] = []
  for (const [k, { name, type }] of [...schema.known, ...schema.past].entries()) {
    if (counts[k] === 0) continue
    const what =
      type === 'category'
        ? 'are of no category of the training part, and count as <other>'
        : `are more than ${FAR} deviations from those of the training part`
    notes.push(warning('strange', `${name}: ${grouped(counts[k]!)} values ${what}`))
  }
  const known = new Set(schema.fitted!.series.map(({ name }) => name))
  const fresh = names.filter((name) => !known.has(name))
  if (fresh.length > 0) {
    notes.push(note('series', `new series, scaled by their own values: ${fresh.slice(0, 8).join(', ')}`))
  }
  return notes
}
