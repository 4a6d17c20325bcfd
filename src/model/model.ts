/**
 * A model is a spec, parameters drawn by it, and plans that run it. Its file is safetensors with the spec in the metadata:
 * PyTorch reads the weights by name, and loading runs no code.
 */
import type { Backend, Floats } from '../backend/backend.ts'
import { allFinite, type Batch, type Normalisation } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import { type Decoded, decode, encode, encodeParts, type NamedTensor, type Source } from '../formats/safetensors.ts'
import { normalisationOf, normalisationShapes } from './normalisation.ts'
import {
  elements,
  initialiseParameters,
  type Parameter,
  type ParameterShape,
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

export interface Model {
  readonly spec: ModelSpec
  readonly backend: Backend
  /** In the order of PyTorch's state dict. */
  readonly parameters: readonly Parameter[]
  /** All parameters in that order in one array; each parameter's `data` is a view of it. Gradients are a plan's. */
  readonly weights: Floats
  /** What inputs are normalised by; null unless the spec's input says `normalise`. */
  readonly normalisation: Normalisation | null
  /** How often `weightsChanged` was called. */
  readonly version: number
  /** To be called after writing into weights by hand: steppers keep them in another order. `train` calls it itself. */
  weightsChanged(): void
  /** Buffers to run batches of at most T steps and B sequences, and to train on them. */
  plan(options: PlanOptions): Plan
  /**
   * Runs one batch, for a look: output [T,B,directions·H] of the stack (0 at padded steps), logits [B,K] or [T,B,K], and the
   * final state. Copies; starts from `state` or from zero.
   */
  forward(batch: Batch, options?: { state?: State }): ModelOutput
  /**
   * Runs one time step: x [I] or [B,I], or one token or B tokens. Fed each output's state it gives the same numbers as the
   * whole sequence at once; logits [B,K], output [B,H]. Starts from zero without a state.
   * @throws InputError for a bidirectional model
   */
  step(x: number | ArrayLike<number>, state?: State): ModelOutput
  /**
   * The same for streams that do not wait: a step allocates nothing and takes some 0.4 µs at H = 100, a tenth of `step`. Keeps
   * its own state, of B sequences (default 1), and starts from zero.
   * @throws InputError for a bidirectional model
   */
  stepper(options?: { B?: number }): Stepper
  /** Gives the backend's memory back (plans and steppers are disposed of by who made them). */
  dispose(): void
}

export interface ModelOutput {
  readonly logits: Floats
  readonly output: Floats
  readonly state: State
}

/**
 * A new model, its weights drawn from `seed` (default 1). `normalisation` is needed, and used, if the spec's input says `normalise`.
 * @throws InputError if the spec is none, or the normalisation does not fit
 */
export function createModel(
  spec: ModelInput | ModelSpec,
  { backend, seed = 1, normalisation }: { backend: Backend; seed?: number; normalisation?: Normalisation | undefined },
): Model {
  const complete = modelSpec(spec)
  const model = new Unfilled(complete, backend, normalisationOf(complete, normalisation))
  initialiseParameters(complete, model.parameters, seed)
  return model
}

/** The bytes of `model.safetensors`; they depend on nothing but the spec and the weights. */
export function saveModel(model: Model): Uint8Array {
  return encode(modelTensors(model), { irnn: JSON.stringify(model.spec) })
}

/** The same in parts, to be written one after the other: views of the weights, not copies, of whatever size. */
export function modelParts(model: Model): Uint8Array[] {
  return encodeParts(modelTensors(model), { irnn: JSON.stringify(model.spec) })
}

/** What a file has of a model: its parameters, and what inputs are normalised by. */
export function modelTensors({ parameters, normalisation }: Model): NamedTensor[] {
  const tensors: NamedTensor[] = parameters.map(({ name, shape, data }) => ({ name, shape, data }))
  for (const [name, data] of Object.entries(normalisation ?? {})) {
    tensors.push({ name: `input.${name}`, shape: [data.length], data })
  }
  return tensors
}

/**
 * The model of such bytes, or of such a file, whose weights are then read to where they shall be.
 * @throws InputError if they are no safetensors file, hold no spec, or weights that are not the spec's or not finite
 */
export function loadModel(file: Uint8Array | Source, { backend }: { backend: Backend }): Model {
  const { spec, tensors } = opened(file)
  const numbers = (name: string, into?: Floats): Floats => finite(name, tensors.get(name)!.read(into))
  const normalised = tensors.has('input.mean') && { mean: numbers('input.mean'), std: numbers('input.std') }
  const model = new Unfilled(spec, backend, normalisationOf(spec, normalised || undefined))
  try {
    for (const { name, data } of model.parameters) numbers(name, data)
  } catch (error) {
    model.dispose()
    throw error
  }
  return model
}

function finite(name: string, data: Floats): Floats {
  if (allFinite(data)) return data
  const bad = data.findIndex((value) => !Number.isFinite(value))
  throw new InputError(`model file: ${name}[${bad}]: expected a finite number but received ${data[bad]}`)
}

/** What model such bytes or such a file hold, without its weights. @throws InputError as loadModel, but for what weights are */
export function describeModel(file: Uint8Array | Source): { spec: ModelSpec; parameters: readonly ParameterShape[] } {
  const { spec } = opened(file)
  return { spec, parameters: parameterShapes(spec) }
}

function opened(file: Uint8Array | Source): { spec: ModelSpec; tensors: Decoded['tensors'] } {
  const { tensors, metadata } = decode(file)
  const stored = metadata.get('irnn')
  if (stored === undefined) {
    throw new InputError('model file: expected the spec as metadata "irnn" but there is none: save it with saveModel')
  }
  const spec = modelSpec(parseSpec(stored))
  const shapes = [...parameterShapes(spec), ...normalisationShapes(spec)]
  for (const { name, shape } of shapes) {
    const tensor = tensors.get(name)
    if (!tensor)
      throw new InputError(`model file: expected a tensor ${name} [${shape}], as its spec says, but there is none`)
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw new InputError(
        `model file: ${name}: expected shape [${shape}], as its spec says, but received [${tensor.shape}]`,
      )
    }
  }
  const known = new Set(shapes.map(({ name }) => name))
  for (const name of tensors.keys()) {
    if (/^(optimizer|carried)\./.test(name)) continue // the file is a checkpoint: it holds a model among other things
    if (!known.has(name)) throw new InputError(`model file: tensor ${shown(name)} is not one of its spec's parameters`)
  }
  return { spec, tensors }
}

function parseSpec(stored: string): unknown {
  try {
    return JSON.parse(stored)
  } catch {
    throw new InputError(`model file: metadata irnn: expected JSON but received ${shown(stored)}`)
  }
}

class Unfilled implements Model {
  readonly spec: ModelSpec
  readonly backend: Backend
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
    this.backend = backend
    this.normalisation = normalisation
    this.weights = backend.floats(n)
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

  /** The plan kept for such calls, or a larger one in its place. */
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
