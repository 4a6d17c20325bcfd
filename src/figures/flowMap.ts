/**
 * How far the gradient travels, over a run: iterations to the right, the steps of a sequence upward, and the darker the
 * larger the norm of dL/dh_t. A column is a probe. Colours are decades of the whole run, never of a column: where the
 * gradient vanishes, the early steps fade.
 */
import type { ProbeEvent, TrainEvent } from '../train/events.ts'
import { drawing, escapeXml } from './figure.ts'
import { flowLine } from './flow.ts'
import { round, scale, ticks } from './scale.ts'

const [WIDTH, HEIGHT] = [720, 440]
const PLOT = { left: 74, right: 606, top: 46, bottom: 386 }
const BAR = { left: 630, width: 18 }
const COLOR = '#0072b2'
const [MOST_COLUMNS, MOST_ROWS] = [80, 64]
const LEVELS = 16
/** Decades that the colours can span: the least that holds all norms, if one does. */
const SPANS = [4, 8, 16]

export function probesOf(events: readonly TrainEvent[]): ProbeEvent[] {
  return events.filter((event) => event.type === 'probe')
}

/** @param name of the run; @param probes at least one */
export function flowMap(name: string, probes: readonly ProbeEvent[]): string {
  const title = `gradient flow${name === '' ? '' : `, ${name}`}`
  const last = probes.at(-1)!
  const columns = thinned(probes, MOST_COLUMNS)
  const curves = columns.map(({ flow }) => rowsOf(flow))
  const { top, span } = limitsOf(curves.flat())
  const every = columns.length > 1 ? columns[1]!.iteration - columns[0]!.iteration : 1
  const domain = [columns[0]!.iteration, columns.at(-1)!.iteration + every] as const
  const x = { title: 'iterations', domain }
  const y = { title: 'step of the sequence', domain: [0, last.T] as const }
  const across = scale(x, [], [PLOT.left, PLOT.right])
  const up = scale(y, [], [PLOT.bottom, PLOT.top])
  const ends = columns.map(({ iteration }, i) => [iteration, columns[i + 1]?.iteration ?? iteration + every] as const)
  const parts = [
    ...areas(
      curves,
      ends.map(([from, to]) => [across(from), across(to)] as const),
      top,
      span,
    ),
    ...ticks(x, across).map(({ at, label }) => text(at, PLOT.bottom + 18, 'middle', label)),
    ...ticks(y, up).map(({ at, label }) => text(PLOT.left - 8, round(at + 4), 'end', label)),
    `<rect class="axis" fill="none" x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.right - PLOT.left}" ` +
      `height="${PLOT.bottom - PLOT.top}"/>`,
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 38, 'middle', x.title),
    `<text transform="translate(18 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" ` +
      `text-anchor="middle">${y.title}</text>`,
    ...bar(top, span),
  ]
  const description = `Norm of dL/dh_t at each step, in decades. At iteration ${last.iteration} ${flowLine(last)}.`
  return drawing({ title, description, width: WIDTH, height: HEIGHT, left: PLOT.left }, parts)
}

/** At most so many, the first and the last among them. */
function thinned<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!)
}

/** At most MOST_ROWS quadratic means, as log10. */
function rowsOf(flow: readonly number[]): number[] {
  const size = Math.ceil(flow.length / MOST_ROWS)
  return Array.from({ length: Math.ceil(flow.length / size) }, (_, k) => {
    const part = flow.slice(k * size, (k + 1) * size)
    const most = Math.max(...part)
    if (!Number.isFinite(most)) return most
    return most + Math.log10(part.reduce((sum, value) => sum + 10 ** (2 * (value - most)), 0) / part.length) / 2
  })
}

function limitsOf(values: readonly number[]): { top: number; span: number } {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return { top: 0, span: SPANS[0]! }
  const top = Math.ceil(Math.max(...finite))
  const span = SPANS.find((one) => top - Math.min(...finite) <= one) ?? SPANS.at(-1)!
  return { top, span }
}

/** A path a level: rectangles of neighbouring steps of one level are one. */
function areas(
  curves: readonly (readonly number[])[],
  ends: readonly (readonly [number, number])[],
  top: number,
  span: number,
): string[] {
  const paths = Array.from({ length: LEVELS }, () => '')
  for (const [i, rows] of curves.entries()) {
    const [from, to] = ends[i]!
    const at = (k: number) => round(PLOT.bottom - ((PLOT.bottom - PLOT.top) * k) / rows.length)
    for (let k = 0; k < rows.length; ) {
      const level = levelOf(rows[k]!, top, span)
      let end = k + 1
      while (end < rows.length && levelOf(rows[end]!, top, span) === level) end += 1
      if (level !== null) paths[level] += `M${round(from)} ${at(end)}H${round(to)}V${at(k)}H${round(from)}Z`
      k = end
    }
  }
  return paths.flatMap((path, level) => (path === '' ? [] : [`<path d="${path}" ${look(level)}/>`]))
}

/** null: nothing, or less than the colours have. A gradient that is not finite has the darkest. */
function levelOf(flow: number, top: number, span: number): number | null {
  if (Number.isNaN(flow) || flow === Number.POSITIVE_INFINITY) return 0
  const level = Math.floor(((top - flow) / span) * LEVELS)
  return level < LEVELS ? Math.max(0, level) : null
}

function look(level: number): string {
  return `fill="${COLOR}" fill-opacity="${round(0.95 - (0.9 * level) / (LEVELS - 1))}" stroke="none"`
}

/** The colours with their decades. */
function bar(top: number, span: number): string[] {
  const { left, width } = BAR
  const step = (PLOT.bottom - PLOT.top) / LEVELS
  const labels = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = round(PLOT.top + share * (PLOT.bottom - PLOT.top) + 4)
    return text(left + width + 6, at, 'start', `1e${top - share * span}`)
  })
  const boxes = Array.from({ length: LEVELS }, (_, level) => {
    const place = `x="${left}" y="${round(PLOT.top + level * step)}"`
    return `<rect ${place} width="${width}" height="${round(step)}" ${look(level)}/>`
  })
  return [...boxes, ...labels, text(left, PLOT.top - 8, 'start', '|dL/dh|')]
}

function text(x: number, y: number, anchor: string, words: string): string {
  return `<text x="${round(x)}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`
}
