/** Sequences out of a table: which rows, cells or letters are the steps of which, in an order of their content. */
import { InputError, shown } from '../../error.ts'
import type { CategoryColumn, Column, Table } from '../../table/table.ts'
import { categoryOf, columnOf, momentsOf, numbersOf } from '../columns.ts'
import type { SequenceSchema } from './sequenceSchema.ts'

/** Sequences one after the other; step s of sequence n is at `starts[n] + s` of every array [steps]. */
export interface Sequences {
  /** [N] the value of the id column; without one, the number of the row, from 1. */
  readonly ids: readonly string[]
  /** [N+1] */
  readonly starts: Int32Array
  /** [steps] the row of the table. */
  readonly rows: Int32Array
  /** What is read, in the order of the schema's inputs (of cells: one). */
  readonly columns: readonly StepColumn[]
}

/** A column by steps. */
export interface StepColumn {
  readonly name: string
  /** [steps] numbers, NaN: missing; of a category, indices of `levels`, NaN: missing. */
  readonly values: Float64Array
  readonly levels: readonly string[] | null
}

/** Rows that are one sequence where a table without an id is cut into pieces. */
export const PIECE = 128

/** @throws InputError where the table does not have what the schema says */
export function sequencesOf(table: Table, schema: SequenceSchema): Sequences {
  if (table.rows === 0) throw new InputError(`${table.name}: expected rows but there are none: is it the right file?`)
  if (schema.layout === 'cells') return ofCells(table, schema)
  if (schema.layout === 'letters') return ofLetters(table, schema)
  return ofRows(table, schema)
}

/** A column as words, whatever its type. @throws InputError where there is none */
export function wordsOf(table: Table, name: string, what: string): CategoryColumn {
  const column = columnOf(table, name, what)
  return column.type === 'category' ? column : categoryOf(column)
}

function ofRows(table: Table, schema: SequenceSchema): Sequences {
  const groups = new Map<string, number[]>()
  if (schema.id === null) {
    for (let row = 0; row < table.rows; row++) added(groups, String(Math.floor(row / PIECE) + 1), row)
  } else {
    const { codes, levels } = wordsOf(table, schema.id, '--id')
    for (const [row, code] of codes.entries()) {
      if (code >= 0) added(groups, levels[code]!, row)
      else {
        throw new InputError(
          `${table.name}: row ${row + 1}: ${schema.id}: expected the id of a sequence but it is missing: fill it in ` +
            'or remove the row',
        )
      }
    }
  }
  const time = schema.time === null ? null : momentsOf(table, schema.time, '--time').values
  if (time !== null) {
    for (const rows of groups.values()) rows.sort((a, b) => time[a]! - time[b]! || a - b)
    refuseMissingTime(time, table, schema.time!)
  }
  const ids = [...groups.keys()]
  const lists = [...groups.values()]
  const rows = Int32Array.from(lists.flat())
  const columns = schema.inputs.map(({ name, type }): StepColumn => {
    if (type !== 'category') {
      const { values } = numbersOf(table, name, name)
      return { name, levels: null, values: Float64Array.from(rows, (row) => values[row]!) }
    }
    const { codes, levels } = wordsOf(table, name, name)
    return { name, levels, values: Float64Array.from(rows, (row) => (codes[row]! < 0 ? Number.NaN : codes[row]!)) }
  })
  return { ids, starts: startsOf(lists.map(({ length }) => length)), rows, columns }
}

function added(groups: Map<string, number[]>, id: string, row: number): void {
  const rows = groups.get(id)
  if (rows === undefined) groups.set(id, [row])
  else rows.push(row)
}

function refuseMissingTime(time: ArrayLike<number>, table: Table, name: string): void {
  const row = Array.prototype.findIndex.call(time, Number.isNaN)
  if (row < 0) return
  throw new InputError(
    `${table.name}: row ${row + 1}: ${name}: expected a time, by which rows are sorted, but it is missing: fill it in`,
  )
}

/** A row is a sequence of numbers; empty cells at its end are none of its steps. */
function ofCells(table: Table, { inputs, id }: SequenceSchema): Sequences {
  const cells = inputs.map(({ name }) => numbersOf(table, name, name).values)
  const lengths = Array.from(
    { length: table.rows },
    (_, row) => cells.findLastIndex((values) => !Number.isNaN(values[row]!)) + 1,
  )
  const starts = startsOf(lengths)
  const values = new Float64Array(starts.at(-1)!)
  for (const [row, length] of lengths.entries()) {
    for (let t = 0; t < length; t++) values[starts[row]! + t] = cells[t]![row]!
  }
  return { ids: rowIds(table, id), starts, rows: rowsOf(lengths), columns: [{ name: 'steps', values, levels: null }] }
}

