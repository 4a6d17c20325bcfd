/** Labels of new rows, and items that come next, by a fitted network. */
import { InputError, shown } from '../../error.ts'
import type { Model } from '../../model/model.ts'
import { grouped } from '../../numbers.ts'
import type { Column, Table } from '../../table/table.ts'
import { categoryOf } from '../columns.ts'
import { listed, type Note, note, warning } from '../notes.ts'
import { probabilitiesOf } from './batches.ts'
import { encode } from './encode.ts'
import type { FittedSequences, SequenceSchema } from './sequenceSchema.ts'
import { emptySequences, type Sequences, sequencesOf } from './sequences.ts'

/** A label of a sequence or a row, or the item that comes next. */
export interface Labelled {
  /** Of the sequence. */
  readonly id: string
  /** The first row of the sequence, or the row that has the label, from 1; of next items, the last one. */
  readonly row: number
  /** The most probable label or item. */
  readonly label: string
  /** By label, in the order of the schema's classes; their sum is 1. */
  readonly probabilities: Readonly<Record<string, number>>
}

/** Labels of new rows, and what a person should know of these. */
export interface PredictedLabels {
  /** In the order of the table. */
  readonly labels: readonly Labelled[]
  readonly notes: readonly Note[]
}

/** A model and the schema that it was fitted with. */
export interface SequenceNetwork {
  readonly model: Model
  readonly schema: SequenceSchema
}

/** The label of each sequence or row; the next item of each sequence. @throws InputError where rows do not fit */
export function predictLabels({ model, schema }: SequenceNetwork, table: Table): PredictedLabels {
  const fitted = fittedOf(schema)
  const sequences = sequencesOf(fittingTable(schema, table), schema)
  emptySequences(table, schema, sequences, 0)
  const data = encode(sequences, fitted)
  const which = Int32Array.from(sequences.ids, (_, n) => n)
  const K = fitted.classes.length
  const probabilities = probabilitiesOf(model, data, which, fitted)
  const { starts, rows, ids } = sequences
  const labels: Labelled[] = []
  for (const n of which) {
    const [start, end] = [starts[n]!, starts[n + 1]!]
    const add = (answer: number, row: number) =>
      labels.push(labelled(fitted.classes, probabilities, answer * K, ids[n]!, row + 1))
    if (schema.of === 'sequence') add(n, rows[start]!)
    else if (schema.kind === 'next') add(end - 1, rows[end - 1]!)
    else for (let i = start; i < end; i++) add(i, rows[i]!)
  }
  labels.sort((a, b) => a.row - b.row)
  return { labels, notes: notesOf(schema, fitted, table, sequences) }
}

export function fittedOf({ fitted }: SequenceSchema): FittedSequences {
  if (fitted !== null) return fitted
  throw new InputError('schema: expected a fitted one but received decisions only: run irnn fit first')
}

/** The probabilities [K] at `from` as an answer. */
export function labelled(
  classes: readonly string[],
  probabilities: Float64Array,
  from: number,
  id: string,
  row: number,
): Labelled {
  let best = 0
  for (const k of classes.keys()) if (probabilities[from + k]! > probabilities[from + best]!) best = k
  const own = Object.fromEntries(classes.map((name, k) => [name, probabilities[from + k]!]))
  return { id, row, label: classes[best]!, probabilities: own }
}

/** The columns that a schema needs, each of its type. @throws InputError where one is missing or of another type */
export function fittingTable({ id, time, inputs }: SequenceSchema, table: Table): Table {
  const need = (name: string, use: string): Column => {
    const found = table.columns.find((column) => column.name === name)
    if (found !== undefined) return found
    const names = table.columns.map((column) => column.name)
    throw new InputError(
      `${table.name}: expected the column ${shown(name)} (${use}) but it has ${listed(names, 12)}: add it`,
    )
  }
  const columns: Column[] = []
  if (id !== null && table.columns.some(({ name }) => name === id)) columns.push(need(id, 'id'))
  else if (id !== null) {
    // Rows without an id are those of one sequence.
    columns.push({ name: id, type: 'category', codes: new Int32Array(table.rows), levels: ['1'] })
  }
  if (time !== null) columns.push(need(time, 'time'))
  for (const { name, type } of inputs) {
    const column = need(name, 'an input')
    if (type === 'category') columns.push(column.type === 'category' ? column : categoryOf(column))
    else columns.push(asNumbers(column, table))
  }
  return { name: table.name, rows: table.rows, columns }
}

function asNumbers(column: Column, table: Table): Column {
  if (column.type === 'number') return column
  const { name } = column
  if (column.type === 'time') {
    throw new InputError(`${table.name}: ${name}: expected numbers, as in training, but received times: correct them`)
  }
  const { codes, levels } = column
  const row = codes.findIndex(
    (code) => code >= 0 && !(levels[code]!.trim() !== '' && Number.isFinite(Number(levels[code]))),
  )
  if (row >= 0) {
    throw new InputError(
      `${table.name}: row ${row + 1}: ${name}: expected a number, as in training, but received ` +
        `${shown(levels[codes[row]!])}: correct it`,
    )
  }
  const values = Float64Array.from(codes, (code) => (code < 0 ? Number.NaN : Number(levels[code])))
  return { name, type: 'number', values }
}

/** Values farther than this many deviations from the mean of the training part are told. */
const FAR = 6

/** What a person should know of new rows. */
export function notesOf(
  schema: SequenceSchema,
  { columns }: FittedSequences,
  table: Table,
  sequences: Sequences,
): Note[] {
  const { id, time, split, target, inputs } = schema
  const used = new Set([id, time, split, target, ...inputs.map(({ name }) => name)])
  const rest = table.columns.map(({ name }) => name).filter((name) => !used.has(name))
  const notes: Note[] = rest.length > 0 ? [note('unused', `not used: ${listed(rest)}`)] : []
  if (id !== null && !table.columns.some(({ name }) => name === id)) {
    notes.push(warning('id', `no column ${id}: all rows are taken as one sequence`))
  }
  for (const [k, { name, as, mean, std, levels }] of columns.entries()) {
    const { values, levels: own } = sequences.columns[k]!
    const known = new Set(levels)
    let strange = 0
    for (const value of values) {
      if (Number.isNaN(value)) continue
      if (as === 'value' ? Math.abs(value - mean) > FAR * std : !known.has(own![value]!)) strange++
    }
    if (strange === 0) continue
    const what =
      as === 'value'
        ? `are more than ${FAR} deviations from those of the training part`
        : 'are no words of the training part, or came once there, and count as <other>'
    notes.push(warning('strange', `${name}: ${grouped(strange)} values ${what}`))
  }
  return notes
}
