/**
 * The type of a column from its texts and how often each occurs. What explains the most texts wins; what it leaves
 * unexplained is for who fills the column to refuse or to accept.
 */
import { StampReader } from '../formats/stamp.ts'
import {
  flagOf,
  isMissing,
  type NumberPlan,
  numberOf,
  numberOfBare,
  type Plan,
  type TimePlan,
  unitOfTime,
  withoutUnit,
} from './plan.ts'
import type { ColumnType } from './table.ts'

/** Texts and in how many rows each is. */
export type Texts = ReadonlyMap<string, number>

/** What the user or the rest of the file says about a column. */
export interface Hints {
  readonly name: string
  /** No other column is a part of the date (a month, a day): years may be moments. */
  readonly dateAlone: boolean
  readonly type?: ColumnType | undefined
  readonly dayFirst?: boolean | undefined
  /** Words that mean "missing", if the user named them. */
  readonly missing: readonly string[] | undefined
  /** The decimal mark, where a text such as `1,234` may be read in two ways. */
  readonly mark: '.' | ','
  /** There is no other: the user named it. */
  readonly onlyMark: boolean
}

export interface Inference {
  readonly plan: Plan
  /** The reason in words. */
  readonly why: string
  /** Rows that the plan explains, and those with a value that it does not. */
  readonly fit: number
  readonly misfit: number
  /** What a person should look at. */
  readonly warning?: string | undefined
}

/** Rows with words among so many numbers are faults of the data; with more, the column is one of words. */
export function areFew(misfit: number, fit: number): boolean {
  return fit > misfit && misfit <= Math.max(10, 0.05 * (fit + misfit))
}

/** The plan for a column of these texts. */
export function infer(texts: Texts, hints: Hints): Inference {
  const present = [...texts].filter(([text]) => !isMissing(text, hints.missing))
  const rows = present.reduce((sum, [, n]) => sum + n, 0)
  const words = { plan: { kind: 'category' }, why: 'words', fit: rows, misfit: 0 } as const
  const { type } = hints
  if (type === 'category' || type === 'text') return { ...words, why: 'as told' }
  if (rows === 0) return { plan: defaultNumbers(hints), why: 'no values', fit: 0, misfit: 0 }
  const flags = asFlags(present, rows)
  if (type === 'flag' || (type === undefined && flags.misfit === 0 && flags.both)) return flags
  const numbers = asNumbers(present, rows, hints)
  if (type === 'number') return { ...numbers, why: `${numbers.why}, as told` }
  const epochs = asEpochs(present, rows, numbers, hints)
  const days = areDays(present)
  const times = asTimes(numbers.misfit === 0 && !days && type !== 'time' ? [] : present, rows, hints)
  if (type === 'time') return times.fit > epochs.fit || !epochs.sure ? times : epochs
  if (epochs.fit > 0 && epochs.sure) return epochs
  const best = times.fit + times.otherTimes > numbers.fit || days ? times : numbers
  if (best === numbers && areCodes(present)) return { ...words, why: 'codes (leading zeros, or over 16 digits)' }
  const few = areFew(best.misfit, best.fit) || (best === times && areFew(times.misfit - times.otherTimes, times.fit))
  if (best === numbers && epochs.fit > 0 && epochs.why !== 'years') {
    return { ...numbers, warning: `these may be ${epochs.why}: if so, say --types ${hints.name}=time` }
  }
  if (best.misfit === 0 || few) return best
  if (best.fit <= rows / 2) return words
  return { ...words, why: `words beside ${best.why}`, warning: `words beside ${best.why}: it is read as a category` }
}

type Present = readonly (readonly [text: string, rows: number])[]

function defaultNumbers({ mark, onlyMark }: Hints): NumberPlan {
  return { kind: 'number', mark: onlyMark ? mark : '.', group: '', unit: '' }
}

/** A flag has both words of a pair; one alone may be a category with a level that is still to come. */
function asFlags(present: Present, rows: number): Inference & { both: boolean } {
  const fits = present.filter(([text]) => !Number.isNaN(flagOf(text)))
  const fit = fits.reduce((sum, [, n]) => sum + n, 0)
  const words = new Set(fits.map(([text]) => text.trim().toLowerCase()))
  const both = [
    ['true', 'false'],
    ['yes', 'no'],
    ['y', 'n'],
  ].some((pair) => pair.every((word) => words.has(word)) && words.size === 2)
  const alone = words.size === 1 && (words.has('true') || words.has('false'))
  return { plan: { kind: 'flag' }, why: [...words].join(' and '), fit, misfit: rows - fit, both: both || alone }
}

