/**
 * From a table and what a person says to a schema: everything that is not said is inferred, and everything inferred is
 * told. Nothing here looks at values of the test part, but for whether there are any.
 */
import { InputError, refuseUnknown, shown } from '../error.ts'
import { grouped, percent } from '../numbers.ts'
import type { Table } from '../table/table.ts'
import { columnOf, groupsOf, numbersOf, textsOf } from './columns.ts'
import { inferRows, inferTime, type TimeChoices } from './inferTime.ts'
import { leaksOf } from './leaks.ts'
import { listed, type Note, note, warning } from './notes.ts'
import { type Panel, panelOf } from './panel.ts'
import type { CalendarPart, ForecastSchema, InputColumn, TimeSchema } from './schema.ts'
import { type SplitChoices, splitOf } from './split.ts'
import { calendarSeasons, DAY, parseStep, perYear } from './step.ts'

/** What a person may say of a forecast. Everything but the target is inferred where it is not said. */
export interface ForecastChoices extends TimeChoices, SplitChoices {
  /** The column to forecast; of several each is a series. */
  readonly target: string | readonly string[]
  /** Steps ahead. */
  readonly horizon?: number | undefined
  /** The column that says of which series a row is. */
  readonly series?: string | undefined
  /** Columns whose values will be known for the steps ahead. */
  readonly known?: readonly string[] | undefined
  /** Columns whose past values are inputs. */
  readonly past?: readonly string[] | undefined
  /** Steps of the past that the network reads. */
  readonly window?: number | undefined
  readonly seasons?: readonly number[] | undefined
  /** What a step without a row is: missing, 0, or none (`skip`): then the rows that are there are the steps. */
  readonly gaps?: 'missing' | 'zero' | 'skip' | undefined
  readonly duplicates?: 'last' | 'sum' | 'mean' | undefined
}

/** What was decided, and what a person should know of it. */
export interface Inferred {
  readonly schema: ForecastSchema
  readonly panel: Panel
  readonly notes: readonly Note[]
}

const CHOICES: readonly (keyof ForecastChoices)[] = [
  'target',
  'horizon',
  'time',
  'series',
  'known',
  'past',
  'window',
  'every',
  'timezone',
  'seasons',
  'gaps',
  'duplicates',
  'test',
  'validation',
  'stride',
]

/** Seasons need so many repetitions in the training part, which is 70 % of the steps or more. */
const REPETITIONS = 3
/** A share of steps without a value above which a person must say what they are. */
const MOST_MISSING = 0.3

/** @throws InputError where the table and the choices do not give a forecast */
export function inferForecast(table: Table, choices: ForecastChoices): Inferred {
  refuseUnknown('forecast', choices, CHOICES)
  const notes: Note[] = []
  const targets = typeof choices.target === 'string' ? [choices.target] : [...(choices.target ?? [])]
  if (targets.length === 0) throw new InputError('--target: expected the column to forecast but received none: name it')
  for (const name of targets) numbersOf(table, name, '--target')
  const series = seriesOf(table, choices, targets)
  const groups = groupsOf(table, series, '--series')
  const gaps = choices.gaps ?? 'missing'
  const { time, notes: timeNotes } = gaps === 'skip' ? inferRows(table, choices) : inferTime(table, choices, groups)
  notes.push(...timeNotes)
  const uses = { targets, series, time }
  const known = inputsOf(table, choices.known ?? [], '--known', uses, notes)
  const past = inputsOf(table, choices.past ?? [], '--past', { ...uses, known }, notes)
  const duplicates = choices.duplicates ?? 'last'
  const panel = panelOf(table, { time, series, targets, known, past, gaps, duplicates })
  notes.push(...panel.notes)
  const [begin, end] = extentOf(table, panel, targets)
  notes.push(...notesOfGaps(table, panel, end, choices.gaps))
  const horizon = wholeOf('--horizon', choices.horizon ?? usualHorizon(time, end - begin))
  const seasons = choices.seasons
    ? choices.seasons.map((season) => wholeOf('--seasons', season)).sort((a, b) => a - b)
    : calendarSeasons(panel.axis.step).filter((season) => REPETITIONS * season <= 0.7 * (end - begin))
  const split = splitOf(table.name, panel.axis, [begin, end], horizon, seasons.at(-1) ?? 0, choices)
  const training = split.validation - begin
  refuseConstant(table, panel, split.validation, targets)
  const window = wholeOf('--window', choices.window ?? usualWindow(horizon, training))
  notes.push(...leaksOf(panel, [...known, ...past], known.length, targets[0]!, split.validation))
  const schema: ForecastSchema = {
    irnn: 'schema',
    version: 1,
    kind: 'forecast',
    time,
    series,
    targets,
    horizon,
    window,
    seasons,
    lags: lagsOf(time, horizon, seasons, training),
    calendar: calendarOf(time, training),
    known,
    past,
    ...textsOf(table),
    gaps,
    duplicates,
    transform: transformOf(panel, split.validation),
    split,
    fitted: null,
  }
  notes.push(...unused(table, schema))
  return { schema, panel, notes }
}

