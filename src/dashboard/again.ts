/**
 * Records that come once more: a run that was killed and is taken up again writes those after its checkpoint again, and
 * with the same bits, or it is not the run that it was.
 */
import { ABSENT, type Rows } from './rows.ts'

/** Rows that were cut off, or those of the file that another one has replaced. */
export type Past = ReadonlyMap<string, Float64Array>

/** What takes another time each time. */
const TIMES = /^(seconds|iterationsPerSecond)$/

/** The rows from an index on, whose places others may take. */
export function pastOf(rows: Rows | null, from: number): Past | null {
  if (!rows || from >= rows.length) return null
  return new Map(rows.names.map((name) => [name, rows.column(name)!.slice(from)]))
}

/** Whether the past has a row of this iteration, with other numbers. */
export function isOther(past: Past, numbers: ReadonlyMap<string, number>): boolean {
  const i = placeOf(past, numbers.get('iteration') ?? 0)
  if (i < 0) return false
  for (const [name, column] of past) {
    if (!TIMES.test(name) && !Object.is(column[i], numbers.get(name) ?? ABSENT)) return true
  }
  return false
}

function placeOf(past: Past, iteration: number): number {
  const column = past.get('iteration')
  let [low, high] = [0, column?.length ?? 0]
  while (column && low < high) {
    const middle = (low + high) >> 1
    if (column[middle]! < iteration) low = middle + 1
    else high = middle
  }
  return column?.[low] === iteration ? low : -1
}

/** What of the past there is still to compare with after an iteration. */
export function pastAfter(past: Past | null, iteration: number): Past | null {
  return (past?.get('iteration')?.at(-1) ?? -1) > iteration ? past : null
}
