/**
 * A line chart as one standalone SVG string: series over shared axes, linear or logarithmic, with reference lines.
 * Colours (after Okabe & Ito, safe for colour-blind readers), text and axes follow the viewer's colour scheme. The same
 * data gives the same bytes.
 */
import { area, line } from 'd3-shape'
import { grouped, significant } from '../numbers.ts'
import { type Axis, drawable, round, type Scale, scale, ticks } from './scale.ts'

export interface Series {
  /** In the legend; empty: not there. */
  readonly name: string
  /** (x, y), in order; points that are not finite, or not positive on a logarithmic axis, leave a gap. */
  readonly points: readonly (readonly [number, number])[]
  /** A thinner, paler line: background to the others. */
  readonly faint?: boolean
  readonly dashed?: boolean
  readonly color?: string
  /** Whether points, of very many some, say what they are where somebody points at them: no script is needed. */
  readonly told?: boolean
}

/** An area between two curves. */
export interface Band {
  /** In the legend; empty: not there. */
  readonly name: string
  /** (x, lower y, upper y), in order, with gaps as in a series. */
  readonly points: readonly (readonly [number, number, number])[]
  /** The series whose colour it has. */
  readonly of: number
}

export interface Figure {
  readonly title: string
  /** A sentence for who cannot see it. */
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  readonly bands?: readonly Band[]
  /** Horizontal lines across the whole plot, such as a baseline. */
  readonly references?: readonly { readonly name: string; readonly value: number }[]
  /** Pixels. */
  readonly width?: number
  readonly height?: number
}

/** Colours on a light ground, and what they are on a dark one: at least 3:1 on theirs. */
export const COLORS: ReadonlyMap<string, string> = new Map([
  ['#0072b2', '#62b0e8'],
  ['#d55e00', '#ff8a3d'],
  ['#009e73', '#35c79a'],
  ['#c4699b', '#e8a3ca'],
  ['#9a7700', '#e0b92e'],
  ['#7b5cc4', '#b8a2ff'],
  ['#808080', '#a0a0a0'],
])
export const GROUNDS = { light: '#ffffff', dark: '#16181c' } as const
/** Of what is only to be compared with. */
export const NEUTRAL = '#808080'
const CYCLE = [...COLORS.keys()].filter((color) => color !== NEUTRAL)
const REFERENCE_DASHES = ['6 4', '2 4', '12 4 2 4']
const WIDTH = 720
const HEIGHT = 440
const MARGIN = { left: 74, right: 22, top: 46, bottom: 54 }
const LEGEND_ROW = 18
/** From the mark of an entry of the legend to its name; and what a character of a name takes at most, on average. */
const LEGEND_MARK = 34
const CHARACTER = 7.2
/** Points of a curve that say what they are. */
const MOST_TOLD = 100

const DARK = [...COLORS].map(
  ([color, dark]) =>
    `.irnn-figure [stroke="${color}"] { stroke: ${dark} } .irnn-figure [fill="${color}"] { fill: ${dark} }`,
)

/** The style sheet of every figure: a page's security policy may name its hash. */
export const FIGURE_STYLE: string = `
.irnn-figure { color-scheme: light dark; font: 13px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", sans-serif }
.irnn-figure text { fill: #3a3a3a } .irnn-figure .ground { fill: ${GROUNDS.light} }
.irnn-figure .grid { stroke: #8884; stroke-width: 1 } .irnn-figure .axis { stroke: #888; stroke-width: 1 }
.irnn-figure .title { font-size: 16px; font-weight: 600 } .irnn-figure .told:hover { fill: #8888 }
@media screen and (prefers-color-scheme: dark) {
.irnn-figure text { fill: #d6d6d6 } .irnn-figure .ground { fill: ${GROUNDS.dark} }
${DARK.join('\n')} }
`

/** Where the parts of a figure lie, and how its data become pixels. */
interface Layout {
  readonly width: number
  readonly height: number
  /** Edges of the plot. */
  readonly right: number
  readonly bottom: number
  readonly legendColumns: number
  readonly across: Scale
  readonly up: Scale
  /** Of each series. */
  readonly colors: readonly string[]
}