/** In order of preference where several explain as much. */
function numberPlans({ mark, onlyMark }: Hints): { mark: '.' | ','; group: NumberPlan['group'] }[] {
  const other = mark === '.' ? ',' : '.'
  const own = (['', other, ' ', "'"] as const).map((group) => ({ mark, group }))
  const others = (['', mark, ' ', "'"] as const).map((group) => ({ mark: other, group }) as const)
  return onlyMark ? own : [...own, ...others]
}

function asNumbers(present: Present, rows: number, hints: Hints): Inference {
  const units = new Map<string, number>()
  const parted = present.map(([text, n]) => ({ ...withoutUnit(text), n }))
  for (const { unit, bare, n } of parted) if (/\d/.test(bare)) units.set(unit, (units.get(unit) ?? 0) + n)
  const named = [...units].filter(([unit]) => unit !== '').sort((a, b) => b[1] - a[1])[0]
  // Money need not name its unit in every row; `%` must, for 0.5 beside 50 % is another scale.
  const unit = named && (named[0] !== '%' || named[1] > (units.get('') ?? 0)) ? named[0] : ''
  const numeric = parted.filter(({ bare }) => NUMERIC.test(bare))
  const fits = (plan: NumberPlan) =>
    numeric.reduce((sum, one) => sum + (Number.isNaN(numberOfBare(one.unit, one.bare, plan)) ? 0 : one.n), 0)
  let best: { plan: NumberPlan; fit: number } | undefined
  for (const form of numberPlans(hints)) {
    const plan: NumberPlan = { kind: 'number', ...form, unit }
    const fit = fits(plan)
    if (best === undefined || fit > best.fit) best = { plan, fit }
    if (fit === rows) break
  }
  const { plan, fit } = best!
  const warning = hints.onlyMark ? undefined : otherReading(parted, plan)
  return { plan, why: describeNumbers(plan, parted), fit, misfit: rows - fit, warning }
}

