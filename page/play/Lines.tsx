import { useEffect, useId, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { type ColorName, colorOf, faded } from '../shared/palette.ts'
import { colorsChanged } from '../shared/theme.ts'
import { tickLabel, ticksOf } from '../shared/ticks.ts'

export interface Line {
  readonly label: string
  readonly color: ColorName
  readonly width?: number
  readonly dash?: number[]
  /** Marks without a line between. */
  readonly points?: boolean
}

export interface LinesProps {
  readonly title: string
  /** The chart in a sentence. */
  readonly summary: string
  readonly x: readonly number[]
  /** One array a line; null where there is no number. */
  readonly ys: readonly (readonly (number | null)[])[]
  readonly lines: readonly Line[]
  /** Two of the lines between which the ground is coloured. */
  readonly band?: readonly [upper: number, lower: number]
  readonly xName: string
  /** Lowest and highest of the y axis, which is logarithmic. */
  readonly range: readonly [number, number]
  readonly height?: number
}

/** Lines over a logarithmic axis. */
export function Lines(props: LinesProps) {
  const { title, summary, x, ys, lines, xName, range, height = 150 } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const id = useId()
  const [read, setRead] = useState('')
  const latest = useRef(props)
  latest.current = props
  const theme = colorsChanged.value
  useEffect(() => {
    const element = box.current!
    const made = new uPlot(
      optionsOf(latest, element.clientWidth || 300, height, setRead),
      dataOf(latest.current),
      element,
    )
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth || 300, height }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      made.destroy()
    }
  }, [theme, lines.length, height])
  // Charts that are scrolled away are small work: uPlot draws some hundred points.
  useEffect(() => plot.current?.setData(dataOf(latest.current)), [x, ys, range[0], range[1]])
  return (
    <figure class="lines" aria-label={title} aria-describedby={id}>
      <figcaption>
        <b>{title}</b> <span class="soft">{read}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${title} over ${xName}`} />
      <p id={id} class="unseen">
        {summary}
      </p>
    </figure>
  )
}

function dataOf({ x, ys }: LinesProps): uPlot.AlignedData {
  return [x as number[], ...(ys as (number | null)[][])]
}

function optionsOf(
  latest: { readonly current: LinesProps },
  width: number,
  height: number,
  say: (text: string) => void,
): uPlot.Options {
  const { lines, band, xName } = latest.current
  const [ink, grid] = [colorOf('soft'), colorOf('line')]
  const axis = {
    stroke: ink,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1, size: 4 },
    font: '11px system-ui',
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false },
      y: { distr: 3, log: 10, range: () => [...latest.current.range] as [number, number] },
    },
    axes: [
      { ...axis, size: 28, label: xName, labelSize: 16, labelFont: '11px system-ui', labelGap: 0 },
      {
        ...axis,
        size: 52,
        splits: (_, __, low, high) => ticksOf(low, high, true, 6),
        filter: (_, splits) => splits,
        values: (_, values) => values.map((value) => (value === null ? '' : tickLabel(value))),
      },
    ],
    series: [
      {},
      ...lines.map(
        ({ label, color, width = 1.5, dash, points = false }): uPlot.Series => ({
          label,
          stroke: colorOf(color),
          width: points ? 0 : width,
          ...(dash && { dash }),
          points: { show: points, size: 6, fill: colorOf(color) },
          spanGaps: points,
        }),
      ),
    ],
    ...(band && { bands: [{ series: [band[0] + 1, band[1] + 1], fill: faded(colorOf(lines[band[0]]!.color), 0.25) }] }),
    hooks: { setCursor: [(plot) => say(readAt(plot, latest.current))] },
  }
}

function readAt({ cursor: { idx } }: uPlot, { x, ys, lines, xName }: LinesProps): string {
  if (idx === null || idx === undefined || x[idx] === undefined) return ''
  const values = ys.flatMap((y, i) => (typeof y[idx] === 'number' ? [`${lines[i]!.label} ${tickLabel(y[idx])}`] : []))
  return `${xName} ${x[idx]}: ${values.join(', ')}`
}

/** Limits of an axis around numbers above 0: powers of ten, at least one apart. */
export function powersAround(values: Iterable<number | null>, least: number, most: number): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value === null || !(value > 0) || !Number.isFinite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return [10 ** least, 10 ** most]
  const from = Math.max(-38, Math.floor(Math.log10(low)))
  return [10 ** from, 10 ** Math.max(from + 1, Math.ceil(Math.log10(high)))]
}
