/** Inputs from the calendar: they are known for every step, past and ahead. */
import type { Axis } from './axis.ts'
import type { CalendarPart } from './schema.ts'
import { DAY } from './step.ts'

/** Waves of a day or a year: three of them follow a sharp peak well enough, and the lags do the rest. */
const WAVES = 3

/** How many inputs each part is. */
const WIDTHS: { readonly [part in CalendarPart]: number } = {
  hour: 2 * WAVES,
  weekday: 7,
  month: 12,
  yearday: 2 * WAVES,
}

export function calendarWidth(parts: readonly CalendarPart[]): number {
  return parts.reduce((sum, part) => sum + WIDTHS[part], 0)
}

/** Writes the inputs of a step to x from `at` on. */
export function putCalendar(
  parts: readonly CalendarPart[],
  axis: Axis,
  index: number,
  x: Float32Array,
  at: number,
): void {
  const wall = axis.wallOf(index)
  const date = new Date(wall)
  for (const part of parts) {
    if (part === 'hour') waves(x, at, wall / DAY)
    else if (part === 'yearday') waves(x, at, (wall - Date.UTC(date.getUTCFullYear(), 0)) / (365.2425 * DAY))
    else if (part === 'weekday') x[at + date.getUTCDay()] = 1
    else x[at + date.getUTCMonth()] = 1
    at += WIDTHS[part]
  }
}

function waves(x: Float32Array, at: number, turn: number): void {
  for (let k = 0; k < WAVES; k++) {
    const angle = 2 * Math.PI * (k + 1) * (turn - Math.floor(turn))
    x[at + 2 * k] = Math.sin(angle)
    x[at + 2 * k + 1] = Math.cos(angle)
  }
}
