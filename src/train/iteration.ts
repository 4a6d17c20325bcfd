/**
 * One iteration of training: minibatch → forward → loss → backward → clip → update, and what it takes: memory,
 * optimiser, stream. Everything a run is made of is plain and reachable here; the loop over it is in loop.ts.
 */
import { type Engine, engineOf } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { InputError, shown } from '../error.ts'
import { isPlain, lossName } from '../loss.ts'
import { METRICS } from '../metric.ts'
import { type Loss, type LossOptions, type Model, modelOf, type Plan, type State } from '../model/model.ts'
import { recurrentMatrices } from '../model/parameters.ts'
import { type Rng, rng } from '../rng.ts'
import type { Stream, Task } from '../task.ts'
import { clipGradients, derivativeLimit } from './clip.ts'
import { lossesOf, type RunLosses, refuseMisfit, type StopSignal, scores } from './evaluate.ts'
import type { Scores } from './events.ts'
import { logUniform } from './logUniform.ts'
import { nextMinibatch } from './minibatch.ts'
import { createOptimizer, type Optimizer } from './optim.ts'
import { refuseIncomplete, type TrainSpec } from './options.ts'
import { FIRST_RATE, learningRate, type RateState } from './schedule.ts'
import type { IterationResult } from './stepRecord.ts'

/** The loss or its gradient is not a number any more. The weights are as they were before that iteration. */
export class DivergenceError extends Error {
  override readonly name: string = 'DivergenceError'
  readonly iteration: number
  readonly loss: number
  readonly gradNorm: number
  constructor(iteration: number, loss: number, gradNorm: number, { clip, optimizer }: TrainSpec, lr: number) {
    const clipping = clip.kind === 'none' ? 'none' : `${clip.kind} ${clip.limit}`
    const kind = clip.kind === 'derivative' ? 'norm' : 'derivative'
    super(
      `training diverged at iteration ${iteration}: loss ${loss}, gradient norm ${gradNorm}; try a lower learning ` +
        `rate than ${Number(lr.toPrecision(3))} (${optimizer.kind}), a smaller clip or the kind "${kind}" (now ` +
        `${clipping}), or a recurrent matrix started lower (identity scale 0.999 or less)`,
    )
    this.iteration = iteration
    this.loss = loss
    this.gradNorm = gradNorm
  }
}

/**
 * All that a run needs to do one iteration after the other. After `dispose`, also by `using`, or after that of its
 * model, every call throws an InputError.
 */
export interface Iteration extends Disposable {
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  readonly optimizer: Optimizer
  readonly stream: Stream
  /** State of a rate that depends on evaluations; whoever evaluates sets it. */
  rate: RateState
  /** What the last iteration did: its loss (mean), gradient norm, and learning rate. The same object each time. */
  readonly last: IterationResult
  /** What candidates of a sampled softmax are drawn from; null without one. */
  readonly generator: Rng | null
  /**
   * One minibatch update. Returns false, and leaves the weights alone, when loss or gradient is not finite. Minibatches
   * without any target count for nothing: the next is taken.
   * @throws InputError after 1,000 minibatches in a row without any target
   */
  iterate(): boolean
  /** Scores on the whole test and held-out sets; null if the signal stopped it. Lets the event loop run in between. */
  evaluate(signal?: StopSignal): Promise<Scores | null>
  /** The state that the next minibatch goes on from in the rows it carries; null where there is none. A copy. */
  getCarried(): State | null
  /** Goes on from what `getCarried` was. @throws InputError when it is not of this model and batch */
  setCarried(state: State | null): void
  /** Share of nonzero hidden units in the last iteration. */
  liveShare(): number
  /** Gives the memory of the plans and the optimiser back; a second time it does nothing. */
  dispose(): void
}

/**
 * A run at iteration 0, its memory planned.
 * @param spec complete, from `trainSpec`
 * @throws InputError when model, task and spec do not fit
 */
export function createIteration(model: Model, task: Task, spec: TrainSpec): Iteration {
  refuseMisfit(model, task)
  refuseIncomplete(spec)
  if (spec.batch > task.trainSize) {
    throw new InputError(
      `batch: expected at most ${task.trainSize}, all the training sequences of ${task.name}, but received ` +
        `${spec.batch}`,
    )
  }
  refuseTarget(spec.target, task)
  const made: Disposable[] = []
  try {
    return new PlannedIteration(model, task, spec, made)
  } catch (error) {
    for (const part of made) part[DISPOSE]()
    throw error
  }
}

function refuseTarget(target: number | null, { metric }: Task): void {
  const { percent, name } = METRICS[metric]
  if (target === null || !percent || (target >= 0 && target <= 1)) return
  throw new InputError(
    `target: expected a share from 0 to 1, since ${name} is one (0.97 is 97 %), but received ${shown(target)}`,
  )
}

