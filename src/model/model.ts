/** A model is a spec, the parameters that it describes, and plans that run it. Its file: ./modelFile.ts. */
import { type Backend, type Engine, engineOf, type Floats, isEngine } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import type { BatchInput, Normalisation, Numbers } from '../batch.ts'
import { InputError, refuseUnknown, shown } from '../error.ts'
import { checkSizes } from './inputs.ts'
import { normalisationOf } from './normalisation.ts'
import { elements, initialiseParameters, type Parameter, parameterShapes, viewParameters } from './parameters.ts'
import type { Plan, PlanOptions } from './plan.ts'
import { createPlan } from './planned.ts'
import { type ModelInput, type ModelSpec, modelSpec } from './spec.ts'
import { hostFloats, ONE_WAY, type State, type StateInput } from './state.ts'
import { type StepInput, stepBatch } from './stepInput.ts'
import { createStepper, type Stepper } from './stepper.ts'
import { fits } from './values.ts'

export type { Parameter } from './parameters.ts'
export type { Loss, LossOptions, Plan, PlanOptions } from './plan.ts'
export type { State, StateInput } from './state.ts'
export type { StepInput, StepOfBoth } from './stepInput.ts'
export type { Stepper } from './stepper.ts'

/**
 * Weights, and what runs them. `createModel` and `loadModel` make it. After `dispose`, also by `using`, or after that
 * of its backend, every call throws an InputError, and so do all calls of the plans and steppers that were made from
 * it.
 */
export interface Model extends Disposable {
  readonly spec: ModelSpec
  readonly backend: Backend
  /** In the order of PyTorch's state dict. */
  readonly parameters: readonly Parameter[]
  /**
   * All parameters in that order in one array; each parameter's `data` is a view of it. Gradients belong to a plan.
   */
  readonly weights: Floats
  /** Mean and deviation that normalise the inputs; null unless the spec's input says `normalise`. */
  readonly normalisation: Normalisation | null
  /** The number of calls of `weightsChanged`. */
  readonly version: number
  /** Call this after editing weights yourself: steppers keep a copy in another order. `train` calls it. */
  weightsChanged(): void
  /** Makes the buffers to run batches of at most T steps and B sequences, and to train on them. */
  plan(options: PlanOptions): Plan
  /**
   * Runs one batch from `state`, or from zero. Returns copies: output [T,B,directions·H] of the recurrent stack (0 at
   * padded steps), logits [B,K] or [T,B,K], and the final state.
   */
  forward(batch: BatchInput, options?: { state?: StateInput | null }): ModelOutput
  /**
   * Runs one time step from `state`, or from zero: x [I] or [B,I], or one token or B tokens, or { x, tokens } for a
   * model that reads both. Returns logits [B,K] and output [B,H]. If each step gets the state that the last one
   * returned, the numbers are those of the whole sequence at once.
   * @throws InputError for a bidirectional model
   */
  step(x: StepInput, state?: StateInput | null): ModelOutput
  /**
   * Makes what runs many time steps fast: a step allocates nothing and takes about 0.4 µs at H = 100, a tenth of
   * `step`. It keeps the state of B sequences (default 1) and starts from zero.
   * @throws InputError for a bidirectional model
   */
  stepper(options?: { B?: number }): Stepper
  /**
   * Gives the backend's memory back; a second time it does nothing. Dispose of the plans and steppers that you made
   * yourself. Arrays that the model gave before, `weights` and each parameter's `data`, must not be touched afterwards.
   */
  dispose(): void
}

/** What `Model.forward` and `Model.step` return: arrays of their own, which no later call changes. */
export interface ModelOutput {
  /** [B,K] for a head on the last step, [T,B,K] for one on every step. */
  readonly logits: Floats
  /** [T,B,directions·H] of the stack; 0 at padded steps. */
  readonly output: Floats
  /** After the last step that counts of each sequence. */
  readonly state: State
}

/**
 * A new model, its weights drawn from `seed` (default 1). If the spec's input says `normalise`, pass `normalisation`.
 * @throws InputError if the spec is wrong or the normalisation does not fit
 */
export function createModel(spec: ModelInput | ModelSpec, options: ModelOptions): Model {
  const { backend, seed = 1, normalisation } = checkedOptions('createModel', 'spec', options, MODEL_OPTIONS)
  const engine = engineOf(backend)
  const complete = modelSpec(spec)
  const model = zeroModel(complete, engine, normalisationOf(complete, normalisation))
  try {
    initialiseParameters(complete, model.parameters, seed)
    for (const { name, data } of model.parameters) {
      if (fits(data)) continue
      throw new InputError(
        `model spec: ${name}: expected weights that float32 can hold: use a smaller initialiser or bias`,
      )
    }
  } catch (error) {
    model.dispose()
    throw error
  }
  return model
}

/** What `createModel` needs beside a spec. */
export interface ModelOptions {
  readonly backend: Backend
  /** Of the weights. Default 1. */
  readonly seed?: number | undefined
  /** If the spec's input says `normalise`: the mean and deviation of the inputs, as the task has them. */
  readonly normalisation?: { readonly mean: Numbers; readonly std: Numbers } | undefined
}

