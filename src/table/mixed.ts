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
    const remedy = `correct ${oddRows === 1 ? 'it' : 'them'}, or say --types ${argument(name)}=category`
    throw new InputError(`${source.name}: ${name}: expected ${expected(filler.plan)} but received ${words}: ${remedy}`)
  }
  if (!(filler instanceof TimeFiller)) return
  const { dayFirst: day, monthFirst: month, plan } = filler
  const other = dayFirst === undefined ? undefined : dayFirst ? month : day
  if (day && month) {
    const both = `${day.text} on ${source.places} ${day.place} has the day first, ${month.text} on ${source.places} ${month.place} the month`
    throw new InputError(`${source.name}: ${name}: expected dates of one order but ${both}: write them as YYYY-MM-DD`)
  }
  if (other) {
    const told = `dates with the ${dayFirst ? 'day' : 'month'} first, as told,`
    throw new InputError(
      `${source.name}: ${name}: expected ${told} but received ${other.text} on ${source.places} ${other.place}: leave that option out`,
    )
  }
  if (filler.isAmbiguous && !day && !month && dayFirst === undefined && filler.rows > 0) {
    const [a, b] = [
      formatOf({ ...plan, dayFirst: true, precision: 0 }),
      formatOf({ ...plan, dayFirst: false, precision: 0 }),
    ]
    throw new InputError(
      `${source.name}: ${name}: expected dates of one meaning but every row may be ${a} or ${b}: say --day-first or --month-first`,
    )
  }
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
  if (rest > 0) parts.push(`and other words in ${rest} more row${rest === 1 ? '' : 's'}`)
  return parts.join(', ')
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
