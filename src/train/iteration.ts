/** One iteration: minibatch → forward → loss → backward → clip → update, and what it takes; the loop is in loop.ts. */
import { type Engine, engineOf } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { type Group, solo } from '../distributed/group.ts'
import { refuseUnless } from '../error.ts'
import { isPlain, type LossSpec, type OwnLoss } from '../loss.ts'
import type { Gradients } from '../model/gradients.ts'
import { type Model, modelOf, type Plan, type State } from '../model/model.ts'
import { type Parameter, recurrentMatrices } from '../model/parameters.ts'
import type { UnitShares } from '../model/units.ts'
import type { Rng } from '../rng.ts'
import { type Stream, type Task, trainingStream } from '../task.ts'
import { type Average, averageOf } from './average.ts'
import { clipGradients } from './clip.ts'
import { type Stage, stageAfter, stagesOf } from './curriculum.ts'
import { lossesOf, type RunLosses, refuseMisfit, type StopSignal, scores } from './evaluate.ts'
import type { Scores } from './events.ts'
import type { Extras, HeldExtras } from './extras.ts'
import { clearFrozen, frozenOf, movedTables } from './frozen.ts'
import { createOptimizer, type Optimizer } from './optim.ts'
import { refuseIncomplete, type TrainSpec } from './options.ts'
import { type Pass, type PassOptions, WholePass } from './pass.ts'
import { refuseLacking, refuseMisfitSpec, refuseRanks, refuseSampled } from './refusals.ts'
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
  /** Where minibatches come from; a stage of a curriculum has its own. */
  readonly stream: Stream
  /** The stage of the next iteration; there is one unless the run has a curriculum. */
  readonly stage: Stage
  /** State of a rate that depends on evaluations; whoever evaluates sets it. */
  rate: RateState
  /** What the last iteration did: its loss (mean), gradient norm, and learning rate. The same object each time. */
  readonly last: IterationResult
  /** What candidates of a sampled softmax are drawn from; null without one. */
  readonly generator: Rng | null
  /**
   * One minibatch update. After the last one of a stage, the next stage has begun: its stream at its beginning, the
   * optimiser anew. Returns false, and leaves the weights alone, when loss or gradient is not finite. Minibatches
   * without any target count for nothing: the next is taken.
   * @throws InputError after 1,000 minibatches in a row without any target
   */
  iterate(): boolean
  /** Takes up the stage of the next iteration after so many. The caller sets the states of optimiser and stream. */
  goTo(iteration: number): void
  /** The average of the weights; null without one. */
  readonly average: Average | null
  /** Puts the average, if there is one, into the model until the next iteration. */
  show(): void
  /**
   * `show`, and scores on the whole test and held-out sets; null if the signal stopped it. Lets the event loop run in
   * between.
   */
  evaluate(signal?: StopSignal): Promise<Scores | null>
  /** The state that the next minibatch goes on from in the rows it carries; null where there is none. A copy. */
  getCarried(): State | null
  /** Goes on from what `getCarried` was. @throws InputError when it is not of this model and batch */
  setCarried(state: State | null): void
  /** Share of nonzero hidden units in the last iteration. */
  liveShare(): number
  /** Which units live in the last iteration, and how many are saturated (Plan.unitShares). */
  unitShares(): UnitShares | null
  /** Gives the memory of the plans and the optimiser back; a second time it does nothing. */
  dispose(): void
}

/**
 * A run at iteration 0, its memory planned.
 * @param spec complete, from `trainSpec`
 * @param extras needed if the spec has shards
 * @throws InputError when model, task and spec do not fit
 */
export function createIteration(model: Model, task: Task, spec: TrainSpec, extras?: Extras): Iteration {
  return groupIteration(model, task, spec, solo(), extras)
}

/** The same, for one of the ranks that train together. */
export function groupIteration(model: Model, task: Task, spec: TrainSpec, group: Group, extras?: Extras): Iteration {
  refuseMisfit(model, task)
  refuseIncomplete(spec)
  refuseMisfitSpec(spec, task, model)
  refuseRanks(spec, group.size)
  refuseLacking(spec, extras)
  const made: Disposable[] = []
  try {
    const means = { engine: engineOf(model.backend), model, task, spec, group, made }
    const passOf = spec.shards > 1 ? (extras as HeldExtras).parts : (of: PassOptions) => new WholePass(of)
    return new PlannedIteration(means, passOf)
  } catch (error) {
    for (const part of made) part[DISPOSE]()
    throw error
  }
}

