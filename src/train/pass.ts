/**
 * What finds the gradients of an update: its minibatches, one after the other, forward and back. Here as they come;
 * parts.ts cuts each into parts.
 */
import type { Engine } from '../backend/backend.ts'
import type { Group } from '../distributed/group.ts'
import type { Masks } from '../layers/dropout.ts'
import { isPlain } from '../loss.ts'
import type { Gradients } from '../model/gradients.ts'
import type { Loss, LossOptions, Model, Plan, State } from '../model/model.ts'
import type { UnitShares } from '../model/units.ts'
import { type Rng, rng } from '../rng.ts'
import type { Stream, Task } from '../task.ts'
import { type Accumulator, accumulatorOf } from './accumulate.ts'
import { derivativeLimit } from './clip.ts'
import type { RunLosses } from './evaluate.ts'
import { logUniform } from './logUniform.ts'
import { nextMinibatch } from './minibatch.ts'
import type { TrainSpec } from './options.ts'

/** The passes of one update after the other. */
export interface Pass {
  /** What the last `run` left. */
  readonly gradients: Gradients
  /** What candidates of a sampled softmax are drawn from, if that has a state to be stored; else null. */
  readonly generator: Rng | null
  /**
   * Leaves the gradients of the minibatches of one update.
   * @param iteration how many updates there were
   * @returns their mean loss
   * @throws InputError after 1,000 minibatches in a row without any target
   */
  run(task: Task, stream: Stream, iteration: number): number
  /** The next minibatch starts from zero in all rows. */
  reset(): void
  /** The state that the next minibatch goes on from in the rows it carries; null where there is none. A copy. */
  getCarried(): State | null
  /** Goes on from what `getCarried` was. @throws InputError when it is not of this model and batch */
  setCarried(state: State | null): void
  /** Share of nonzero hidden units in the last minibatch. */
  liveShare(): number
  /** What the units did in it; null where the plan does not keep its states. */
  unitShares(): UnitShares | null
}

/** What a pass is made from. */
export interface PassOptions {
  readonly engine: Engine
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  readonly losses: RunLosses
  readonly group: Group
  /** Gets what holds memory as it is made: there may be no room for the next. */
  readonly made: Disposable[]
}

/** A plan to train B sequences at a time, with what it draws from, and added to what was made. */
export function trainingPlan(
  { model, task, spec, losses, made }: PassOptions,
  B: number,
  masks: Masks,
  generator: Rng | null,
): Plan {
  const { activationCheckpointing, softmax, dropout } = spec
  const plan = model.plan({
    T: task.T,
    B,
    activationCheckpointing,
    logits: !isPlain(losses.loss),
    ...(softmax.kind === 'sampled' && {
      sampled: { samples: softmax.samples, sampler: logUniform(task.head.size, generator!) },
    }),
    ...(dropout > 0 && { dropout: masks }),
  })
  made.push(plan)
  return plan
}

/** Minibatches as they come. */
export class WholePass implements Pass {
  readonly gradients: Gradients
  readonly generator: Rng | null
  private readonly spec: TrainSpec
  private readonly plan: Plan
  private readonly masks: Masks
  // Objects that are filled or handed on again and again, so that an iteration allocates nothing.
  private readonly result: Loss = { loss: 0, correct: 0, count: 0 }
  private readonly lossOptions: LossOptions
  private readonly backwardOptions: { readonly derivativeClip: number }
  /** Sums over the minibatches of an update; null if it has one. */
  private readonly sums: Accumulator | null
  /** Whether the last minibatch carries rows on, so that its final states are needed. */
  private carries = false
  /** The state given to setCarried, until the next minibatch. */
  private given: State | null = null

  constructor(options: PassOptions) {
    const { engine, model, spec, losses, made } = options
    const { softmax, seed, batch, dropout } = spec
    this.spec = spec
    this.generator = softmax.kind === 'sampled' ? rng(seed, 'training/candidates') : null
    this.masks = { p: dropout, seed: rng(seed, 'training/dropout').below(2 ** 31), iteration: 0 }
    this.plan = trainingPlan(options, batch, this.masks, this.generator)
    this.sums = accumulatorOf(engine, this.plan.gradients, spec.accumulate, model.parameters)
    if (this.sums) made.push(this.sums)
    this.gradients = (this.sums ?? this.plan).gradients
    const reduction = this.sums ? 'sum' : spec.reduction // the mean is over all minibatches of an update
    this.lossOptions = { reduction, gradient: true, loss: losses.loss }
    this.backwardOptions = { derivativeClip: derivativeLimit(spec.clip) }
  }

  run(task: Task, stream: Stream, iteration: number): number {
    const { sums, spec, result } = this
    if (!sums) return this.minibatch(task, stream, iteration)
    let loss = 0
    let count = 0
    sums.clear()
    for (let i = 0; i < spec.accumulate; i++) {
      loss += this.minibatch(task, stream, spec.accumulate * iteration + i) * result.count
      count += result.count
      sums.add()
    }
    if (spec.reduction === 'mean') sums.scale(1 / count)
    return loss / count
  }

  /** Leaves the gradients of the next minibatch in the plan. Returns its mean loss. */
  private minibatch(task: Task, stream: Stream, number: number): number {
    this.masks.iteration = number
    const minibatch = nextMinibatch(task, stream, this.plan, this.lossOptions, this.result)
    this.plan.backward(minibatch, this.backwardOptions)
    this.carries = minibatch.carry !== undefined
    this.given = null
    const { loss, count } = this.result
    return this.lossOptions.reduction === 'sum' ? loss / count : loss
  }

  reset(): void {
    this.carries = false
    this.plan.resetState()
  }

  getCarried(): State | null {
    return this.given ?? (this.carries ? this.plan.getState() : null)
  }

  setCarried(state: State | null): void {
    this.given = state
    if (state === null) this.plan.resetState()
    else this.plan.setState(state)
  }

  liveShare(): number {
    return this.plan.liveFraction()
  }

  unitShares(): UnitShares | null {
    return this.plan.unitShares()
  }
}
