/**
 * One iteration of training: minibatch → forward → loss → backward → clip → update, and what it takes: options, memory,
 * optimiser, stream. Everything a run is made of is plain and reachable here; the loop over it is in train.ts.
 */
import { z } from 'zod'
import { engineOf } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { checked, InputError, refuseNoObject, shown } from '../error.ts'
import { METRICS } from '../metric.ts'
import { type Model, modelOf, type State } from '../model/model.ts'
import { recurrentMatrices } from '../model/parameters.ts'
import { type Rng, rng } from '../rng.ts'
import type { Stream, Task } from '../task.ts'
import { type Clip, clipGradients, clipNorm, clipSchema, derivativeLimit } from './clip.ts'
import { refuseMisfit, type StopSignal, scores } from './evaluate.ts'
import type { Scores } from './events.ts'
import { logUniform } from './logUniform.ts'
import { nextMinibatch } from './minibatch.ts'
import { adam, createOptimizer, type Optimizer, type OptimizerSpec, optimizerSchema } from './optim.ts'
import { constantRate, FIRST_RATE, learningRate, type RateState, type Schedule, scheduleSchema } from './schedule.ts'
import type { IterationResult } from './stepRecord.ts'

/** How a model is trained, complete: what config.json stores. */
export interface TrainSpec {
  /** Sequences a minibatch. */
  readonly batch: number
  /** Minibatch updates at most. */
  readonly iterations: number
  readonly optimizer: OptimizerSpec
  readonly schedule: Schedule
  readonly clip: Clip
  /** Whether gradients are of the loss averaged or summed over the batch. Reported losses are always means. */
  readonly reduction: 'mean' | 'sum'
  /** Iterations between evaluations on the test set, and the held-out set where the task has one; the last iteration is always evaluated. */
  readonly evalEvery: number
  /** Sequences a batch of an evaluation. */
  readonly evalBatch: number
  /** Iterations a step record covers. */
  readonly stepEvery: number
  /** Stop at the first evaluation as good as this (mse at most, accuracy at least; METRICS says which way); null: use all iterations. */
  readonly target: number | null
  /** After a collapse (collapse.ts), or a loss or gradient that is not finite: say so and go on, or stop. */
  readonly onCollapse: 'continue' | 'stop'
  /** The loss of training: over all classes, or over S of them that are drawn anew for each minibatch. Evaluation is over all. */
  readonly softmax: { readonly kind: 'full' } | { readonly kind: 'sampled'; readonly samples: number }
  /** Share of the units that dropout leaves out after an embedding, between layers and below the head; 0: none. */
  readonly dropout: number
  /** Of what training draws by itself: candidates of a sampled softmax, masks of dropout. */
  readonly seed: number
  /** Keep only every √T-th state and compute the others again (PlanOptions): for sequences too long for memory, same bits. */
  readonly activationCheckpointing: boolean
}

/** What a person gives; undefined is the default. */
export type TrainOptions = { readonly [K in keyof TrainSpec]?: TrainSpec[K] | undefined }

/** A run has no more: stepEvery is chosen, and checked, by it. */
export const MAX_STEP_RECORDS = 20_000

const count = z.int().min(1)
const schema: z.ZodType<TrainSpec> = z.strictObject({
  batch: count,
  iterations: count,
  optimizer: optimizerSchema,
  schedule: scheduleSchema,
  clip: clipSchema,
  reduction: z.enum(['mean', 'sum']),
  evalEvery: count,
  evalBatch: count,
  stepEvery: count,
  target: z.number().nullable(),
  onCollapse: z.enum(['continue', 'stop']),
  softmax: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('full') }),
    z.strictObject({ kind: z.literal('sampled'), samples: count }),
  ]),
  dropout: z.number().min(0).lt(1),
  seed: z.int().min(0),
  activationCheckpointing: z.boolean(),
})

/**
 * The options of a run with every default filled in: batch 16, 10,000 iterations, adam(), a constant rate, clipNorm(1),
 * mean loss, an evaluation every twentieth of the run, no target, going on after a collapse, the full softmax, no dropout, seed 1,
 * all states in memory.
 * @throws InputError, one line naming the option
 */
export function trainSpec(options: TrainOptions = {}): TrainSpec {
  refuseNoObject('training', options)
  const {
    batch = 16,
    iterations = 10_000,
    optimizer = adam(),
    schedule = constantRate(),
    clip = clipNorm(1),
    reduction = 'mean',
    evalEvery = Math.max(1, Math.ceil(iterations / 20)),
    evalBatch = 100,
    stepEvery = Math.max(10, Math.ceil(iterations / MAX_STEP_RECORDS)),
    target = null,
    onCollapse = 'continue',
    softmax = { kind: 'full' },
    dropout = 0,
    seed = 1,
    activationCheckpointing = false,
    ...unknown
  } = options
  const given = { batch, iterations, optimizer, schedule, clip, reduction, evalEvery, evalBatch, stepEvery, target }
  const rest = { onCollapse, softmax, dropout, seed, activationCheckpointing, ...unknown }
  const spec = checked(schema, { ...given, ...rest }, 'training')
  if (spec.iterations > spec.stepEvery * MAX_STEP_RECORDS) {
    throw new InputError(
      `training: stepEvery: expected at least ${Math.ceil(spec.iterations / MAX_STEP_RECORDS)}, for at most ` +
        `${MAX_STEP_RECORDS} records, but received ${spec.stepEvery}`,
    )
  }
  return spec
}

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
      `training diverged at iteration ${iteration}: loss ${loss}, gradient norm ${gradNorm}; try a lower learning rate ` +
        `than ${Number(lr.toPrecision(3))} (${optimizer.kind}), a smaller clip or the kind "${kind}" (now ${clipping}), ` +
        'or a recurrent matrix started lower (identity scale 0.999 or less)',
    )
    this.iteration = iteration
    this.loss = loss
    this.gradNorm = gradNorm
  }
}