class PlannedIteration implements Iteration {
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  readonly optimizer: Optimizer
  stream!: Stream
  stage!: Stage
  readonly average: Average | null
  readonly last: IterationResult = { loss: Number.NaN, norm: Number.NaN, clipped: false, lr: 0 }
  rate: RateState = FIRST_RATE
  private readonly stages: readonly Stage[]
  private readonly engine: Engine
  private readonly pass: Pass
  private readonly testPlan: Plan
  private readonly testB: number
  private readonly frozen: readonly Parameter[]
  /** What is clipped and given to the optimiser. */
  private readonly gradients: Gradients
  private readonly losses: RunLosses
  private readonly life: Life
  private readonly made: Disposable[]

  constructor(means: Omit<PassOptions, 'losses'>, passOf: (of: PassOptions) => Pass) {
    const { engine, model, task, spec, made } = means
    const { activationCheckpointing, softmax } = spec
    this.model = model
    this.task = task
    this.spec = spec
    this.made = made
    this.stages = stagesOf(spec.curriculum, task)
    for (const stage of this.stages) refuseMisfit(model, stage.task)
    this.losses = lossesOf(model.spec, task, spec.loss, 'training: loss')
    const plain = isPlain(this.losses.loss)
    const scored = !plain || task.judge !== undefined // evaluations read logits
    if (softmax.kind === 'sampled' && !plain) refuseSampled(this.losses.loss)
    this.engine = engine
    this.life = new Life('training', 'train anew', modelOf(model).life)
    this.pass = passOf({ ...means, losses: this.losses })
    this.testB = Math.min(spec.evalBatch, task.testSize)
    this.testPlan = model.plan({ T: task.T, B: this.testB, training: false, activationCheckpointing, logits: scored })
    this.made.push(this.testPlan)
    const { parameters } = model
    this.frozen = frozenOf(spec, parameters)
    const { start, dense, tables } = this.pass.gradients
    this.gradients = { start, dense, tables: movedTables(tables, this.frozen) }
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
    this.average = spec.average > 0 ? averageOf(model.weights, spec.average, () => model.weightsChanged()) : null
    this.enter(this.stages[0]!)
  }

  get generator(): Rng | null {
    return this.pass.generator
  }

  get loss(): LossSpec | OwnLoss {
    return this.losses.loss
  }

  goTo(iteration: number): void {
    this.life.check()
    refuseUnless(Number.isSafeInteger(iteration) && iteration >= 0, 'goTo', 'a whole number >= 0', iteration)
    const stage = stageAfter(this.stages, iteration)
    if (stage !== this.stage) this.enter(stage)
    this.optimizer.iteration = iteration
  }

  private enter(stage: Stage): void {
    this.stage = stage
    this.stream = trainingStream(stage.task, this.spec.batch)
    this.optimizer.restart(stage.begin, stage.task.T)
    this.pass.reset()
  }

  iterate(): boolean {
    const { pass, spec, optimizer, last, model, stage } = this
    this.life.check()
    this.average?.train()
    last.loss = pass.run(stage.task, this.stream, optimizer.iteration)
    if (this.frozen.length > 0) clearFrozen(this.gradients, this.frozen)
    clipGradients(spec.clip, this.engine, this.gradients, last)
    last.lr = this.learningRate()
    if (!Number.isFinite(last.loss) || !Number.isFinite(last.norm)) {
      pass.reset() // its states may be what is not finite
      return false
    }
    optimizer.update(last.lr)
    model.weightsChanged()
    this.average?.add(optimizer.iteration)
    if (optimizer.iteration === stage.end) this.goTo(optimizer.iteration)
    return true
  }

  show(): void {
    this.life.check()
    this.average?.show()
  }

  /** The schedule is that of the last stage, from its beginning; those before it have the rate it starts from. */
  private learningRate(): number {
    const { spec, optimizer, stage } = this
    const at = optimizer.iteration + 1 - stage.begin
    const { schedule } = spec
    if (stage.end !== null) return at <= schedule.warmup ? (optimizer.lr * at) / schedule.warmup : optimizer.lr
    return learningRate(schedule, optimizer.lr, at, spec.iterations - stage.begin, this.rate.drops)
  }

  async evaluate(signal?: StopSignal): Promise<Scores | null> {
    this.life.check()
    this.show()
    return scores(this.testPlan, this.task, this.testB, this.losses, signal)
  }

  getCarried(): State | null {
    this.life.check()
    return this.pass.getCarried()
  }

  setCarried(state: State | null): void {
    const { batch } = this.spec
    this.life.check()
    if (state !== null) refuseUnless(state?.B === batch, 'resume: carried', `a state of ${batch} rows`, state?.B)
    this.pass.setCarried(state)
  }

  liveShare(): number {
    this.life.check()
    return this.pass.liveShare()
  }

  unitShares(): UnitShares | null {
    this.life.check()
    return this.pass.unitShares()
  }

  dispose(): void {
    if (this.life.end()) for (const part of this.made) part[DISPOSE]()
  }

  [DISPOSE](): void {
    this.dispose()
  }
}
