/**
 * A schema: all that was decided about a table so that a network can learn from it, as JSON. It goes into the model's
 * file beside the spec, and into a run's folder as schema.json. `fitted` is what was measured on the training part.
 * One that comes from a file is hostile until `parseSchema` has checked it.
 */

import { checked, didYouMean, InputError, shown } from '../error.ts'
import * as z from '../schema.ts'
import type { Written } from '../table/table.ts'
import {
  missingWords,
  refuseSequenceContradictions,
  type SequenceSchema,
  sequenceSchema,
  written,
} from './labels/sequenceSchema.ts'
import { parseStep } from './step.ts'

/** How time is counted. */
export interface TimeSchema {
  /** The column of moments; null: rows stand in order and have none. */
  readonly column: string | null
  /** From one value to the next, as `1d`, `30min`, `1mo`, `weekday`; a bare number counts in a column of numbers. */
  readonly step: string
  /** The moment of step 0, in milliseconds since 1970 (or a number of the column). */
  readonly origin: number
  /** Whether the stamps are UTC (they end in Z, or are seconds since 1970) or those of a local clock. */
  readonly stamps: 'utc' | 'local'
  /** Name of the time zone in which people live; null: UTC. */
  readonly zone: string | null
  /** Of steps of months: the day that stamps have, 31 the last. */
  readonly day: number
}

/** A column that is an input of the network. */
export interface InputColumn {
  readonly name: string
  readonly type: 'number' | 'flag' | 'category'
}

/** What was measured of an input column on the training part. */
export interface FittedColumn {
  readonly name: string
  /** Of numbers. */
  readonly mean: number
  readonly std: number
  /** Of categories; what is none of them is `<other>`. */
  readonly levels: readonly string[]
  /** Whether more than 1 % was missing, so that a flag for it is one more input. */
  readonly gaps: boolean
  /** Of a category of many levels, one at most: it is a token with an embedding. Default: its levels are inputs. */
  readonly as?: 'token' | undefined
}

/** Level and scale of a series on the training part, after the transform. */
export interface SeriesScale {
  readonly name: string
  readonly mean: number
  readonly std: number
  /** Root mean square change from one step to the next, of values, and of their differences from a season before. */
  readonly local: number
  readonly seasonal: number
  /** What MASE divides by, of the rows before the test part; absent where it is 0, and in older schemas. */
  readonly mase?: number | undefined
}

/**
 * What the network sees of a value: its distance from the mean of the series; from the last value of the window; or its
 * difference from a season before, as distance from the last such difference.
 */
export type Scaling = 'series' | 'window' | 'season'

/** What was measured on the training part, and what validation chose. */
export interface FittedForecast {
  readonly scaling: Scaling
  readonly series: readonly SeriesScale[]
  readonly columns: readonly FittedColumn[]
  /** Whether more than 1 % of the target was missing, so that a flag for it is one more input. */
  readonly gaps: boolean
  /** What calibration adds to either end of the band, in units of the scale; negative: the band was too wide. */
  readonly widening: number
}

/** Parts of the calendar that are inputs. */
export type CalendarPart = 'hour' | 'weekday' | 'month' | 'yearday'
const CALENDAR = ['hour', 'weekday', 'month', 'yearday'] as const

/** The decisions of a forecast. Steps of the split are counted from the origin of time. */
export interface ForecastSchema {
  readonly irnn: 'schema'
  readonly version: 1
  readonly kind: 'forecast'
  readonly time: TimeSchema
  /** The column with the name of the series of each row; null: one series, or a column for each. */
  readonly series: string | null
  /** The columns to forecast; each of several is a series. */
  readonly targets: readonly string[]
  /** Steps ahead. */
  readonly horizon: number
  /** Steps of the past that the network reads. */
  readonly window: number
  /** Steps after which the series repeat themselves, the shortest first. */
  readonly seasons: readonly number[]
  /** Steps back, each at least the horizon, whose values are inputs; `year`: the same date a year before. */
  readonly lags: readonly (number | 'year')[]
  readonly calendar: readonly CalendarPart[]
  /** Columns whose values are known for the steps ahead. */
  readonly known: readonly InputColumn[]
  /** Columns that are known only for the past. */
  readonly past: readonly InputColumn[]
  /** The words that mean "no value"; null: the usual ones. */
  readonly missing: readonly string[] | null
  /** How texts are written, as far as it was said. */
  readonly written?: Written | undefined
  /** What a step without a row is; `skip`: none, for the moments that rows have are the steps. */
  readonly gaps: 'missing' | 'zero' | 'skip'
  /** What several rows of one step are: the last of them, their sum or their mean. */
  readonly duplicates: 'last' | 'sum' | 'mean'
  /** The function that values go through before everything else. */
  readonly transform: 'none' | 'log1p'
  /** First steps of the validation and the test part, and of what comes after; a forecast every `stride` steps. */
  readonly split: { readonly validation: number; readonly test: number; readonly end: number; readonly stride: number }
  readonly fitted: FittedForecast | null
}

