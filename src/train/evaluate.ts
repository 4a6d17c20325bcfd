/** Scores a model on the whole test set of a task, and on its held-out set where it has one. */
import type { Batch } from '../batch.ts'
import { InputError, refuseUnknown, refuseUnless, shown } from '../error.ts'
import { defaultLoss, fittingLoss, isPlain, type LossSpec, lossOfMetric, type OwnLoss } from '../loss.ts'
import type { Metric } from '../metric.ts'
import { type Loss, type Model, modelOf, type Plan } from '../model/model.ts'
import type { ModelSpec } from '../model/spec.ts'
import { refuseUnlessTask, type Scorer, type Task } from '../task.ts'
import type { Scores, TestScore } from './events.ts'
import { turns } from './turns.ts'

/** What stops a run: an AbortSignal, or any object whose `aborted` becomes true. */
export interface StopSignal {
  readonly aborted: boolean
}

/** How a model is evaluated. */
export interface EvaluateOptions {
  /** Sequences at a time. Default 100. */
  readonly batch?: number | undefined
  /** Long sequences then take little memory. Default false. */
  readonly activationCheckpointing?: boolean | undefined
  /** Whose mean is reported. Default: the task's, or that of its head. */
  readonly loss?: LossSpec | OwnLoss | undefined
  /** Sees every batch with its logits; a task that scores itself makes one (Task.scorer). */
  readonly scorer?: Scorer | undefined
}

/** @throws InputError unless it is a signal, or undefined */
export function refuseSignal(signal: unknown): void {
  if (signal === undefined || typeof (signal as StopSignal | null)?.aborted === 'boolean') return
  throw new InputError(
    `signal: expected an AbortSignal, or an object with aborted, but received ${shown(signal)}: of an ` +
      'AbortController give its signal',
  )
}

/**
 * The score of `model` on the test set of `task`, taken in batches of at most `batch` sequences (which changes speed,
 * and the last bits of the sum). The event loop gets its turns.
 * @throws InputError when model and task do not fit, or the test set has no target
 */
export async function evaluate(model: Model, task: Task, options: EvaluateOptions = {}): Promise<TestScore> {
  refuseMisfit(model, task)
  refuseUnknown('evaluate', options, ['batch', 'activationCheckpointing', 'loss', 'scorer'])
  const losses = lossesOf(model.spec, task, options.loss, 'evaluate: loss')
  const { batch = 100, activationCheckpointing = false, scorer } = options
  if (!Number.isInteger(batch) || batch < 1) {
    throw new InputError(`evaluate: batch: expected a whole number >= 1 but received ${shown(batch)}`)
  }
  const B = Math.min(batch, task.testSize)
  const logits = scorer !== undefined || task.judge !== undefined || !isPlain(losses.loss)
  const plan = model.plan({ T: task.T, B, training: false, activationCheckpointing, logits })
  try {
    return (await score(plan, task, 'test', B, { losses, scorer }))!
  } finally {
    plan.dispose()
  }
}

/** The loss of a run, and the one that its metric comes from, which is the same object where one will do. */
export interface RunLosses {
  readonly loss: LossSpec | OwnLoss
  readonly measure: LossSpec | OwnLoss
}

/**
 * The losses of a task, or of what was given in place of its own.
 * @param what names what was given
 * @throws InputError unless they fit the head and its scale
 */
export function lossesOf(
  { output }: ModelSpec,
  task: Task,
  given: LossSpec | OwnLoss | null | undefined,
  what: string,
): RunLosses {
  const { name, head, metric } = task
  const [named, said] = given ? [what, given] : [`task ${name}: loss`, task.loss ?? defaultLoss(head)]
  const loss = fittingLoss(named, said, head, output)
  return { loss, measure: lossOfMetric(`task ${name}: metric ${metric}`, metric, loss, head, output) }
}

