/** An experiment as one HTML file that needs nothing else: charts, verdicts, runs. */
import { svg } from '../src/figures/figure.ts'
import type { Results } from './collect.ts'
import { charts } from './draw.ts'
import type { Experiment, RunResult, Score, Table } from './experiment.ts'
import { cellText, scoreText } from './table.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #24292f; --soft: #667; --line: #8884; --ground: #fff;
  --yes: #00714f; --no: #b34700; --open: #667 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde1e6; --soft: #9aa4b0; --ground: #16181c; --yes: #3dc79b; --no: #ff9457; --open: #9aa4b0 } }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif; color: var(--ink);
  background: var(--ground); max-width: 1480px; margin: 0 auto; padding: 24px }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 18px; margin: 32px 0 8px } p { margin: 0; color: var(--soft) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 16px; margin-top: 20px }
.charts svg.irnn-figure { width: 100%; height: auto }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500 } td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, monospace } small { color: var(--soft) }
.verdict { font-weight: 600; white-space: nowrap } .yes { color: var(--yes) } .no { color: var(--no) } .open { color: var(--open) }
`

/** A verdict in a word, the same everywhere. */
export function verdictWord(holds: boolean | null): string {
  return holds === null ? 'not run' : holds ? 'holds' : 'fails'
}

export function page(experiment: Experiment, results: Results): string {
  const held = results.claims.filter(({ holds }) => holds === true).length
  const failed = results.claims.filter(({ holds }) => holds === false).length
  const parts = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(experiment.title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${escapeHtml(experiment.title)}</h1>`,
    `<p>${legend(experiment)}Of ${results.claims.length} claims ${held} hold, ${failed} fail, for ${results.claims.length - held - failed} the runs are not there or not long enough. Made by <code>irnn reproduce ${escapeHtml(experiment.name)}</code>.</p>`,
    `<div class="charts">${charts(experiment, results.runs).map(svg).join('')}</div>`,
    ...(experiment.tables ?? []).map((shown) => paperTable(shown, experiment, results)),
    '<h2>Claims</h2>',
    table(['verdict', 'claim', 'measured'], results.claims.map(claimRow)),
    '<h2>Runs</h2>',
    table(
      ['run', 'iterations', 'best test score', 'last', 'time', 'where', 'when'],
      experiment.runs.map((run) =>
        runRow(
          run,
          experiment,
          results.runs.find(({ name }) => name === run.name),
        ),
      ),
    ),
    '</body>',
    '</html>',
  ]
  return `${parts.join('\n')}\n`
}

function table(head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((word) => `<th scope="col">${word}</th>`).join('')
  return `<div class="wide"><table><thead><tr>${cells}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`
}

function legend({ panels }: Experiment): string {
  if (!panels.some(({ paper }) => paper)) return "The paper's numbers: Le, Jaitly &amp; Hinton, arXiv:1504.00941. "
  return 'Solid: ours. Dashed and pale: Le, Jaitly &amp; Hinton, arXiv:1504.00941, read off the figures. '
}

function paperTable({ title, columns, rows }: Table, experiment: Experiment, results: Results): string {
  const body = rows.map((row) => {
    const [name, ...cells] = row.map((cell) => escapeHtml(cellText(cell, experiment, results)))
    return `<tr><td>${name}</td>${cells.map((cell) => `<td class="number">${cell}</td>`).join('')}</tr>`
  })
  return `<h2>${escapeHtml(title)}</h2>\n${table(columns.map(escapeHtml), body)}`
}

function claimRow({ text, holds, measured }: Results['claims'][number]): string {
  const kind = holds === null ? 'open' : holds ? 'yes' : 'no'
  return `<tr><td class="verdict ${kind}">${verdictWord(holds)}</td><td>${escapeHtml(text)}</td><td>${escapeHtml(measured)}</td></tr>`
}

function runRow(run: Experiment['runs'][number], { metric }: Experiment, result: RunResult | undefined): string {
  const what = `${escapeHtml(run.name)}<br><small>${escapeHtml(run.note)}</small>`
  if (!result) return `<tr><td>${what}</td><td class="open" colspan="6">not run</td></tr>`
  const score = (value: Score | null) => {
    if (!value) return 'none'
    const shown = scoreText(metric, value.value)
    const heldOut = value.heldOut === undefined ? '' : `, held-out ${scoreText(metric, value.heldOut)}`
    return `${shown}<br><small>at ${grouped(value.iteration)}${heldOut}</small>`
  }
  const { cpu, cores, node } = result.machine
  const where = `${cpu}, ${cores} cores, Node ${node}<br><small>${escapeHtml(result.backend)}; seed ${result.seed}</small>`
  const numbers = [
    `${grouped(result.iteration)}<br><small>of ${grouped(result.iterations)}${ending(result)}</small>`,
    score(result.best),
    score(result.final),
    duration(result.seconds),
  ]
  const cells = numbers.map((text) => `<td class="number">${text}</td>`).join('')
  const when = `${result.date}<br><small>${result.commit ?? `irnn ${result.version}`}</small>`
  return `<tr><td>${what}<br><code>${escapeHtml(result.command)}</code></td>${cells}<td>${where}</td><td class="number">${when}</td></tr>`
}

function ending({ ended }: RunResult): string {
  return {
    iterations: '',
    target: ', target reached',
    plateau: ', no better at any lower rate',
    stopped: ', to go on',
    killed: ', to go on',
    diverged: ', diverged',
  }[ended]
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function grouped(n: number): string {
  return n.toLocaleString('en-US')
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
