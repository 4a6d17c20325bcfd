/** Columns of a table by name, and what a kind of work may ask of them. */
import { InputError, nearest, shown } from '../error.ts'
import type { CategoryColumn, Column, NumberColumn, Table, TimeColumn } from '../table/table.ts'
import { listed } from './notes.ts'
import type { Schema } from './schema.ts'

/** @param what the option that names it. @throws InputError where there is no such column */
export function columnOf(table: Table, name: string, what: string): Column {
  const found = table.columns.find((column) => column.name === name)
  if (found) return found
  const names = table.columns.map((column) => column.name)
  const meant = nearest(name, names)
  throw new InputError(
    `${what}: expected one of ${listed(names, 12)} but received ${shown(name)}` +
      (meant ? `; did you mean ${meant}?` : ''),
  )
}

/** @throws InputError unless the column has numbers */
export function numbersOf(table: Table, name: string, what: string): NumberColumn {
  const column = columnOf(table, name, what)
  if (column.type === 'number') return column
  const received =
    column.type === 'time'
      ? 'times'
      : `words, as ${column.levels
          .slice(0, 3)
          .map((level) => shown(level))
          .join(', ')}`
  throw new InputError(
    `${what}: expected a column of numbers but ${shown(name)} has ${received}: correct them, or name another column`,
  )
}

/** @throws InputError unless the column has moments, or numbers that count */
export function momentsOf(table: Table, name: string, what: string): TimeColumn | NumberColumn {
  const column = columnOf(table, name, what)
  if (column.type !== 'category') return column
  throw new InputError(
    `${what}: expected a column of times but ${shown(name)} has words, as ` +
      `${column.levels
        .slice(0, 2)
        .map((level) => shown(level))
        .join(' and ')}: write all in one format, as 2015-01-31`,
  )
}

/** The name of the group of each row. */
export interface Groups {
  /** Sorted. */
  readonly names: readonly string[]
  /** [rows]; indices of names. */
  readonly of: Int32Array
}

/** Rows by the values of a column. The order of rows does not matter. @throws InputError where one is missing */
export function groupsOf(table: Table, name: string | null, what: string): Groups {
  if (name === null) return { names: [''], of: new Int32Array(table.rows) }
  const column = columnOf(table, name, what)
  const { codes, levels } = column.type === 'category' ? column : categoryOf(column)
  const missing = codes.indexOf(-1)
  if (missing >= 0) {
    throw new InputError(
      `${table.name}: row ${missing + 1}: ${name}: expected a name in every row, for ${what}, but received none: ` +
        'fill it in or remove the row',
    )
  }
  const names = [...levels].sort()
  const place = new Map(names.map((level, i) => [level, i]))
  const places = Int32Array.from(levels, (level) => place.get(level)!)
  return { names, of: codes.map((code) => places[code]!) }
}

/** Numbers or moments as words. */
export function categoryOf({ name, values }: NumberColumn | TimeColumn): CategoryColumn {
  const levels: string[] = []
  const found = new Map<number, number>()
  const codes = new Int32Array(values.length)
  for (const [row, value] of values.entries()) {
    if (Number.isNaN(value)) {
      codes[row] = -1
      continue
    }
    let code = found.get(value)
    if (code === undefined) {
      code = levels.push(String(value)) - 1
      found.set(value, code)
    }
    codes[row] = code
  }
  return { name, type: 'category', codes, levels }
}

/** Of a schema: what was said of how the texts of a table are to be read, for rows that come later. */
export function textsOf({ missing, written }: Table): Pick<Schema, 'missing' | 'written'> {
  return { missing: missing ?? null, ...(written !== undefined && { written }) }
}
