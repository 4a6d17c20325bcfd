/** A chart on a canvas, by uPlot: what is drawn, and what it says of the pointer. */
import uPlot from 'uplot'
import { rangeOf, type Value } from '../../src/figures/curves.ts'
import { colorOf, faded } from '../shared/palette.ts'
import { tickLabel, ticksOf } from '../shared/ticks.ts'
import { type Drawn, type Line, lastOf } from './charts.ts'

export interface PlotEvents {
  /** The pointer is over a place on the x axis; null: over none. */
  over(x: number | null): void
  select(from: number, to: number): void
  reset(): void
}

export interface Plot {
  readonly plot: uPlot
  update(drawn: Drawn): void
  resize(width: number): void
  destroy(): void
}

/** Dashes of the runs beyond the colours, in pixels. */
const DASHES: readonly number[][] = [[], [8, 4], [2, 3], [12, 4, 2, 4]]
export const HEIGHT = 230
/** Of the labels at the ends of lines. */
const LABELS = 104
const MOST_LABELS = 6
const NARROW = 480

/** What must be the same for a plot to be kept: which lines it has, and how they look. */
export function shapeOf({ lines, paper, logY, view, spec }: Drawn): string {
  const looks = lines.map(({ run, slot, dash, faint, curve }) => [run.id, slot, dash, faint, curve.raw.length > 0])
  return JSON.stringify([spec.id, looks, paper.map(({ name }) => name), logY, view.log])
}

export function createPlot(target: HTMLElement, first: Drawn, width: number, events: PlotEvents): Plot {
  let drawn = first
  let range = rangeOf(
    seriesOf(drawn).map(({ values }) => values),
    drawn.logY,
  )
  const plot = new uPlot(
    optionsOf(
      first,
      width,
      () => drawn,
      () => range,
      events,
    ),
    dataOf(drawn),
    target,
  )
  return {
    plot,
    update(next) {
      drawn = next
      range = rangeOf(
        seriesOf(next).map(({ values }) => values),
        next.logY,
      )
      plot.setData(dataOf(next))
    },
    resize: (to) => plot.setSize({ width: to, height: HEIGHT }),
    destroy: () => plot.destroy(),
  }
}

interface PlotSeries {
  readonly values: readonly Value[]
  readonly line?: Line
  readonly part: 'low' | 'high' | 'raw' | 'mean' | 'paper'
}

/** The background first. */
function seriesOf({ lines, paper, spec }: Drawn): PlotSeries[] {
  return [
    ...paper.map(({ values }): PlotSeries => ({ values, part: 'paper' })),
    ...(spec.band ? lines : []).flatMap((line): PlotSeries[] => [
      { values: line.curve.low, line, part: 'low' },
      { values: line.curve.high, line, part: 'high' },
    ]),
    ...lines.flatMap((line): PlotSeries[] => [
      ...(line.curve.raw.length > 0 ? [{ values: line.curve.raw, line, part: 'raw' } as const] : []),
      { values: line.curve.mean, line, part: 'mean' },
    ]),
  ]
}

function dataOf(drawn: Drawn): uPlot.AlignedData {
  const lists = seriesOf(drawn).map(({ values }) => values as (number | null | undefined)[])
  return [[...drawn.centres], ...lists]
}

function optionsOf(
  first: Drawn,
  width: number,
  now: () => Drawn,
  range: () => [number, number],
  events: PlotEvents,
): uPlot.Options {
  const wide = width >= NARROW
  const all = seriesOf(first)
  return {
    width,
    height: HEIGHT,
    padding: [10, wide ? LABELS : 14, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          events.reset()
          return null
        },
      },
    },
    scales: {
      x: { time: false, distr: first.view.log ? 3 : 1, range: () => [now().view.from, now().view.to] },
      y: { distr: first.logY ? 3 : 1, range: () => range() },
    },
    axes: axesOf(first),
    series: [{}, ...all.map(strokeOf)],
    bands: all.flatMap(({ part, line }, i) =>
      part === 'high' ? [{ series: [i + 1, i] as [number, number], fill: faded(colorFor(line!), 0.22) }] : [],
    ),
    hooks: {
      draw: [(u) => drawMarks(u, now(), wide)],
      setCursor: [
        (u) => {
          const { left = -1, event } = u.cursor
          // Only where the pointer is: the cursor of the others is set by code.
          // Of a plot without a size no place is anywhere.
          const x = left < 0 ? null : u.posToVal(left, 'x')
          if (event && (x === null || Number.isFinite(x))) events.over(x)
        },
      ],
      setSelect: [
        (u) => {
          const { left, width: across } = u.select
          if (across < 4) return
          events.select(u.posToVal(left, 'x'), u.posToVal(left + across, 'x'))
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
    },
  }
}

function axesOf({ view, logY, spec }: Drawn): uPlot.Axis[] {
  const look = {
    stroke: colorOf('soft'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colorOf('line'), width: 1 },
    ticks: { stroke: colorOf('line'), width: 1, size: 4 },
    gap: 4,
  }
  const splits = (log: boolean, each: number) => (u: uPlot, axis: number, min: number, max: number) => {
    const room = axis === 0 ? u.over.clientWidth || u.width : u.over.clientHeight || u.height
    return ticksOf(min, max, log, Math.max(2, Math.floor(room / each)))
  }
  const share = (value: number) => `${Number((100 * value).toPrecision(4))} %`
  return [
    {
      ...look,
      size: 26,
      splits: splits(view.log, 90),
      values: (_, all) => all.map(tickLabel),
      filter: (_, all) => all,
    },
    {
      ...look,
      size: 58,
      splits: splits(logY, 40),
      values: (_, all) => all.map(spec.percent ? share : tickLabel),
      filter: (_, all) => all,
    },
  ]
}

