/** Data in memory as a source of rows: records, which become columns first, and columns. */
import { InputError, shown } from '../error.ts'
import type { CellBatch, Source } from './source.ts'

const BATCH = 2 ** 14

/** A record: values by the name of their column. */
export type Row = Readonly<Record<string, unknown>>

/** Values of one column, in order: an array of numbers, words, booleans, Dates, bigints; or a typed array. */
export type Cells = ArrayLike<unknown>

/**
 * @param columns arrays of the same length
 * @param places what stands at row r, from 0, in the words of `Source.places`; default row r + 1
 * @throws InputError for columns of different lengths
 */
export function columnSource(
  name: string,
  columns: ReadonlyMap<string, Cells>,
  places: { what: 'line' | 'row'; of: (row: number) => number } = { what: 'row', of: (row) => row + 1 },
): Source {
  const cells = [...columns.values()]
  const [first] = [...columns.keys()]
  if (first === undefined) throw new InputError(`${name}: expected columns but received none`)
  const rows = cells[0]!.length
  for (const [other, { length }] of columns) {
    if (length === rows) continue
    throw new InputError(`${name}: ${other}: expected ${rows} values, as many as ${first}, but received ${length}`)
  }
  let read = 0
  async function* batches(): AsyncGenerator<CellBatch> {
    for (read = 0; read < rows; ) {
      const from = read
      const to = Math.min(rows, from + BATCH)
      read = to
      const part = cells.map((column) =>
        ArrayBuffer.isView(column) ? sliceOf(column, from, to) : Array.prototype.slice.call(column, from, to),
      )
      yield { kind: 'cells', rows: to - from, cells: part, placeOf: (row) => places.of(from + row) }
    }
  }
  return {
    name,
    columns: [...columns.keys()],
    places: places.what,
    batches,
    share: () => (rows === 0 ? 1 : read / rows),
  }
}

function sliceOf(column: ArrayBufferView, from: number, to: number): Cells {
  return (column as Float64Array).subarray(from, to)
}

/**
 * Records as columns: a name for each key that any of them has; a record without it has no value there.
 * @param place of record n, from 0, for messages
 * @throws InputError for what is no record
 */
export async function columnsOfRows(
  what: string,
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  place = (n: number) => `row ${n + 1}`,
): Promise<Map<string, unknown[]>> {
  const columns = new Map<string, unknown[]>()
  let n = 0
  for await (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw new InputError(
        `${what}: ${place(n)}: expected a record, as in {time: …, value: …}, but received ${shown(row)}`,
      )
    }
    for (const key of Object.keys(row)) {
      let column = columns.get(key)
      if (column === undefined) {
        column = new Array<unknown>(n).fill(undefined)
        columns.set(key, column)
      }
      while (column.length < n) column.push(undefined)
      column.push((row as Row)[key])
    }
    n++
  }
  if (n === 0) throw new InputError(`${what}: expected rows but received none`)
  for (const column of columns.values()) while (column.length < n) column.push(undefined)
  return columns
}
