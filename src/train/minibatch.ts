/** The next minibatch that a plan learns from. */
import type { Batch } from '../batch.ts'
import { InputError } from '../error.ts'
import type { Loss, LossOptions, Plan } from '../model/model.ts'
import type { Stream, Task } from '../task.ts'

/** So many minibatches in a row may have no target. */
export const MOST_WITHOUT_TARGET = 1000

/**
 * Runs the plan over minibatches until one has a target, and returns that one; its loss is in `result`. Where targets
 * are rare, a minibatch without any has no loss, and a step on its gradient of 0 would still move the weights by what
 * the optimiser remembers. States run through it all the same.
 * @throws InputError after 1,000 in a row without a target
 */
export function nextMinibatch(task: Task, stream: Stream, plan: Plan, options: LossOptions, result: Loss): Batch {
  for (let tried = 0; tried < MOST_WITHOUT_TARGET; tried++) {
    const minibatch = stream.next()
    plan.forward(minibatch)
    plan.loss(minibatch, options, result)
    if (result.count > 0) return minibatch
  }
  throw noTarget(task)
}

export function noTarget({ name }: Task): InputError {
  return new InputError(
    `task ${name}: expected a target but received none in ${MOST_WITHOUT_TARGET} minibatches in a row (all -1 or ` +
      'NaN): train on labelled data',
  )
}
