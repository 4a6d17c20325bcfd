/** An experiment as one HTML file that needs nothing else: charts, verdicts, runs. */
import { escapeXml, svg } from '../src/figures/figure.ts'
import { duration, grouped } from '../src/numbers.ts'
import { ENDINGS } from '../src/train/spoken.ts'
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
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 18px; margin: 32px 0 8px }
h3 { font-size: 15px; margin: 16px 0 2px } .why { max-width: 76ch; color: var(--ink) }
 p { margin: 0; color: var(--soft) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 16px;
  margin-top: 20px }
.charts svg.irnn-figure { width: 100%; height: auto }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500 } td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, monospace } small { color: var(--soft) }
.verdict { font-weight: 600; white-space: nowrap } .yes { color: var(--yes) } .no { color: var(--no) }
.open { color: var(--open) } img { width: 100%; height: auto } a { color: inherit }
`

/** A verdict in a word, the same everywhere. */
export function verdictWord(holds: boolean | null): string {
  return holds === null ? 'not run' : holds ? 'holds' : 'fails'
}

/** How many claims there are, and how many hold, fail, and are open. */
export function counts({ claims }: Pick<Results, 'claims'>): Record<'all' | 'hold' | 'fail' | 'open', number> {
  const of = (verdict: boolean | null) => claims.filter(({ holds }) => holds === verdict).length
  return { all: claims.length, hold: of(true), fail: of(false), open: of(null) }
}

export function tallyOf(results: Pick<Results, 'claims'>): string {
  const { all, hold, fail, open } = counts(results)
  const rest = open > 0 ? `, for ${open} the runs are not there or not long enough` : ''
  return `Of ${all} claims ${hold} hold, ${fail} fail${rest}`
}

/** A whole HTML file in the style of all pages. */
export function document(title: string, body: readonly string[]): string {
  const parts = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    ...body,
    '</body>',
    '</html>',
  ]
  return `${parts.join('\n')}\n`
}

export function claimsTable({ claims }: Pick<Results, 'claims'>): string {
  return table(['verdict', 'claim', 'measured'], claims.map(claimRow))
}

export function page(experiment: Experiment, results: Results): string {
  return document(experiment.title, [
    `<h1>${escapeXml(experiment.title)}</h1>`,
    `<p>${legend(experiment)}${tallyOf(results)}. ` +
      `Made by <code>irnn reproduce ${escapeXml(experiment.name)}</code>.</p>`,
    `<div class="charts">${charts(experiment, results.runs).map(svg).join('')}</div>`,
    ...(experiment.tables ?? []).map((shown) => paperTable(shown, experiment, results)),
    '<h2>Claims</h2>',
    claimsTable(results),
    ...reasons(experiment, results),
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
  ])
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
    const [name, ...cells] = row.map((cell) => escapeXml(cellText(cell, experiment, results)))
    return `<tr><td>${name}</td>${cells.map((cell) => `<td class="number">${cell}</td>`).join('')}</tr>`
  })
  return `<h2>${escapeXml(title)}</h2>\n${table(columns.map(escapeXml), body)}`
}

function claimRow({ text, holds, measured }: Results['claims'][number]): string {
  const kind = holds === null ? 'open' : holds ? 'yes' : 'no'
  const verdict = `<td class="verdict ${kind}">${verdictWord(holds)}</td>`
  return `<tr>${verdict}<td>${escapeXml(text)}</td><td>${escapeXml(measured)}</td></tr>`
}

/** Why claims fail, as far as we know. */
function reasons({ claims }: Experiment, results: Results): string[] {
  const failed = results.claims.filter(({ holds }) => holds === false)
  const known = failed.flatMap(({ text }) => {
    const why = claims.find((claim) => claim.text === text)?.why
    return why === undefined ? [] : [`<h3>${escapeXml(text)}</h3>\n<p class="why">${escapeXml(why)}</p>`]
  })
  return known.length > 0 ? ['<h2>Why these fail, as far as we know</h2>', ...known] : []
}

function runRow(run: Experiment['runs'][number], { metric }: Experiment, result: RunResult | undefined): string {
  const what = `${escapeXml(run.name)}<br><small>${escapeXml(run.note)}</small>`
  if (!result) return `<tr><td>${what}</td><td class="open" colspan="6">not run</td></tr>`
  const score = (value: Score | null) => {
    if (!value) return 'none'
    const shown = scoreText(metric, value.value)
    const heldOut = value.heldOut === undefined ? '' : `, held-out ${scoreText(metric, value.heldOut)}`
    return `${shown}<br><small>at ${grouped(value.iteration)}${heldOut}</small>`
  }
  const { cpu, cores, node } = result.machine
  const machine = `${cpu}, ${cores} cores, Node ${node}`
  const where = `${machine}<br><small>${escapeXml(result.backend)}; seed ${result.seed}</small>`
  const numbers = [
    `${grouped(result.iteration)}<br><small>of ${grouped(result.iterations)}${ending(result)}</small>`,
    score(result.best),
    score(result.final),
    duration(result.seconds),
  ]
  const cells = numbers.map((text) => `<td class="number">${text}</td>`).join('')
  const when = `${result.date}<br><small>${result.commit ?? `irnn ${result.version}`}</small>`
  const command = `<code>${escapeXml(result.command)}</code>`
  return `<tr><td>${what}<br>${command}</td>${cells}<td>${where}</td><td class="number">${when}</td></tr>`
}

function ending({ ended }: RunResult): string {
  if (ended === 'iterations') return ''
  if (ended === 'stopped' || ended === 'killed') return ', to go on'
  return ended === 'diverged' ? ', diverged' : `, ${ENDINGS[ended]}`
}
