/** Which column is time, and from its stamps the step between two values. */
import { InputError } from '../error.ts'
import { percent } from '../numbers.ts'
import type { NumberColumn, Table, TimeColumn } from '../table/table.ts'
import { type Groups, momentsOf } from './columns.ts'
import { listed, type Note, note } from './notes.ts'
import type { TimeSchema } from './schema.ts'
import { DAY, HOUR, parseStep, type Step, stepText } from './step.ts'
import { zoneOf } from './zone.ts'

/** What a person says of time. */
export interface TimeChoices {
  readonly time?: string | undefined
  readonly every?: string | undefined
  readonly timezone?: string | undefined
}

/** @throws InputError where several columns may be time, or no step fits the stamps */
export function inferTime(
  table: Table,
  choices: TimeChoices,
  groups: Groups,
): { time: TimeSchema; notes: readonly Note[] } {
  const name = choices.time ?? onlyTime(table)
  if (choices.timezone !== undefined) zoneOf(choices.timezone)
  const zone = choices.timezone ?? null
  if (name === null) {
    const time: TimeSchema = { column: null, step: '1', origin: 0, stamps: 'local', zone: null, day: 1 }
    return { time, notes: [note('rows', 'there is no column of times: rows are taken in their order, one a step')] }
  }
  const column = momentsOf(table, name, '--time')
  const gaps = gapsOf(column, groups)
  const notes: Note[] = []
  const step = choices.every === undefined ? stepOf(table, column, gaps, notes) : parseStep(choices.every)
  if ((step.unit === 'row') !== (column.type === 'number')) {
    throw new InputError(
      column.type === 'number'
        ? `--every: expected a number, the difference of two values of ${name}, but received ${stepText(step)}`
        : `--every: expected a unit of time, as 1d or 30min, but received ${stepText(step)}`,
    )
  }
  const time = {
    column: name,
    step: stepText(step),
    origin: least(column.values),
    stamps: zone !== null || (column.type === 'time' && isUtc(column.format)) ? ('utc' as const) : ('local' as const),
    zone,
    day: step.unit === 'month' ? dayOf(column.values) : 1,
  }
  return { time, notes }
}

/** The column by which rows are sorted that are the steps themselves. @throws InputError where there is none */
export function inferRows(table: Table, choices: TimeChoices): { time: TimeSchema; notes: readonly Note[] } {
  const name = choices.time ?? onlyTime(table)
  if (name === null) {
    throw new InputError('--time: expected a column of times beside --gaps skip but received none: name it')
  }
  if (choices.every !== undefined) {
    throw new InputError('--every: expected none beside --gaps skip, where each row is a step: leave one of them out')
  }
  if (choices.timezone !== undefined) zoneOf(choices.timezone)
  const column = momentsOf(table, name, '--time')
  const zone = choices.timezone ?? null
  const stamps = zone !== null || (column.type === 'time' && isUtc(column.format)) ? 'utc' : 'local'
  const time: TimeSchema = { column: name, step: '1', origin: least(column.values), stamps, zone, day: 1 }
  const text = 'rows are the steps, whatever time lies between: no calendar, and no season but those that you say'
  return { time, notes: [note('skip', text)] }
}

function onlyTime(table: Table): string | null {
  const times = table.columns.filter((column) => column.type === 'time')
  const finer = times.filter(({ format }) => format !== 'year') // years beside dates are a part of these
  const found = (finer.length > 0 ? finer : times).map(({ name }) => name)
  if (found.length <= 1) return found[0] ?? null
  throw new InputError(`--time: expected the column of times to be named, for there are ${listed(found)}: name one`)
}

/** Whether a format says that its stamps are moments, not what a local clock shows. */
function isUtc(format: string): boolean {
  return /unix|Z|[+-]hh/i.test(format.replace(/[^\w+-]/g, '')) && !/^YYYY$/.test(format)
}

/** How often each difference of neighbouring stamps of a series occurs, and how many there are. */
interface Gaps {
  readonly counts: ReadonlyMap<number, number>
  readonly total: number
}

