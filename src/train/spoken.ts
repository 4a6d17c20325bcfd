/** Scores and endings of a run as people read them. */
import { measured, measureOf } from '../metric.ts'
import type { Task } from '../task.ts'
import type { DoneEvent, Scores, TestScore } from './events.ts'

/** "test MSE 0.00014 (always 1: 0.167)", "test perplexity 301, held-out 312", "test MASE 0.49 (same weekday: 0.67)" */
export function scored(
  { test, heldOut, judge }: Scores,
  { metric, baseline }: Pick<Task, 'metric' | 'baseline'>,
): string {
  const measure = judge ?? metric
  const value = (score: TestScore) => measured(measure, (judge ? score.score : score[metric])!)
  const besides = heldOut ? `, held-out ${value(heldOut)}` : ''
  const against = baseline ? ` (${baseline.name}: ${measured(measure, baseline.value)})` : ''
  return `test ${measureOf(measure).name} ${value(test)}${besides}${against}`
}

/** Why a run ended. */
export const ENDINGS: { readonly [reason in DoneEvent['reason']]: string } = {
  iterations: 'all done',
  target: 'target reached',
  plateau: 'no better at any lower rate',
  stopped: 'stopped',
  collapse: 'stopped by its collapse',
}
