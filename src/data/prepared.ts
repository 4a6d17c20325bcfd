/**
 * A panel as numbers that a network may see: transformed, what is missing filled from the past, input columns scaled by
 * what was measured on the training part.
 */
import type { Axis } from './axis.ts'
import type { Panel, PanelSeries } from './panel.ts'
import { ScaleMeter } from './scaleMeter.ts'
import type { FittedColumn, FittedForecast, ForecastSchema, InputColumn, SeriesScale } from './schema.ts'

/** A series, ready for windows. Steps count from its first one. */
export interface PreparedSeries {
  readonly name: string
  /** The step of its first value, from the origin of time. */
  readonly start: number
  /** [steps] The target after the transform; NaN: missing. */
  readonly target: Float64Array
  /** [steps] The same, missing ones replaced by the value a season before, else the last one. */
  readonly filled: Float64Array
  /** [steps] What the scaling is about: filled, or its difference from a season before. */
  readonly values: Float64Array
  readonly scale: SeriesScale
  /** Input columns: each [steps × its width], known ones first. */
  readonly columns: readonly Float32Array[]
  /** [steps] of the column that is one (`tokenOf`); empty where there is none. */
  readonly tokens: Int32Array
}

export interface Prepared {
  readonly schema: ForecastSchema
  readonly fitted: FittedForecast
  readonly axis: Axis
  readonly series: readonly PreparedSeries[]
  /** Width of each input column, and of all. */
  readonly widths: readonly number[]
}

/** Steps back to the value that a difference of seasons is from: whole seasons, at least the horizon. 0: no season. */
export function seasonLag({ seasons, horizon }: Pick<ForecastSchema, 'seasons' | 'horizon'>): number {
  const season = seasons.at(-1)
  return season === undefined ? 0 : season * Math.ceil(horizon / season)
}

export function transformed(transform: ForecastSchema['transform'], value: number): number {
  return transform === 'log1p' ? Math.log1p(value) : value
}

export function transformedBack(transform: ForecastSchema['transform'], value: number): number {
  return transform === 'log1p' ? Math.expm1(value) : value
}

/** Measures a panel before the step `until`: what of it is later changes nothing. */
export function measure(panel: Panel, schema: ForecastSchema, until: number): FittedForecast {
  const scales = panel.series.map((one) => scaleOf(one, schema, until))
  const columns = withToken([...schema.known, ...schema.past].map((column, k) => fitColumn(panel, column, k, until)))
  const all = panel.series.map(({ target, start }) => target.subarray(0, Math.max(0, until - start)))
  return { scaling: 'series', series: scales, columns, gaps: shareMissing(all) > 0.01, widening: 0 }
}

function shareMissing(arrays: readonly Float64Array[]): number {
  let missing = 0
  let total = 0
  for (const array of arrays) {
    total += array.length
    for (const value of array) if (Number.isNaN(value)) missing++
  }
  return missing / Math.max(1, total)
}

/** Level and scale of a series before the step `until`. */
export function scaleOf(one: PanelSeries, schema: ForecastSchema, until: number): SeriesScale {
  const target = transformedTarget(one, schema).subarray(0, Math.max(0, until - one.start))
  const filled = fill(target, schema.seasons.at(-1) ?? 0)
  const [mean, std] = meanAndStd(target)
  const differences = seasonalDifferences(filled, seasonLag(schema))
  const known = differences.subarray(Math.min(differences.length, seasonLag(schema)))
  const local = fromLast(filled)
  return { name: one.name, mean, std, local: local || std, seasonal: fromLast(known) || local || std }
}

function transformedTarget({ target }: PanelSeries, { transform }: ForecastSchema): Float64Array {
  return transform === 'none' ? target : target.map((value) => transformed(transform, value))
}

/** The scale of a series that training did not have, by all that there is of it. */
function ownScale(name: string, target: Float64Array, filled: Float64Array, schema: ForecastSchema): SeriesScale {
  const lag = seasonLag(schema)
  const meter = new ScaleMeter(lag)
  for (let i = 0; i < target.length; i++) meter.add(target[i]!, filled[i]!, i >= lag ? filled[i - lag]! : Number.NaN)
  return meter.scale(name)
}

