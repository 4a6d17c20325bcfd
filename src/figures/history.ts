/** What a run's records have to draw, whoever draws it: a terminal, a figure, a page. */
import { type JudgeName, METRICS, measureOf, metricOf } from '../metric.ts'
import type { EvalEvent, Spread, StepEvent, TestScore, TrainEvent } from '../train/events.ts'

export type Point = readonly [x: number, y: number]

/** Mean and extremes over some records; `x` is their mean iteration. */
export interface Bucket extends Spread {
  readonly x: number
}

/** The score that decides, over iterations. */
export interface ScoreHistory extends JudgeName {
  /** Over an axis. */
  readonly title: string
  readonly log: boolean
  readonly test: readonly Point[]
  readonly heldOut: readonly Point[]
  /** The best evaluation: by the held-out set where there is one. */
  readonly best: EvalEvent
  readonly last: EvalEvent
  readonly of: (score: TestScore) => number
}

/** The last evaluations must have the score of the first. null: the run was not evaluated yet. */
export function scoreHistory(events: readonly TrainEvent[]): ScoreHistory | null {
  const evals = events.filter((event) => event.type === 'eval')
  const first = evals[0]
  const metric = first && metricOf(first.test)
  if (!first || (!first.judge && metric === undefined)) return null
  const { judge } = first
  const of = (score: TestScore) => (judge ? score.score : score[metric!]) ?? Number.NaN
  const { name, lowerIsBetter, percent = false } = measureOf(judge ?? metric!)
  const { title, log } = judge ? { title: judge.name, log: false } : METRICS[metric!]
  const deciding = (event: EvalEvent) => of(event.heldOut ?? event.test)
  const best = evals.reduce((best, event) => {
    const [value, least] = [deciding(event), deciding(best)]
    return (lowerIsBetter ? value < least : value > least) || Number.isNaN(least) ? event : best
  })
  return {
    ...{ name, title, lowerIsBetter, percent, log, best, of },
    test: evals.map((event) => [event.iteration, of(event.test)]),
    heldOut: evals.flatMap((event) => (event.heldOut ? [[event.iteration, of(event.heldOut)] as const] : [])),
    last: evals.at(-1)!,
  }
}

/** What a step record says of a window, as mean and extremes. */
export type StepKey = 'loss' | 'gradNorm'

export function stepsOf(events: readonly TrainEvent[]): StepEvent[] {
  return events.filter((event) => event.type === 'step')
}

/**
 * Means and extremes of equal groups of records, at most so many: a spike of one iteration is in the extremes whatever
 * their number. A mean that is not finite stays so, and leaves a gap where it is drawn.
 */
export function bucketed(steps: readonly StepEvent[], key: StepKey, most: number): Bucket[] {
  const size = Math.max(1, Math.ceil(steps.length / most))
  const buckets: Bucket[] = []
  for (let i = 0; i < steps.length; i += size) {
    const group = steps.slice(i, i + size)
    const meanOf = (of: (step: StepEvent) => number) => group.reduce((sum, step) => sum + of(step), 0) / group.length
    buckets.push({
      x: meanOf((step) => step.iteration),
      mean: meanOf((step) => step[key].mean),
      min: Math.min(...group.map((step) => step[key].min)),
      max: Math.max(...group.map((step) => step[key].max)),
    })
  }
  return buckets
}