/** A cell is a sequence of letters: of characters as Unicode counts them. */
function ofLetters(table: Table, { inputs, id }: SequenceSchema): Sequences {
  const [{ name }] = inputs as [SequenceSchema['inputs'][0]]
  const { codes, levels } = wordsOf(table, name, name)
  const texts = Array.from(codes, (code) => (code < 0 ? [] : [...levels[code]!]))
  const found = [...new Set(texts.flat())].sort()
  const place = new Map(found.map((letter, i) => [letter, i]))
  const values = Float64Array.from(texts.flat(), (letter) => place.get(letter)!)
  const lengths = texts.map(({ length }) => length)
  return {
    ids: rowIds(table, id),
    starts: startsOf(lengths),
    rows: rowsOf(lengths),
    columns: [{ name, values, levels: found }],
  }
}

/** Share of sequences without a step that may be left out. */
const EMPTY = 0.01

/**
 * How many sequences have no step: rows with nothing in the cells or in the text.
 * @param share that may be so
 * @throws InputError, which names the first, where there are more
 */
export function emptySequences(table: Table, { inputs }: SequenceSchema, { starts }: Sequences, share = EMPTY): number {
  const lengths = starts.subarray(1).map((end, n) => end - starts[n]!)
  const empty = lengths.reduce((sum, length) => sum + (length === 0 ? 1 : 0), 0)
  if (empty <= share * lengths.length) return empty
  throw new InputError(
    `${table.name}: row ${lengths.indexOf(0) + 1}: expected the steps of a sequence in ` +
      `${inputs.length > 1 ? `${inputs[0]!.name} … ${inputs.at(-1)!.name}` : inputs[0]!.name} but it is empty: ` +
      'remove the row',
  )
}

function rowIds(table: Table, id: string | null): string[] {
  if (id === null) return Array.from({ length: table.rows }, (_, row) => String(row + 1))
  const { codes, levels } = wordsOf(table, id, '--id')
  return Array.from(codes, (code, row) => (code < 0 ? String(row + 1) : levels[code]!))
}

function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1)
  for (const [n, length] of lengths.entries()) starts[n + 1] = starts[n]! + length
  return starts
}

function rowsOf(lengths: readonly number[]): Int32Array {
  return Int32Array.from(lengths.flatMap((length, row) => new Array<number>(length).fill(row)))
}

/** Labels of sequences, or of steps. */
export interface Labels {
  /** Every label, sorted: as numbers where all are. */
  readonly names: readonly string[]
  /** [N] or [steps]; -1: missing. */
  readonly codes: Int32Array
}

/**
 * The labels of a table. Of next items: the item of the step that follows.
 * @throws InputError where a sequence has several labels, or none
 */
export function labelsOf(table: Table, schema: SequenceSchema, { starts, rows, ids }: Sequences): Labels {
  const column = columnOf(table, schema.target, schema.kind === 'next' ? '--next' : '--label')
  if (column.type === 'time') {
    throw new InputError(`--label: expected a column of labels but ${shown(schema.target)} has times: name another`)
  }
  const { codes, levels } = column.type === 'category' ? column : categoryOf(column)
  const names = sorted(levels)
  const place = new Map(names.map((name, i) => [name, i]))
  const of = (row: number) => (codes[row]! < 0 ? -1 : place.get(levels[codes[row]!]!)!)
  if (schema.kind === 'next') {
    const following = Int32Array.from(rows, (_, i) => (i + 1 < rows.length ? of(rows[i + 1]!) : -1))
    for (const end of starts.subarray(1)) following[end - 1] = -1
    return { names, codes: following }
  }
  if (schema.of === 'row') return { names, codes: Int32Array.from(rows, of) }
  const labels = Int32Array.from(ids, (id, n) => {
    const own = rows.subarray(starts[n]!, starts[n + 1]!)
    const label = of(own[0]!)
    const other = own.find((row) => of(row) !== label)
    if (other !== undefined) {
      throw new InputError(
        `${table.name}: row ${other + 1}: ${schema.target}: expected one label in all rows of ${shown(id)}, ` +
          `${shown(names[label])}, but received ${shown(names[of(other)] ?? '')}: correct it, or say --of row`,
      )
    }
    return label
  })
  return { names, codes: labels }
}

/** Words in an order that does not depend on rows: as numbers where all are. */
export function sorted(words: readonly string[]): string[] {
  const numbers = words.every((word) => word.trim() !== '' && Number.isFinite(Number(word)))
  return [...words].sort((a, b) => (numbers ? Number(a) - Number(b) : 0) || (a < b ? -1 : a > b ? 1 : 0))
}

/** Whether a column has numbers: flags are some. */
export function isNumeric(column: Column): boolean {
  return column.type === 'number'
}
