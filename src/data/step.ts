/** The step of time between two values of a series: a number of milliseconds, calendar months, weekdays or rows. */
import { InputError, shown } from '../error.ts'

/** A step of time. `row`: the numbers of a column without a calendar, or of the rows. */
export interface Step {
  readonly unit: 'ms' | 'month' | 'weekday' | 'row'
  /** So many of them; of weekdays always 1. */
  readonly size: number
}

export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000

const UNITS: Readonly<Record<string, { readonly step: Step; readonly name: string }>> = {
  s: { step: { unit: 'ms', size: 1000 }, name: 'second' },
  min: { step: { unit: 'ms', size: MINUTE }, name: 'minute' },
  h: { step: { unit: 'ms', size: HOUR }, name: 'hour' },
  d: { step: { unit: 'ms', size: DAY }, name: 'day' },
  w: { step: { unit: 'ms', size: 7 * DAY }, name: 'week' },
  mo: { step: { unit: 'month', size: 1 }, name: 'month' },
  q: { step: { unit: 'month', size: 3 }, name: 'quarter' },
  y: { step: { unit: 'month', size: 12 }, name: 'year' },
}

/** "30min", "1h", "1d", "1mo", "weekday"; a bare number is of rows. @throws InputError */
export function parseStep(text: string): Step {
  if (text === 'weekday') return { unit: 'weekday', size: 1 }
  const [, count = '', unit = ''] = /^(\d*\.?\d*)([a-z]*)$/.exec(text) ?? []
  const size = count === '' ? 1 : Number(count)
  if (size > 0 && unit === '' && count !== '') return { unit: 'row', size }
  const found = Object.hasOwn(UNITS, unit) ? UNITS[unit]! : undefined
  const step = found && { unit: found.step.unit, size: size * found.step.size }
  if (step && step.size >= 1 && Number.isSafeInteger(step.size)) return step
  throw new InputError(
    `step of time: expected a number and one of ${Object.keys(UNITS).join(', ')}, as 30min or 1d, or weekday, but ` +
      `received ${shown(text)}`,
  )
}

/** As `parseStep` reads it. */
export function stepText(step: Step): string {
  const [unit, count] = largest(step)
  return step.unit === 'weekday' ? 'weekday' : `${count}${unit}`
}

/** "one day", "30 minutes", "one weekday". */
export function spokenStep(step: Step): string {
  if (step.unit === 'weekday') return 'one weekday'
  if (step.unit === 'row') return step.size === 1 ? 'one row' : `a difference of ${step.size}`
  const [unit, count] = largest(step)
  const { name } = UNITS[unit]!
  return count === 1 ? `one ${name}` : `${count} ${name}s`
}

/** The largest unit of which a step is a whole number, and that number. */
function largest({ unit, size }: Step): [string, number] {
  if (unit === 'row' || unit === 'weekday') return ['', size]
  const fitting = Object.entries(UNITS).filter(([, { step }]) => step.unit === unit && size % step.size === 0)
  const last = fitting.at(-1)
  return last ? [last[0], size / last[1].step.size] : ['s', size / 1000]
}

/** Steps in a day and in a year; less than 1 where the step is longer. Of rows: none. */
export function perDay(step: Step): number {
  return step.unit === 'ms' ? DAY / step.size : step.unit === 'weekday' ? 1 : 0
}

export function perYear(step: Step): number {
  if (step.unit === 'ms') return (365.2425 * DAY) / step.size
  if (step.unit === 'month') return 12 / step.size
  return step.unit === 'weekday' ? 260.8875 : 0
}

/** Numbers of steps after which a calendar repeats, the shortest first: a day, a week, a year, where that is whole. */
export function calendarSeasons(step: Step): number[] {
  if (step.unit === 'row') return []
  if (step.unit === 'weekday') return [5]
  if (step.unit === 'month') return 12 % step.size === 0 && step.size < 12 ? [12 / step.size] : []
  const week = Math.round(perYear(step)) // of a week, nearly whole
  const seasons = [DAY, 7 * DAY].map((span) => span / step.size)
  const whole = seasons.filter((season) => season > 1 && Number.isInteger(season))
  return whole.length === 0 && step.size === 7 * DAY ? [week] : whole
}
