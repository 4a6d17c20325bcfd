/** What a soak measured every minute, what it says, and how it is drawn. */
import { type Figure, grid, NEUTRAL, type Series } from '../src/figures/figure.ts'
import type { Machine, Verdict } from './results.ts'

/** The process once a minute, after a collection of garbage. */
export interface Sample {
  /** Since the start. */
  readonly minutes: number
  readonly rounds: number
  /** MiB: resident; V8's heap in use; what V8 holds outside of it, and of that array buffers. */
  readonly resident: number
  readonly heap: number
  readonly external: number
  readonly buffers: number
  /** GiB. */
  readonly addressSpace: number
  /** Open files, what keeps or may keep the event loop busy, and threads. */
  readonly files: number
  readonly handles: number
  readonly threads: number
}

export interface Soak {
  readonly date: string
  readonly commit: string
  readonly machine: Machine
  /** Its description. */
  readonly backend: string
  /** That were asked for; the last sample says how many there were. */
  readonly planned: number
  /** Rounds whose numbers were others than those of the first time. */
  readonly changed: number
  readonly samples: readonly Sample[]
}

type Measure = Exclude<keyof Sample, 'minutes' | 'rounds'>

interface Limit {
  readonly name: string
  readonly unit: string
  /** The most that it may grow in an hour. */
  readonly growth: number
}

/**
 * Memory: a round makes and drops about 20 MiB, and an hour has more than a thousand rounds, so that a leak of one part
 * in ten thousand is seen. Address space: a wasm backend reserves 4 GiB. A handle, file or thread that is left by one
 * round in a thousand is seen.
 */
export const LIMITS: Readonly<Record<Measure, Limit>> = {
  resident: { name: 'resident memory', unit: 'MiB', growth: 4 },
  heap: { name: 'heap in use', unit: 'MiB', growth: 1 },
  external: { name: 'memory outside of the heap', unit: 'MiB', growth: 1 },
  buffers: { name: 'array buffers', unit: 'MiB', growth: 1 },
  addressSpace: { name: 'address space', unit: 'GiB', growth: 1 },
  files: { name: 'open files', unit: '', growth: 0.5 },
  handles: { name: 'handles of the event loop', unit: '', growth: 0.5 },
  threads: { name: 'threads', unit: '', growth: 0.5 },
}

/** The first sixth of the run: pools fill, V8 compiles, the allocator finds its size. */
const WARM_UP = 1 / 6
/** Below so many samples a slope an hour is noise. */
const ENOUGH = 30

export function warmedUp(samples: readonly Sample[]): readonly Sample[] {
  const end = samples.at(-1)?.minutes ?? 0
  return samples.filter(({ minutes }) => minutes >= WARM_UP * end)
}

/**
 * The line through points by Theil and Sen: the median of the slopes of all pairs, which up to 29 % of outliers do not
 * move (Sen 1968).
 */
export function robustLine(points: readonly (readonly [number, number])[]): { slope: number; at0: number } {
  const slopes = points.flatMap(([x, y], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)))
  const slope = slopes.length > 0 ? median(slopes) : 0
  return { slope, at0: median(points.map(([x, y]) => y - slope * x)) }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function verdicts({ samples, changed }: Pick<Soak, 'samples' | 'changed'>): Verdict[] {
  const measured = warmedUp(samples)
  const flat = (Object.keys(LIMITS) as Measure[]).map((measure) => {
    const { name, unit, growth } = LIMITS[measure]
    const hourly = 60 * lineOf(measured, measure).slope
    const largest = Math.max(...samples.map((sample) => sample[measure]))
    const size = (value: number) => `${Number(value.toPrecision(3))}${unit && ` ${unit}`}`
    return {
      text: `${name} grows by less than ${size(growth)} an hour`,
      holds: measured.length < ENOUGH ? null : hourly < growth,
      measured: `${size(hourly)} an hour over ${measured.length} samples; ${size(largest)} at most`,
    }
  })
  const rounds = samples.at(-1)?.rounds ?? 0
  const same = {
    text: 'every round has the same numbers each time',
    holds: changed === 0,
    measured: `${changed} of ${rounds} rounds have others`,
  }
  return [...flat, same]
}

function lineOf(samples: readonly Sample[], measure: Measure): { slope: number; at0: number } {
  return robustLine(samples.map((sample) => [sample.minutes, sample[measure]]))
}

const PANELS: readonly { title: string; unit: string; measures: readonly Measure[] }[] = [
  { title: 'Resident memory', unit: 'MiB', measures: ['resident'] },
  { title: 'Heap and buffers', unit: 'MiB', measures: ['heap', 'external', 'buffers'] },
  { title: 'Address space', unit: 'GiB', measures: ['addressSpace'] },
  { title: 'Files, handles, threads', unit: 'count', measures: ['files', 'handles', 'threads'] },
]

/** Every measure over minutes, with its robust line after the warm-up. The same samples give the same bytes. */
export function soakFigure({ backend, samples }: Pick<Soak, 'backend' | 'samples'>): string {
  const measured = warmedUp(samples)
  const panels = PANELS.map(({ title, unit, measures }): Figure => {
    const series = measures.flatMap((measure): Series[] => {
      const { slope, at0 } = lineOf(measured, measure)
      const ends = [measured[0]!, measured.at(-1)!].map(({ minutes }) => [minutes, at0 + slope * minutes] as const)
      const { name } = LIMITS[measure]
      return [
        { name, points: samples.map((sample) => [sample.minutes, sample[measure]] as const) },
        { name: `${name}, fitted`, points: ends, dashed: true, color: NEUTRAL },
      ]
    })
    const most = Math.max(...measures.flatMap((measure) => samples.map((sample) => sample[measure])))
    return {
      title: `${title}: ${backend.split(',')[0]}`,
      description: measures.map((measure) => `${LIMITS[measure].name} ends at ${samples.at(-1)![measure]}`).join(', '),
      x: { title: 'minutes' },
      y: { title: unit, domain: [0, 1.1 * Math.max(1, most)] },
      series,
    }
  })
  return grid(panels, { columns: 2, title: `${samples.at(-1)!.minutes} minutes of work, ${backend}` })
}
