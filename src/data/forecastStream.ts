/** Forecasts of records that come one by one. */

import { InputError, shown } from '../error.ts'
import type { Stepper } from '../model/stepper.ts'
import * as z from '../schema.ts'
import type { Row } from '../table/rows.ts'
import { axisOf } from './axis.ts'
import { networkForecasts } from './forecasting.ts'
import { note } from './notes.ts'
import {
  columnsOf,
  type FittedNetwork,
  fittedForecast,
  isStrange,
  nextWindows,
  type Predicted,
  stepsOf,
  strangeNotes,
} from './predict.ts'
import type { Prepared } from './prepared.ts'
import { recordReader } from './recordReader.ts'
import { SERIES_STATE, SeriesBuffer } from './seriesBuffer.ts'
import { layoutOf, numbersOf, type SeriesLayout } from './stepColumn.ts'
import { heldBy, refuseNoRecord, room, type StreamOptions, type StreamState, stateWith } from './streams.ts'
import { calendarCache, windowFiller } from './windows.ts'

/** Takes records one by one. What a call refuses leaves the stream as it was. */
export interface ForecastStream<R = Row> {
  /**
   * Adds a record to its series; records of a series come in the order of time. One whose target is null says what the
   * known columns of a step ahead are: its value may come later. Other columns are left out.
   * @throws InputError, one line, for a column that is missing or of another type, a number that float32 cannot hold, a
   * time that is before the last value's or no step
   */
  push(record: R): void
  /**
   * Forecasts the steps after the last value of a series, or of every series: the numbers, bit for bit, that `predict`
   * gives for all records so far.
   * @throws InputError where there is no value, or a known column of a step ahead is missing
   */
  forecast(series?: string): Promise<Predicted>
  /** Forgets a series; all of them where none is named. */
  end(series?: string): void
  /** All that the stream knows, as plain data: `run.stream({ state })` goes on from it. */
  state(): StreamState
}

/** What the streams of a run have in common. */
export interface ForecastStreams extends FittedNetwork {
  /** Tells the run: its weights and its schema. */
  readonly run: () => string
  /** Of one sequence, which all of them use. */
  readonly stepper: () => Stepper
}

/** What came under one name. */
interface Group {
  /** One, or one for each of several targets. */
  readonly series: readonly SeriesBuffer[]
  /** Moments of the last record, and of the last one with a value; NaN: none. */
  last: number
  valued: number
  /** [inputs] how many values training did not have. */
  readonly strange: number[]
}

/** So many columns that are not used are named. */
const MOST_UNUSED = 20

export function forecastStream(run: ForecastStreams, options: StreamOptions = {}): ForecastStream {
  const { schema } = run
  if (schema.gaps === 'skip') {
    throw new InputError(
      'stream: expected a run whose steps are of one length but it was fitted with --gaps skip: predict all rows',
    )
  }
  const told = { kind: schema.kind, run: run.run }
  const layout = layoutOf(schema, fittedForecast(schema), axisOf(schema.time))
  const reader = recordReader(layout)
  const forecast = forecaster(run, layout)
  const size = numbersOf(layout) * schema.targets.length
  const held = room('series')
  const groups = new Map<string, Group>()
  for (const one of heldBy(options, told, GROUP_STATE)) {
    held.take(size)
    groups.set(one.name, restored(one, layout))
  }
  const unused = new Set<string>()
  const needed = new Set(columnsOf(schema))
  return {
    push(record) {
      refuseNoRecord(record)
      const name = reader.name(record)
      const known = groups.get(name)
      const group = known ?? groupOf(name, layout)
      const { index, time, targets, inputs } = reader.read(record, group)
      if (known === undefined) {
        held.take(size)
        groups.set(name, group)
      }
      for (const [k, series] of group.series.entries()) series.push(index, targets[k]!, inputs)
      group.last = time
      if (targets.some((value) => !Number.isNaN(value))) group.valued = time
      const columns = [...schema.known, ...schema.past]
      for (const [k, value] of inputs.entries()) {
        if (isStrange(columns[k]!, layout.fitted.columns[k]!, value)) group.strange[k]!++
      }
      if (unused.size < MOST_UNUSED) for (const column in record) if (!needed.has(column)) unused.add(column)
    },
    async forecast(series) {
      return forecast(chosen(groups, series), unused)
    },
    end(name) {
      if (name !== undefined && !groups.has(name)) return
      held.give(size * (name === undefined ? groups.size : 1))
      if (name === undefined) groups.clear()
      else groups.delete(name)
    },
    state: () =>
      stateWith(
        told,
        Array.from(groups, ([name, group]) => stateOf(name, group)),
      ),
  }
}

