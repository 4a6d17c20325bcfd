/** A forecasting run of irnn fit as a service has it: rows of a table in, forecasts out. */

import { axisOf } from '../data/axis.ts'
import { seasonLag } from '../data/prepared.ts'
import type { FittedRun } from '../data/run.node.ts'
import type { ForecastSchema } from '../data/schema.ts'
import { perYear } from '../data/step.ts'
import { InputError } from '../error.ts'
import * as z from '../schema.ts'
import type { Row } from '../table/rows.ts'
import type { Limits } from './limits.ts'
import { beginningOf, eachRow, notes, opening, plainNote, type RowColumn, Rows } from './rows.ts'
import { bodyOf, type Served, type Session } from './served.ts'

function columnsOfForecast({ time, series, targets, known, past }: ForecastSchema): RowColumn[] {
  const columns: RowColumn[] = []
  if (time.column !== null) columns.push({ name: time.column, type: 'time', use: 'time', required: true })
  if (series !== null) columns.push({ name: series, type: 'category', use: 'name of the series', required: true })
  for (const name of targets) {
    columns.push({ name, type: 'number', use: 'target; null or absent for a step ahead', required: false })
  }
  for (const one of known) columns.push({ ...one, use: 'known for the steps ahead', required: true })
  for (const one of past) columns.push({ ...one, use: 'known for the past alone', required: false })
  return columns
}

const forecasts = z
  .array(
    z.object({
      time: z.string(),
      series: z.string(),
      point: z.number().describe("the median, in the target's units, as all are"),
      quantiles: z.object({ '0.1': z.number(), '0.5': z.number(), '0.9': z.number() }),
    }),
  )
  .describe('series by series, step by step')

/** A forecasting run. */
export function servedForecast(run: FittedRun, limits: Limits): Served {
  const { schema } = run
  const columns = columnsOfForecast(schema)
  const rows = new Rows(columns, limits)
  const request = z.strictObject({ rows: rows.some })
  const answer = z.object({ predictions: forecasts, notes })
  return {
    kind: 'forecast',
    about: { kind: 'forecast', columns, horizon: schema.horizon, window: schema.window, step: schema.time.step },
    calls: {
      predict: {
        summary: `Forecasts the ${schema.horizon} steps after the last value of each series.`,
        request,
        answer,
        async run(body) {
          rows.refuseStrangers(body)
          const given = bodyOf(request, body).rows
          const { steps, notes } = await run.predict(given)
          return { body: { predictions: steps, notes: notes.map(plainNote) }, steps: given.length }
        },
      },
    },
    sessions: forecastSessions(run, rows, columns),
    dispose: () => run.dispose(),
  }
}

/** Rows of a series that a forecast can reach back to: more are not kept. */
function reachOf(schema: ForecastSchema): number {
  const { window, horizon, lags, time } = schema
  const year = Math.ceil(perYear(axisOf(time).step)) + 1
  return window + Math.max(seasonLag(schema), ...lags.map((lag) => (lag === 'year' ? year : lag))) + 2 * horizon + 1
}

/** Counts the rows that a stream keeps. */
function keptRows(schema: ForecastSchema) {
  const most = reachOf(schema)
  const counts = new Map<string, number>()
  let all = 0
  return {
    get all() {
      return all
    },
    add(row: Row) {
      const series = schema.series === null ? '' : String(row[schema.series])
      const count = counts.get(series) ?? 0
      if (count === most) return
      counts.set(series, count + 1)
      all += 1
    },
  }
}

function forecastSessions(run: FittedRun, rows: Rows, columns: readonly RowColumn[]): Served['sessions'] {
  const request = z.strictObject({
    rows: rows.schema.describe('in the order of time'),
    predict: z.boolean().default(true).describe('false: rows are taken, and nothing is forecast'),
  })
  const blank = Object.fromEntries(columns.filter(({ required }) => !required).map(({ name }) => [name, null]))
  const answer = z.object({ rows: z.int().describe('of the session so far'), predictions: forecasts, notes })
  return {
    summary: 'Takes rows, and forecasts the steps after the last value of each series that they are of.',
    opening,
    request,
    answer,
    open(body): Session {
      const stream = run.stream(beginningOf(body))
      const kept = keptRows(run.schema)
      let taken = 0
      return {
        get kept() {
          return kept.all
        },
        state: () => stream.state(),
        async take(body, work) {
          rows.refuseStrangers(body)
          const { rows: given, predict } = bodyOf(request, body)
          await eachRow(given, work, (row) => {
            stream.push({ ...blank, ...row })
            kept.add(row)
            taken += 1
          })
          const { steps, notes } = predict ? await forecastOf(given) : { steps: [], notes: [] }
          return { body: { rows: taken, predictions: steps, notes: notes.map(plainNote) }, steps: given.length }
        },
      }

      /** Of the series of these rows, or of all if there are none. Rows stay taken where it is not possible yet. */
      async function forecastOf(given: readonly Row[]) {
        const { series } = run.schema
        const names = series === null ? [] : [...new Set(given.map((row) => String(row[series])))]
        try {
          const parts = []
          if (names.length === 0) parts.push(await stream.forecast())
          for (const name of names) parts.push(await stream.forecast(name))
          return { steps: parts.flatMap(({ steps }) => steps), notes: parts.flatMap(({ notes }) => notes) }
        } catch (error) {
          if (given.length === 0 || !(error instanceof InputError)) throw error
          return {
            steps: [],
            notes: [{ level: 'warning', text: `the rows are taken, no forecast yet: ${error.message}` }],
          }
        }
      }
    },
  }
}
