/** The learning curve of a run, from its records. */

import { refuseNoText, refuseUnless } from '../error.ts'
import { defaultLoss, isMeanOf } from '../loss.ts'
import { METRICS } from '../metric.ts'
import { refuseUnlessTask, type Task } from '../task.ts'
import { isEvent, type TrainEvent } from '../train/events.ts'
import { type Series, svg } from './figure.ts'
import { bucketed, stepsOf } from './history.ts'

const MAX_POINTS = 1000

/** Test metric and training loss over iterations against the task's baseline, as SVG. */
export function curve(events: readonly TrainEvent[], task: Task, title: string): string {
  const areEvents = Array.isArray(events) && events.every(isEvent)
  refuseUnless(areEvents, 'curve: events', 'an array of what train() yields', events)
  refuseUnlessTask(task)
  refuseNoText('curve: title', title)
  const { judge, metric } = task
  const { title: name, log } = judge ? { title: judge.name, log: false } : METRICS[metric]
  const isLoss = !judge && isMeanOf(metric, task.loss ?? defaultLoss(task.head))
  const scores = (set: 'test' | 'heldOut') =>
    events.flatMap((e) =>
      e.type === 'eval' && e[set] ? [[e.iteration, e[set][judge ? 'score' : metric]!] as const] : [],
    )
  const test = scores('test')
  const heldOut = scores('heldOut')
  const loss = bucketed(stepsOf(events), 'loss', MAX_POINTS)
  const last = test.at(-1)
  const series: Series[] = [{ name: `test ${name}`, points: test }]
  if (heldOut.length > 0) series.unshift({ name: `held-out ${name}`, points: heldOut, faint: true })
  // Only where the loss is the metric do both belong on one axis.
  if (isLoss)
    series.unshift({ name: 'training loss', points: loss.map(({ x, mean }) => [x, mean] as const), faint: true })
  // Training spikes of 1e7 and more, of single iterations, would flatten all the rest: they leave at the top.
  return svg({
    title,
    description: last
      ? `${name} on the test set over ${last[0]} iterations, ending at ${Number(last[1].toPrecision(4))}.`
      : 'No evaluation yet.',
    x: { title: 'iterations', domain: [0, Math.max(1, stepsOf(events).at(-1)?.iteration ?? 0, last?.[0] ?? 0)] },
    y: { title: name, log, ...(isLoss && log && task.baseline && { most: 10 * task.baseline.value }) },
    series,
    references: task.baseline
      ? [{ name: `${task.baseline.name} (${Number(task.baseline.value.toPrecision(4))})`, value: task.baseline.value }]
      : [],
  })
}
