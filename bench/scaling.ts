/**
 * How an iteration grows with T, H, B and threads, and the memory it takes: what is measured (sweep.ts), drawn and said
 * of it.
 */
import { type Figure, grid } from '../src/figures/figure.ts'
import type { Timing } from './measure.ts'
import type { Machine } from './results.ts'

export type Letter = 'T' | 'H' | 'B'

export interface Point {
  readonly vary: Letter
  readonly T: number
  readonly B: number
  readonly H: number
  readonly threads: number
}

export interface Measurement extends Point {
  readonly ms: Timing
  /** GFLOP/s of the dense work, and of nothing but multiply-adds on so many threads. */
  readonly gflops: number
  readonly peak: number
  /** MB resident at most, beyond what the process had before there was a model. */
  readonly memory: number
}

export interface Scaling {
  readonly date: string
  readonly commit: string
  readonly machine: Machine
  readonly points: readonly Measurement[]
}

const BASE = { T: 784, B: 16, H: 100 }
export const SWEEPS: Readonly<Record<Letter, readonly number[]>> = {
  T: [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000],
  H: [16, 32, 64, 128, 256, 512, 1024, 2048],
  B: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
}
/** Wide networks are swept over shorter sequences, so that a point takes a second and not ten. */
const H_STEPS = 100

export function pointsOf(cores: number): Point[] {
  return (Object.keys(SWEEPS) as Letter[]).flatMap((vary) =>
    [1, 2]
      .filter((threads) => threads <= cores)
      .flatMap((threads) =>
        SWEEPS[vary].map((value) => ({ vary, ...BASE, ...(vary === 'H' && { T: H_STEPS }), [vary]: value, threads })),
      ),
  )
}

function line({ points }: Pick<Scaling, 'points'>, vary: Letter, threads: number): Measurement[] {
  return points.filter((point) => point.vary === vary && point.threads === threads).sort((a, b) => a[vary] - b[vary])
}

const TITLES: Readonly<Record<Letter, string>> = {
  T: 'T, time steps (B 16, H 100)',
  H: `H, hidden units (B 16, T ${H_STEPS})`,
  B: 'B, sequences (T 784, H 100)',
}

/** Above, milliseconds beside what the work would take at the measured peak; below, memory. */
export function scalingFigure(result: Scaling): string {
  const letters = Object.keys(SWEEPS) as Letter[]
  const counts = [...new Set(result.points.map(({ threads }) => threads))]
  const name = (threads: number) => `${threads} thread${threads > 1 ? 's' : ''}`
  const times: Figure[] = letters.map((vary) => ({
    title: `Iteration time against ${vary}`,
    description: describe(line(result, vary, 1), vary),
    x: { title: TITLES[vary], log: true },
    y: { title: 'ms', log: true },
    series: counts.flatMap((threads, i) => {
      const color = ['#0072b2', '#d55e00'][i]!
      const points = line(result, vary, threads)
      return [
        { name: name(threads), color, points: points.map((p) => [p[vary], p.ms.best] as const) },
        {
          name: `${name(threads)}, dense work at the peak`,
          color,
          dashed: true,
          faint: true,
          points: points.map((p) => [p[vary], (p.ms.best * p.gflops) / p.peak] as const),
        },
      ]
    }),
  }))
  const memories: Figure[] = letters.map((vary) => ({
    title: `Memory against ${vary}`,
    description: line(result, vary, 1)
      .map((p) => `${p.memory.toFixed(0)} MB at ${p[vary]}`)
      .join(', '),
    x: { title: TITLES[vary], log: true },
    y: { title: 'MB resident, beyond Node’s own', log: true },
    series: counts.map((threads) => ({
      name: name(threads),
      points: line(result, vary, threads).map((p) => [p[vary], p.memory] as const),
    })),
  }))
  return grid([...times, ...memories], { columns: 3, title: 'Iteration time and memory against T, H and B' })
}

function describe(points: readonly Measurement[], vary: Letter): string {
  return points.map((p) => `${p.ms.best.toPrecision(3)} ms at ${p[vary]}`).join(', ')
}

const CLOSE = 0.85

export interface Bend {
  /** Where its share of the peak is highest. */
  readonly best: Place
  readonly start: Place
  readonly end: Place
  /** The range around it with 85 % of that or more. */
  readonly from: number
  readonly to: number
}

export interface Place {
  readonly at: number
  /** Of the peak. */
  readonly share: number
}

/** Where a sweep bends. */
export function bend(points: readonly Measurement[], vary: Letter): Bend {
  const share = (p: Measurement) => p.gflops / p.peak
  const best = points.reduce((a, b) => (share(b) > share(a) ? b : a))
  const at = points.indexOf(best)
  const near = (p: Measurement) => share(p) >= CLOSE * share(best)
  let first = at
  let last = at
  while (first > 0 && near(points[first - 1]!)) first--
  while (last < points.length - 1 && near(points[last + 1]!)) last++
  return {
    best: { at: best[vary], share: share(best) },
    from: points[first]![vary],
    to: points[last]![vary],
    start: { at: points[0]![vary], share: share(points[0]!) },
    end: { at: points.at(-1)![vary], share: share(points.at(-1)!) },
  }
}

/** The paragraph of bench/README.md: where the lines bend, from the numbers alone. */
export function paragraph(result: Scaling): string {
  const lines = (Object.keys(SWEEPS) as Letter[]).map((vary) => {
    const one = line(result, vary, 1)
    const two = line(result, vary, 2)
    const { best, from, to, start, end } = bend(one, vary)
    const whole = from === start.at && to === end.at
    const range = whole
      ? `nowhere between ${grouped(from)} and ${grouped(to)}`
      : [from > start.at ? `below ${grouped(from)}` : '', to < end.at ? `above ${grouped(to)}` : '']
          .filter(Boolean)
          .join(' and ')
    const gains = two.map((p, i) => one[i]!.ms.best / p.ms.best)
    const worth = gains.findIndex((gain) => gain >= 1.5)
    const said = [
      `**${vary}** (one thread) bends ${range}: ${percent(start.share)} of the peak at ${grouped(start.at)}, ${percent(best.share)} at ${grouped(best.at)}, ${percent(end.share)} at ${grouped(end.at)}`,
      two.length === 0
        ? ''
        : worth < 0
          ? `a second thread never gains 1.5 (at most ${Math.max(...gains).toFixed(2)})`
          : `a second thread gains 1.5 or more from ${grouped(one[worth]![vary])} on, ${gains.at(-1)!.toFixed(2)} at ${grouped(end.at)}`,
      `memory goes from ${mb(one[0]!)} to ${mb(one.at(-1)!)}`,
    ]
    return `${said.filter(Boolean).join('; ')}.`
  })
  return lines.join('\n')
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`
const grouped = (n: number): string => n.toLocaleString('en-US')
const mb = ({ memory }: Measurement): string => `${memory < 10 ? memory.toFixed(1) : memory.toFixed(0)} MB`