function wholeOf(what: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 100_000) return value as number
  throw new InputError(`${what}: expected a whole number from 1 to 100,000 but received ${shown(value)}`)
}

/** The column of series: named, or the one category without which rows would share their times. */
function seriesOf(table: Table, choices: ForecastChoices, targets: readonly string[]): string | null {
  if (choices.series !== undefined) return columnOf(table, choices.series, '--series').name
  if (targets.length > 1) return null
  const times = table.columns.filter(({ type }) => type === 'time')
  const time = choices.time === undefined ? times[0] : table.columns.find(({ name }) => name === choices.time)
  if (!time || time.type === 'category' || new Set(time.values).size > 0.99 * table.rows) return null
  const found = table.columns.filter((column) => {
    if (column.type !== 'category' || column.levels.length > table.rows / 3) return false
    const pairs = new Set<string>()
    for (const [row, code] of column.codes.entries()) pairs.add(`${code} ${time.values[row]}`)
    return pairs.size > 0.99 * table.rows && !column.codes.includes(-1)
  })
  return found.length === 1 ? found[0]!.name : null
}

interface Uses {
  readonly targets: readonly string[]
  readonly series: string | null
  readonly time: TimeSchema
  readonly known?: readonly InputColumn[]
}

/** Columns as inputs, by name. Constant ones and ids are no use: they are left out, and named. */
function inputsOf(table: Table, names: readonly string[], what: string, uses: Uses, notes: Note[]): InputColumn[] {
  const taken: readonly [string, string][] = [
    ...uses.targets.map((name): [string, string] => [name, 'the target']),
    ...(uses.series === null ? [] : [[uses.series, 'the column of series'] as [string, string]]),
    ...(uses.time.column === null ? [] : [[uses.time.column, 'the column of times'] as [string, string]]),
    ...(uses.known ?? []).map(({ name }): [string, string] => [name, 'known in advance']),
  ]
  const found: InputColumn[] = []
  for (const name of [...new Set(names)].sort()) {
    const other = taken.find(([used]) => used === name)
    if (other) throw new InputError(`${what}: expected another column than ${other[1]} but received ${shown(name)}`)
    const column = columnOf(table, name, what)
    if (column.type === 'time') {
      throw new InputError(`${what}: expected numbers or categories but ${shown(name)} has times: leave it out`)
    }
    if (column.type === 'category' && column.levels.length > Math.max(2, table.rows / 2)) {
      notes.push(warning('id', `${name}: nearly every row has a value of its own, so it tells nothing: left out`))
    } else if (isConstant(column)) notes.push(warning('constant', `${name}: it is always the same: left out`))
    else found.push({ name, type: column.type === 'category' ? 'category' : column.flag ? 'flag' : 'number' })
  }
  return found
}

function isConstant(column: { readonly values: ArrayLike<number> } | { readonly levels: readonly string[] }): boolean {
  if ('levels' in column) return column.levels.length < 2
  const { values } = column
  const first = Array.prototype.find.call(values, (value: number) => !Number.isNaN(value))
  return Array.prototype.every.call(values, (value: number) => Number.isNaN(value) || value === first)
}

/** The first step with a value, and the one after the last. @throws InputError where there is none */
function extentOf(table: Table, { series }: Panel, targets: readonly string[]): [number, number] {
  let begin = Number.POSITIVE_INFINITY
  let end = Number.NEGATIVE_INFINITY
  for (const { target, start } of series) {
    for (let i = 0; i < target.length; i++) {
      if (Number.isNaN(target[i]!)) continue
      begin = Math.min(begin, start + i)
      end = Math.max(end, start + i + 1)
    }
  }
  if (begin < end) return [begin, end]
  throw new InputError(
    `${table.name}: ${listed(targets)}: expected numbers but there are none: name another column with --target`,
  )
}

