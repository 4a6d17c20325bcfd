/** What a caller of `openTable` may say. */
import { z } from 'zod'
import { checked, InputError, nearest } from '../error.ts'
import type { ColumnType } from './table.ts'

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
  /** Words that mean "no value", beside the empty field, NA, N/A, null, None, NaN, -, -- and ?. */
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

const schema = z.strictObject({
  types: z.record(z.string(), z.enum(['number', 'category', 'flag', 'time', 'text'])).optional(),
  only: z.array(z.string()).min(1).optional(),
  decimal: z.enum(['.', ',']).optional(),
  dayFirst: z.boolean().optional(),
  timezone: z.string().optional(),
  missing: z.array(z.string()).optional(),
  delimiter: z
    .string()
    .refine((text) => text.length === 1 && text > '\0' && text < '\x7f' && !/["\r\n]/.test(text), {
      error: 'expected one character of ASCII that is no quote and no line end',
    })
    .optional(),
  header: z.boolean().optional(),
  encoding: z.enum(['utf-8', 'latin1']).optional(),
  float32: z.boolean().optional(),
  sql: z.string().min(1).optional(),
  onProgress: z.custom((value) => typeof value === 'function', { error: 'expected a function' }).optional(),
})

/** @throws InputError, one line, for an option that does not exist or has no such value */
export function checkOptions(options: unknown): TableOptions {
  const good = checked(schema as z.ZodType<unknown>, options ?? {}, 'openTable') as TableOptions
  const { timezone } = good
  if (timezone !== undefined && !isZone(timezone)) {
    const expected = 'expected the name of a time zone, as in Europe/Berlin or America/New_York'
    throw new InputError(`openTable: timezone: ${expected}, but received ${JSON.stringify(timezone)}`)
  }
  return good
}

function isZone(name: string): boolean {
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
  return options.only ? options.only.map((name) => index(name, 'only')) : columns.map((_, i) => i)
}
