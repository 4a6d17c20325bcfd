/** The state of a run between two iterations, and how a run takes it up again. */
import type { Floats } from '../backend/backend.ts'
import { InputError, refuseUnless, shown } from '../error.ts'
import { type LossSpec, lossName, type OwnLoss } from '../loss.ts'
import type { JudgeName } from '../metric.ts'
import type { State } from '../model/model.ts'
import { hostFloats } from '../model/state.ts'
import { checkFloats, lengthOf, putFloats } from '../model/values.ts'
import type { StreamState } from '../task.ts'
import type { BestWeights } from './bestWeights.ts'
import type { WatchState } from './collapse.ts'
import type { Scores, TestScore } from './events.ts'
import type { Iteration } from './iteration.ts'
import type { TableUpdate } from './rules.ts'
import type { RateState } from './schedule.ts'
import type { StepRecordState } from './stepRecord.ts'

/** Beside the weights of its model, all that a run needs to go on. */
export interface RunState {
  readonly iteration: number
  readonly seconds: number
  readonly stream: StreamState
  readonly rate: RateState
  /** The optimiser's arrays by name. */
  readonly optimizer: Readonly<Record<string, Floats>>
  /**
   * Where streams of text go on from in the next minibatch: the final state of the last; null where nothing is carried.
   */
  readonly carried: State | null
  /** With an average, which the model has, the weights that training goes on with; absent without. */
  readonly trained?: Floats
  /** State of the generator of a sampled softmax; null without one. */
  readonly generator: readonly number[] | null
  /** The step record under way, and the live share it would report. */
  readonly window: StepRecordState
  readonly liveShare: number
  readonly collapse: WatchState
  /** Minibatches in a row that were left out because they were not finite. */
  readonly skipped: number
  /** The last evaluation and its iteration; null and 0 before the first. */
  readonly test: TestScore | null
  readonly heldOut?: TestScore
  readonly judge?: JudgeName
  readonly evaluated: number
  /** The iteration of the last probe, -1 before the first. Absent in states of 0.1.0. */
  readonly probed?: number
  /** The best evaluation, by the held-out score where there is one. */
  readonly best: (Scores & { readonly iteration: number }) | null
  /** With `keepBest`: the weights of the best evaluation; null before the first. */
  readonly bestWeights?: Floats | null
  /** The loss that it learns by; of one's own the name. Absent in states of 0.1.0, as is `tables`. */
  readonly loss?: LossSpec | { readonly kind: 'own'; readonly name: string }
  /** How it updates tables. */
  readonly tables?: TableUpdate
}

/** How a run updated tables that goes on; in 0.1.0 there was one way. */
export function tablesOf({ tables = 'lazy' }: RunState): TableUpdate {
  return tables
}

/** A loss as a state holds it: without a function. */
export function recorded(loss: LossSpec | OwnLoss): NonNullable<RunState['loss']> {
  return loss.kind === 'own' ? { kind: 'own', name: loss.name } : loss
}

/** @throws InputError where the run goes on by another loss */
function refuseOtherLoss({ loss: now }: Iteration, { loss: before }: RunState): void {
  if (before === undefined || JSON.stringify(before) === JSON.stringify(recorded(now))) return
  const [expected, received] = [before as LossSpec | OwnLoss, now].map(lossName)
  const another = expected === received ? `another ${received}` : received
  throw new InputError(
    `resume: loss: expected ${expected}, by which the run has learnt so far, but received ${another}: give it its loss`,
  )
}

/** @throws InputError, and gives the memory back, unless the state is of such a run */
export function restore(work: Iteration, from: RunState, best: BestWeights | null = null): void {
  try {
    setState(work, from)
    if (best && from.best) best.keep(bestOf(work, from.bestWeights))
  } catch (error) {
    work.dispose()
    throw error
  }
}

/** @throws InputError unless they are as many as the model's, and finite */
function bestOf({ model }: Iteration, stored: Floats | null | undefined): Floats {
  const what = 'resume: bestWeights'
  const n = model.weights.length
  const length = stored ? lengthOf(what, stored) : 'none'
  if (length !== n) {
    throw new InputError(
      `${what}: expected ${n} elements but received ${length}: give the state of a run with keepBest`,
    )
  }
  const held = hostFloats(model.backend, n)
  putFloats(stored!, held, n)
  checkFloats(what, stored!, held, n, 'start anew')
  return held
}

function setState(work: Iteration, from: RunState): void {
  if (typeof from !== 'object' || from === null || typeof from.optimizer !== 'object' || from.optimizer === null) {
    throw new InputError(`resume: expected what run.getState() gives but received ${shown(from)}`)
  }
  refuseOtherLoss(work, from)
  const { iteration } = from
  refuseUnless(Number.isSafeInteger(iteration) && iteration >= 0, 'resume: iteration', 'a whole number >= 0', iteration)
  work.goTo(iteration)
  const { optimizer, stream, generator, average } = work
  for (const [name, array] of Object.entries(optimizer.state)) {
    const what = `resume: optimizer.${name}`
    const stored = from.optimizer[name]
    const length = stored === undefined ? 'none' : lengthOf(what, stored)
    if (length !== array.length) {
      throw new InputError(
        `${what}: expected ${array.length} elements but received ${length}: give the model and options of the run that is ` +
          'resumed',
      )
    }
    putFloats(stored!, array, length)
    checkFloats(what, stored!, array, length, 'start anew')
  }
  stream.setState(from.stream)
  work.rate = from.rate
  work.setCarried(from.carried)
  if (generator && from.generator) generator.setState(from.generator)
  if (average) average.restore(checkedTrained(from.trained, average.trained.slice()))
}

/** Fills `into`. @throws InputError where they are not as many, or not finite */
function checkedTrained(stored: Floats | undefined, into: Floats): Floats {
  const what = 'resume: trained'
  const length = stored === undefined ? 'none' : lengthOf(what, stored)
  if (length !== into.length) {
    throw new InputError(
      `${what}: expected ${into.length} elements, the weights beside their average, but received ${length}: give the ` +
        'options of the run that is resumed',
    )
  }
  putFloats(stored!, into, length)
  checkFloats(what, stored!, into, length, 'start anew')
  return into
}
