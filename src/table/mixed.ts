/** Columns that no type fits, in one line: the words, where they are, and what to do. */
import { InputError } from '../error.ts'
import type { Filler } from './fill.ts'
import { TimeFiller } from './fillTime.ts'
import type { Left } from './leftovers.ts'
import { formatOf, type Plan } from './plan.ts'
import type { Source } from './source.ts'

const SHOWN = 3

/** @throws InputError if rows of the column contradict its plan, or leave open what it must know */
export function refuseMixed(name: string, filler: Filler, source: Source, dayFirst: boolean | undefined): void {
  const { odd, oddRows } = filler.left
  if (oddRows > 0) {
    const words = wordsOf(odd, oddRows, source.places)
    const correct = filler.plan.kind === 'time' ? 'write all dates alike' : `correct ${oddRows === 1 ? 'it' : 'them'}`
    const remedy = `${correct}, or say --types ${argument(name)}=category`
    throw new InputError(`${source.name}: ${name}: expected ${expected(filler.plan)} but received ${words}: ${remedy}`)
  }
  if (filler instanceof TimeFiller) refuseOrders(`${source.name}: ${name}`, filler, source.places, dayFirst)
}

/** Dates as `01/02/2015` whose order the rows contradict, or leave open. */
function refuseOrders(what: string, filler: TimeFiller, places: string, told: boolean | undefined): void {
  const { dayFirst: day, monthFirst: month, plan } = filler
  if (day && month) {
    const days = `${day.text} on ${places} ${day.place} has the day first`
    const months = `${month.text} on ${places} ${month.place} the month`
    throw new InputError(`${what}: expected dates of one order but ${days}, ${months}: write them as YYYY-MM-DD`)
  }
  const other = told === undefined ? undefined : told ? month : day
  if (other) {
    const expected = `expected dates with the ${told ? 'day' : 'month'} first, as told,`
    const received = `${other.text} on ${places} ${other.place}`
    throw new InputError(`${what}: ${expected} but received ${received}: leave that option out`)
  }
  const present = filler.isAmbiguous && filler.values.subarray(0, filler.rows).some((value) => !Number.isNaN(value))
  if (!present || day || month || told !== undefined) return
  const either = [true, false].map((dayFirst) => formatOf({ ...plan, dayFirst, precision: 0 })).join(' or ')
  const received = `every row may be ${either}`
  throw new InputError(`${what}: expected dates of one meaning but ${received}: say --day-first or --month-first`)
}

/** A name as a shell takes it. */
function argument(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name)
}

/** `"oops" on line 17, "n.v." on lines 20, 31 and 4 more, and 8 other words` */
function wordsOf(odd: ReadonlyMap<string, Left>, oddRows: number, place: string): string {
  const shown = [...odd].slice(0, SHOWN)
  const parts = shown.map(([text, { rows, places }]) => {
    const word = JSON.stringify(text.length > 30 ? `${text.slice(0, 30)}…` : text)
    const more = rows > places.length ? ` and ${rows - places.length} more` : ''
    return `${word} on ${place}${rows > 1 ? 's' : ''} ${places.join(', ')}${more}`
  })
  const rest = oddRows - shown.reduce((sum, [, { rows }]) => sum + rows, 0)
  if (rest > 0) parts.push(`other words in ${rest} more row${rest === 1 ? '' : 's'}`)
  return parts.join('; ')
}

function expected(plan: Plan): string {
  switch (plan.kind) {
    case 'number':
      if (plan.mark === ',') return 'numbers with a decimal comma'
      return plan.unit === '' ? 'numbers' : `numbers with ${plan.unit}`
    case 'flag':
      return 'yes or no, true or false, 1 or 0'
    case 'category':
      return 'words'
    case 'epoch':
      return plan.unit === 'year' ? 'years' : `unix ${plan.unit}`
    case 'time':
      return `moments like ${formatOf(plan)}`
  }
}