function colorFor({ slot }: Pick<Line, 'slot'>): string {
  return colorOf(`c${slot}`)
}

function strokeOf({ part, line }: PlotSeries): uPlot.Series {
  const base = { spanGaps: false, points: { show: false } }
  if (!line) return { ...base, stroke: colorOf('neutral'), width: 1.5, dash: [2, 3] }
  if (part === 'low' || part === 'high') return { ...base, stroke: 'transparent', width: 0 }
  const color = colorFor(line)
  const pale = part === 'raw' || line.faint
  const dash = DASHES[line.dash % DASHES.length]!
  return {
    ...base,
    stroke: pale ? faded(color, part === 'raw' ? 0.4 : 0.75) : color,
    width: pale ? 1 : 1.8,
    ...(line.faint ? { dash: [4, 4] } : dash.length > 0 && { dash }),
  }
}

/** Where a number was not finite, the end of each line and its name; and the dot of a line that is one point. */
function drawMarks(u: uPlot, drawn: Drawn, wide: boolean): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  const place = (at: number, value: number): [number, number] => [
    u.valToPos(drawn.centres[at]!, 'x', true),
    u.valToPos(value, 'y', true),
  ]
  ctx.save()
  ctx.font = `${12 * ratio}px system-ui, sans-serif`
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  const labels: Label[] = []
  for (const line of drawn.lines) {
    const color = colorFor(line)
    ctx.fillStyle = color
    for (const at of line.curve.bad) {
      const before = lastOf(line.curve.mean.slice(0, at + 1))
      const [x, y] = before
        ? place(at, before.value)
        : [u.valToPos(drawn.centres[at]!, 'x', true), u.bbox.top + 8 * ratio]
      triangle(ctx, x, y, 5 * ratio)
    }
    const last = lastOf(line.curve.mean)
    if (!last) continue
    const [x, y] = place(last.at, last.value)
    mark(ctx, x, y, 3.5 * ratio, line.slot)
    if (!line.faint) labels.push({ text: line.name, color, slot: line.slot, y })
  }
  if (wide && labels.length <= MOST_LABELS) drawLabels(u, labels, ratio)
  ctx.restore()
}

interface Label {
  readonly text: string
  readonly color: string
  readonly slot: number
  readonly y: number
}

/** Names in the colour of text, which all can read, after their marks. */
function drawLabels(u: uPlot, labels: readonly Label[], ratio: number): void {
  const { ctx, bbox } = u
  const left = bbox.left + bbox.width + 12 * ratio
  let least = Number.NEGATIVE_INFINITY
  for (const { text, color, slot, y } of [...labels].sort((a, b) => a.y - b.y)) {
    const at = Math.max(y, least)
    least = at + 13 * ratio
    ctx.fillStyle = color
    mark(ctx, left, at, 3.5 * ratio, slot)
    ctx.fillStyle = colorOf('ink')
    ctx.fillText(fitted(ctx, text, (LABELS - 24) * ratio), left + 8 * ratio, at)
  }
}

/** The end of a name, which tells runs apart. */
function fitted(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  if (ctx.measureText(text).width <= room) return text
  let cut = text.slice(-60)
  while (cut.length > 1 && ctx.measureText(`…${cut}`).width > room) cut = cut.slice(1)
  return `…${cut}`
}

/** Six shapes beside six colours: disc, square, diamond, triangle, cross, ring. */
function mark(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, slot: number): void {
  ctx.beginPath()
  if (slot === 1) ctx.rect(x - r, y - r, 2 * r, 2 * r)
  else if (slot === 2) polygon(ctx, x, y, [0, -r * 1.3, r * 1.3, 0, 0, r * 1.3, -r * 1.3, 0])
  else if (slot === 3) polygon(ctx, x, y, [0, -r * 1.2, r * 1.2, r, -r * 1.2, r])
  else if (slot === 4) {
    ctx.rect(x - r * 1.2, y - r / 3, 2.4 * r, (2 * r) / 3)
    ctx.rect(x - r / 3, y - r * 1.2, (2 * r) / 3, 2.4 * r)
  } else ctx.arc(x, y, r, 0, 2 * Math.PI)
  if (slot === 5) {
    ctx.strokeStyle = ctx.fillStyle
    ctx.lineWidth = r / 2
    ctx.stroke()
  } else ctx.fill()
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.beginPath()
  polygon(ctx, x, y, [-r, -r, r, -r, 0, r * 0.8])
  ctx.fill()
}

function polygon(ctx: CanvasRenderingContext2D, x: number, y: number, corners: readonly number[]): void {
  for (let i = 0; i < corners.length; i += 2) {
    if (i === 0) ctx.moveTo(x + corners[0]!, y + corners[1]!)
    else ctx.lineTo(x + corners[i]!, y + corners[i + 1]!)
  }
  ctx.closePath()
}