function gapsOf({ values }: TimeColumn | NumberColumn, { names, of }: Groups): Gaps {
  const own: number[][] = names.map(() => [])
  for (const [row, value] of values.entries()) if (!Number.isNaN(value)) own[of[row]!]!.push(value)
  const counts = new Map<number, number>()
  let total = 0
  for (const moments of own) {
    const sorted = Float64Array.from(moments).sort()
    for (let i = 1; i < sorted.length; i++) {
      const gap = sorted[i]! - sorted[i - 1]!
      if (gap === 0) continue
      counts.set(gap, (counts.get(gap) ?? 0) + 1)
      total++
    }
  }
  return { counts, total }
}

const SPANS: readonly { readonly days: readonly [number, number]; readonly months: number }[] = [
  { days: [28, 31], months: 1 },
  { days: [90, 92], months: 3 },
  { days: [365, 366], months: 12 },
]

function stepOf(table: Table, column: TimeColumn | NumberColumn, { counts, total }: Gaps, notes: Note[]): Step {
  if (total === 0) {
    throw new InputError(
      `${table.name}: ${column.name}: expected at least two times in a series but received one: name another column ` +
        'with --time',
    )
  }
  const [gap, times] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]!
  if (column.type === 'number') return { unit: 'row', size: gap }
  for (const {
    days: [least, most],
    months,
  } of SPANS) {
    const slack = HOUR + 1000 // summer time, written in UTC
    const inside = (span: number) => span >= least * DAY - slack && span <= most * DAY + slack
    const share = [...counts].reduce((sum, [span, n]) => sum + (inside(span) ? n : 0), 0) / total
    if (!inside(gap) || share < 0.5 || onlyFixed(gap, counts)) continue
    if (new Set([...counts.keys()].map((span) => ((span % DAY) + DAY) % DAY)).size > 1) {
      notes.push(
        note('clock', 'the hour of the stamps changes (summer time written in UTC): counted by calendar month'),
      )
    }
    return { unit: 'month', size: months }
  }
  if (gap === DAY && noWeekends(column.values)) {
    notes.push(note('weekdays', 'no row is of a Saturday or Sunday: counted by weekdays'))
    return { unit: 'weekday', size: 1 }
  }
  const [longer] = [...counts.keys()].filter((span) => span % gap !== 0 && Math.abs(span % DAY) > HOUR)
  if (times / total < 0.5 && longer !== undefined) {
    throw new InputError(
      `${table.name}: ${column.name}: expected times at one distance but the commonest, ` +
        `${stepText({ unit: 'ms', size: gap })}, is ${percent(times / total, 0)} of them: say the step, as --every 1d`,
    )
  }
  return { unit: 'ms', size: gap }
}

/** Whether all distances are multiples of one: every 30 days, not every month. */
function onlyFixed(gap: number, counts: ReadonlyMap<number, number>): boolean {
  return (
    counts.size > 0 && [...counts.keys()].every((span) => span % gap === 0) && [...counts.values()].some((n) => n > 3)
  )
}

function noWeekends(values: ArrayLike<number>): boolean {
  let rows = 0
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue
    const day = new Date(values[i]!).getUTCDay()
    if (day === 0 || day === 6) return false
    rows++
  }
  return rows >= 10
}

function least(values: ArrayLike<number>): number {
  let found = Number.POSITIVE_INFINITY
  for (let i = 0; i < values.length; i++) if (values[i]! < found) found = values[i]!
  return found
}

/** The day of the month that all stamps have; 31 where all are the last of a month. */
function dayOf(values: ArrayLike<number>): number {
  let latest = 1
  let last = true
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue
    const day = new Date(values[i]! + DAY / 2).getUTCDate()
    latest = Math.max(latest, day)
    last &&= new Date(values[i]! + 1.5 * DAY).getUTCDate() === 1
  }
  return last ? 31 : latest
}
