/** A chart on a canvas, by uPlot: what is drawn, and what it says of the pointer. */
import uPlot from 'uplot'
import { rangeOf, type Value } from '../../src/figures/curves.ts'
import { colorOf, faded } from '../shared/palette.ts'
import { tickLabel, ticksOf } from '../shared/ticks.ts'
import type { Drawn, Line } from './charts.ts'
import { colorFor, drawMarks, LABELS } from './marks.ts'

export interface PlotEvents {
  /** The pointer is over a place on the x axis; null: over none. */
  over(x: number | null): void
  select(from: number, to: number): void
  reset(): void
  /** A press with Shift: the part in view is taken along. */
  grab(event: MouseEvent, width: number): void
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
const NARROW = 480

/** What must be the same for a plot to be kept: which lines it has, and how they look. */
export function shapeOf({ lines, paper, logY, view, spec }: Drawn): string {
  const looks = lines.map(({ run, slot, dash, faint, curve }) => [run.id, slot, dash, faint, curve.raw.length > 0])
  return JSON.stringify([spec.id, looks, paper.map(({ name }) => name), logY, view.log])
}

export function createPlot(target: HTMLElement, first: Drawn, width: number, events: PlotEvents): Plot {
  let drawn = first
  let range = rangeFor(drawn)
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
      const isSame = isPicture(drawn, next)
      drawn = next
      if (isSame) return
      range = rangeFor(next)
      plot.setData(dataOf(next))
    },
    resize: (to) => plot.setSize({ width: to, height: HEIGHT }),
    destroy: () => plot.destroy(),
  }
}

/** Ends of the y axis. A share that stays the same is not the middle of an axis up to twice as much. */
function rangeFor(drawn: Drawn): [number, number] {
  const lists = seriesOf(drawn).map(({ values }) => values)
  const [low, high] = rangeOf(lists, drawn.logY)
  const isShare = drawn.spec.percent && !drawn.logY && low < 1
  return isShare ? [low, Math.min(high, 1.04)] : [low, high]
}

/** Whether two are the same picture: no record has come to this chart, and no more of the axis is in view. */
function isPicture(before: Drawn, next: Drawn): boolean {
  const numbers = ({ lines, paper, view }: Drawn) => [
    [view.from, view.to, view.n],
    ...lines.map(({ run }) => run.resumes.map(([iteration]) => iteration)),
    ...paper.map(({ values }) => values),
    ...lines.flatMap(({ curve }) => [curve.mean, curve.raw, curve.low, curve.high, curve.bad]),
  ]
  const [old, now] = [numbers(before), numbers(next)]
  const same = (list: readonly Value[], i: number) =>
    list.length === old[i]!.length && list.every((value, k) => value === old[i]![k])
  return old.length === now.length && now.every(same)
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
        mousedown: (u, _, handler) => (event) => {
          if (event.shiftKey) events.grab(event, u.over.clientWidth)
          else handler(event)
          return null
        },
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

function strokeOf({ part, line }: PlotSeries): uPlot.Series {
  const base = { spanGaps: false, points: { show: false } }
  if (!line) return { ...base, stroke: colorOf('neutral'), width: 1.5, dash: [2, 3] }
  const color = colorFor(line)
  // An edge: a band of one column, which a single record makes, is hardly seen without.
  if (part === 'low' || part === 'high') return { ...base, stroke: faded(color, 0.5), width: 1 }
  const pale = part === 'raw' || line.faint
  const dash = DASHES[line.dash % DASHES.length]!
  return {
    ...base,
    stroke: pale ? faded(color, part === 'raw' ? 0.4 : 0.75) : color,
    width: pale ? 1 : 1.8,
    ...(line.faint ? { dash: [4, 4] } : dash.length > 0 && { dash }),
  }
}
