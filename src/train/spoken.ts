/** Scores and endings of a run as people read them. */
import { METRICS, measured } from '../metric.ts'
import type { Task } from '../task.ts'
import type { DoneEvent, Scores } from './events.ts'

/** "test MSE 0.00014 (always 1: 0.167)", "test perplexity 301, held-out 312" */
export function scored({ test, heldOut }: Scores, { metric, baseline }: Pick<Task, 'metric' | 'baseline'>): string {
  const besides = heldOut ? `, held-out ${measured(metric, heldOut[metric]!)}` : ''
  const against = baseline ? ` (${baseline.name}: ${measured(metric, baseline.value)})` : ''
  return `test ${METRICS[metric].name} ${measured(metric, test[metric]!)}${besides}${against}`
}

/** Why a run ended. */
export const ENDINGS: { readonly [reason in DoneEvent['reason']]: string } = {
  iterations: 'all done',
  target: 'target reached',
  plateau: 'no better at any lower rate',
  stopped: 'stopped',
  collapse: 'stopped by its collapse',
}
