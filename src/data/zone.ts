/** Local time of a place: how far its clocks are from UTC at a moment, by the runtime's table of zones (Intl). */
import { InputError, shown } from '../error.ts'

const DAY = 86_400_000

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
  const format = formatOf(name)
  const offsets = new Map<number, number>() // by quarter of an hour, the finest step of any zone's change
  const offset = (utc: number): number => {
    const quarter = Math.floor(utc / 900_000)
    let found = offsets.get(quarter)
    if (found === undefined) {
      found = wallOf(format, quarter * 900_000) - quarter * 900_000
      offsets.set(quarter, found)
    }
    return found
  }
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

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    throw new InputError(
      `timezone: expected a name of the IANA database, as Europe/Berlin, but received ${shown(name)}: correct it`,
    )
  }
}

function wallOf(format: Intl.DateTimeFormat, utc: number): number {
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of format.formatToParts(utc)) part[type] = Number(value)
  return Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!)
}