function layoutOf(figure: Figure): Layout {
  const { x, y, series, bands = [], references = [], width = WIDTH, height = HEIGHT } = figure
  const right = width - MARGIN.right
  const names = [...named(series), ...named(bands), ...references].map(({ name }) => name)
  // Side by side where the longest name leaves room for another.
  const half = (right - MARGIN.left) / 2 - LEGEND_MARK
  const legendColumns = names.every((name) => CHARACTER * name.length <= half) ? 2 : 1
  const bottom = height - MARGIN.bottom - LEGEND_ROW * Math.ceil(names.length / legendColumns)
  const xs = series.flatMap((s) => s.points.map((p) => p[0]))
  const ys = [
    ...series.flatMap((s) => s.points.map((p) => p[1])),
    ...bands.flatMap((b) => b.points.flatMap(([, low, high]) => [low, high])),
    ...references.map((r) => r.value),
  ]
  const across = scale(x, xs, [MARGIN.left, right])
  const up = scale(y, ys, [bottom, MARGIN.top])
  const colors = series.map((s, i) => s.color ?? CYCLE[i % CYCLE.length]!)
  return { width, height, right, bottom, legendColumns, across, up, colors }
}

/** The figure as SVG. */
export function svg(figure: Figure): string {
  const { title, description } = figure
  const layout = layoutOf(figure)
  const { width, height } = layout
  const parts = [...axes(figure, layout), ...curves(figure, layout), ...legend(figure, layout)]
  return drawing({ title, description, width, height, left: MARGIN.left }, parts)
}

interface Drawing {
  readonly title: string
  readonly description: string
  readonly width: number
  readonly height: number
  /** Where the title begins. */
  readonly left: number
}

/** What every figure has around its parts: its name for who cannot see it, its styles, its ground and its title. */
export function drawing({ title, description, width, height, left }: Drawing, parts: readonly string[]): string {
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `class="irnn-figure" role="img" aria-label="${escapeXml(title)}. ${escapeXml(description)}">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(description)}</desc>`,
    `<style>${FIGURE_STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="${left}" y="26">${escapeXml(title)}</text>`,
    ...parts,
    '</svg>',
  ]
  return `${lines.join('\n')}\n`
}

function axes({ x, y }: Figure, { right, bottom, across, up }: Layout): string[] {
  const { left, top } = MARGIN
  return [
    ...ticks(x, across).map(({ at, label }) => {
      const place = `x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"`
      return `<line class="grid" ${place}/>${text(at, bottom + 18, 'middle', label)}`
    }),
    ...ticks(y, up).map(({ at, label }) => {
      const place = `x1="${left}" x2="${right}" y1="${at}" y2="${at}"`
      return `<line class="grid" ${place}/>${text(left - 8, round(at + 4), 'end', label)}`
    }),
    `<rect class="axis" fill="none" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>`,
    text((left + right) / 2, bottom + 38, 'middle', escapeXml(x.title)),
    `<text transform="translate(18 ${(top + bottom) / 2}) rotate(-90)" ` +
      `text-anchor="middle">${escapeXml(y.title)}</text>`,
  ]
}

function text(x: number, y: number, anchor: 'middle' | 'end', content: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
}

/** The reference lines and the curves, cut at the edges of the plot. */
function curves(
  { x, y, series, bands = [], references = [] }: Figure,
  { right, bottom, across, up, colors }: Layout,
): string[] {
  const { left, top } = MARGIN
  const [width, height] = [right - left, bottom - top]
  const drawn = (background: boolean) =>
    series.flatMap((s, i) =>
      (s.faint === true) === background ? [`<path d="${path(s, x, y, across, up)}" ${strokeOf(s, colors[i]!)}/>`] : [],
    )
  return [
    `<svg x="${left}" y="${top}" width="${width}" height="${height}" viewBox="${left} ${top} ${width} ${height}" ` +
      'fill="none" stroke-linejoin="round">',
    ...references.map(({ value }, i) => {
      const at = round(up(value))
      return `<line x1="${left}" x2="${right}" y1="${at}" y2="${at}" ${referenceStroke(i)}/>`
    }),
    ...bands.map((band) => `<path d="${outline(band, y, across, up)}" ${fillOf(colors[band.of]!)}/>`),
    // Background first: it must not cover what it is the background of.
    ...drawn(true),
    ...drawn(false),
    ...series.flatMap((one) => (one.told ? spots(one, x, y, across, up) : [])),
    '</svg>',
  ]
}

