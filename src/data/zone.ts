/** Local time of a place: what its clocks show at a moment, and when they show it. */
import { InputError, shown } from '../error.ts'
import { DAY } from '../formats/stamp.ts'
import { offsetOf } from '../table/zone.ts'

/** A place's clocks. */
export interface Zone {
  readonly name: string
  /** What the clock shows at a moment, as milliseconds of a clock that would show UTC. */
  toWall(utc: number): number
  /** The first moment at which the clock shows that; where summer time begins and it never does, an hour later. */
  toUtc(wall: number): number
}

/** @throws InputError for a name that Intl does not know */
export function zoneOf(name: string): Zone {
  const offset = offsetIn(name)
  return {
    name,
    toWall: (utc) => utc + offset(utc),
    toUtc(wall) {
      // A clock is at most 15 hours from UTC, and changes at most once in two days.
      const before = wall - offset(wall - DAY)
      const after = wall - offset(wall + DAY)
      const shows = [before, after].filter((utc) => utc + offset(utc) === wall)
      if (shows.length === 0) return before
      return Math.min(...shows)
    },
  }
}

function offsetIn(name: string): (utc: number) => number {
  try {
    return offsetOf(name)
  } catch {
    throw new InputError(
      `timezone: expected a name of the IANA database, as Europe/Berlin, but received ${shown(name)}: correct it`,
    )
  }
}
