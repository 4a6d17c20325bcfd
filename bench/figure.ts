/** The figure of a run: for each shape a group of bars, milliseconds an iteration on a logarithmic axis. */
import { scaleLog } from 'd3-scale'
import { size } from './problems.ts'
import { COLUMNS, number, tableOf } from './report.ts'
import type { Results } from './results.ts'

/** Ours in blues; rivals in Okabe & Ito's other colours (yellow darker), which colour-blind readers can tell apart. */
const COLORS = ['#0072b2', '#4aa8de', '#9bd0f2', '#d55e00', '#e69f00', '#b5a100', '#009e73', '#cc79a7', '#888888']
const BAR = 11
const GAP = 12
const WIDTH = 860
const LEFT = 210
const RIGHT = 60
const TOP = 100

const STYLE = `
.irnn-bench { color-scheme: light dark; font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif }
.irnn-bench text { fill: #3a3a3a } .irnn-bench .ground { fill: #fff } .irnn-bench .grid { stroke: #8884 }
.irnn-bench .title { font-size: 16px; font-weight: 600 } .irnn-bench .value { font-size: 10px } .irnn-bench .small { font-size: 11px; opacity: 0.75 }
@media (prefers-color-scheme: dark) { .irnn-bench text { fill: #d6d6d6 } .irnn-bench .ground { fill: #16181c } }
`

/** Standalone SVG; the same results give the same bytes. */
export function bars(results: Results): string {
  const table = tableOf(results)
  const all = table.flatMap(({ times }) => times.filter((time) => time !== null))
  const low = 10 ** Math.floor(Math.log10(Math.min(...all)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...all)))
  const across = scaleLog([low, high], [LEFT, WIDTH - RIGHT])
  const body: string[] = []
  let y = TOP
  for (const { shape, times } of table) {
    const there = times.flatMap((time, column) => (time === null ? [] : [{ time, column }]))
    const middle = y + (there.length * BAR) / 2
    body.push(`<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${escapeXml(shape.label)}</text>`)
    body.push(
      `<text class="small" x="${LEFT - 10}" y="${middle + 13}" text-anchor="end">${escapeXml(`${shape.name.split(' ')[0]} ${size(shape)}`)}</text>`,
    )
    for (const { time, column } of there) {
      const end = round(across(time))
      body.push(
        `<rect x="${LEFT}" y="${y}" width="${round(end - LEFT)}" height="${BAR - 1}" fill="${COLORS[column]}"/>`,
      )
      body.push(`<text class="value" x="${end + 4}" y="${y + BAR - 2}">${number(time)}</text>`)
      y += BAR
    }
    y += GAP + (there.length < 3 ? (3 - there.length) * BAR : 0)
  }
  const decades = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i)
  const grid = decades.flatMap((tick) => {
    const x = round(across(tick))
    return [
      `<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${y}"/>`,
      `<text x="${x}" y="${y + 16}" text-anchor="middle">${Number(tick.toPrecision(1))} ms</text>`,
    ]
  })
  const legend = COLUMNS.map(({ title }, column) => {
    const x = LEFT - 190 + (column % 4) * 205
    const top = 38 + 16 * Math.floor(column / 4)
    const name = column === 1 ? 'irnn, 2 threads' : title
    return `<rect x="${x}" y="${top}" width="10" height="10" fill="${COLORS[column]}"/><text x="${x + 16}" y="${top + 9}">${escapeXml(name)}</text>`
  })
  const height = y + 44
  const title = 'One training iteration: forward, loss, backward, clip, update'
  const { cpu, cores } = results.machine
  const held = results.isa ? `; all held to ${results.isa.toUpperCase()}` : ''
  const note = `${cpu}, ${cores} cores, ${results.date}${held}; each at its best number of threads; (B, T, I, H)`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" class="irnn-bench" role="img" aria-label="${title}, milliseconds on a logarithmic axis">`,
    `<title>${title}</title>`,
    `<desc>${escapeXml(describe(results))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="20" y="24">${title}</text>`,
    ...legend,
    ...grid,
    ...body,
    `<text class="small" x="${WIDTH - 20}" y="${height - 10}" text-anchor="end">${escapeXml(note)}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function describe(results: Results): string {
  return tableOf(results)
    .map(({ shape, times }) => {
      const said = times.flatMap((time, i) => (time === null ? [] : [`${COLUMNS[i]!.title} ${number(time)} ms`]))
      return `${shape.label}: ${said.join(', ')}.`
    })
    .join(' ')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