/** A run at work. After `dispose`, also by `using`, or after that of its model, every call throws an InputError. */
export interface Training extends Disposable {
  readonly model: Model
  readonly task: Task
  readonly spec: TrainSpec
  readonly optimizer: Optimizer
  readonly stream: Stream
  /** Of a rate that depends on evaluations: set by who evaluates. */
  rate: RateState
  /** What the last iteration did: its loss (mean), gradient norm, and learning rate. The same object each time. */
  readonly last: IterationResult
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
  /** What candidates of a sampled softmax are drawn from; null without one. */
  readonly generator: Rng | null
  /** Share of nonzero hidden units in the last iteration. */
  liveShare(): number
  /** Gives the memory of the plans and the optimiser back; a second time it does nothing. */
  dispose(): void
}

function refuseTarget(target: number | null, { metric }: Task): void {
  const { percent, name } = METRICS[metric]
  if (target === null || !percent || (target >= 0 && target <= 1)) return
  throw new InputError(
    `target: expected a share from 0 to 1, since ${name} is one (0.97 is 97 %), but received ${shown(target)}`,
  )
}

/**
 * A run at iteration 0, its memory planned.
 * @throws InputError when options are wrong, or model and task do not fit
 */
export function createTraining(model: Model, task: Task, options: TrainOptions = {}): Training {
  const made: Disposable[] = []
  try {
    return begin(model, task, trainSpec(options), made)
  } catch (error) {
    for (const part of made) part[DISPOSE]()
    throw error
  }
}

/** @param made gets what holds memory as it is made: there may be no room for the next */
function begin(model: Model, task: Task, spec: TrainSpec, made: Disposable[]): Training {
  refuseMisfit(model, task)
  const { batch, clip, reduction, schedule, iterations, activationCheckpointing, softmax } = spec
  if (batch > task.trainSize) {
    throw new InputError(
      `batch: expected at most ${task.trainSize}, all the training sequences of ${task.name}, but received ${batch}`,
    )
  }
  refuseTarget(spec.target, task)
  const backend = engineOf(model.backend)
  const generator = softmax.kind === 'sampled' ? rng(spec.seed, 'training/candidates') : null
  const masks = { p: spec.dropout, seed: rng(spec.seed, 'training/dropout').below(2 ** 31), iteration: 0 }
  const plan = model.plan({
    T: task.T,
    B: batch,
    activationCheckpointing,
    logits: false,
    ...(softmax.kind === 'sampled' && {
      sampled: { samples: softmax.samples, sampler: logUniform(model.spec.head.size, generator!) },
    }),
    ...(spec.dropout > 0 && { dropout: masks }),
  })
  made.push(plan)
  const testB = Math.min(spec.evalBatch, task.testSize)
  const testPlan = model.plan({ T: task.T, B: testB, training: false, activationCheckpointing, logits: false })
  made.push(testPlan)
  const optimizer = createOptimizer(
    spec.optimizer,
    backend,
    model.weights,
    plan.gradients,
    recurrentMatrices(model.spec, model.parameters),
    modelOf(model).life,
  )
  made.push(optimizer)
  const life = new Life('training', 'train anew', modelOf(model).life)
  const stream = task.train(batch)
  const last = { loss: Number.NaN, norm: Number.NaN, clipped: false, lr: 0 }
  const lossOptions = { reduction, gradient: true } as const
  const result = { loss: 0, correct: 0, count: 0 }
  const backwardOptions = { derivativeClip: derivativeLimit(clip) }
  let rate = FIRST_RATE
  let carries = false // the last minibatch said which rows go on, and left states to go on from
  let given: State | null = null // by setCarried, until there is a minibatch

  const dispose = (): void => {
    if (life.end()) for (const part of made) part[DISPOSE]()
  }
  return {
    model,
    task,
    spec,
    optimizer,
    stream,
    get rate() {
      return rate
    },
    set rate(state) {
      rate = state
    },
    last,
    generator,
    iterate() {
      life.check()
      masks.iteration = optimizer.iteration
      const minibatch = nextMinibatch(task, stream, plan, lossOptions, result)
      const { loss, count } = result
      plan.backward(minibatch, backwardOptions)
      clipGradients(clip, backend, plan.gradients, last)
      last.loss = reduction === 'sum' ? loss / count : loss
      last.lr = learningRate(schedule, spec.optimizer.lr, optimizer.iteration + 1, iterations, rate.drops)
      carries = minibatch.carry !== undefined
      given = null
      if (!Number.isFinite(last.loss) || !Number.isFinite(last.norm)) {
        plan.resetState() // its states may be what is not finite
        carries = false
        return false
      }
      optimizer.update(last.lr)
      model.weightsChanged()
      return true
    },
    async evaluate(signal) {
      life.check()
      return scores(testPlan, task, testB, signal)
    },
    getCarried() {
      life.check()
      return given ?? (carries ? plan.getState() : null)
    },
    setCarried(state) {
      life.check()
      given = state
      if (state === null) return plan.resetState()
      if (state.B !== batch) throw new InputError(`resume: carried: expected ${batch} rows but received ${state.B}`)
      plan.setState(state)
    },
    liveShare() {
      life.check()
      return plan.liveFraction()
    },
    dispose,
    [DISPOSE]: dispose,
  }
}
