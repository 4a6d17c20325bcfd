/**
 * A panel: the series of a table on a regular line of time, one value a step. Rows may stand in any order: they are
 * sorted by series and time. What has no row, or no value, is NaN.
 */
import { InputError } from '../error.ts'
import { grouped, percent } from '../numbers.ts'
import type { Column, Table } from '../table/table.ts'
import { type Axis, axisOf, momentsAxis } from './axis.ts'
import { columnOf, groupsOf, momentsOf, numbersOf } from './columns.ts'
import { type Note, note, warning } from './notes.ts'
import type { ForecastSchema } from './schema.ts'
import { HOUR } from './step.ts'

/** What of a schema says how a table becomes a panel. */
export type PanelSchema = Pick<ForecastSchema, 'time' | 'series' | 'targets' | 'known' | 'past' | 'gaps' | 'duplicates'>

/** One series from its first row to its last. */
export interface PanelSeries {
  readonly name: string
  /** The step of its first value. */
  readonly start: number
  /** [steps] */
  readonly target: Float64Array
  /** [steps] of each input column, in the order of known and past; of categories indices of the column's levels. */
  readonly inputs: readonly Float64Array[]
}

export interface Panel {
  readonly axis: Axis
  /** Sorted by name; those of several target columns in the order of the schema. */
  readonly series: readonly PanelSeries[]
  /** Levels of each input column; empty of numbers. */
  readonly levels: readonly (readonly string[])[]
  readonly notes: readonly Note[]
}

/** A share of duplicates above which rows are not slips, but of several series. */
const MOST_DUPLICATES = 0.01
/** Steps that a table may span: 100 years of minutes. What spans more has a wrong date in it. */
const MOST_STEPS = 60_000_000

/** @throws InputError for stamps that are missing, off the steps, or too often double */
export function panelOf(table: Table, schema: PanelSchema): Panel {
  const axis = schema.gaps === 'skip' ? axisOfRows(table, schema) : axisOf(schema.time)
  const { names, of } = groupsOf(table, schema.series, 'series')
  const steps = stepsOf(table, schema, axis, of)
  const spans = spansOf(table, axis, steps, of, names.length)
  const columns = [...schema.known, ...schema.past].map(({ name }) => columnOf(table, name, 'input'))
  const targets = schema.targets.map((name) => numbersOf(table, name, 'target'))
  const place = (values: (row: number) => number, group: number, how: PanelSchema['duplicates'], empty = Number.NaN) =>
    placed(spans[group]!, steps, values, how, empty)
  const duplicates = spans.reduce((sum, span) => sum + span.rows.length, 0) - countSteps(spans, steps)
  const notes = notesOfDuplicates(table, schema, axis, duplicates, spans, steps)
  const series = spans.flatMap((span, group) => {
    const inputs = columns.map((column) => {
      const how = column.type === 'category' ? 'last' : schema.duplicates
      return place(cellsOf(column), group, how)
    })
    return targets.map((column) => ({
      name: targets.length > 1 ? column.name : names[group]!,
      start: span.start,
      target: place(cellsOf(column), group, schema.duplicates, schema.gaps === 'zero' ? 0 : Number.NaN),
      inputs,
    }))
  })
  const levels = columns.map((column) => (column.type === 'category' ? column.levels : []))
  return { axis, series, levels, notes }
}

function cellsOf(column: Column): (row: number) => number {
  if (column.type !== 'category') return (row) => column.values[row]!
  return (row) => (column.codes[row]! < 0 ? Number.NaN : column.codes[row]!)
}

/** The axis of the moments that rows of any series have. */
function axisOfRows(table: Table, { time }: PanelSchema): Axis {
  if (time.column === null) {
    throw new InputError('--gaps skip: expected a column of times, by which rows are sorted, but there is none')
  }
  const { values, type } = momentsOf(table, time.column, 'time')
  const moments = Float64Array.from(new Set(values)).sort()
  const missing = moments.findIndex(Number.isNaN) // NaN is sorted to the end
  return momentsAxis(missing < 0 ? moments : moments.subarray(0, missing), time, type === 'number')
}

