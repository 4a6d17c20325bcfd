/**
 * The search that led to the paper's Tables 1 and 2: every learning rate with every clip, and for an LSTM with every
 * forget bias. All else is as in the run of the experiment that has what was found best.
 */
import { InputError } from '../src/error.ts'
import { NETWORKS } from '../src/tasks/paper.ts'
import { optionOf } from './collect.ts'
import type { Experiment, ExperimentRun } from './experiment.ts'

const RATES = [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
const CLIPS = [1, 10, 100, 1000]
const FORGET_BIASES = [1, 4, 10, 20]

/** The file of a sweep, src/sweep/file.ts, and what the experiment calls the runs that it was for. */
export interface Grid {
  readonly name: string
  readonly file: {
    readonly task: string
    readonly options: Readonly<Record<string, string | number | true>>
    readonly space: Readonly<Record<string, readonly number[]>>
    readonly seeds: readonly number[]
  }
}

const FIGURES = ['adding', 'pixel-mnist', 'permuted-mnist']
/** A network of Table 1 at one length, or of Table 2. */
const SEARCHED = new RegExp(`^(${NETWORKS.join('|')})-(\\d+|paper)$`)

/**
 * @param only names of the grids that are wanted; default: all
 * @param budget iterations of a trial, or a share of those of the experiment's run (at most 1)
 * @throws InputError where the paper has no such search, or none of a name
 */
export function gridsOf({ name, runs }: Experiment, only: readonly string[] = [], budget = 1): Grid[] {
  if (!FIGURES.includes(name))
    throw new InputError(`--grid: expected one of ${FIGURES.join(', ')} but received ${name}`)
  const first = new Map<string, ExperimentRun>()
  for (const run of runs) {
    const called = run.group ?? run.name
    if (SEARCHED.test(called) && !first.has(called)) first.set(called, run)
  }
  const unknown = only.find((wanted) => !first.has(wanted))
  if (unknown !== undefined) {
    throw new InputError(`--only: expected some of ${[...first.keys()].join(', ')} with --grid but received ${unknown}`)
  }
  return [...first]
    .filter(([called]) => only.length === 0 || only.includes(called))
    .map(([called, run]) => ({
      name: called,
      file: fileOf(run, budget),
    }))
}

function fileOf({ task, cell, recipe, flags }: ExperimentRun, budget: number): Grid['file'] {
  const { lr, clip, forgetBias, seed, iterations, ...rest } = flags
  const whole = Number(iterations)
  const options = Object.entries({ ...rest, iterations: budget > 1 ? budget : Math.ceil(budget * whole) })
  return {
    task,
    options: { cell, recipe, ...Object.fromEntries(options.map(([key, value]) => [optionOf(key), value])) },
    space: { lr: RATES, clip: CLIPS, ...(cell === 'lstm' && { 'forget-bias': FORGET_BIASES }) },
    seeds: [1],
  }
}
