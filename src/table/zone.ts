/** Moments of a time zone's clocks, to UTC. */
import { DAY } from '../formats/stamp.ts'

const HOUR = 3_600_000

/**
 * What a zone is ahead of UTC, in milliseconds, as a function of UTC. Offsets change at quarters of hours at most, so
 * each quarter is asked for once.
 * @throws RangeError for a name that Intl does not know
 */
export function offsetOf(zone: string): (utc: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  })
  const exact = (utc: number): number => {
    const part = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, value]))
    const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year)
    const local = new Date(0).setUTCFullYear(year, Number(part.month) - 1, Number(part.day))
    const clock = (Number(part.hour) * 60 + Number(part.minute)) * 60 + Number(part.second)
    return local + clock * 1000 - Math.floor(utc / 1000) * 1000
  }
  // A day whose ends have one offset has it throughout: one more question a day, not one a moment.
  const days = new Map<number, number>()
  const atDay = (day: number): number => {
    const known = days.get(day)
    if (known !== undefined) return known
    const offset = exact(day * DAY)
    days.set(day, offset)
    return offset
  }
  const quarters = new Map<number, number>()
  return (utc) => {
    const day = Math.floor(utc / DAY)
    const offset = atDay(day)
    if (offset === atDay(day + 1)) return offset
    const quarter = Math.floor(utc / (HOUR / 4))
    const known = quarters.get(quarter) ?? exact((quarter * HOUR) / 4)
    quarters.set(quarter, known)
    return known
  }
}

/** How many moments lie in hours that the clocks show twice, and in those that they leap over. */
export interface Resolved {
  readonly doubled: number
  readonly missing: number
}

/**
 * Changes moments that a zone's clocks show to UTC, in place. An hour that was left out is taken an hour later, as
 * clocks do. Of an hour that occurs twice it is the first, unless the rows say otherwise: if the moment before is later
 * than that, or if the same moment stands in twice as many rows on end as the moment before them (hours of one series,
 * or of several beside each other), whose second half is the second hour.
 */
export function resolveZone(values: Float64Array, zone: string): Resolved {
  const offset = offsetOf(zone)
  let [doubled, missing] = [0, 0]
  let previous = Number.NaN
  let previousRun = 1
  for (let r = 0; r < values.length; ) {
    const local = values[r]!
    let end = r + 1
    while (end < values.length && values[end] === local) end++
    const run = end - r
    if (Number.isNaN(local)) {
      r = end
      continue
    }
    // The offsets before and after any change that is near.
    const [before, after] = [offset(local - DAY), offset(local + DAY)]
    const [early, late] = [local - before, local - after]
    const both = offset(early) === before && offset(late) === after
    if (both && before > after) {
      doubled += run
      const half = run === 2 * previousRun ? r + run / 2 : previous > early ? r : end
      values.fill(early, r, half)
      values.fill(late, half, end)
    } else if (offset(early) === before) values.fill(early, r, end)
    else if (offset(late) === after) values.fill(late, r, end)
    else {
      missing += run
      values.fill(early, r, end)
    }
    previous = values[end - 1]!
    previousRun = run
    r = end
  }
  return { doubled, missing }
}
