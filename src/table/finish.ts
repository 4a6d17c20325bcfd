/** From what was filled to the column, what the report says of it, and notes. */
import { InputError } from '../error.ts'
import { type Filler, WordFiller } from './fill.ts'
import { TimeFiller } from './fillTime.ts'
import type { Inference } from './infer.ts'
import { refuseMixed } from './mixed.ts'
import type { TableOptions } from './options.ts'
import { formatOf, isMissing, type Plan } from './plan.ts'
import type { Source } from './source.ts'
import type { CategoryColumn, Column, ColumnReport, ColumnType, TableNote } from './table.ts'
import { resolveZone } from './zone.ts'

export interface Finished {
  readonly column: Column
  readonly report: ColumnReport
  readonly notes: readonly TableNote[]
}

/** What is to be finished: a column's name, its values as filled, the reason for its type, and whence it came. */
export interface Unfinished {
  readonly name: string
  readonly filler: Filler
  readonly found: Inference
  readonly source: Source
  readonly options: TableOptions
}

/** @throws InputError, one line, if rows of the column contradict its type */
export function finish(unfinished: Unfinished): Finished {
  const { name, filler, found, options } = unfinished
  const { why, warning } = found
  const { plan, left } = filler
  const notes: TableNote[] = []
  const note = (level: TableNote['level'], kind: string, text: string) =>
    notes.push({ level, kind, column: name, text: `${name}: ${text}` })
  const forced = typeOf(options, name)
  const column = columnOf(unfinished, note)
  let type: ColumnType = column.type
  if (column.type === 'number' && forced !== 'number' && isFlag(column.values)) type = 'flag'
  const counted = statistics(column)
  if (column.type === 'category') {
    // Nearly every row has a level of its own: names, ids, sentences.
    const { distinct, missing } = counted
    const unique = distinct > 20 && distinct >= 0.95 * (column.codes.length - missing)
    if (forced === 'text' || (forced === undefined && unique)) type = 'text'
  }
  if (left.missing.size > 0) note('note', 'missing-words', wordsTaken(left.missing))
  if (plan.kind === 'number' && why.startsWith('numbers with')) note('note', 'numbers', why)
  if (why.startsWith('codes')) note('note', 'codes', `${why}: a category; say --types ${name}=number if they count`)
  if (warning !== undefined) note('warning', 'doubtful', warning)
  const finished = type === 'flag' ? { ...column, flag: true } : column
  return { column: finished as Column, report: { name, type, why, ...counted }, notes }
}

/** The type that the user gave a column, if any. */
export function typeOf({ types }: TableOptions, name: string): ColumnType | undefined {
  return types !== undefined && Object.hasOwn(types, name) ? types[name] : undefined
}

type AddNote = (level: TableNote['level'], kind: string, text: string) => void

function columnOf(unfinished: Unfinished, note: AddNote): Column {
  const { name, filler, source, options } = unfinished
  if (filler instanceof WordFiller) return { name, type: 'category', ...wordsOf(unfinished, filler) }
  refuseMixed(name, filler, source, options.dayFirst)
  const values = trimmed(filler.values as Float64Array, filler.rows)
  if (filler.plan.kind === 'number' || filler.plan.kind === 'flag') return { name, type: 'number', values }
  const format = formatOf(
    filler instanceof TimeFiller
      ? { ...filler.plan, precision: filler.precision }
      : (filler.plan as Plan & { kind: 'epoch' }),
  )
  const order = filler instanceof TimeFiller && filler.isAmbiguous ? orderOf(filler, source) : ''
  note('note', 'time', `moments as ${format}${order}`)
  const zone = options.timezone
  if (zone !== undefined && filler instanceof TimeFiller && !filler.plan.zoned) {
    const { doubled, missing } = resolveZone(values, zone)
    const count = (n: number) => `${n} ${n === 1 ? 'moment' : 'moments'}`
    if (missing > 0) {
      const why = `in an hour that the clocks of ${zone} leap over`
      note('warning', 'zone-missing', `${count(missing)} ${why}: taken as the hour after it`)
    }
    if (doubled > 0) {
      const why = `in an hour that the clocks of ${zone} show twice`
      note('note', 'zone-doubled', `${count(doubled)} ${why}: the first or the second by the order of the rows`)
    }
  }
  return { name, type: 'time', values, format }
}

