/** Rows of a table in a body: checked by the columns of a run, and taken one by one. */
import type { StreamOptions, StreamState } from '../data/streams.ts'
import { InputError, nearest, shown } from '../error.ts'
import * as z from '../schema.ts'
import type { Row } from '../table/rows.ts'
import type { Limits } from './limits.ts'
import type { Work } from './queue.ts'
import { Refusal } from './refusal.ts'
import { bodyOf, float, listOf, refuseMany } from './served.ts'

/** A column of the rows that a run takes. */
export interface RowColumn {
  readonly name: string
  readonly type: 'number' | 'flag' | 'category' | 'time'
  readonly use: string
  /** Whether each row must have it. */
  readonly required: boolean
  /** Whether it may be there and is not read: a label, of rows to be labelled. */
  readonly unread?: true
}

const CELLS = {
  number: float.nullable(),
  flag: z.union([z.boolean(), float]).nullable(),
  category: z.union([z.string(), float, z.boolean()]).nullable(),
  time: z.union([z.string(), float]),
} as const

/** The schema of a row: columns beside those of the run are passed over. */
function rowSchema(columns: readonly RowColumn[]): z.Schema<Row> {
  const shape = columns.map(({ name, type, use, required }) => {
    const cell = CELLS[type].describe(use)
    return [name, required ? cell : cell.optional()]
  })
  return z.looseObject(Object.fromEntries(shape))
}

const note = z.object({ level: z.enum(['note', 'warning']), text: z.string() })
export const notes: z.Schema<unknown> = z.array(note).describe('what a person should know of the rows')

/** Rows of a body, checked. */
export class Rows {
  readonly schema: z.Schema<Row[]>
  /** The same, of which there is one at least. */
  readonly some: z.Schema<Row[]>
  private readonly columns: readonly RowColumn[]
  private readonly most: number

  constructor(columns: readonly RowColumn[], { maxRows }: Limits) {
    this.columns = columns
    this.most = maxRows
    const row = rowSchema(columns)
    this.schema = listOf(row, { min: 0, max: maxRows })
    this.some = listOf(row, { max: maxRows })
  }

  /** @throws InputError unless rows are records of the columns @throws Refusal if they are too many */
  refuseStrangers(body: unknown): void {
    const rows = (body as { rows?: unknown } | null)?.rows
    if (!Array.isArray(rows)) return
    refuseMany(rows.length, this.most)
    for (const [i, row] of rows.entries()) {
      if (typeof row === 'object' && row !== null && !Array.isArray(row)) this.refuseStranger(row, i)
    }
  }

  /** A column that the run does not have is probably misspelt where one that it has is missing. */
  private refuseStranger(row: object, i: number): void {
    const missing = this.columns
      .filter(({ name, unread }) => !unread && !Object.hasOwn(row, name))
      .map(({ name }) => name)
    if (missing.length === 0) return
    const known = new Set(this.columns.map(({ name }) => name))
    const stranger = Object.keys(row).find((name) => !known.has(name))
    if (stranger === undefined) return
    const meant = nearest(stranger, missing)
    const remedy = meant === undefined ? `add ${missing.slice(0, 8).join(', ')}` : `did you mean ${meant}?`
    throw new InputError(
      `body: rows.${i}: expected the columns ${this.columns
        .map(({ name }) => name)
        .slice(0, 12)
        .join(', ')} but ` + `received ${shown(stranger)} and no ${shown(missing[0])}: ${remedy}`,
    )
  }
}

/**
 * Takes rows one by one.
 * @throws what `take` throws, with how many rows were taken before, if there were any
 */
export async function eachRow(rows: readonly Row[], work: Work, take: (row: Row) => void): Promise<void> {
  let taken = 0
  try {
    for (const row of rows) {
      take(row)
      taken += 1
      const pause = taken < rows.length ? work.pause() : undefined
      if (pause) await pause
    }
  } catch (error) {
    if (taken === 0) throw error
    const told = `; of ${rows.length} rows the first ${taken} are taken`
    if (error instanceof InputError) throw new InputError(`${error.message}${told}`)
    if (error instanceof Refusal) throw new Refusal(error.status, `${error.message}${told}`)
    throw error
  }
}

/** The body that opens a session, from the beginning or from the state of another. */
export const opening = z.strictObject({
  state: z
    .unknown()
    .optional()
    .describe('of another session of the same run, as GET gives it, to go on from; default: nothing was read'),
})

/** How the stream of a session begins. @throws InputError for a body that is none of `opening` */
export function beginningOf(body: unknown): StreamOptions {
  const { state } = bodyOf(opening, body)
  return state === undefined ? {} : { state: state as StreamState }
}

/** A note without what is for programs. */
export function plainNote({ level, text }: { level: string; text: string }): object {
  return { level, text }
}
