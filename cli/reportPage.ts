/** The page of a report. The same runs give the same bytes: no date, no path, no name of a machine or a person. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { printable } from '../src/error.ts'
import { alertLine, alertsOf } from '../src/figures/alerts.ts'
import { escapeXml, FIGURE_STYLE, svg } from '../src/figures/figure.ts'
import { flowLine } from '../src/figures/flow.ts'
import { flowMap, probesOf } from '../src/figures/flowMap.ts'
import { scoreHistory } from '../src/figures/history.ts'
import { duration, grouped } from '../src/numbers.ts'
import { csvHead, csvLine, flat, flatRecord } from '../src/runs/flat.ts'
import type { TestScore, TrainEvent } from '../src/train/events.ts'
import { saying, stateOf } from './board.ts'
import { training } from './info.ts'
import type { Reported } from './reported.ts'
import { figuresOf } from './reportFigures.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #24292f; --soft: #596270; --line: #8884; --ground: #fff; --bad: #a33b00 }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #dde1e6; --soft: #9aa4b0; --ground: #16181c; --bad: #ff9457 } }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; color: var(--ink);
  background: var(--ground); max-width: 1480px; margin: 0 auto; padding: 24px; overflow-wrap: anywhere }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 18px; margin: 32px 0 8px }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 16px }
svg.irnn-figure, img { width: 100%; height: auto } .wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; margin: 8px 0 16px; font-variant-numeric: tabular-nums;
  overflow-wrap: normal }
th, td { text-align: left; vertical-align: top; padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line) }
th, td { min-width: 5em }
th { color: var(--soft); font-weight: 500 } tr.best td { font-weight: 600 } p, dt { color: var(--soft) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0 } dd { margin: 0 }
.bad { color: var(--bad) } summary { cursor: pointer } a { color: inherit }
@media print { .charts, img, svg { break-inside: avoid } details:not([open]) { display: none } }
`
/** Evaluations in a table; the CSV has all. */
const ROWS = 200

