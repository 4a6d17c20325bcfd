/** Runs that differ in their seed alone, taken together: means, and how far apart they lie. */
import { isAsGood, METRICS } from '../src/metric.ts'
import { grouped } from '../src/numbers.ts'
import {
  type Contender,
  type Curve,
  type Experiment,
  type ExperimentRun,
  isComplete,
  type RunResult,
} from './experiment.ts'

/** One run, or the seeds of one. */
export interface Group {
  readonly name: string
  readonly runs: readonly ExperimentRun[]
  /** Results of those that were run, in the same order. */
  readonly results: readonly RunResult[]
  /** Names of those that were not run. */
  readonly missing: readonly string[]
  /** Whether all are over. */
  readonly complete: boolean
}

type Sources = Pick<Experiment, 'runs'>
type ResultOf = (name: string) => RunResult | undefined

/** @throws Error when the experiment has neither a run nor a group of that name */
export function groupOf({ runs: all }: Sources, name: string, result: ResultOf): Group {
  const runs = all.filter((run) => run.name === name || run.group === name)
  if (runs.length === 0) throw new Error(`experiment: there is no run or group ${name}`)
  const found = runs.map((run) => ({ run, result: result(run.name) }))
  return {
    name,
    runs,
    results: found.flatMap((one) => one.result ?? []),
    missing: found.flatMap((one) => (one.result ? [] : [one.run.name])),
    complete: found.every((one) => one.result && isComplete(one.run, one.result)),
  }
}

/** All groups that a contender may be. */
export function namesOf(contender: Contender): readonly string[] {
  return typeof contender === 'string' ? [contender] : contender.among
}

/** The group that takes part: of several the one with the best mean held-out score so far, the first if none has. */
export function chosenOf(experiment: Experiment, contender: Contender, result: ResultOf): Group {
  const groups = namesOf(contender).map((name) => groupOf(experiment, name, result))
  const score = ({ results, missing }: Group) => (missing.length > 0 ? Number.NaN : mean(results.map(decisive)))
  return groups.reduce((a, b) => {
    if (!Number.isFinite(score(b))) return a
    return Number.isFinite(score(a)) && isAsGood(experiment.metric, score(a), score(b)) ? a : b
  })
}

/** What decides: the best score on the held-out set, on the test set where there is none; NaN without a score. */
export function decisive({ best }: RunResult): number {
  return best?.heldOut ?? best?.value ?? Number.NaN
}

/**
 * The score on the test set that a run stands for: at the evaluation that held-out data found best; without held-out
 * data at its end, since the best of many evaluations on the test set is better than any of them. NaN without a score.
 */
export function standing({ best, final }: RunResult): number {
  return (best?.heldOut === undefined ? final?.value : best.value) ?? Number.NaN
}

/** Of nothing NaN. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard deviation of a sample; of a single value 0. */
export function spread(values: readonly number[]): number {
  if (values.length < 2) return 0
  const middle = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1))
}

/** The best of a curve, NaN if it has no point. */
export function bestOf({ metric }: Pick<Experiment, 'metric'>, points: Curve): number {
  if (points.length === 0) return Number.NaN
  const values = points.map(([, value]) => value)
  return METRICS[metric].lowerIsBetter ? Math.min(...values) : Math.max(...values)
}

/** A curve at x, between its points on a straight line; undefined outside it. */
export function valueAt(curve: Curve, x: number): number | undefined {
  const after = curve.findIndex(([at]) => at >= x)
  if (after < 0) return undefined
  const [x1, y1] = curve[after]!
  if (x1 === x) return y1
  if (after === 0) return undefined
  const [x0, y0] = curve[after - 1]!
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}

/** The mean of curves where all of them are, at the places of the first. */
export function meanCurve(curves: readonly Curve[]): Curve {
  const [first = [], ...others] = curves
  return first.flatMap(([x, y]) => {
    const values = others.map((curve) => valueAt(curve, x))
    return values.every((value) => value !== undefined) ? [[x, mean([y, ...values])] as const] : []
  })
}

/** How far a run came. */
export function state({ ended, iteration, iterations }: RunResult): string {
  if (ended === 'diverged') return `diverged at ${grouped(iteration)}`
  return iteration < iterations
    ? `${grouped(iteration)} of ${grouped(iterations)} iterations done`
    : `${grouped(iteration)} iterations done`
}