function groupOf(name: string, layout: SeriesLayout): Group {
  const { targets } = layout.schema
  const names = targets.length > 1 ? targets : [name]
  return {
    series: names.map((own) => new SeriesBuffer(own, layout)),
    last: Number.NaN,
    valued: Number.NaN,
    strange: layout.encoders.map(() => 0),
  }
}

/** The series of that name, or all, in the order of `predict`. @throws InputError where there is none */
function chosen(groups: ReadonlyMap<string, Group>, name: string | undefined): Group[] {
  const names = name === undefined ? [...groups.keys()].sort() : [name]
  const found = names.map((one) => groups.get(one)).filter((group) => group !== undefined)
  if (found.length > 0) return found
  const of = name === undefined ? '' : ` of ${shown(name)}`
  throw new InputError(`stream: expected records${of} before a forecast but received none: push some`)
}

/** Makes the forecasts of groups. */
function forecaster({ model, schema, stepper }: ForecastStreams, { fitted, axis, encoders, ahead }: SeriesLayout) {
  const days = calendarCache(schema, axis, schema.window + schema.horizon + 64)
  const widths = encoders.map(({ width }) => width)
  return (groups: readonly Group[], unused: ReadonlySet<string>): Predicted => {
    const all = groups.flatMap(({ series }) => series)
    const stale = all.find((series) => series.isStale)
    if (stale !== undefined) {
      throw new InputError(
        `stream: expected a value among the last ${ahead} rows${stale.name === '' ? '' : ` of ${shown(stale.name)}`} ` +
          'but all are missing: push values, or end the series',
      )
    }
    const views = all.map((series) => series.view())
    const panel = { axis, series: views.map(({ panel }) => panel) }
    const prepared: Prepared = { schema, fitted, axis, series: views.map(({ prepared }) => prepared), widths }
    const windows = nextWindows(panel, schema, 'stream')
    const reading = {
      filler: windowFiller(prepared, days),
      ...(windows.series.length <= FEW && { stepper: stepper() }),
    }
    const forecasts = networkForecasts(model, prepared, windows, reading)
    const counts = widths.map((_, k) => groups.reduce((sum, { strange }) => sum + strange[k]!, 0))
    const names = panel.series.map(({ name }) => name)
    const left = unused.size > 0 ? [note('unused', `not used: ${[...unused].join(', ')}`)] : []
    return {
      steps: forecasts.flatMap((one) => stepsOf(panel, schema, one)),
      notes: [...left, ...strangeNotes(schema, counts, names)],
    }
  }
}

/** So many windows are read one by one, step by step; more, side by side. */
const FEW = 8

const moment = z.number().nullable()
const GROUP_STATE = z.strictObject({
  name: z.string().max(100_000),
  series: z.array(SERIES_STATE).max(10_000),
  last: moment,
  valued: moment,
  strange: z.array(z.int().min(0)),
})

function stateOf(name: string, { series, last, valued, strange }: Group): z.infer<typeof GROUP_STATE> {
  return {
    name,
    series: series.map((one) => one.state),
    last: Number.isNaN(last) ? null : last,
    valued: Number.isNaN(valued) ? null : valued,
    strange: [...strange],
  }
}

/** @throws InputError for a state that such a run does not make */
function restored({ name, series, last, valued, strange }: z.infer<typeof GROUP_STATE>, layout: SeriesLayout): Group {
  const refuse = (what: string): never => {
    throw new InputError(
      `stream: state: ${name === '' ? '' : `${shown(name)}: `}${what}: expected what a stream of this run has: begin ` +
        'without a state',
    )
  }
  const made = groupOf(name, layout)
  const fits = made.series.every((one, k) => one.name === series[k]?.name) && series.length === made.series.length
  if (!fits || strange.length !== made.strange.length) refuse('series')
  return {
    series: series.map((one) => SeriesBuffer.restored(one, layout, refuse)),
    last: last ?? Number.NaN,
    valued: valued ?? Number.NaN,
    strange: [...strange],
  }
}
