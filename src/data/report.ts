/** What a fit leaves for people and programs: the methods' scores, forecasts as CSV, picture and page. */
import { escapeXml, NEUTRAL, svg } from '../figures/figure.ts'
import { percent, significant } from '../numbers.ts'
import type { Note } from './notes.ts'
import type { Panel } from './panel.ts'
import type { ForecastSchema } from './schema.ts'
import type { Forecast, ForecastScores } from './scores.ts'

export interface MethodForecasts {
  readonly name: string
  readonly forecasts: readonly Forecast[]
  readonly scores: ForecastScores
}

export interface ForecastReport {
  readonly schema: ForecastSchema
  readonly panel: Panel
  /** The network last. */
  readonly methods: readonly MethodForecasts[]
  readonly winner: string
  readonly notes: readonly Note[]
  /** The trial that validation chose. */
  readonly trial: string
}

/** Files of a run's folder, by name. */
export function forecastFiles(report: ForecastReport): Record<string, string> {
  const { methods, winner, notes, trial, schema } = report
  const picture = pictureOf(report)
  const scores = methods.map(({ name, scores }) => ({ name, ...scores }))
  return {
    'schema.json': `${JSON.stringify(schema, null, 2)}\n`,
    'report.json': `${JSON.stringify({ winner, trial, methods: scores, notes }, null, 2)}\n`,
    'predictions.csv': predictionsCsv(report),
    'forecast.svg': picture,
    'report.html': page(report, picture),
  }
}

/** The columns of forecasts as CSV. `target` is the point forecast, which is the median. */
export const FORECAST_HEADER = 'time,series,target,q10,q50,q90'

/** A line for each step of a forecast, under `FORECAST_HEADER`. */
export function forecastRows(
  { axis, series }: Panel,
  forecast: Forecast,
  name = series[forecast.series]!.name,
): string[] {
  const { step, point, low, high } = forecast
  return Array.from(point, (value, ahead) =>
    [axis.text(step + ahead), name, value, low![ahead], value, high![ahead]].map(cell).join(','),
  )
}

/** A value of CSV (RFC 4180): in quotes where it needs them. */
export function cell(value: unknown): string {
  const text = value === undefined || Number.isNaN(value) ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The network's forecasts of the test part, each with the values that came. */
function predictionsCsv({ panel, methods, schema }: ForecastReport): string {
  const lines = methods.at(-1)!.forecasts.flatMap((forecast) => {
    const { target, start, name } = panel.series[forecast.series]!
    return forecastRows(panel, forecast, seriesName(schema, name)).map(
      (row, ahead) => `${row},${cell(target[forecast.step - start + ahead])},${panel.axis.text(forecast.step)}`,
    )
  })
  return `${[`${FORECAST_HEADER},actual,from`, ...lines].join('\n')}\n`
}

/** The name of a series for people: of a single one that has no name, the target's. */
export function seriesName({ targets }: ForecastSchema, name: string): string {
  return name === '' ? targets[0]! : name
}

/** The test part of the first series: what came, the network's forecasts and their band. */
function pictureOf({ panel, methods, schema }: ForecastReport): string {
  const network = methods.at(-1)!
  const shown = network.forecasts[0]?.series ?? 0
  const { target, start, name } = panel.series[shown]!
  const { test, end } = schema.split
  const time = (step: number) => panel.axis.timeOf(step)
  const actual = Array.from(
    { length: end - test },
    (_, i) => [time(test + i), target[test + i - start] ?? Number.NaN] as const,
  )
  const own = notOverlapping(network.forecasts.filter(({ series }) => series === shown))
  const middle = own.flatMap((forecast) =>
    path(forecast, ({ point }, ahead) => [time(forecast.step + ahead), point[ahead]!]),
  )
  const band = own.flatMap((forecast) =>
    path(forecast, ({ low, high }, ahead) => [time(forecast.step + ahead), low![ahead]!, high![ahead]!]),
  )
  const title = `${seriesName(schema, name)}: ${schema.horizon} steps ahead`
  return svg({
    title,
    description:
      `Values of the test part, forecasts of a network from ${own.length} moments, and the band that shall hold 80 % ` +
      'of the values.',
    x: { title: schema.time.column ?? 'row', time: panel.axis.step.unit !== 'row' },
    y: { title: schema.targets.length > 1 ? name : schema.targets[0]! },
    series: [
      { name: 'what came', points: actual, color: NEUTRAL },
      { name: 'network, median', points: middle as [number, number][], color: '#0072b2' },
    ],
    bands: [{ name: 'its 80 % band', points: band as [number, number, number][], of: 1 }],
    width: 960,
  })
}

/** Those that begin where the last has ended. */
function notOverlapping(forecasts: readonly Forecast[]): Forecast[] {
  const chosen: Forecast[] = []
  let until = Number.NEGATIVE_INFINITY
  for (const forecast of [...forecasts].sort((a, b) => a.step - b.step)) {
    if (forecast.step < until) continue
    chosen.push(forecast)
    until = forecast.step + forecast.point.length
  }
  return chosen
}

/** Its points, and a gap after them. */
function path(forecast: Forecast, at: (forecast: Forecast, ahead: number) => number[]): number[][] {
  const points = Array.from(forecast.point, (_, ahead) => at(forecast, ahead))
  return [...points, points.at(-1)!.map(() => Number.NaN)]
}

const STYLE = `
:root { color-scheme: light dark; --ink: #24292f; --soft: #667; --line: #8884; --ground: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #dde1e6; --soft: #9aa4b0; --ground: #16181c } }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; color: var(--ink);
  background: var(--ground); max-width: 1000px; margin: 0 auto; padding: 24px }
svg.irnn-figure { width: 100%; height: auto } table { border-collapse: collapse; width: 100%; margin: 16px 0 }
th, td { text-align: right; padding: 6px 0 6px 16px; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; padding-left: 0 } th { color: var(--soft); font-weight: 500 }
td { font-variant-numeric: tabular-nums } .best td { font-weight: 600 } p, li { color: var(--soft) }
`

function page({ methods, winner, notes, schema, trial }: ForecastReport, picture: string): string {
  const title = `Forecast of ${schema.targets.slice(0, 3).join(', ')}${schema.targets.length > 3 ? ' …' : ''}`
  const rows = methods.map(({ name, scores }) => {
    const cells = [name, ...scoreCells(scores)].map((text) => `<td>${escapeXml(text)}</td>`).join('')
    return `<tr${name === winner ? ' class="best"' : ''}>${cells}</tr>`
  })
  const head = ['test part', ...SCORE_TITLES].map((text) => `<th>${escapeXml(text)}</th>`).join('')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
<p>${schema.horizon} steps ahead, ${escapeXml(schema.time.step)} each. Network: ${escapeXml(trial)}.</p>
${picture}
<table><thead><tr>${head}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table>
<ul>${notes.map(({ text }) => `<li>${escapeXml(text)}</li>`).join('')}</ul>
</body>
</html>
`
}

export const SCORE_TITLES: readonly string[] = ['MASE', 'sMAPE', 'MAE', 'in 80 % band']

/** Scores as people read them, under `SCORE_TITLES`. */
export function scoreCells({ mase, smape, mae, coverage }: ForecastScores): string[] {
  const known = (value: number, text: string) => (Number.isFinite(value) ? text : '–')
  return [
    known(mase, mase.toFixed(3)),
    known(smape, percent(smape)),
    known(mae, significant(mae, 4)),
    coverage === null ? '' : percent(coverage, 0),
  ]
}