/** The whole file. */
export function reportPage(runs: readonly Reported[]): string {
  const title = runs.length === 1 ? (runs[0]!.config.title ?? runs[0]!.name) : `${runs.length} runs`
  const styles = [STYLE, FIGURE_STYLE].map((style) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`)
  const policy = `default-src 'none'; style-src ${styles.join(' ')}; img-src data:`
  return `${[
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${html(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${html(title)}</h1>`,
    tableOf(['run', 'what', 'state', 'last test score', 'best', 'time', 'trained by'], runs.map(summary)),
    ...alike(runs).flatMap((group, _, all) => [...charts(group, all.length > 1), ...differences(group)]),
    ...runs.map(section),
    '</body>',
    '</html>',
  ].join('\n')}\n`
}

/** Text out of files: never markup, and no character that hides or turns others. */
function html(text: string): string {
  return escapeXml(printable(text))
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[], best?: string): string {
  const cells = (row: readonly string[], name: string) => row.map((cell) => `<${name}>${html(cell)}</${name}>`).join('')
  const body = rows.map((row) => `<tr${row[0] === best ? ' class="best"' : ''}>${cells(row, 'td')}</tr>`)
  return [
    `<div class="wide"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>`,
    ...body,
    '</tbody></table></div>',
  ].join('\n')
}

function summary(run: Reported): string[] {
  const { name, config, events } = run
  const scores = scoreHistory(events)
  const score = scores ? `${scores.name} ${saying(scores, scores.last.test)}` : '–'
  const best = scores ? `${saying(scores, scores.best.test)} at ${grouped(scores.best.iteration)}` : '–'
  const time = duration(events.at(-1)?.seconds ?? 0)
  return [name, config.title ?? config.task.name, stateOf(run), score, best, time, training(config)]
}

/** Runs whose scores belong on one axis. */
function alike(runs: readonly Reported[]): Reported[][] {
  const groups = new Map<string, Reported[]>()
  for (const run of runs) {
    const key = JSON.stringify([run.config.task.name, scoreHistory(run.events)?.name])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()]
}

function charts(runs: readonly Reported[], headed: boolean): string[] {
  const printed = runs.map((run) => ({ ...run, name: printable(run.name) }))
  return [
    ...(headed ? [`<h2>${html(runs[0]!.config.task.name)}</h2>`] : []),
    `<div class="charts">\n${[...figuresOf(printed).map(svg), ...flows(printed)].join('')}</div>`,
    ...runs.flatMap(({ name, paper }) => (paper ? [`<p>${html(`${name}: ${paper.claim}`)}</p>`] : [])),
  ]
}

/** A map a run that was probed. */
function flows(runs: readonly Reported[]): string[] {
  const probed = runs.map(({ name, events }) => ({ name, probes: probesOf(events) })).filter(({ probes }) => probes[0])
  return probed.map(({ name, probes }) => flowMap(runs.length > 1 ? name : '', probes))
}

/** The settings in which the runs differ. */
function differences(runs: readonly Reported[]): string[] {
  if (runs.length === 1) return []
  const settings = runs.map(({ config: { version, recipe, seed, task, model, training, backend } }) =>
    flat({ version, recipe, seed, task, model, training, backend }),
  )
  const keys = [...new Set(settings.flatMap((one) => [...one.keys()]))]
  const rows = keys.map((key) => [key, ...settings.map((one) => one.get(key) ?? '–')])
  const differing = rows.filter(([, first, ...rest]) => rest.some((value) => value !== first))
  if (differing.length === 0) return ['<p>The settings of all runs are the same.</p>']
  return [tableOf(['setting that differs', ...runs.map(({ name }) => name)], differing)]
}

function section(run: Reported): string {
  const { name, config, events, problems, fit, command } = run
  const [probe] = probesOf(events).slice(-1)
  const done = events.at(-1)
  const facts: [string, string][] = [
    ['irnn', config.version],
    ['computed by', config.backend.description],
    ...(command === null ? [] : [['repeat command', command] as [string, string]]),
    ...(probe ? [['gradient', `at iteration ${grouped(probe.iteration)} ${flowLine(probe)}`] as [string, string]] : []),
    ...(done?.type === 'done' && done.model ? [['model, SHA-256', done.model.sha256] as [string, string]] : []),
  ]
  const bad = [...alertsOf(events).map(alertLine), ...problems]
  const csv = `data:application/gzip;base64,${gzipSync(csvOf(events)).toString('base64')}`
  return [
    `<h2>${html(name)}</h2>`,
    ...bad.map((line) => `<p class="bad">! ${html(line)}</p>`),
    ...(fit ? fitParts(fit) : []),
    `<dl>${facts.map(([key, value]) => `<dt>${html(key)}</dt><dd>${html(value)}</dd>`).join('')}</dl>`,
    evaluations(events),
    `<details><summary>settings</summary>${tableOf(['setting', 'value'], settingsOf(run))}</details>`,
    `<p><a href="${csv}" download="${fileName(name)}">all ${grouped(events.length)} records as CSV, packed</a></p>`,
  ].join('\n')
}

function settingsOf({ config: { recipe, seed, task, model, training } }: Reported): [string, string][] {
  return [...flat({ recipe, seed, task, model, training })]
}

function fileName(name: string): string {
  return `${name.replace(/[^\w.-]+/g, '-').slice(0, 100)}.csv.gz`
}

function fitParts({ methods: [head, ...rows], winner, verdict, picture }: NonNullable<Reported['fit']>): string[] {
  const image = picture && `data:image/svg+xml;base64,${Buffer.from(picture).toString('base64')}`
  return [
    // As an image it can neither run a script nor ask for anything, whoever has written it.
    ...(image ? [`<img src="${image}" alt="What came in the test part, the network's forecasts and their band">`] : []),
    tableOf(head!, rows, winner),
    `<p>${html(verdict)}</p>`,
  ]
}

function evaluations(events: readonly TrainEvent[]): string {
  const scores = scoreHistory(events)
  if (!scores) return '<p>not evaluated yet</p>'
  const evals = events.filter((event) => event.type === 'eval')
  const cell = (score: TestScore | undefined) => (score ? [saying(scores, score)] : [])
  const held = evals.some(({ heldOut }) => heldOut) ? [`held-out ${scores.name}`] : []
  const rows = evals
    .slice(-ROWS)
    .map(({ iteration, seconds, test, heldOut }) => [
      grouped(iteration),
      duration(seconds),
      ...cell(test),
      ...cell(heldOut),
    ])
  const which = evals.length > ROWS ? `the last ${ROWS} of ${grouped(evals.length)} evaluations` : 'evaluations'
  const table = tableOf(['iteration', 'time', `test ${scores.name}`, ...held], rows)
  return `<details><summary>${which}</summary>${table}</details>`
}

/** A line a record, the fields of all types as columns; what config.json holds stands among the settings. */
function csvOf(events: readonly TrainEvent[]): string {
  const rows = events.map(flatRecord)
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))]
  return `${[csvHead(columns), ...rows.map((row) => csvLine(columns, row))].join('\n')}\n`
}
