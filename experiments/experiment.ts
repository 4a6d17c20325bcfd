/**
 * An experiment is data: the runs that make one figure or table of Le, Jaitly & Hinton (2015), how they are shown
 * beside the paper's, and claims, each a predicate over the results that can fail. `irnn reproduce` is what makes it
 * happen.
 */
import type { Cell } from '../src/layers/cells.ts'
import type { Metric } from '../src/metric.ts'

/** One training run. It is what `irnn train <task> --cell <cell> …` does, and its flags are that command's. */
export interface ExperimentRun {
  /** Also its folder. */
  readonly name: string
  /** In legends. */
  readonly label: string
  readonly task: string
  readonly cell: Cell
  readonly recipe: string
  /** What the recipe leaves open, or what shall not change with it; names as in the command, in camel case. */
  readonly flags: Readonly<Record<string, string | number | true>>
  /** Where the numbers are from. */
  readonly note: string
  /** What claims, panels and tables call it together with runs that differ from it in their seed alone; see `seeds`. */
  readonly group?: string
}

/** A run once for each of these seeds: a group that has the run's name. */
export function seeds(run: ExperimentRun, each: readonly number[]): ExperimentRun[] {
  return each.map((seed) => ({
    ...run,
    name: `${run.name}-seed${seed}`,
    group: run.name,
    flags: { ...run.flags, seed },
  }))
}

/**
 * What takes part in a comparison: a run or a group of seeds by its name; or several, of which the one with the best
 * mean held-out score is taken, under the name that is given to all: a rate was tuned.
 */
export type Contender = string | { readonly name: string; readonly among: readonly string[] }

/** (iteration, score): the metric, a share in percent. */
export type Curve = readonly (readonly [number, number])[]

/** One chart. */
export interface Panel {
  readonly title: string
  /** The paper's curves that lie under ours: figure and cells of paper-curves.csv. Absent: it shows none. */
  readonly paper?: { readonly figure: string; readonly cells: readonly ExperimentRun['cell'][] }
  /** Runs or groups. Of a group the mean is drawn, and its seeds behind it. */
  readonly runs: readonly Contender[]
  /** `sequences` (iterations × batch) where the batch is not the paper's 16: equal work then stands at equal places. */
  readonly x: 'iterations' | 'sequences'
  /** Logarithmic, for runs much shorter than the paper's. */
  readonly logX?: boolean
  readonly y: { readonly title: string; readonly log?: boolean; readonly domain: readonly [number, number] }
  readonly references?: readonly { readonly name: string; readonly value: number }[]
}

/** A table, the paper's numbers beside ours. */
export interface Table {
  readonly title: string
  /** Heads of all columns, the first of which names the rows. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly TableCell[])[]
}

/**
 * What stands in a table: text, a number of the paper's, its best within so many iterations off its figure, a score on
 * a set (at the evaluation that was best, on the
 * held-out set where there is one; the test set is the default) of a run or, with its spread, of a group; which of
 * several was taken; or one of the experiment's baselines.
 */
export type TableCell =
  | string
  | number
  | { readonly paper: { readonly figure: string; readonly cell: string; readonly by: number } }
  | { readonly run: Contender; readonly set?: 'test' | 'heldOut' }
  | { readonly chosen: Contender }
  | { readonly baseline: string }

export interface Experiment {
  /** What `irnn reproduce` calls it. */
  readonly name: string
  readonly title: string
  readonly metric: Metric
  /** What --data must name, where the runs cannot do without it. */
  readonly needsData?: string
  readonly panels: readonly Panel[]
  readonly tables?: readonly Table[]
  /**
   * Arguments of an `irnn` that needs no training and prints one JSON object of numbers: what the runs are measured
   * against.
   */
  readonly baselines?: readonly string[]
  readonly runs: readonly ExperimentRun[]
  readonly claims: readonly Claim[]
}

export interface Verdict {
  /** null: the runs are not there, or not long enough, to say. */
  readonly holds: boolean | null
  /** What was measured, in words. */
  readonly measured: string
}

export interface Claim {
  readonly text: string
  /** Why it fails, as far as we know; shown where it does. */
  readonly why?: string
  test(evidence: Evidence): Verdict
}

/** What claims may look at. */
export interface Evidence {
  readonly experiment: Experiment
  /** undefined: not run. */
  result(run: string): RunResult | undefined
  /** undefined: not computed yet, or there is none of that name. */
  baseline(name: string): number | undefined
  /** @throws Error when the paper has no such curve */
  paper(figure: string, cell: string): Curve
}

/** What a run came to: a part of experiments/results/<figure>.json. */
export interface RunResult {
  readonly name: string
  /** The command that repeats it. */
  readonly command: string
  /** How far it came and why no further; `killed` has no last word and goes on from its checkpoint, like `stopped`. */
  readonly ended: 'iterations' | 'target' | 'plateau' | 'stopped' | 'killed' | 'diverged'
  readonly iteration: number
  /** What it was to do. */
  readonly iterations: number
  readonly batch: number
  readonly seconds: number
  readonly final: Score | null
  /** By the held-out score where there is one. */
  readonly best: Score | null
  readonly recipe: string
  readonly seed: number
  /** Version of irnn, commit and day the result was taken from the run; commit null outside a git clone. */
  readonly version: string
  readonly commit: string | null
  readonly date: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly backend: string
  /** As config.json has them: complete. */
  readonly task: object
  readonly model: object
  readonly training: object
  /** Test scores, thinned so that every rise and fall stays. */
  readonly points: Curve
}

export interface Score {
  readonly iteration: number
  /** On the test set. */
  readonly value: number
  readonly heldOut?: number
}

/** Whether all of a run was done, so that what it has not reached it does not reach. */
export function isComplete(run: ExperimentRun, { ended, iteration, iterations }: RunResult): boolean {
  if (ended === 'diverged' || ended === 'target' || ended === 'plateau') return true
  const { iterations: planned = iterations } = run.flags
  return ended === 'iterations' && iteration >= Number(planned)
}