const MODEL_OPTIONS = ['backend', 'seed', 'normalisation']

/**
 * Options with a backend among them.
 * @param call and first: the function and its first argument, for messages
 */
export function checkedOptions<O extends { readonly backend: Backend }>(
  call: string,
  first: string,
  options: O,
  known: readonly string[],
): O {
  if (typeof options !== 'object' || options === null || options instanceof Promise || isEngine(options)) {
    const received = isEngine(options) ? 'a backend' : shown(options)
    throw new InputError(`${call}: expected { backend } but received ${received}: write ${call}(${first}, { backend })`)
  }
  refuseUnknown(call, options, known)
  return options
}

/** What the library knows of a model beside what is public. */
export interface NetModel extends Model {
  readonly backend: Engine
  readonly life: Life
  /**
   * Gives the model to a run, which alone may train it until it calls what is returned.
   * @throws InputError if another run has it: the two would take turns at its weights
   */
  occupy(): () => void
}

/** A model whose weights are 0: `createModel` draws them, `loadModel` reads them. */
export function zeroModel(spec: ModelSpec, backend: Backend, normalisation: Normalisation | null): NetModel {
  return new WeightsModel(spec, engineOf(backend), normalisation)
}

/**
 * The model that a public one is.
 * @throws InputError unless createModel or loadModel made it and it is not disposed of
 */
export function modelOf(model: Model): NetModel {
  const given = model as Partial<NetModel> | null | undefined
  if (typeof given?.weightsChanged !== 'function' || typeof given.life?.check !== 'function') {
    throw new InputError(`model: expected what createModel or loadModel gives but received ${shown(model)}`)
  }
  given.life.check()
  return model as NetModel
}

class WeightsModel implements NetModel {
  readonly spec: ModelSpec
  readonly backend: Engine
  readonly normalisation: Normalisation | null
  readonly life: Life
  version = 0
  private occupied = false
  /** Null after the end: on native and reference the collector then has it. */
  private memory: { readonly weights: Floats; readonly parameters: readonly Parameter[] } | null
  private whole: Plan | null = null
  private single: Plan | null = null

  constructor(spec: ModelSpec, backend: Engine, normalisation: Normalisation | null) {
    const shapes = parameterShapes(spec)
    const n = shapes.reduce((sum, { shape }) => sum + elements(shape), 0)
    this.spec = spec
    this.backend = backend
    this.normalisation = normalisation
    this.life = new Life('model', 'create or load another', this.backend.life)
    const weights = this.backend.floats(n)
    this.memory = { weights, parameters: viewParameters(shapes, weights) }
  }

  get parameters(): readonly Parameter[] {
    this.life.check()
    return this.memory!.parameters
  }

  get weights(): Floats {
    this.life.check()
    return this.memory!.weights
  }

  weightsChanged(): void {
    this.life.check()
    this.version += 1
  }

  occupy(): () => void {
    this.life.check()
    if (this.occupied) {
      throw new InputError(
        'train: model: expected one that no run trains, but another run does: let that end, or end it with run.return()',
      )
    }
    this.occupied = true
    return () => {
      this.occupied = false
    }
  }

  plan(options: PlanOptions): Plan {
    return createPlan(this, options)
  }

  forward(batch: BatchInput, options: { state?: StateInput | null } = {}): ModelOutput {
    this.life.check()
    refuseUnknown('model.forward', options, ['state'])
    checkSizes(batch, { T: Number.POSITIVE_INFINITY, B: Number.POSITIVE_INFINITY })
    this.whole = this.atLeast(this.whole, batch.T, batch.B)
    return run(this.backend, this.whole, batch, options.state)
  }

  step(x: StepInput, state?: StateInput | null): ModelOutput {
    this.life.check()
    if (this.spec.rnn.bidirectional) throw new InputError(`step: ${ONE_WAY}`)
    const batch = stepBatch(this.spec, x)
    this.single = this.atLeast(this.single, 1, batch.B)
    return run(this.backend, this.single, batch, state)
  }

  stepper(options: { B?: number } = {}): Stepper {
    this.life.check()
    refuseUnknown('stepper', options, ['B'])
    return createStepper(this, options.B ?? 1)
  }

  dispose(): void {
    if (!this.life.end()) return
    this.whole?.dispose()
    this.single?.dispose()
    this.backend.free(this.memory!.weights)
    this.memory = null
  }

  [DISPOSE](): void {
    this.dispose()
  }

  /** `plan` if a batch of T steps and B sequences fits, else a larger plan in its place. */
  private atLeast(plan: Plan | null, T: number, B: number): Plan {
    if (plan && T <= plan.T && B <= plan.B) return plan
    const larger = this.plan({ T: Math.max(T, plan?.T ?? 1), B: Math.max(B, plan?.B ?? 1), training: false })
    plan?.dispose()
    return larger
  }
}

function run(backend: Backend, plan: Plan, batch: BatchInput, state: StateInput | null | undefined): ModelOutput {
  plan.resetState()
  if (state !== undefined && state !== null) plan.setState(state)
  plan.forward(batch)
  const logits = hostFloats(backend, plan.logits.length)
  logits.set(plan.logits)
  return { logits, output: plan.output(), state: plan.getState() }
}
