/** The trials of a sweep: the whole grid, or as many as are to be drawn. The same sweep has the same trials. */
import { sha256 } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { grouped } from '../numbers.ts'
import { rng } from '../rng.ts'
import type { Axis, Sweep, Value } from './file.ts'

/** All it takes to run one, its options in the order of their names. */
export interface TrialConfig {
  readonly task: string
  readonly options: Readonly<Record<string, Value>>
  readonly seed: number
}

export interface Trial {
  /** Follows from its config: `t` and 20 hexadecimal digits of a SHA-256. */
  readonly id: string
  readonly config: TrialConfig
}

const MOST_TRIALS = 100_000
/** Draws in a row that were there already: then the space has no others. */
const MOST_DRAWS = 1000

/** All of them, in the order of the file, seeds changing fastest. @throws InputError when it has too many */
export function trialsOf({ task, options, space, trials, seed, seeds }: Sweep): Trial[] {
  const names = Object.keys(space)
  const size = names.reduce((product, name) => product * ((space[name] as readonly Value[]).length || 1), 1)
  const all = seeds.length * (trials ?? size)
  if (all > MOST_TRIALS) {
    throw new InputError(`sweep: expected at most ${grouped(MOST_TRIALS)} trials but it has ${grouped(all)}: cut it`)
  }
  const points = trials === null ? gridOf(space) : drawn(space, trials, seed)
  return points.flatMap((point) => seeds.map((seed) => trialOf({ task, options: { ...options, ...point }, seed })))
}

type Point = Readonly<Record<string, Value>>

export function trialOf({ task, options, seed }: TrialConfig): Trial {
  const sorted = Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)))
  const config = { task, options: sorted, seed }
  return { id: `t${sha256(JSON.stringify(config)).slice(0, 20)}`, config }
}

function gridOf(space: Sweep['space']): Point[] {
  return Object.entries(space).reduce<Point[]>(
    (points, [name, axis]) =>
      points.flatMap((point) => (axis as readonly Value[]).map((value) => ({ ...point, [name]: value }))),
    [{}],
  )
}

function drawn(space: Sweep['space'], trials: number, seed: number): Point[] {
  // A stream for each option: one more moves no other.
  const draws = Object.entries(space).map(([name, axis]) => [name, drawer(axis, seed, name)] as const)
  const points = new Map<string, Point>()
  for (let misses = 0; points.size < trials; ) {
    const point = Object.fromEntries(draws.map(([name, draw]) => [name, draw()]))
    const key = JSON.stringify(point)
    misses = points.has(key) ? misses + 1 : 0
    points.set(key, point)
    if (misses > MOST_DRAWS) {
      throw new InputError(
        `sweep: trials: expected at most ${points.size} but received ${trials}: the space has no others`,
      )
    }
  }
  return [...points.values()]
}

/** Numbers have six digits, so that they read well and do not hang on the last bit of exp. */
function drawer(axis: Axis, seed: number, name: string): () => Value {
  const generator = rng(seed, `sweep/${name}`)
  const between = (low: number, high: number) => low + generator.next() * (high - low)
  const rounded = (value: number) => Number(value.toPrecision(6))
  if ('uniform' in axis) return () => rounded(between(...axis.uniform))
  if ('log' in axis) return () => rounded(Math.exp(between(Math.log(axis.log[0]), Math.log(axis.log[1]))))
  if ('whole' in axis) return () => axis.whole[0] + generator.below(axis.whole[1] - axis.whole[0] + 1)
  return () => axis[generator.below(axis.length)]!
}
