/** A model is a spec, the parameters that it describes, and plans that run it. Its file: ./modelFile.ts. */
import { type Backend, type Engine, engineOf, type Floats } from '../backend/backend.ts'
import type { Batch, Normalisation } from '../batch.ts'
import { InputError } from '../error.ts'
import { normalisationOf } from './normalisation.ts'
import {
  elements,
  initialiseParameters,
  type Parameter,
  parameterShapes,
  viewParameters,
  widths,
} from './parameters.ts'
import type { Plan, PlanOptions } from './plan.ts'
import { createPlan } from './planned.ts'
import { type ModelInput, type ModelSpec, modelSpec } from './spec.ts'
import { hostFloats, ONE_WAY, type State } from './state.ts'
import { createStepper, type Stepper } from './stepper.ts'

export type { Parameter } from './parameters.ts'
export type { Loss, LossOptions, Plan, PlanOptions } from './plan.ts'
export type { State } from './state.ts'
export type { Stepper } from './stepper.ts'

/** Weights, and what runs them. `createModel` and `loadModel` make it. */
export interface Model {
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
  forward(batch: Batch, options?: { state?: State }): ModelOutput
  /**
   * Runs one time step from `state`, or from zero: x [I] or [B,I], or one token or B tokens. Returns logits [B,K] and
   * output [B,H]. If each step gets the state that the last one returned, the numbers are those of the whole sequence
   * at once.
   * @throws InputError for a bidirectional model
   */
  step(x: number | ArrayLike<number>, state?: State): ModelOutput
  /**
   * Makes what runs many time steps fast: a step allocates nothing and takes about 0.4 µs at H = 100, a tenth of
   * `step`. It keeps the state of B sequences (default 1) and starts from zero.
   * @throws InputError for a bidirectional model
   */
  stepper(options?: { B?: number }): Stepper
  /** Gives the backend's memory back. Dispose of the plans and steppers that you made yourself. */
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
export function createModel(
  spec: ModelInput | ModelSpec,
  { backend, seed = 1, normalisation }: { backend: Backend; seed?: number; normalisation?: Normalisation | undefined },
): Model {
  const complete = modelSpec(spec)
  const model = new NetModel(complete, backend, normalisationOf(complete, normalisation))
  initialiseParameters(complete, model.parameters, seed)
  return model
}

/** A model whose weights are 0: `createModel` draws them, `loadModel` reads them. */
export class NetModel implements Model {
  readonly spec: ModelSpec
  readonly backend: Engine
  readonly parameters: readonly Parameter[]
  readonly weights: Floats
  readonly normalisation: Normalisation | null
  version = 0
  private whole: Plan | null = null
  private single: Plan | null = null

  constructor(spec: ModelSpec, backend: Backend, normalisation: Normalisation | null) {
    const shapes = parameterShapes(spec)
    const n = shapes.reduce((sum, { shape }) => sum + elements(shape), 0)
    this.spec = spec
    this.backend = engineOf(backend)
    this.normalisation = normalisation
    this.weights = this.backend.floats(n)
    this.parameters = viewParameters(shapes, this.weights)
  }

  weightsChanged(): void {
    this.version += 1
  }

  plan(options: PlanOptions): Plan {
    return createPlan(this, options)
  }

  forward(batch: Batch, { state }: { state?: State } = {}): ModelOutput {
    this.whole = this.atLeast(this.whole, batch.T, batch.B)
    return run(this.backend, this.whole, batch, state)
  }

  step(x: number | ArrayLike<number>, state?: State): ModelOutput {
    const { rnn, input } = this.spec
    if (rnn.bidirectional) throw new InputError(`step: ${ONE_WAY}`)
    const values = typeof x === 'number' ? [x] : x
    const tokens = 'vocabulary' in input
    const B = tokens ? values.length : values.length / widths(this.spec).input
    if (!Number.isInteger(B) || B < 1) {
      throw new InputError(
        `step: x: expected [I] or [B,I] with I = ${widths(this.spec).input} but received ${values.length} elements`,
      )
    }
    if (tokens && !Array.prototype.every.call(values, Number.isInteger)) {
      throw new InputError('step: x: expected tokens, which are whole numbers')
    }
    this.single = this.atLeast(this.single, 1, B)
    const batch = tokens ? { T: 1, B, tokens: new Int32Array(values) } : { T: 1, B, x: new Float64Array(values) }
    return run(this.backend, this.single, batch, state)
  }

  stepper({ B = 1 }: { B?: number } = {}): Stepper {
    return createStepper(this, B)
  }

  dispose(): void {
    this.whole?.dispose()
    this.single?.dispose()
    this.backend.free(this.weights)
  }

  /** `plan` if a batch of T steps and B sequences fits, else a larger plan in its place. */
  private atLeast(plan: Plan | null, T: number, B: number): Plan {
    if (plan && T <= plan.T && B <= plan.B) return plan
    const larger = this.plan({ T: Math.max(T, plan?.T ?? 1), B: Math.max(B, plan?.B ?? 1), training: false })
    plan?.dispose()
    return larger
  }
}

function run(backend: Backend, plan: Plan, batch: Batch, state: State | undefined): ModelOutput {
  plan.resetState()
  if (state) plan.setState(state)
  plan.forward(batch)
  const logits = hostFloats(backend, plan.logits.length)
  logits.set(plan.logits)
  return { logits, output: plan.output(), state: plan.getState() }
}