function notesOfGaps(table: Table, { series, axis }: Panel, end: number, said: ForecastChoices['gaps']): Note[] {
  let missing = 0
  let total = 0
  for (const { target, start } of series) {
    const own = target.subarray(0, Math.max(0, end - start))
    total += own.length
    for (const value of own) if (Number.isNaN(value)) missing++
  }
  if (missing === 0) return []
  if (missing > MOST_MISSING * total && said === undefined) {
    throw new InputError(
      `${table.name}: expected a value for most of the steps but ${percent(missing / total, 0)} of ` +
        `${grouped(total)} steps from ${axis.text(series[0]!.start)} on have none: say what they are, --gaps zero, ` +
        'missing or skip, or another step with --every',
    )
  }
  return [note('missing', `${grouped(missing)} missing values: never a target, as input the value a season before`)]
}

function refuseConstant(table: Table, { series }: Panel, until: number, targets: readonly string[]): void {
  const constant = series.every(({ target, start }) =>
    isConstant({ values: target.subarray(0, Math.max(0, until - start)) }),
  )
  if (!constant) return
  throw new InputError(
    `${table.name}: ${listed(targets)}: expected values that differ but they are always the same before the ` +
      'validation part: there is nothing to learn: name another column with --target',
  )
}

/** Two weeks of days; a season that is longer than that; else a tenth, of at most 10 steps. */
function usualHorizon({ step }: TimeSchema, steps: number): number {
  const [season] = calendarSeasons(parseStep(step))
  const usual = season === undefined ? 10 : season < 14 && season >= 7 ? 14 : season
  return Math.max(1, Math.min(usual, Math.floor(steps / 10)))
}

/** Twice the horizon, and eight weeks of days; not more than a quarter of the training part. */
function usualWindow(horizon: number, training: number): number {
  return Math.max(2, Math.min(Math.max(2 * horizon, 56), 400, Math.floor(training / 4)))
}

/**
 * The values of a season before, of two and three where the training part has many, and of the same date a year before.
 * Windows without all their lags are not trained on, so that a lag costs windows.
 */
function lagsOf(time: TimeSchema, horizon: number, seasons: readonly number[], training: number): (number | 'year')[] {
  const step = parseStep(time.step)
  const lags = new Set<number>()
  for (const season of seasons) {
    const first = season * Math.ceil(horizon / season)
    for (const lag of [first, 2 * first, 3 * first]) if (lag === first || lag <= training / 8) lags.add(lag)
  }
  const year = perYear(step)
  const daily = step.unit === 'ms' && step.size <= DAY && DAY % step.size === 0
  const whole = daily ? (364 * DAY) / step.size : 0
  if (whole >= horizon) lags.add(whole)
  const found: (number | 'year')[] = [...lags].filter((lag) => lag <= training / 3).sort((a, b) => a - b)
  if (daily && year >= horizon && year <= training / 3) found.push('year')
  return found
}

/** Parts that change with the step, and that the training part has twice. */
function calendarOf(time: TimeSchema, training: number): CalendarPart[] {
  const step = parseStep(time.step)
  const years = training / perYear(step)
  const parts: CalendarPart[] = []
  if (step.unit === 'row') return parts
  if (step.unit === 'month') return step.size < 12 && years >= 2 ? ['month'] : []
  if (step.unit === 'ms' && step.size < DAY) parts.push('hour')
  if (step.unit === 'weekday' || step.size <= DAY) parts.push('weekday')
  if (years >= 2) parts.push('yearday')
  return parts
}

/** Values that are never below 0 and mostly small go through log1p: their skewness is above 2. */
function transformOf({ series }: Panel, until: number): 'none' | 'log1p' {
  let skewed = 0
  let asked = 0
  for (const { target, start } of series) {
    const known = target.subarray(0, Math.max(0, until - start)).filter((value) => !Number.isNaN(value))
    if (known.some((value) => value < 0)) return 'none'
    if (known.length < 3) continue
    asked++
    if (skewness(known) > 2) skewed++
  }
  return skewed > asked / 2 ? 'log1p' : 'none'
}

function skewness(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const moment = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / values.length
  return moment(3) / moment(2) ** 1.5 || 0
}

function unused(table: Table, { time, series, targets, known, past }: ForecastSchema): Note[] {
  const used = new Set([time.column, series, ...targets, ...[...known, ...past].map(({ name }) => name)])
  const rest = table.columns.map(({ name }) => name).filter((name) => !used.has(name))
  if (rest.length === 0) return []
  return [note('unused', `not used: ${listed(rest)}; name those known in advance with --known, others with --past`)]
}
