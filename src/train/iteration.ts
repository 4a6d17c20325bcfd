/**
 * One iteration of training: minibatch → forward → loss → backward → clip → update, and what it takes: memory,
 * optimiser, stream. Everything a run is made of is plain and reachable here; the loop over it is in loop.ts.
 */
import { type Engine, engineOf } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { InputError, shown } from '../error.ts'
import { withMemory } from '../layers/layer.ts'
import { isPlain, type LossSpec, lossName, type OwnLoss } from '../loss.ts'
import { measureOf } from '../metric.ts'
import type { Gradients } from '../model/gradients.ts'
import { type Loss, type LossOptions, type Model, modelOf, type Plan, type State } from '../model/model.ts'
import { chosen, type Parameter, recurrentMatrices } from '../model/parameters.ts'
import { type Rng, rng } from '../rng.ts'
import type { Stream, Task } from '../task.ts'
import { type Accumulator, accumulator } from './accumulate.ts'
import { clipGradients, derivativeLimit } from './clip.ts'
import { lossesOf, type RunLosses, refuseMisfit, type StopSignal, scores } from './evaluate.ts'
import type { Scores } from './events.ts'
import { logUniform } from './logUniform.ts'
import { nextMinibatch } from './minibatch.ts'
import { createOptimizer, type Optimizer } from './optim.ts'
import { refuseIncomplete, type TrainSpec } from './options.ts'
import { FIRST_RATE, learningRate, type RateState } from './schedule.ts'
import type { IterationResult } from './stepRecord.ts'

/**
 * All that a run needs to do one iteration after the other. After `dispose`, also by `using`, or after that of its
 * model, every call throws an InputError.
 */
export interface Iteration extends Disposable {
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  /** What is minimised: the spec's loss, or the task's. */
  readonly loss: LossSpec | OwnLoss
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

function refuseTarget(target: number | null, { metric, judge }: Task): void {
  const { percent, name } = measureOf(judge ?? metric)
  if (target === null || !percent || (target >= 0 && target <= 1)) return
  throw new InputError(
    `target: expected a share from 0 to 1, since ${name} is one (0.97 is 97 %), but received ${shown(target)}`,
  )
}

/** @throws InputError for a name that no parameter has, and where none is left to train */
function frozenOf({ frozen }: TrainSpec, parameters: readonly Parameter[]): readonly Parameter[] {
  const found = chosen('training: frozen', frozen, parameters)
  if (found.length < parameters.length) return found
  throw new InputError('training: frozen: expected a parameter that is left to train but all are frozen: freeze fewer')
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
  /** Sums over the minibatches of an update; null if it has one. */
  private readonly sums: Accumulator | null
  private readonly frozen: readonly Parameter[]
  /** What is clipped and given to the optimiser. */
  private readonly gradients: Gradients
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
    this.losses = lossesOf(model.spec, task, spec.loss, 'training: loss')
    const plain = isPlain(this.losses.loss)
    const scored = !plain || task.judge !== undefined // evaluations read logits
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
    this.testPlan = model.plan({ T, B: this.testB, training: false, activationCheckpointing, logits: scored })
    this.made.push(this.testPlan)
    const { parameters } = model
    this.frozen = frozenOf(spec, parameters)
    this.sums = spec.accumulate > 1 ? this.createSums() : null
    const { start, dense, tables } = (this.sums ?? this.plan).gradients
    const moved = tables.filter((table) => this.frozen.every((parameter) => parameter.start !== table.start))
    this.gradients = { start, dense, tables: moved }
    this.optimizer = createOptimizer(
      spec.optimizer,
      this.engine,
      model.weights,
      this.gradients,
      recurrentMatrices(model.spec, parameters),
      modelOf(model).life,
      { tables: spec.tables, parameters, frozen: this.frozen },
    )
    this.made.push(this.optimizer)
    this.stream = task.train(batch)
    const reduction = this.sums ? 'sum' : spec.reduction // the mean is over all minibatches of an update
    this.lossOptions = { reduction, gradient: true, loss: this.losses.loss }
    this.backwardOptions = { derivativeClip: derivativeLimit(spec.clip) }
  }

  get loss(): LossSpec | OwnLoss {
    return this.losses.loss
  }

  iterate(): boolean {
    const { plan, spec, optimizer, last, model } = this
    this.life.check()
    if (this.sums) this.accumulate(this.sums)
    else last.loss = this.minibatch(optimizer.iteration)
    if (this.frozen.length > 0) this.clearFrozen()
    clipGradients(spec.clip, this.engine, this.gradients, last)
    const { lr } = spec.optimizer
    last.lr = learningRate(spec.schedule, lr, optimizer.iteration + 1, spec.iterations, this.rate.drops)
    if (!Number.isFinite(last.loss) || !Number.isFinite(last.norm)) {
      plan.resetState() // its states may be what is not finite
      this.carries = false
      return false
    }
    optimizer.update(last.lr)
    model.weightsChanged()
    return true
  }

  /** Leaves the gradients of the next minibatch in the plan. Returns its mean loss. */
  private minibatch(number: number): number {
    this.masks.iteration = number
    const minibatch = nextMinibatch(this.task, this.stream, this.plan, this.lossOptions, this.result)
    this.plan.backward(minibatch, this.backwardOptions)
    this.carries = minibatch.carry !== undefined
    this.given = null
    const { loss, count } = this.result
    return this.lossOptions.reduction === 'sum' ? loss / count : loss
  }

  /** Leaves the gradients of the minibatches of one update in the sums, and their mean loss in `last`. */
  private accumulate(sums: Accumulator): void {
    const { optimizer, last, spec } = this
    let loss = 0
    let count = 0
    sums.clear()
    for (let i = 0; i < spec.accumulate; i++) {
      loss += this.minibatch(spec.accumulate * optimizer.iteration + i) * this.result.count
      count += this.result.count
      sums.add()
    }
    if (spec.reduction === 'mean') sums.scale(1 / count)
    last.loss = loss / count
  }

  private createSums(): Accumulator {
    const { accumulate } = this.spec
    return withMemory(this.engine, (arena) => {
      this.made.push({ [DISPOSE]: () => arena.release() } as Disposable)
      return accumulator(arena, this.plan.gradients, accumulate, this.model.parameters)
    })
  }

  /** What is frozen has no gradient: the norm is of the others. */
  private clearFrozen(): void {
    const { start, dense } = this.gradients
    for (const { start: from, data } of this.frozen) {
      if (from >= start && from < start + dense.length) dense.fill(0, from - start, from - start + data.length)
    }
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
