/** How the texts of a column become values. */
import { FORMATS } from '../formats/date.ts'
import { decimal } from '../formats/decimal.ts'

/** A column's type, and what one must know to read it. */
export type Plan = NumberPlan | FlagPlan | TimePlan | EpochPlan | CategoryPlan

export interface NumberPlan {
  readonly kind: 'number'
  readonly mark: '.' | ','
  /** What stands between thousands; nothing if nothing does. */
  readonly group: '' | ',' | '.' | ' ' | "'"
  /** What stands before or after every number: `%`, `$`, `€`, `£`, `¥`, or nothing. */
  readonly unit: string
}

/** Words for yes and no. */
export interface FlagPlan {
  readonly kind: 'flag'
}

export interface TimePlan {
  readonly kind: 'time'
  /** An index of FORMATS. */
  readonly format: number
  readonly zoned: boolean
  /** Of formats that leave it open. */
  readonly dayFirst: boolean
  /** How much of the time of day there is, at most: 0 none, 1 minutes, 2 seconds, 3 parts of seconds. */
  readonly precision: number
}

/** Numbers that count time since 1970, or years. */
export interface EpochPlan {
  readonly kind: 'epoch'
  readonly unit: EpochUnit
}

export type EpochUnit = 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds' | 'year'

export interface CategoryPlan {
  readonly kind: 'category'
}

/** In lower case. `y` and `n` alone are no flag: see infer.ts. */
const FLAGS: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['yes', 1],
  ['y', 1],
  ['1', 1],
  ['false', 0],
  ['no', 0],
  ['n', 0],
  ['0', 0],
])

/** 1 or 0 of a word for yes or no, or of another way to write 1 or 0; NaN of other words. */
export function flagOf(text: string): number {
  const word = text.trim().toLowerCase()
  const number = word === '' ? Number.NaN : Number(word)
  return FLAGS.get(word) ?? (number === 0 || number === 1 ? number : Number.NaN)
}

/** In lower case: what means that there is no value. */
const MISSING = new Set(['', 'na', 'n/a', '#n/a', 'null', 'none', 'nan', '-', '--', '?', '\\n'])

/** Whether a text means that there is no value; `words` do so, and only they and '', where the user named them. */
export function isMissing(text: string, words?: readonly string[]): boolean {
  const word = text.trim()
  if (words !== undefined) return word === '' || words.includes(word)
  return word.length <= 4 && MISSING.has(word.toLowerCase())
}

/** What certainly has no unit. */
const PLAIN = /^[+-]?\w(.*\w)?$/
const UNITS = '[%$€£¥]'
const LEADING = new RegExp(`^([+-]?)(${UNITS})\\s*`)
const TRAILING = new RegExp(`\\s*(${UNITS})$`)

/** The unit of a text of a number, and the text without it. */
export function withoutUnit(text: string): { unit: string; bare: string } {
  if (PLAIN.test(text)) return { unit: '', bare: text }
  const trimmed = text.trim()
  const leading = LEADING.exec(trimmed)
  if (leading) return { unit: leading[2]!, bare: leading[1]! + trimmed.slice(leading[0].length) }
  const trailing = TRAILING.exec(trimmed)
  return trailing ? { unit: trailing[1]!, bare: trimmed.slice(0, trailing.index) } : { unit: '', bare: trimmed }
}

/** The number of a text; NaN if it is none as the plan has them. `12.5 %` is 12.5; money need not name its unit. */
export function numberOf(text: string, plan: NumberPlan): number {
  const { unit, bare } = withoutUnit(text)
  return numberOfBare(unit, bare, plan)
}

/** The same of a text that was parted into its unit and the rest. */
export function numberOfBare(found: string, bare: string, { mark, group, unit }: NumberPlan): number {
  if (found !== unit && (unit === '%' || found !== '')) return Number.NaN
  const digits = group === '' ? bare : ungrouped(bare, group, mark)
  if (digits === undefined || !/^[\d.,+-]/.test(digits)) return Number.NaN
  const { written } = encoder.encodeInto(digits, scratch)
  return decimal(scratch, 0, written, mark.charCodeAt(0))
}

const encoder = new TextEncoder()
/** Longer texts are cut off, and no numbers then either: `decimal` takes no more than 1,100 bytes. */
const scratch = new Uint8Array(2048)

/** Without what stands between thousands; undefined if that stands elsewhere. */
function ungrouped(text: string, group: string, mark: string): string | undefined {
  const spaced = group === ' ' ? text.replace(/[\u00a0\u202f]/g, ' ') : text
  if (!spaced.includes(group)) return spaced
  const [whole, ...rest] = spaced.split(mark)
  const blocks = whole!.replace(/^[+-]/, '').split(group)
  const even = /^[1-9]\d{0,2}$/.test(blocks[0]!) && blocks.slice(1).every((block) => /^\d{3}$/.test(block))
  return even && rest.length <= 1 ? spaced.replaceAll(group, '') : undefined
}

/** Of numbers that count time: from 1973 (or so) to 2100. The ranges do not overlap. */
const RANGES: readonly [EpochUnit, number, number][] = [
  ['year', 1500, 2200],
  ['seconds', 1e8, 4.2e9],
  ['milliseconds', 1e11, 4.2e12],
  ['microseconds', 1e14, 4.2e15],
  ['nanoseconds', 1e17, 4.2e18],
]

/** The unit in whose range all of these numbers are. */
export function unitOfTime(values: readonly number[]): EpochUnit | undefined {
  return RANGES.find(([, least, most]) => values.every((x) => x >= least && x <= most))?.[0]
}

/** Milliseconds since 1970 of a number that counts them in another unit; NaN if it is none. */
export function epochTime(value: number, unit: EpochUnit): number {
  if (unit === 'year') return Number.isInteger(value) && value >= 1 && value <= 9999 ? yearStart(value) : Number.NaN
  const time = value * PER_UNIT[unit]
  return Math.abs(time) <= 8.64e15 ? Math.round(time) : Number.NaN
}

const PER_UNIT = { seconds: 1000, milliseconds: 1, microseconds: 1e-3, nanoseconds: 1e-6 } as const

function yearStart(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1)
}

/** As people write the format: `DD/MM/YYYY HH:mm`. */
export function formatOf(plan: TimePlan | EpochPlan): string {
  if (plan.kind === 'epoch') return plan.unit === 'year' ? 'year' : `unix ${plan.unit}`
  const [first, second] = plan.dayFirst ? ['DD', 'MM'] : ['MM', 'DD']
  const date = FORMATS[plan.format]!.replace('?', first!).replace('?', second!)
  const clock = ['', ' HH:mm', ' HH:mm:ss', ' HH:mm:ss.SSS'][plan.precision]!
  return `${date}${clock}${plan.zoned ? 'Z' : ''}`
}

/** Whether two plans read every text alike. */
export function samePlan(a: Plan, b: Plan): boolean {
  return JSON.stringify({ ...a, precision: 0 }) === JSON.stringify({ ...b, precision: 0 })
}
