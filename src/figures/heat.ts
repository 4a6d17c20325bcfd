/**
 * A table of scores as one standalone SVG string, the better the darker, each with its number. Colours lie thinly over
 * the ground, so that numbers read in both colour schemes. The same data gives the same bytes.
 */
import { drawing, escapeXml } from './figure.ts'
import { round } from './scale.ts'

export interface HeatTable {
  readonly title: string
  /** A sentence for who cannot see it. */
  readonly description: string
  readonly x: HeatAxis
  readonly y: HeatAxis
  /** [row][column]; null or not finite: there is no score. */
  readonly values: readonly (readonly (number | null)[])[]
  readonly lowerIsBetter: boolean
  /** Whether colours go by the powers of ten; values must be above 0 then. */
  readonly log?: boolean
  /** What stands in a cell. */
  label(value: number | null, row: number, column: number): string
}

export interface HeatAxis {
  readonly title: string
  readonly labels: readonly string[]
}

const CELL = { width: 92, height: 34 }
const MARGIN = { left: 96, right: 22, top: 78, bottom: 16 }
const COLOR = '#0072b2'
/** Opacity of the worst and the best score. */
const [PALE, DARK] = [0.06, 0.55]

export function heatTable({ title, description, x, y, values, lowerIsBetter, log = false, label }: HeatTable): string {
  const width = Math.max(420, MARGIN.left + x.labels.length * CELL.width + MARGIN.right)
  const height = MARGIN.top + y.labels.length * CELL.height + MARGIN.bottom
  const places = values.map((row) => row.map((value) => place(value, lowerIsBetter, log)))
  const all = places.flat().filter(Number.isFinite)
  const [low, high] = [Math.min(...all), Math.max(...all)]
  const across = (column: number) => MARGIN.left + column * CELL.width
  const down = (row: number) => MARGIN.top + row * CELL.height
  const at = (x: number, y: number, anchor: string, words: string) =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`
  const cells = places.flatMap((row, i) =>
    row.map((p, j) => {
      const known = Number.isFinite(p)
      const share = high > low ? (p - low) / (high - low) : 1
      const fill = known ? `fill="${COLOR}" fill-opacity="${round(PALE + share * (DARK - PALE))}"` : 'fill="none"'
      const edge = known && p === high ? `stroke="${COLOR}" stroke-width="2"` : 'class="grid"'
      const box = `<rect x="${across(j) + 1}" y="${down(i) + 1}" width="${CELL.width - 2}" height="${CELL.height - 2}"`
      const words = label(values[i]![j]!, i, j)
      return `${box} ${fill} ${edge}/>${at(across(j) + CELL.width / 2, down(i) + 21, 'middle', words)}`
    }),
  )
  const parts = [
    at(MARGIN.left + (x.labels.length * CELL.width) / 2, 48, 'middle', x.title),
    at(16, 68, 'start', y.title),
    ...x.labels.map((words, j) => at(across(j) + CELL.width / 2, 68, 'middle', words)),
    ...y.labels.map((words, i) => at(MARGIN.left - 10, down(i) + 21, 'end', words)),
    ...cells,
  ]
  return drawing({ title, description, width, height, left: 16 }, parts)
}

/** The larger the better; NaN where there is none. */
function place(value: number | null, lowerIsBetter: boolean, log: boolean): number {
  if (value === null || !Number.isFinite(value) || (log && value <= 0)) return Number.NaN
  return (lowerIsBetter ? -1 : 1) * (log ? Math.log10(value) : value)
}
