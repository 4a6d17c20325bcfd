// Results of runs that were never run.
import type { Curve, ExperimentRun, RunResult } from '../../experiments/experiment.ts'

/** A result with a straight curve through the given points. */
export function result(
  name: string,
  points: Curve,
  { ended = 'iterations', iterations = 1000 }: Partial<RunResult> = {},
): RunResult {
  const best = points.reduce((a, b) => (b[1] > a[1] ? b : a))
  return {
    name,
    command: '',
    ended,
    iteration: points.at(-1)![0],
    iterations,
    batch: 16,
    seconds: 1,
    final: { iteration: points.at(-1)![0], value: points.at(-1)![1] },
    best: { iteration: best[0], value: best[1] },
    recipe: 'paper',
    seed: 1,
    version: '0',
    commit: null,
    date: '2026-01-01',
    machine: {},
    backend: '',
    task: {},
    model: {},
    training: {},
    points,
  }
}

export const run = (name: string): ExperimentRun => ({
  name,
  label: name,
  task: 'mnist',
  cell: 'irnn',
  recipe: 'paper',
  flags: { iterations: 1000 },
  note: '',
})

/** Three seeds of a run, as a group. */
export const three = (name: string): ExperimentRun[] =>
  [1, 2, 3].map((seed) => ({ ...run(`${name}-seed${seed}`), group: name }))

export const slow: Curve = [
  [100, 20],
  [500, 40],
  [1000, 60],
]
export const quick: Curve = [
  [100, 50],
  [500, 90],
  [1000, 80],
]