/** [rows] The step of each row. */
function stepsOf(table: Table, { time }: PanelSchema, axis: Axis, groups: Int32Array): Float64Array {
  if (time.column === null) return countedRows(groups)
  const { values } = momentsOf(table, time.column, 'time')
  return Float64Array.from(values, (value, row) => {
    if (Number.isNaN(value)) {
      throw new InputError(
        `${table.name}: row ${row + 1}: ${time.column}: expected a time in every row but received none: fill it in ` +
          'or remove the row',
      )
    }
    const index = axis.indexOf(value)
    if (Number.isInteger(index)) return index
    throw new InputError(
      `${table.name}: row ${row + 1}: ${time.column}: expected steps of ${time.step} from ${axis.text(0)} on but ` +
        `received ${axis.step.unit === 'row' ? value : new Date(value).toISOString()}, between two of them: say the ` +
        'step with --every, or --gaps skip, or round the times',
    )
  })
}

/** Rows without a time stand in their order, series by series. */
function countedRows(groups: Int32Array): Float64Array {
  const next = new Map<number, number>()
  return Float64Array.from(groups, (group) => {
    const step = next.get(group) ?? 0
    next.set(group, step + 1)
    return step
  })
}

/** Rows of a series, by step. */
interface Span {
  readonly start: number
  readonly length: number
  /** Sorted by step; those of one step in their order. */
  readonly rows: Int32Array
}

function spansOf(table: Table, axis: Axis, steps: Float64Array, groups: Int32Array, count: number): Span[] {
  const rows: number[][] = Array.from({ length: count }, () => [])
  for (const [row, group] of groups.entries()) rows[group]!.push(row)
  return rows.map((own) => {
    const sorted = Int32Array.from(own).sort((a, b) => steps[a]! - steps[b]! || a - b)
    const start = steps[sorted[0]!]!
    const end = steps[sorted.at(-1)!]!
    if (end - start >= MOST_STEPS) {
      throw new InputError(
        `${table.name}: expected at most ${grouped(MOST_STEPS)} steps but it spans ${grouped(end - start + 1)}, ` +
          `from ${axis.text(start)} to ${axis.text(end)}: correct the wrong date, or say the step with --every`,
      )
    }
    return { start, length: end - start + 1, rows: sorted }
  })
}

function countSteps(spans: readonly Span[], steps: Float64Array): number {
  let count = 0
  for (const { rows } of spans) {
    for (const [i, row] of rows.entries()) if (i === 0 || steps[row] !== steps[rows[i - 1]!]) count++
  }
  return count
}

/** Values of rows at their steps. */
function placed(
  { start, length, rows }: Span,
  steps: Float64Array,
  value: (row: number) => number,
  how: PanelSchema['duplicates'],
  empty: number,
): Float64Array {
  const values = new Float64Array(length).fill(empty)
  for (let i = 0; i < rows.length; ) {
    const step = steps[rows[i]!]!
    let sum = 0
    let count = 0
    for (; i < rows.length && steps[rows[i]!] === step; i++) {
      const next = value(rows[i]!)
      if (Number.isNaN(next)) continue
      if (how === 'last') sum = next
      else sum += next
      count++
    }
    values[step - start] = count === 0 ? Number.NaN : how === 'mean' ? sum / count : sum
  }
  return values
}

function notesOfDuplicates(
  table: Table,
  { duplicates, series, time, targets }: PanelSchema,
  axis: Axis,
  count: number,
  spans: readonly Span[],
  steps: Float64Array,
): Note[] {
  if (count === 0) return []
  if (duplicates !== 'last')
    return [note('duplicates', `${grouped(count)} rows of a step that has others: ${duplicates}`)]
  const row = firstDouble(spans, steps)
  const at = `row ${grouped(row + 1)}, ${axis.text(steps[row]!)}`
  if (count > Math.max(1, MOST_DUPLICATES * table.rows)) {
    throw new InputError(
      `${table.name}: expected one row a step${series === null ? '' : ' and series'} but ${grouped(count)} of ` +
        `${grouped(table.rows)} rows (${percent(count / table.rows, 0)}) are of a step that has another, the first ` +
        `${at}: ${series === null ? 'name the column of series with --series, or ' : ''}add ${targets[0]} up ` +
        'with --duplicates sum or mean',
    )
  }
  const summer = axis.step.unit === 'ms' && axis.step.size <= HOUR && time.zone === null
  const clock = summer ? '; an hour that is there twice is the end of summer time: say --timezone' : ''
  return [
    warning(
      'duplicates',
      `${grouped(count)} rows are of a step that has another, the first ${at}: the last counts${clock}`,
    ),
  ]
}

/** The first row of a step that has another before it. */
function firstDouble(spans: readonly Span[], steps: Float64Array): number {
  for (const { rows } of spans) {
    const i = rows.findIndex((row, i) => i > 0 && steps[row] === steps[rows[i - 1]!])
    if (i >= 0) return rows[i]!
  }
  return Number.NaN
}
