/** Numbers as people read them. */

import { METRICS, type Metric } from '../src/metric.ts'
import type { Task } from '../src/task.ts'
import type { Scores } from '../src/train/events.ts'

/** 16000 → "16,000" */
export function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

/** 0.00013842 → "0.000138", 3.2e-9 → "3.2e-9" */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value)
  const rounded = Number(value.toPrecision(digits))
  return Math.abs(rounded) < 1e-5 && rounded !== 0 ? rounded.toExponential() : String(rounded)
}

/** 75.2 → "1 min 15 s" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

/** A score as people read it: "0.00014", "98.77 %". */
export function measured(metric: Metric, value: number): string {
  return METRICS[metric].percent ? `${(100 * value).toFixed(2)} %` : significant(value)
}

/** "test MSE 0.00014 (always 1: 0.167)", "test perplexity 301, held-out 312" */
export function scored({ test, heldOut }: Scores, { metric, baseline }: Pick<Task, 'metric' | 'baseline'>): string {
  const besides = heldOut ? `, held-out ${measured(metric, heldOut[metric]!)}` : ''
  const against = baseline ? ` (${baseline.name}: ${measured(metric, baseline.value)})` : ''
  return `test ${METRICS[metric].name} ${measured(metric, test[metric]!)}${besides}${against}`
}
