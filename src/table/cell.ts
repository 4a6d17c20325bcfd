/**
 * Cells of records that come one by one. They are read as those of a table, but for what only other rows tell there: a
 * decimal comma, which number of `01/02/2015` is the day, a unit.
 */
import { InputError, shown } from '../error.ts'
import { DAY, StampReader } from '../formats/stamp.ts'
import { epochTime, flagOf, isMissing, type NumberPlan, numberOf, unitOfTime } from './plan.ts'
import { offsetOf } from './zone.ts'

const PLAIN: NumberPlan = { kind: 'number', mark: '.', group: '', unit: '' }

/**
 * A number, or a flag as 1 or 0; NaN where there is none: null, undefined, the empty text, `NA`.
 * @param what names the column
 * @param missing words that mean "no value", if they are not the usual ones
 * @throws InputError for NaN, what float32 cannot hold, and what is no number
 */
export function numberCell(what: string, value: unknown, missing?: readonly string[]): number {
  if (value === null || value === undefined) return Number.NaN
  const found = numberIn(value)
  if (found !== undefined && Math.abs(found) < MOST_FLOAT) return found
  if (found === undefined && typeof value === 'string' && isMissing(value, missing)) return Number.NaN
  const expected = 'expected a number that float32 can hold, or null where it is missing,'
  throw new InputError(`${what}: ${expected} but received ${shown(value)}: correct it`)
}

/** From half a step above the largest of float32 on, numbers are infinite in it. */
export const MOST_FLOAT = 2 ** 128 - 2 ** 103

/** NaN of what is a number but none that counts; undefined of what is none. */
function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'string') return
  const number = numberOf(value.trim(), PLAIN)
  if (!Number.isNaN(number)) return number
  const flag = flagOf(value)
  return Number.isNaN(flag) ? undefined : flag
}

/** A word of a column of categories, as a table has it; null where there is none. @throws InputError for no word */
export function wordCell(what: string, value: unknown, missing?: readonly string[]): string | null {
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (typeof value === 'object' && !(value instanceof Date)) {
    throw new InputError(
      `${what}: expected a word, or null where it is missing, but received ${shown(value)}: correct it`,
    )
  }
  const text = value instanceof Date ? (Number.isNaN(value.getTime()) ? '' : value.toISOString()) : String(value)
  const word = WHITE.test(text) ? text.replace(EDGES, '') : text
  const none = missing === undefined && word.toLowerCase() === 'none'
  return isMissing(word, missing) && !none ? null : word
}

// Bytes up to the space, as the dictionary of a column leaves them out.
const WHITE = /^[\0- ]|[\0- ]$/
const EDGES = /^[\0- ]+|[\0- ]+$/g

/** Reads moments of a column; `after` is the one before of the same series, NaN if there is none. */
export type MomentReader = (what: string, value: unknown, after: number) => number

/**
 * Moments in milliseconds since 1970: Dates, numbers that count from 1970, and texts that say which number is the day.
 * What a clock shows twice is its first moment unless the one before is at or after that.
 * @param zone of texts without an offset; null: UTC
 */
export function momentReader(zone: string | null): MomentReader {
  const reader = new StampReader()
  const scratch = new Uint8Array(512)
  const encoder = new TextEncoder()
  const toUtc = zone === null ? (wall: number) => wall : clock(zone)
  return (what, value, after) => {
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime()
    const days = typeof value === 'number' && value >= 18_000_101 && value < 22_000_000
    if (typeof value === 'number' && !days) {
      const unit = unitOfTime([value])
      const time = unit === undefined ? Number.NaN : epochTime(value, unit)
      if (!Number.isNaN(time)) return time
    }
    const text = days || typeof value === 'string' ? String(value) : ''
    const { read, written } = encoder.encodeInto(text, scratch)
    if (text === '' || read < text.length || !reader.read(scratch, 0, written)) {
      const expected = 'expected a time, as 2015-01-31 or 2015-01-31T10:30Z,'
      throw new InputError(`${what}: ${expected} but received ${shown(value)}: correct it`)
    }
    const { ambiguous, month: first, day: second } = reader.date
    if (ambiguous && first <= 12 && second <= 12 && first !== second) {
      throw new InputError(
        `${what}: expected a date of one meaning but received ${shown(value)}: write it as YYYY-MM-DD`,
      )
    }
    const time = reader.milliseconds(ambiguous && first > 12)
    return reader.zoned ? time : toUtc(time, after)
  }
}

/** What the clocks of a zone show, to UTC; as `resolveZone` does it for a column. */
function clock(zone: string): (wall: number, after: number) => number {
  const offset = offsetOf(zone)
  return (wall, after) => {
    const [before, later] = [offset(wall - DAY), offset(wall + DAY)]
    const [early, late] = [wall - before, wall - later]
    const [isEarly, isLate] = [offset(early) === before, offset(late) === later]
    if (isEarly && isLate && before > later) return after >= early ? late : early
    return !isEarly && isLate ? late : early
  }
}