/** Without the missing ones; a deviation of 0, or of nothing, is 1. */
function meanAndStd(values: Float64Array): [number, number] {
  let sum = 0
  let count = 0
  for (const value of values) {
    if (Number.isNaN(value)) continue
    sum += value
    count++
  }
  const mean = count > 0 ? sum / count : 0
  let square = 0
  for (const value of values) if (!Number.isNaN(value)) square += (value - mean) ** 2
  return [mean, Math.sqrt(square / Math.max(1, count)) || 1]
}

/** Root mean square difference of a value from the one before; 0 where there are none. */
function fromLast(values: Float64Array): number {
  let square = 0
  for (let i = 1; i < values.length; i++) square += (values[i]! - values[i - 1]!) ** 2
  return Math.sqrt(square / Math.max(1, values.length - 1))
}

/** Missing values replaced by the one a season before, else by the last one; before the first one, by it. */
export function fill(values: Float64Array, season: number): Float64Array {
  const filled = values.slice()
  const first = values.find((value) => !Number.isNaN(value)) ?? 0
  for (let i = 0; i < filled.length; i++) {
    if (!Number.isNaN(filled[i]!)) continue
    filled[i] = season > 0 && i >= season ? filled[i - season]! : i > 0 ? filled[i - 1]! : first
  }
  return filled
}

/** Each value less the one `lag` steps before; 0 where there is none. */
function seasonalDifferences(filled: Float64Array, lag: number): Float64Array {
  if (lag === 0) return filled
  return filled.map((value, i) => (i >= lag ? value - filled[i - lag]! : 0))
}

function fitColumn(panel: Panel, column: InputColumn, k: number, until: number): Measured {
  const parts = panel.series.map(({ inputs, start }) => inputs[k]!.subarray(0, Math.max(0, until - start)))
  const gaps = shareMissing(parts) > 0.01
  const { name, type } = column
  if (type === 'category') {
    const all = byCount(parts, panel.levels[k]!)
    const levels = all.slice(0, MOST_LEVELS).map(({ name }) => name)
    const many = all.filter(({ count }) => count > 1).slice(0, MOST_TOKENS)
    return { column: { name, mean: 0, std: 1, levels: levels.sort(), gaps }, many: many.map(({ name }) => name) }
  }
  if (type === 'flag') return { column: { name, mean: 0, std: 1, levels: [], gaps }, many: [] }
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  const [mean, std] = meanAndStd(whole)
  return { column: { name, mean, std, levels: [], gaps }, many: [] }
}

/** A category is one input a level: so many at most, the others together are one more. */
const MOST_LEVELS = 64
/** Levels that an embedding knows at most. */
const MOST_TOKENS = 100_000