/** What shows the numbers of a point: nothing is drawn, and a browser shows its title. */
function spots({ name, points }: Series, x: Axis, y: Axis, across: Scale, up: Scale): string[] {
  const there = points.filter(([a, b]) => drawable(a, x.log === true) && drawable(b, y.log === true))
  const every = Math.ceil(there.length / MOST_TOLD)
  const told = there.filter((_, i) => i % every === every - 1 || i === there.length - 1)
  return told.map(([a, b]) => {
    const words = `${name === '' ? '' : `${name}, `}${x.title} ${grouped(a)}: ${significant(b, 4)}`
    const place = `cx="${round(across(a))}" cy="${round(up(b))}"`
    return `<circle class="told" ${place} r="7" fill="transparent"><title>${escapeXml(words)}</title></circle>`
  })
}

/** Those that stand in the legend. */
function named<T extends { readonly name: string }>(all: readonly T[]): readonly T[] {
  return all.filter(({ name }) => name !== '')
}

function legend({ series, bands = [], references = [] }: Figure, layout: Layout): string[] {
  const { right, bottom, legendColumns, colors } = layout
  const colorOf = (one: Series) => colors[series.indexOf(one)]!
  const entries = [
    ...named(series).map((one) => ({ name: one.name, look: strokeOf(one, colorOf(one)) })),
    ...named(bands).map(({ name, of }) => ({ name, fill: fillOf(colors[of]!) })),
    ...references.map(({ name }, i) => ({ name, look: referenceStroke(i) })),
  ]
  return entries.map((entry, i) => {
    const left = MARGIN.left + (i % legendColumns) * ((right - MARGIN.left) / legendColumns)
    const at = bottom + MARGIN.bottom + 4 + LEGEND_ROW * Math.floor(i / legendColumns)
    const mark =
      'fill' in entry
        ? `<rect x="${left}" y="${at - 10}" width="26" height="12" ${entry.fill}/>`
        : `<line x1="${left}" x2="${left + 26}" y1="${at - 4}" y2="${at - 4}" ${entry.look}/>`
    return `${mark}<text x="${left + LEGEND_MARK}" y="${at}">${escapeXml(entry.name)}</text>`
  })
}

/** Figures of the default size in rows, as one standalone SVG. */
export function grid(figures: readonly Figure[], { title, columns }: { title: string; columns: number }): string {
  const rows = Math.ceil(figures.length / columns)
  const size = `viewBox="0 0 ${columns * WIDTH} ${rows * HEIGHT}" width="${columns * WIDTH}" height="${rows * HEIGHT}"`
  const parts = figures.map((figure, i) => {
    const place = `x="${(i % columns) * WIDTH}" y="${Math.floor(i / columns) * HEIGHT}"`
    return svg({ ...figure, width: WIDTH, height: HEIGHT }).replace('<svg ', `<svg ${place} `)
  })
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escapeXml(title)}">`
  return `${head}\n<title>${escapeXml(title)}</title>\n${parts.join('')}</svg>\n`
}

function path({ points }: Series, x: Axis, y: Axis, across: Scale, up: Scale): string {
  const draw = line<readonly [number, number]>()
    .defined((p) => drawable(p[0], x.log === true) && drawable(p[1], y.log === true))
    .x((p) => across(p[0]))
    .y((p) => up(p[1]))
    .digits(2)
  return draw(points) ?? ''
}

/** The outline of a band, cut where a point is not finite. */
function outline({ points }: Band, y: Axis, across: Scale, up: Scale): string {
  const draw = area<readonly [number, number, number]>()
    .defined(([x, low, high]) => Number.isFinite(x) && drawable(low, y.log === true) && drawable(high, y.log === true))
    .x((p) => across(p[0]))
    .y0((p) => up(p[1]))
    .y1((p) => up(p[2]))
    .digits(2)
  return draw(points) ?? ''
}

function fillOf(color: string): string {
  return `fill="${escapeXml(color)}" fill-opacity="0.3" stroke="none"`
}

function strokeOf({ faint = false, dashed = false }: { faint?: boolean; dashed?: boolean }, color: string): string {
  // Round ends make a dot of a line with one point.
  const dash = dashed ? ' stroke-dasharray="6 4"' : ' stroke-linecap="round"'
  return `stroke="${escapeXml(color)}" stroke-width="${faint ? 1 : 2}"${faint ? ' stroke-opacity="0.7"' : ''}${dash}`
}

/** Reference lines are told apart by their dashes. */
function referenceStroke(i: number): string {
  const dashes = REFERENCE_DASHES[i % REFERENCE_DASHES.length]
  return `stroke="${NEUTRAL}" stroke-width="1.5" stroke-dasharray="${dashes}"`
}

/** Text in XML or HTML, between tags or as an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
