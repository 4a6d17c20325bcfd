/** What a caller of `openTable` may say. */
import { InputError, nearest, refuseUnknown, shown } from '../error.ts'
import type { ColumnType } from './table.ts'

/** How a table is read where what is inferred would be wrong. Everything has a default. */
export interface TableOptions {
  /** Types by column name: what is said here is not inferred. */
  readonly types?: Readonly<Record<string, ColumnType>>
  /** The columns to read; default all. */
  readonly only?: readonly string[]
  /** The decimal mark of texts, `.` or `,`; default: what the texts say. */
  readonly decimal?: '.' | ','
  /** Whether `01/02/2015` is the first of February; default: what the rows say. */
  readonly dayFirst?: boolean
  /** The time zone of moments without an offset, e.g. `Europe/Berlin`; default UTC. */
  readonly timezone?: string
  /**
   * Words that mean "no value", as they are written, beside the empty field. Default, in capitals or not: NA, N/A,
   * #N/A, null, NaN, \N, -, -- and ?; None, but not in a column of words. With [] the country NA is a word as others.
   */
  readonly missing?: readonly string[]
  /** Of CSV: one character between fields; default: the one of comma, tab, semicolon, bar that divides lines evenly. */
  readonly delimiter?: string
  /** Of CSV: whether the first line is names; default: unless it is all numbers and dates. */
  readonly header?: boolean
  /** Of CSV: default `utf-8`. */
  readonly encoding?: 'utf-8' | 'latin1'
  /** Numbers as float32, in half the memory; default false: float64. Moments are float64 always. */
  readonly float32?: boolean
  /** A query for DuckDB (the package `@duckdb/node-api`, which must be installed); the files are the view `data`. */
  readonly sql?: string
  /** Called while files are read, from 0 again where a second reading is needed; bytes are those on the disk. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly total: number }) => void
}

type Check = readonly [expected: string, holds: (value: unknown) => boolean]

const TYPES: readonly ColumnType[] = ['number', 'category', 'flag', 'time', 'text']
const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string')
const FLAG: Check = ['true or false', (value) => typeof value === 'boolean']

/** What each option must be, and the words for it. */
const CHECKS: Readonly<Record<keyof TableOptions, Check>> = {
  types: ['an object of types by column name', (value) => typeof value === 'object' && value !== null],
  only: ['an array of names, one at least', (value) => isTexts(value) && (value as string[]).length > 0],
  decimal: ['"." or ","', (value) => value === '.' || value === ','],
  dayFirst: FLAG,
  timezone: ['the name of a time zone, as in Europe/Berlin or America/New_York,', isZone],
  missing: ['an array of words', isTexts],
  delimiter: ['one character of ASCII that is no quote and no line end', isDelimiter],
  header: FLAG,
  encoding: ['"utf-8" or "latin1"', (value) => value === 'utf-8' || value === 'latin1'],
  float32: FLAG,
  sql: ['a query', (value) => typeof value === 'string' && value.trim() !== ''],
  onProgress: ['a function', (value) => typeof value === 'function'],
}

/** @throws InputError, one line, for an option that does not exist or has no such value */
export function checkOptions(options: TableOptions): TableOptions {
  refuseUnknown('openTable', options, Object.keys(CHECKS))
  for (const [name, [expected, holds]] of Object.entries(CHECKS)) {
    const value = options[name as keyof TableOptions]
    if (value === undefined || holds(value)) continue
    throw new InputError(`openTable: ${name}: expected ${expected} but received ${shown(value)}`)
  }
  for (const [name, type] of Object.entries(options.types ?? {})) {
    if (TYPES.includes(type)) continue
    throw new InputError(`openTable: types: ${name}: expected one of ${TYPES.join(', ')} but received ${shown(type)}`)
  }
  return options
}

function isDelimiter(value: unknown): boolean {
  return typeof value === 'string' && value.length === 1 && value > '\0' && value < '\x7f' && !'"\r\n'.includes(value)
}

function isZone(name: unknown): boolean {
  if (typeof name !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * Which columns of a source to read, as indices; all unless `only` names some.
 * @throws InputError for a name in `only` or `types` that no column has
 */
export function selected(what: string, columns: readonly string[], options: TableOptions): number[] {
  const index = (name: string, where: string) => {
    const found = columns.indexOf(name)
    if (found >= 0) return found
    const meant = nearest(name, columns)
    const shown = columns.length > 20 ? `${columns.slice(0, 20).join(', ')} …` : columns.join(', ')
    const remedy = meant === undefined ? '' : `: did you mean ${meant}?`
    throw new InputError(`${what}: ${where}: expected one of ${shown} but received ${name}${remedy}`)
  }
  for (const name of Object.keys(options.types ?? {})) index(name, 'types')
  return options.only ? [...new Set(options.only)].map((name) => index(name, 'only')) : columns.map((_, i) => i)
}
