/** Curves as text: lines of braille dots, two across and four down in a character, and sparklines. */
import { significant } from '../numbers.ts'
import { type Axis, drawable, scale } from './scale.ts'

export interface TextChart {
  readonly title: string
  readonly y: Omit<Axis, 'title'>
  /** Each is drawn by dots; lines join those of one. */
  readonly series: readonly (readonly (readonly [number, number])[])[]
  /** The x axis ends there. */
  readonly until: number
  /** Characters, with title and labels. */
  readonly width: number
  readonly height: number
}

const LABEL = 9
/** Dots of a braille character, by row and column, as bits over U+2800. */
const BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const

/** Lines of the chart, each `width` characters long at most, `height` in all. */
export function textChart({ title, y, series, until, width, height }: TextChart): string[] {
  const columns = Math.max(1, width - LABEL - 2)
  const rows = Math.max(1, height - 1)
  const dots = Array.from({ length: rows }, () => new Uint8Array(columns))
  const ys = series.flatMap((points) => points.map((point) => point[1]))
  const up = scale({ title, ...y }, ys, [4 * rows - 1, 0], false)
  const across = (x: number) => Math.round((x / Math.max(1, until)) * (2 * columns - 1))
  for (const points of series) {
    let before: readonly [number, number] | null = null
    for (const [x, value] of points) {
      const at = drawable(value, y.log === true) ? ([across(x), Math.round(up(value))] as const) : null
      if (at) for (const [column, row] of lineOf(before ?? at, at)) set(dots, column, row)
      before = at
    }
  }
  const [low, high] = up.domain() as [number, number]
  return [
    title.slice(0, width),
    ...dots.map((line, row) => {
      const label = row === 0 ? significant(high) : row === rows - 1 ? significant(low) : ''
      const text = Array.from(line, (bits) => (bits === 0 ? ' ' : String.fromCharCode(0x2800 + bits))).join('')
      return `${label.slice(0, LABEL).padStart(LABEL)} ┤${text}`.trimEnd()
    }),
  ]
}

function set(dots: readonly Uint8Array[], column: number, row: number): void {
  const line = dots[row >> 2]
  const at = column >> 1
  if (line && at < line.length) line[at]! |= BITS[row & 3]![column & 1]!
}

/** The dots from one to another. */
function lineOf(
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
): (readonly [number, number])[] {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1)
  return Array.from(
    { length: steps + 1 },
    (_, i) => [Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps)] as const,
  )
}

/** A character a value, ▁ the least to █ the most; what cannot be drawn is a space. Logarithmic where it may be. */
export function sparkline(values: readonly number[]): string {
  const log = values.every((value) => !Number.isFinite(value) || value > 0)
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return ''
  const of = (value: number) => (log ? Math.log(value) : value)
  const low = Math.min(...finite.map(of))
  const level = (value: number) => (span === 0 ? 0 : Math.round((7 * (of(value) - low)) / span))
  const span = Math.max(...finite.map(of)) - low
  return values.map((value) => (Number.isFinite(value) ? '▁▂▃▄▅▆▇█'[level(value)] : ' ')).join('')
}