/** Levels by how often they occur, the commonest first. */
function byCount(parts: readonly Float64Array[], levels: readonly string[]): { name: string; count: number }[] {
  const counts = new Float64Array(levels.length)
  for (const part of parts) for (const code of part) if (!Number.isNaN(code)) counts[code]!++
  return levels
    .map((name, code) => ({ name, count: counts[code]! }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
}

/** A column measured; of a category with too many levels, all that occur twice, for those of once teach `<other>`. */
interface Measured {
  readonly column: FittedColumn
  readonly many: readonly string[]
}

/** A network reads one token a step: the category of the most levels is one if its levels are too many. */
function withToken(measured: readonly Measured[]): FittedColumn[] {
  const most = Math.max(0, ...measured.map(({ many }) => many.length))
  const token = most > MOST_LEVELS ? measured.findIndex(({ many }) => many.length === most) : -1
  return measured.map(({ column, many }, k) => {
    return k === token ? { ...column, levels: [...many].sort(), gaps: false, as: 'token' } : column
  })
}

/** The place of the column that is a token; -1: none is. */
export function tokenOf(columns: readonly FittedColumn[]): number {
  return columns.findIndex((column) => column.as === 'token')
}

/** Tokens of places of levels: 0 is missing or hidden, 1 is `<other>`. */
export function tokensOf({ levels }: FittedColumn, places: ArrayLike<number>): Int32Array {
  return Int32Array.from(places, (place) => (Number.isNaN(place) ? 0 : place === levels.length ? 1 : place + 2))
}

/** @param fitted of the schema; series that it does not know are measured on what there is of them */
export function prepare(panel: Panel, schema: ForecastSchema, fitted: FittedForecast): Prepared {
  const scales = new Map(fitted.series.map((scale) => [scale.name, scale]))
  const token = tokenOf(fitted.columns)
  const inputs = [...schema.known, ...schema.past]
  const series = panel.series.map((one): PreparedSeries => {
    const target = transformedTarget(one, schema)
    const filled = fill(target, schema.seasons.at(-1) ?? 0)
    const values = fitted.scaling === 'season' ? seasonalDifferences(filled, seasonLag(schema)) : filled
    const scale = scales.get(one.name) ?? ownScale(one.name, target, filled, schema)
    const columns = one.inputs.slice(0, fitted.columns.length).map((input, k) => {
      return columnValues(input, inputs[k]!.type, fitted.columns[k]!, panel.levels[k]!, schema.seasons.at(-1) ?? 0)
    })
    const tokens = token < 0 ? new Int32Array(0) : tokenValues(one, panel, fitted, token)
    return { name: one.name, start: one.start, target, filled, values, scale, columns, tokens }
  })
  return { schema, fitted, axis: panel.axis, series, widths: columnWidths(schema, fitted) }
}

/** Values that the network reads of each column: one, or one for each level and one for `<other>`; a flag for gaps. */
export function columnWidths({ known, past }: ForecastSchema, { columns }: FittedForecast): number[] {
  const inputs = [...known, ...past]
  return columns.map((column, k) => columnEncoder(inputs[k]!.type, column).width)
}

function tokenValues({ inputs }: PanelSeries, { levels }: Panel, { columns }: FittedForecast, k: number): Int32Array {
  const places = levels[k]!.map(placesOf(columns[k]!))
  return tokensOf(
    columns[k]!,
    inputs[k]!.map((code) => places[code] ?? Number.NaN),
  )
}

/** [steps × width] of a column. */
function columnValues(
  input: Float64Array,
  type: InputColumn['type'],
  fitted: FittedColumn,
  own: readonly string[],
  season: number,
): Float32Array {
  const { width, put } = columnEncoder(type, fitted)
  const x = new Float32Array(input.length * width)
  if (type === 'category') {
    const places = own.map(placesOf(fitted))
    for (let i = 0; i < input.length; i++) put(x, i * width, places[input[i]!] ?? Number.NaN, 0)
    return x
  }
  const filled = fill(input, season)
  for (let i = 0; i < input.length; i++) put(x, i * width, input[i]!, filled[i]!)
  return x
}

/** The place of a level among those of the training part; after the last one is that of all others. */
export function placesOf({ levels }: FittedColumn): (level: string) => number {
  const place = new Map(levels.map((level, i) => [level, i]))
  return (level) => place.get(level) ?? levels.length
}

/** Writes the inputs of one step of a column, which are 0 before. */
export interface ColumnEncoder {
  readonly width: number
  /** Of a category: places that there are; else null. */
  readonly places: number | null
  /**
   * @param value NaN: missing; of a category, the place of its level
   * @param filled what stands for a missing number
   */
  put(x: Float32Array, at: number, value: number, filled: number): void
}

export function columnEncoder(type: InputColumn['type'], column: FittedColumn): ColumnEncoder {
  const { mean, std, levels, gaps } = column
  if (column.as === 'token') return { width: 0, places: levels.length + 1, put() {} }
  const size = type === 'category' ? levels.length + 1 : 1
  return {
    width: size + (gaps ? 1 : 0),
    places: type === 'category' ? size : null,
    put(x, at, value, filled) {
      const missing = Number.isNaN(value)
      if (type !== 'category') x[at] = (filled - mean) / std
      else if (!missing) x[at + value] = 1
      if (gaps && missing) x[at + size] = 1
    },
  }
}
