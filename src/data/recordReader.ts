/** Records of a forecast's stream as numbers, checked so that nothing of a bad one is taken. */
import { InputError, shown } from '../error.ts'
import { grouped } from '../numbers.ts'
import { MOST_FLOAT, momentReader, numberCell, wordCell } from '../table/cell.ts'
import type { Row } from '../table/rows.ts'
import { placesOf, transformed } from './prepared.ts'
import type { SeriesBuffer } from './seriesBuffer.ts'
import type { SeriesLayout } from './stepColumn.ts'
import { cellOf } from './streams.ts'

/** A record as numbers. */
export interface RecordNumbers {
  /** The moment; NaN where rows have none. */
  readonly time: number
  /** The step, from the origin of time. */
  readonly index: number
  /** [targets] NaN: missing. */
  readonly targets: Float64Array
  /** [inputs] of a category the place of its level; NaN: missing. */
  readonly inputs: Float64Array
}

/** What the records of a series are held against. */
export interface Before {
  /** A buffer for each target. */
  readonly series: readonly SeriesBuffer[]
  /** Moments of the last record, and of the last one with a value; NaN: none. */
  readonly last: number
  readonly valued: number
}

export interface RecordReader {
  /** The name of its series; empty where there is but one. @throws InputError */
  name(record: Row): string
  /** @throws InputError for what does not fit, or cannot come after what was there before */
  read(record: Row, before: Before): RecordNumbers
}

/** Steps without a row that a value may come after. */
const MOST_GAP = 1_000_000

export function recordReader(layout: SeriesLayout): RecordReader {
  const { schema, axis, fitted } = layout
  const { time, targets, series } = schema
  const inputs = [...schema.known, ...schema.past]
  const places = fitted.columns.map(placesOf)
  const momentOf = momentReader(time.zone)
  const counts = axis.step.unit === 'row'
  const words = schema.missing ?? undefined

  function timeOf(record: Row, isValued: boolean, before: Before): number {
    const value = cellOf(record, time.column!)
    const what = `stream: ${time.column}`
    const found = counts ? numberCell(what, value) : momentOf(what, value, isValued ? before.valued : before.last)
    if (!Number.isNaN(found)) return found
    throw new InputError(`${what}: expected a time but received ${shown(value)}: fill it in`)
  }

  function indexOf(moment: number, value: unknown): number {
    const index = axis.indexOf(moment)
    if (Number.isInteger(index)) return index
    throw new InputError(
      `stream: ${time.column}: expected steps of ${time.step} from ${axis.text(0)} on but received ${shown(value)}, ` +
        'between two of them: round it',
    )
  }

  return {
    name(record) {
      if (series === null) return ''
      const name = wordCell(`stream: ${series}`, cellOf(record, series), words)
      if (name !== null) return name
      throw new InputError(`stream: ${series}: expected the name of a series but it is missing: fill it in`)
    },
    read(record, before) {
      const own = {
        targets: Float64Array.from(targets, (name) => numberCell(`stream: ${name}`, cellOf(record, name), words)),
        inputs: Float64Array.from(inputs, ({ name, type }, k) => {
          if (type !== 'category') return numberCell(`stream: ${name}`, cellOf(record, name), words)
          const word = wordCell(`stream: ${name}`, cellOf(record, name), words)
          return word === null ? Number.NaN : places[k]!(word)
        }),
      }
      const isValued = own.targets.some((value) => !Number.isNaN(value))
      const moment = time.column === null ? Number.NaN : timeOf(record, isValued, before)
      const next = before.series[0]!.last
      const row = Number.isNaN(next) ? 0 : next + 1
      const index = time.column === null ? row : indexOf(moment, record[time.column])
      const found = { time: moment, index, ...own }
      for (const [k, one] of before.series.entries()) refuseMisfit(one, found, k, layout)
      return found
    },
  }
}

/** @throws InputError where a record cannot follow those of its series, or float32 cannot hold a value once scaled */
function refuseMisfit(series: SeriesBuffer, found: RecordNumbers, k: number, layout: SeriesLayout): void {
  const { axis, ahead, schema, fitted } = layout
  const { index, targets, inputs } = found
  const what = `stream: ${schema.time.column ?? 'record'}`
  if (index < series.from) {
    throw new InputError(
      `${what}: expected ${axis.text(series.from)} or later, for records of a series come in the order of time, but ` +
        `received ${axis.text(index)}: sort them`,
    )
  }
  const most = Number.isNaN(targets[k]!) ? ahead : MOST_GAP
  if (index > series.last + most) {
    throw new InputError(
      `${what}: expected at most ${grouped(most)} steps after ${axis.text(series.last)}, the last row, but received ` +
        `${axis.text(index)}: correct it, or begin the series anew after stream.end(name)`,
    )
  }
  const cells = series.merged(index, targets[k]!, inputs)
  const { mean, std, local, seasonal } = layout.scales.get(series.name) ?? { mean: 0, std: 1, local: 1, seasonal: 1 }
  const target = transformed(schema.transform, cells[0]!)
  if (!Number.isNaN(cells[0]!) && !(Math.abs(target - mean) / Math.min(std, local, seasonal) < MOST_FLOAT / 4)) {
    refuseValue(schema.targets[k]!, cells[0]!, schema.transform === 'log1p' ? 'above -1 and ' : '')
  }
  for (const [c, { name, mean, std }] of fitted.columns.entries()) {
    if (Math.abs(cells[c + 1]! - mean) / std >= MOST_FLOAT / 4) refuseValue(name, cells[c + 1]!, '')
  }
}

function refuseValue(name: string, value: number, more: string): never {
  const expected = `expected a number ${more}that float32 can hold once it is scaled`
  throw new InputError(`stream: ${name}: ${expected} but received ${shown(value)}: correct it`)
}
