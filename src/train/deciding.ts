/** What of an evaluation decides which is best and when to stop: the task's own score, or the metric. */
import { beats, type Direction, isAsGood, METRICS, type Metric } from '../metric.ts'
import type { Task } from '../task.ts'
import type { Scores } from './events.ts'

/** The value that decides: of the held-out set where there is one, by the task's own score where it has one. */
export function deciding({ test, heldOut, judge }: Scores, metric: Metric): number {
  const score = heldOut ?? test
  return (judge ? score.score : score[metric])!
}

export const directionOf = ({ judge, metric }: Task): Direction => judge ?? METRICS[metric]

/** Ties go to the earlier. */
export function better(task: Task, scores: Scores, best: Scores | null): boolean {
  const value = deciding(scores, task.metric)
  if (!Number.isFinite(value)) return false
  return best === null || beats(directionOf(task), value, deciding(best, task.metric))
}

export function meets(scores: Scores | null, task: Task, target: number | null): boolean {
  if (target === null || scores === null) return false
  return isAsGood(directionOf(task), deciding(scores, task.metric), target)
}

/** What an evaluation said, out of what holds other things too. */
export function scoresIn({ test, heldOut, judge }: Scores): Scores {
  return { test, ...(heldOut && { heldOut }), ...(judge && { judge }) }
}