/** Which number of `01/02/2015` is the day, and what says so. */
function orderOf({ plan, dayFirst, monthFirst }: TimeFiller, { places }: Source): string {
  const row = plan.dayFirst ? dayFirst : monthFirst
  return row === undefined ? ', as told' : `, as ${row.text} on ${places} ${row.place} shows`
}

/** Without the room for rows that did not come; a copy where that is large. */
function trimmed<Values extends Float64Array | Float32Array | Int32Array>(values: Values, rows: number): Values {
  const view = values.subarray(0, rows) as Values
  return values.length > 1.25 * rows + 1024 ? (view.slice() as Values) : view
}

/** Codes and levels; what means "missing" is no level. */
function wordsOf({ name, source, options }: Unfinished, filler: WordFiller): Pick<CategoryColumn, 'codes' | 'levels'> {
  const codes = trimmed(filler.values, filler.rows)
  const decoder = new TextDecoder(options.encoding ?? 'utf-8', { fatal: true })
  const levels: string[] = []
  const codeOf = new Int32Array(filler.words.size)
  for (let code = 0; code < codeOf.length; code++) {
    const level = decode(decoder, filler.words.word(code))
    if (level === undefined) {
      const row = codes.indexOf(code) + 1
      const remedy = 'save it as UTF-8, or say --encoding latin1'
      throw new InputError(`${source.name}: ${name}: expected UTF-8 but the text of row ${row} is not: ${remedy}`)
    }
    const missing = isMissing(level, options.missing ?? [])
    codeOf[code] = missing ? -1 : levels.push(level) - 1
    if (missing) filler.left.missing.set(level, 0)
  }
  if (levels.length === codeOf.length) return { codes, levels }
  const words = [...filler.left.missing.keys()]
  let next = 0
  const wordAt = [...codeOf].map((code) => (code < 0 ? words[next++]! : ''))
  for (let r = 0; r < codes.length; r++) {
    const code = codes[r]!
    if (code < 0) continue
    codes[r] = codeOf[code]!
    if (codeOf[code]! < 0) filler.left.missing.set(wordAt[code]!, filler.left.missing.get(wordAt[code]!)! + 1)
  }
  return { codes, levels }
}

function decode(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return
  }
}

/** Only 0 and 1. */
function isFlag(values: Float64Array | Float32Array): boolean {
  let present = false
  for (const value of values) {
    if (value === 0 || value === 1) present = true
    else if (!Number.isNaN(value)) return false
  }
  return present
}

function wordsTaken(missing: ReadonlyMap<string, number>): string {
  const words = [...missing].map(([word, rows]) => `${JSON.stringify(word)} (${rows} row${rows === 1 ? '' : 's'})`)
  const more = words.length > 5 ? ` and ${words.length - 5} more` : ''
  return `${words.slice(0, 5).join(', ')}${more} taken as missing`
}

/** Different numbers are counted up to one more than this. */
const DISTINCT = 1000

function statistics(column: Column): Pick<ColumnReport, 'missing' | 'distinct' | 'min' | 'max'> {
  if (column.type === 'category') {
    const { codes, levels } = column
    let missing = 0
    for (let r = 0; r < codes.length; r++) if (codes[r]! < 0) missing++
    return { missing, distinct: levels.length }
  }
  const { values } = column
  const seen = new Set<number>()
  let [missing, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let r = 0; r < values.length; r++) {
    const value = values[r]!
    if (Number.isNaN(value)) missing++
    if (value < min) min = value
    if (value > max) max = value
  }
  for (let r = 0; r < values.length && seen.size <= DISTINCT; r++) {
    if (r === 0 || values[r] !== values[r - 1]) seen.add(values[r]!)
  }
  seen.delete(Number.NaN)
  return { missing, distinct: seen.size, ...(min <= max ? { min, max } : {}) }
}