/** What no plan takes for a number is not looked at with each. */
const NUMERIC = /^[+-]?[\d.,' \u00a0\u202f]+(e[+-]?\d+)?$/i

function describeNumbers({ mark, group, unit }: NumberPlan, parted: readonly { bare: string }[]): string {
  const parts = []
  const has = (character: string) => character !== '' && parted.some(({ bare }) => bare.includes(character))
  if (mark === ',' && has(',')) parts.push('a decimal comma (1,5 is 1.5)')
  if (has(group))
    parts.push(group === ' ' ? 'spaces between thousands' : `${group} between thousands (1${group}234 is 1234)`)
  if (unit === '%') parts.push('percent signs (12.5 % is 12.5)')
  else if (unit !== '') parts.push(unit)
  return parts.length > 0 ? `numbers with ${parts.join(' and ')}` : 'numbers'
}

/** What to say of numbers with commas that all may be read in two ways: `1,234`. */
function otherReading(parted: readonly { bare: string }[], { mark, group }: NumberPlan): string | undefined {
  const example = parted.find(({ bare }) => bare.includes(','))?.bare
  if (example === undefined || (mark !== ',' && group !== ',')) return
  if (!parted.every(({ bare }) => /^[+-]?(\d+|[1-9]\d{0,2},\d{3})$/.test(bare))) return
  const [here, there] = [example.replace(',', ''), example.replace(',', '.')]
  const [taken, other] = mark === ',' ? [there, here] : [here, there]
  return `${example} is taken for ${taken}: if it is ${other}, say --decimal ${mark === ',' ? '.' : ','}`
}

/** A mark in texts that cannot be read otherwise: `3,14` has a decimal comma; `1,234` may have. */
const COMMA = /^[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{4,},\d+|[\d.]*\.\d{3},\d+)$/
const POINT = /^[+-]?(\d+\.(\d{1,2}|\d{4,})|0\.\d+|\d{4,}\.\d+|\.\d+|[\d,]*,\d{3}\.\d+)(e[+-]?\d+)?$/i

/** In favour of a decimal comma (above 0) or a point (below 0): how many of the texts say so. */
export function votesForComma(texts: Texts): number {
  let votes = 0
  for (const text of texts.keys()) {
    const { bare } = withoutUnit(text)
    if (COMMA.test(bare)) votes++
    else if (POINT.test(bare)) votes--
  }
  return votes
}

const TIMELY = /time|date|stamp|epoch|unix|zeit|datum|^(ts|ds|t)$/i
const YEARLY = /^(year|yr|yyyy|years|jahr|annee|année|año|anno|time|date)$/i
/** Numbers that count time: all within the range of one unit. Sure if the name of the column says time too. */
function asEpochs(present: Present, rows: number, numbers: Inference, hints: Hints): Inference & { sure: boolean } {
  const none = { plan: numbers.plan, why: '', fit: 0, misfit: rows, sure: false }
  if (numbers.misfit > 0 && !areFew(numbers.misfit, numbers.fit)) return none
  const values = present.map(([text]) => numberOf(text, numbers.plan as NumberPlan)).filter((x) => !Number.isNaN(x))
  const unit = unitOfTime(values)
  if (unit === undefined) return none
  if (unit === 'year' && !values.every(Number.isInteger)) return none
  const named = unit === 'year' ? hints.dateAlone && YEARLY.test(hints.name) : TIMELY.test(hints.name)
  const sure = hints.type === 'time' || named
  // Unnamed, they are only taken for moments of one generation: 2000 to 2035 is less than twice as much.
  if (!sure && Math.max(...values) > 2 * Math.min(...values)) return none
  const why = unit === 'year' ? 'years' : `unix ${unit}`
  return { plan: { kind: 'epoch', unit }, why, fit: numbers.fit, misfit: numbers.misfit, sure }
}

const reader = new StampReader()
const encoder = new TextEncoder()
const scratch = new Uint8Array(512) // what is longer is no moment, and none when it is cut off

/** Whether the text is a moment, which `reader` then has. */
function isMoment(text: string): boolean {
  return reader.read(scratch, 0, encoder.encodeInto(text, scratch).written)
}

interface Found {
  rows: number
  precision: number
  firstOver12: boolean
}

function asTimes(present: Present, rows: number, hints: Hints): Inference & { plan: TimePlan; otherTimes: number } {
  const found = new Map<string, Found>()
  for (const [text, n] of present) {
    if (!isMoment(text)) continue
    const key = `${reader.format} ${reader.zoned}`
    const one = found.get(key) ?? { rows: 0, precision: 0, firstOver12: false }
    one.rows += n
    one.precision = Math.max(one.precision, reader.precision)
    one.firstOver12 ||= reader.date.ambiguous && reader.date.month > 12
    found.set(key, one)
  }
  const all = [...found].sort((a, b) => b[1].rows - a[1].rows)
  const [key, best] = all[0] ?? ['0 false', { rows: 0, precision: 0, firstOver12: false }]
  const [format, zoned] = key.split(' ') as [string, string]
  const dayFirst = hints.dayFirst ?? best.firstOver12
  const plan = {
    kind: 'time',
    format: Number(format),
    zoned: zoned === 'true',
    dayFirst,
    precision: best.precision,
  } as const
  const times = all.reduce((sum, [, one]) => sum + one.rows, 0)
  return { plan, why: 'dates', fit: best.rows, misfit: rows - best.rows, otherTimes: times - best.rows }
}

/** Numbers of eight digits that are all days: nothing else is so from 1800 to 2199. */
function areDays(present: Present): boolean {
  return present.every(([text]) => {
    return /^\s*(18|19|20|21)\d{6}\s*$/.test(text) && isMoment(text)
  })
}

/**
 * Whole numbers of three digits and more of which some begin with 0 (post codes, article numbers), or of which some
 * have so many digits that float64 would take several for one.
 */
function areCodes(present: Present): boolean {
  const some = present.some(([text]) => /^(0\d{2,}|\d{17,})$/.test(text.trim()))
  return some && present.every(([text]) => /^\d+$/.test(text.trim()))
}