/** Every kind of schema. */
export type Schema = ForecastSchema | SequenceSchema

const name = z.string().min(1).max(1000)
const step = z.int().min(-1e12).max(1e12)
const size = z.int().min(1).max(100_000)
const time = z.strictObject({
  column: name.nullable(),
  step: z.string().min(1).max(30),
  origin: z.number(),
  stamps: z.enum(['utc', 'local']),
  zone: z.string().max(100).nullable(),
  day: z.int().min(1).max(31),
})
const column = z.strictObject({ name, type: z.enum(['number', 'flag', 'category']) })
const fittedColumn = z.strictObject({
  name,
  mean: z.number(),
  std: z.number().gt(0),
  levels: z.array(z.string()).max(100_000),
  gaps: z.boolean(),
  as: z.literal('token').optional(),
})
const scale = z.strictObject({
  name: z.string().max(1000),
  mean: z.number(),
  std: z.number().gt(0),
  local: z.number().gt(0),
  seasonal: z.number().gt(0),
  mase: z.number().gt(0).optional(),
})
const fitted = z.strictObject({
  scaling: z.enum(['series', 'window', 'season']),
  series: z.array(scale).min(1).max(1_000_000),
  columns: z.array(fittedColumn).max(2000),
  gaps: z.boolean(),
  widening: z.number(),
})
const forecast = z.strictObject({
  irnn: z.literal('schema'),
  version: z.literal(1),
  kind: z.literal('forecast'),
  time,
  series: name.nullable(),
  targets: z.array(name).min(1).max(10_000),
  horizon: size,
  window: size,
  seasons: z.array(size).max(10),
  lags: z.array(z.union([size, z.literal('year')])).max(50),
  calendar: z.array(z.enum(CALENDAR)).max(CALENDAR.length),
  known: z.array(column).max(1000),
  past: z.array(column).max(1000),
  missing: missingWords,
  written,
  gaps: z.enum(['missing', 'zero', 'skip']),
  duplicates: z.enum(['last', 'sum', 'mean']),
  transform: z.enum(['none', 'log1p']),
  split: z.strictObject({ validation: step, test: step, end: step, stride: size }),
  fitted: fitted.nullable(),
})

/** Each kind of work and the schema of its schemas. */
const KINDS = { forecast, label: sequenceSchema('label'), next: sequenceSchema('next') } as const

/** Whether a run's task is a kind of work on tables. */
export function isKind(name: string): name is Schema['kind'] {
  return Object.hasOwn(KINDS, name)
}

/**
 * A schema out of a file, or as a person wrote it.
 * @param what names it in messages
 * @throws InputError unless it is whole and its parts agree
 */
export function parseSchema(value: unknown, what = 'schema'): Schema {
  const kind = (value as { kind?: unknown } | null)?.kind
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    throw new InputError(
      `${what}: kind: expected one of ${Object.keys(KINDS).join(', ')} but received ${shown(kind)}: give a schema ` +
        `that irnn fit wrote${didYouMean(kind, Object.keys(KINDS))}`,
    )
  }
  const schema: Schema = checked<Schema>(KINDS[kind as keyof typeof KINDS] as z.Schema<Schema>, value, what)
  if (schema.kind === 'forecast') refuseContradictions(schema, what)
  else refuseSequenceContradictions(schema, what)
  return schema
}

function refuseContradictions(schema: ForecastSchema, what: string): void {
  const { lags, horizon, split, known, past, targets, series, time, fitted } = schema
  parseStep(time.step)
  const short = lags.find((lag) => lag !== 'year' && lag < horizon)
  if (short !== undefined) {
    throw new InputError(
      `${what}: lags: expected at least the horizon, ${horizon}, but received ${short}: its value is not known yet`,
    )
  }
  if (!(split.validation < split.test && split.test < split.end)) {
    throw new InputError(`${what}: split: expected validation < test < end but received ${Object.values(split)}`)
  }
  const names = [...targets, ...[...known, ...past].map(({ name }) => name)]
  if (series !== null) names.push(series)
  if (time.column !== null) names.push(time.column)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new InputError(`${what}: expected each column to have one use but ${shown(twice)} has two: remove one`)
  }
  if (series !== null && targets.length > 1) {
    throw new InputError(`${what}: targets: expected one beside a column of series but received ${targets.length}`)
  }
  if (fitted === null) return
  const inputs = [...known, ...past].map(({ name }) => name)
  if (inputs.length !== fitted.columns.length || inputs.some((name, i) => fitted.columns[i]!.name !== name)) {
    throw new InputError(`${what}: fitted.columns: expected those of known and past, in that order`)
  }
  const tokens = [...known, ...past].filter((_, k) => fitted.columns[k]!.as === 'token')
  if (tokens.length > 1 || tokens.some(({ type }) => type !== 'category')) {
    throw new InputError(`${what}: fitted.columns: expected one category at most as token`)
  }
}

/** The bytes of schema.json. */
export function schemaText(schema: Schema): string {
  return `${JSON.stringify(schema, null, 2)}\n`
}