/** All scores of a task with a plan for B sequences that is there already; null if the signal stopped it. */
export async function scores(
  plan: Plan,
  task: Task,
  B: number,
  losses: RunLosses,
  signal?: StopSignal,
): Promise<Scores | null> {
  const test = await score(plan, task, 'test', B, { losses, signal })
  if (test === null) return null
  const heldOut = task.heldOut && (await score(plan, task, 'heldOut', B, { losses, signal }))
  if (heldOut === null) return null
  const { name, lowerIsBetter, percent } = task.judge ?? {}
  const judge = name !== undefined && { judge: { name, lowerIsBetter: lowerIsBetter!, ...(percent && { percent }) } }
  return { test, ...(heldOut && { heldOut }), ...judge }
}

async function score(
  plan: Plan,
  task: Task,
  set: 'test' | 'heldOut',
  B: number,
  { losses, signal, scorer }: { losses: RunLosses; signal?: StopSignal | undefined; scorer?: Scorer | undefined },
): Promise<TestScore | null> {
  const batches: Iterable<Batch> = task[set]!(B)
  const iterable = typeof batches?.[Symbol.iterator] === 'function'
  refuseUnless(iterable, `task ${task.name}: ${set}()`, 'batches to iterate over', batches)
  const pause = turns()
  const { loss, measure } = losses
  const judge = task.judge?.scorer()
  const total = { loss: 0, correct: 0, count: 0 }
  const measured = measure === loss ? total : { loss: 0, correct: 0, count: 0 }
  plan.resetState() // not from what an evaluation that was stopped has left
  for (const batch of batches) {
    if (signal?.aborted) return null
    plan.forward(batch)
    scorer?.add(batch, plan.logits)
    judge?.add(batch, plan.logits)
    add(total, plan.loss(batch, { reduction: 'sum', gradient: false, loss }))
    if (measured !== total) add(measured, plan.loss(batch, { reduction: 'sum', gradient: false, loss: measure }))
    if (pause.due()) await pause.take()
  }
  if (total.count === 0) {
    const name = set === 'test' ? 'test set' : 'held-out set'
    throw new InputError(
      `task ${task.name}: expected targets in its ${name} but all are -1 or NaN: score it on labelled data`,
    )
  }
  const own = judge && { score: judged(task, judge.result()) }
  return { loss: total.loss / total.count, [task.metric]: measureOf(task.metric, measured), ...own }
}

/** @throws InputError unless the task's own score is a number */
function judged({ name, judge }: Task, value: unknown): number {
  if (typeof value === 'number') return value
  throw new InputError(`task ${name}: judge ${judge!.name}: expected a number as result but received ${shown(value)}`)
}

function add(total: Loss, { loss, correct, count }: Loss): void {
  total.loss += loss
  total.correct += correct
  total.count += count
}

function measureOf(metric: Metric, { loss: sum, correct, count }: Loss): number {
  if (metric === 'accuracy') return correct / count
  if (metric === 'frameError') return 1 - correct / count
  return metric === 'perplexity' ? Math.exp(sum / count) : sum / count
}

/** @throws InputError unless model and task are such, and inputs and outputs of the model are the task's */
export function refuseMisfit(model: Model, task: Task): void {
  const { spec } = modelOf(model)
  refuseUnlessTask(task)
  const [wanted, received] = [parts(task.input), parts(spec.input)]
  if (wanted !== received) {
    throw new InputError(`model: input: expected ${wanted} for task ${task.name} but received ${received}`)
  }
  for (const key of ['kind', 'size', 'steps'] as const) {
    if (spec.head[key] !== task.head[key]) {
      throw new InputError(
        `model: head.${key}: expected ${shown(task.head[key])} for task ${task.name} but received ` +
          `${shown(spec.head[key])}`,
      )
    }
  }
}

/** "size 3", "vocabulary 10", "size 3 and vocabulary 10" */
function parts(input: Task['input']): string {
  const values = 'size' in input ? [`size ${input.size}`] : []
  return [...values, ...('vocabulary' in input ? [`vocabulary ${input.vocabulary}`] : [])].join(' and ')
}
