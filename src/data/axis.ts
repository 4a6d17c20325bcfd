/** The regular time of a schema: which step a moment is, which moment a step, and what the calendar says of it. */
import type { TimeSchema } from './schema.ts'
import { DAY, HOUR, parseStep, type Step } from './step.ts'
import { zoneOf } from './zone.ts'

/** A regular line of time. Its steps are whole numbers, 0 at the schema's origin. */
export interface Axis {
  readonly step: Step
  /** The step of a moment (or of a number, where there is no calendar); not whole where it lies between two. */
  indexOf(time: number): number
  /** The moment of a step. */
  timeOf(index: number): number
  /** That moment as text: `2015-01-01`, `2015-01-01T10:30`, with a Z where the source's stamps are UTC. */
  text(index: number): string
  /** The local clock at a step, in milliseconds. */
  wallOf(index: number): number
  /** The step of the same date a year before. */
  yearBefore(index: number): number
}

export function axisOf(time: TimeSchema): Axis {
  const step = parseStep(time.step)
  if (step.unit === 'month') return monthly(step, time)
  if (step.unit === 'weekday') return weekly(step, time)
  if (step.unit === 'row') return rows(step, time)
  return regular(step, time)
}

function regular(step: Step, { origin, stamps, zone: name }: TimeSchema): Axis {
  const zone = name === null ? null : zoneOf(name)
  const days = step.size % DAY === 0
  // Days are counted on the local clock; what is shorter than a day, as time passes.
  const toLine = days && zone ? zone.toWall : same
  const fromLine = days && zone ? zone.toUtc : same
  const toWall = zone && !days ? zone.toWall : same
  const start = toLine(origin)
  const lineOf = (index: number) => start + index * step.size
  return {
    step,
    indexOf(time) {
      const index = (toLine(time) - start) / step.size
      // Midnights of a place with summer time, written in UTC, are an hour off.
      return days && Math.abs(index - Math.round(index)) * step.size <= HOUR ? Math.round(index) : index
    },
    timeOf: (index) => fromLine(lineOf(index)),
    text: (index) => text(days ? lineOf(index) : fromLine(lineOf(index)), days, stamps === 'utc'),
    wallOf: (index) => toWall(lineOf(index)),
    yearBefore: (index) => Math.round((minusYear(lineOf(index)) - start) / step.size),
  }
}

const same = (time: number): number => time

function monthly(step: Step, { origin, day }: TimeSchema): Axis {
  const start = monthOf(origin)
  const timeOf = (index: number) => {
    const month = start + index * step.size
    const [year, rest] = [Math.floor(month / 12), month - 12 * Math.floor(month / 12)]
    return Date.UTC(year, rest, Math.min(day, daysIn(year, rest)))
  }
  return {
    step,
    indexOf: (time) => (monthOf(time) - start) / step.size,
    timeOf,
    text: (index) => text(timeOf(index), true, false),
    wallOf: timeOf,
    yearBefore: (index) => index - 12 / step.size,
  }
}

/** Months since the year 0. Half a day is added: stamps in UTC of local midnights lie on either side of it. */
function monthOf(time: number): number {
  const date = new Date(time + DAY / 2)
  return 12 * date.getUTCFullYear() + date.getUTCMonth()
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
}

/** Monday to Friday. A Monday is a multiple of 5; Saturdays and Sundays lie between two steps. */
function weekly(step: Step, { origin }: TimeSchema): Axis {
  const numberOf = (time: number) => {
    const days = time / DAY + 3 // 1970-01-01 was a Thursday
    const rest = days - 7 * Math.floor(days / 7)
    return 5 * Math.floor(days / 7) + (rest <= 4 ? rest : 4.5)
  }
  const start = numberOf(origin)
  const timeOf = (index: number) => {
    const number = start + index
    return DAY * (7 * Math.floor(number / 5) + (number - 5 * Math.floor(number / 5)) - 3)
  }
  return {
    step,
    indexOf: (time) => numberOf(time) - start,
    timeOf,
    text: (index) => text(timeOf(index), true, false),
    wallOf: timeOf,
    yearBefore: (index) => Math.floor(numberOf(minusYear(timeOf(index)))) - start,
  }
}

function rows(step: Step, { origin }: TimeSchema): Axis {
  const timeOf = (index: number) => origin + index * step.size
  return {
    step,
    indexOf: (value) => (value - origin) / step.size,
    timeOf,
    text: (index) => String(timeOf(index)),
    wallOf: () => Number.NaN,
    yearBefore: () => Number.NaN,
  }
}

/**
 * The line of time on which the moments that rows have are the steps, one after the other, whatever lies between.
 * @param moments of all rows, sorted, each once
 */
export function momentsAxis(moments: Float64Array, { stamps, zone: name }: TimeSchema, counts: boolean): Axis {
  const zone = name === null ? null : zoneOf(name)
  const wall = zone ? zone.toWall : same
  const days = moments.every((moment) => wall(moment) % DAY === 0)
  const textOf = (moment: number) => {
    return counts ? String(moment) : text(days ? wall(moment) : moment, days, stamps === 'utc')
  }
  const last = moments.length - 1
  return {
    step: { unit: 'row', size: 1 },
    indexOf(time) {
      let [low, high] = [0, moments.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (moments[middle]! < time) low = middle + 1
        else high = middle
      }
      return low
    },
    timeOf: (index) => moments[index] ?? Number.NaN,
    text(index) {
      if (index < 0) return `${-index} rows before ${textOf(moments[0]!)}`
      return index <= last ? textOf(moments[index]!) : `${textOf(moments[last]!)} +${index - last}`
    },
    wallOf: () => Number.NaN,
    yearBefore: () => Number.NaN,
  }
}

/** The same date and hour a year before; of 29 February, the 28th. */
function minusYear(time: number): number {
  const date = new Date(time)
  const [year, month] = [date.getUTCFullYear() - 1, date.getUTCMonth()]
  const day = Math.min(date.getUTCDate(), daysIn(year, month))
  return Date.UTC(year, month, day) + (time - DAY * Math.floor(time / DAY))
}

function text(time: number, days: boolean, utc: boolean): string {
  if (!Number.isFinite(time) || Math.abs(time) > 8.64e15) return String(time)
  const iso = new Date(time).toISOString()
  if (days) return iso.slice(0, 10)
  const until = time % 1000 !== 0 ? 23 : time % 60_000 !== 0 ? 19 : 16
  return iso.slice(0, until) + (utc ? 'Z' : '')
}