class PlannedIteration implements Iteration {
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  readonly optimizer: Optimizer
  readonly stream: Stream
  readonly generator: Rng | null
  readonly last: IterationResult = { loss: Number.NaN, norm: Number.NaN, clipped: false, lr: 0 }
  rate: RateState = FIRST_RATE
  private readonly engine: Engine
  private readonly plan: Plan
  private readonly testPlan: Plan
  private readonly testB: number
  /** For dropout, whose masks depend on the iteration. */
  private readonly masks: { readonly p: number; readonly seed: number; iteration: number }
  // Objects that are filled or handed on again and again, so that an iteration allocates nothing.
  private readonly result: Loss = { loss: 0, correct: 0, count: 0 }
  private readonly lossOptions: LossOptions
  private readonly losses: RunLosses
  private readonly backwardOptions: { readonly derivativeClip: number }
  /** Whether the last minibatch carries rows on, so that its final states are needed. */
  private carries = false
  /** The state given to setCarried, until the next minibatch. */
  private given: State | null = null
  private readonly life: Life
  private readonly made: Disposable[]

  /** @param made gets what holds memory as it is made: there may be no room for the next */
  constructor(model: Model, task: Task, spec: TrainSpec, made: Disposable[]) {
    const { activationCheckpointing, softmax, dropout, seed, batch } = spec
    const { T } = task
    this.model = model
    this.task = task
    this.spec = spec
    this.made = made
    this.losses = lossesOf(model, task, spec.loss, 'training: loss')
    const plain = isPlain(this.losses.loss)
    if (softmax.kind === 'sampled' && !plain) {
      throw new InputError(
        'softmax: sampled: expected the loss crossEntropy without weights but it is ' +
          `${lossName(this.losses.loss)}: use full`,
      )
    }
    this.engine = engineOf(model.backend)
    this.life = new Life('training', 'train anew', modelOf(model).life)
    this.generator = softmax.kind === 'sampled' ? rng(seed, 'training/candidates') : null
    this.masks = { p: dropout, seed: rng(seed, 'training/dropout').below(2 ** 31), iteration: 0 }
    this.plan = model.plan({
      T,
      B: batch,
      activationCheckpointing,
      logits: !plain,
      ...(softmax.kind === 'sampled' && {
        sampled: { samples: softmax.samples, sampler: logUniform(model.spec.head.size, this.generator!) },
      }),
      ...(dropout > 0 && { dropout: this.masks }),
    })
    this.made.push(this.plan)
    this.testB = Math.min(spec.evalBatch, task.testSize)
    this.testPlan = model.plan({ T, B: this.testB, training: false, activationCheckpointing, logits: !plain })
    this.made.push(this.testPlan)
    this.optimizer = createOptimizer(
      spec.optimizer,
      this.engine,
      model.weights,
      this.plan.gradients,
      recurrentMatrices(model.spec, model.parameters),
      modelOf(model).life,
    )
    this.made.push(this.optimizer)
    this.stream = task.train(batch)
    this.lossOptions = { reduction: spec.reduction, gradient: true, loss: this.losses.loss }
    this.backwardOptions = { derivativeClip: derivativeLimit(spec.clip) }
  }

  iterate(): boolean {
    const { plan, spec, optimizer, last, model } = this
    this.life.check()
    this.masks.iteration = optimizer.iteration
    const minibatch = nextMinibatch(this.task, this.stream, plan, this.lossOptions, this.result)
    const { loss, count } = this.result
    plan.backward(minibatch, this.backwardOptions)
    clipGradients(spec.clip, this.engine, plan.gradients, last)
    last.loss = spec.reduction === 'sum' ? loss / count : loss
    const { lr } = spec.optimizer
    last.lr = learningRate(spec.schedule, lr, optimizer.iteration + 1, spec.iterations, this.rate.drops)
    this.carries = minibatch.carry !== undefined
    this.given = null
    if (!Number.isFinite(last.loss) || !Number.isFinite(last.norm)) {
      plan.resetState() // its states may be what is not finite
      this.carries = false
      return false
    }
    optimizer.update(last.lr)
    model.weightsChanged()
    return true
  }

  async evaluate(signal?: StopSignal): Promise<Scores | null> {
    this.life.check()
    return scores(this.testPlan, this.task, this.testB, this.losses, signal)
  }

  getCarried(): State | null {
    this.life.check()
    return this.given ?? (this.carries ? this.plan.getState() : null)
  }

  setCarried(state: State | null): void {
    const { batch } = this.spec
    this.life.check()
    this.given = state
    if (state === null) {
      this.plan.resetState()
      return
    }
    if (state.B !== batch) throw new InputError(`resume: carried: expected ${batch} rows but received ${state.B}`)
    this.plan.setState(state)
  }

  liveShare(): number {
    this.life.check()
    return this.plan.liveFraction()
  }

  dispose(): void {
    if (this.life.end()) for (const part of this.made) part[DISPOSE]()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}
