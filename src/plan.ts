/**
 * A plan is a model unrolled: layers with buffers for at most T steps of B sequences. Everything is allocated here; forward,
 * loss and backward only call kernels. One model may have several plans (training, evaluation, streaming): they share the
 * weights and gradients, and keep their own states.
 */
import type { Backend, Floats } from './backend/backend.ts'
import { type Batch, type BatchShape, checkInputs, checkTargets, type Normalisation } from './batch.ts'
import { InputError, shown } from './error.ts'
import type { CheckpointedLayer } from './layers/checkpointed.ts'
import { type EmbeddingLayer, embeddingLayer } from './layers/embedding.ts'
import { type Direction, type Layer, type Memory, memory, type RecurrentLayer } from './layers/layer.ts'
import { type Normaliser, normaliser } from './normalisation.ts'
import { type Parameter, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'
import { type LayerOptions, largestBuffer, modelLayers, stepsInMemory } from './stack.ts'
import {
  carryRows,
  carryState,
  checkState,
  ONE_WAY,
  readOutput,
  readState,
  type State,
  writeState,
  zeroRows,
  zeroState,
} from './state.ts'

export interface PlanOptions {
  /** The most steps a batch may have. */
  T: number
  /** The most sequences a batch may have. */
  B: number
  /** false: no buffers for gradients, and no `backward`. Default true. */
  training?: boolean
  /** Also compute the gradient of x (tokens have none). Default false. */
  inputGradient?: boolean
  /**
   * Keep only every √T-th state and compute the others again in `backward` (Chen et al. 2016): memory for long sequences, the
   * same bits, some fifth more time. A number says how many steps lie between kept states, a multiple of 16. Default false.
   * What is of every step by nature stays: x, embeddings, and logits of a head on every step. `output` is not there.
   */
  activationCheckpointing?: boolean | number
}

export interface LossOptions {
  /** mean: over the rows that count (classification) or their elements (regression); sum: not divided. */
  reduction: 'mean' | 'sum'
  /** Also leave the gradient of the loss for `backward`. */
  gradient: boolean
}

export interface Loss {
  /** Reduced loss: cross-entropy in nats, or squared error. */
  loss: number
  /** Classification: rows whose most probable class is the target. */
  correct: number
  /** What the mean divides by: rows (classification) or elements (regression) that count. */
  count: number
}

export interface Plan {
  readonly T: number
  readonly B: number
  /**
   * Runs a batch from the state that carryState, setState or resetState said since the last forward, else as `batch.carry`
   * says, else from zero. After setState, rows whose `batch.carry` is 0 start from zero all the same.
   * @throws InputError if the batch does not fit the model or the plan
   */
  forward(batch: Batch): void
  /** Of the last forward: [B,K] for a head on the last step, [T,B,K] for every step. A view: the next forward overwrites it. */
  readonly logits: Floats
  /**
   * The loss of the last forward against batch.y, where `batch` is the one given to forward. Who wants no garbage gives the
   * object to fill in.
   */
  loss(batch: Batch, options: LossOptions, result?: Loss): Loss
  /**
   * Adds the gradient of the loss to the model's `gradients` (the caller zeroes them), after `loss` with gradient: true and
   * once per forward. derivativeClip > 0 bounds every element of dL/da_t inside BPTT (Graves 2013); 0, the default, none.
   */
  backward(batch: Batch, options?: { derivativeClip?: number }): void
  /** [T,B,I] of the last backward; null unless planned with inputGradient. */
  readonly inputGradient: Floats | null
  /** The next forward starts from zero, whatever `batch.carry` says. */
  resetState(): void
  /** The next forward starts from the final state of the last one (truncated BPTT). Not for bidirectional models. */
  carryState(): void
  /** The next forward starts from `state`. */
  setState(state: State): void
  /** A copy of the final state of the last forward. */
  getState(): State
  /** A copy of the stack's output in the last forward, [T,B,directions·H]; 0 at padded steps, as PyTorch pads. */
  output(): Floats
  /** Share of h, over all layers and steps of the last forward, that is not 0 (a padded step repeats the state before it). */
  liveFraction(): number
  /** Gives the memory back; the plan is of no use afterwards. */
  dispose(): void
}

interface Parts {
  readonly spec: ModelSpec
  readonly backend: Backend
  readonly parameters: readonly Parameter[]
  readonly normalisation: Normalisation | null
}

/** @throws InputError for sizes that are none or too large; RangeError when the backend's memory is full */
export function createPlan(parts: Parts, options: PlanOptions): Plan {
  const { T, B, training = true, inputGradient = false, activationCheckpointing = false } = options
  for (const [name, value] of Object.entries({ T, B })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new InputError(`plan: ${name}: expected a whole number >= 1 but received ${shown(value)}`)
  }
  const S = stepsInMemory(parts.spec, T, activationCheckpointing)
  const most = largestBuffer(parts.spec, { T, B, S })
  if (most >= 2 ** 31) {
    throw new InputError(
      `plan: expected buffers of fewer than 2^31 elements but T ${T} and B ${B} need ${most}: cut T or B`,
    )
  }
  const arena = memory(parts.backend)
  try {
    return new Unrolled(parts, arena, { T, B, training, inputGradient, S })
  } catch (error) {
    arena.release()
    throw error
  }
}

class Unrolled implements Plan {
  readonly T: number
  readonly B: number
  readonly inputGradient: Floats | null
  private readonly parts: Parts
  private readonly arena: Memory
  private readonly limits: BatchShape
  private readonly x: Floats
  private readonly tokens: Int32Array | null
  private readonly normaliser: Normaliser | null
  private readonly lengths: Int32Array
  private readonly classes: Int32Array | null
  private readonly values: Floats | null
  private readonly stats: Float64Array
  private readonly embedding: EmbeddingLayer | null
  private readonly stack: readonly RecurrentLayer[]
  private readonly directions: readonly Direction[]
  /** The stack where it goes by segments, alone or with the layers above it. */
  private readonly checkpointed: CheckpointedLayer | null
  private readonly head: Layer
  /** The layers above the stack, which see rows and not time. */
  private readonly dense: readonly Layer[]
  private readonly layers: readonly Layer[]
  // Of the last forward; `ready` says what may be called next.
  private readonly now = { T: 0, B: 0, padded: false }
  private logitsView: Floats
  private start: 'batch' | 'zero' | 'carry' | State = 'batch'
  private ready: 'nothing' | 'loss' | 'backward' | 'disposed' = 'nothing'

  constructor(
    parts: Parts,
    arena: Memory,
    { T, B, training, inputGradient, S }: LayerOptions & { inputGradient: boolean },
  ) {
    const { spec, backend, parameters } = parts
    const { input, head } = spec
    const { input: I } = widths(spec)
    this.parts = parts
    this.arena = arena
    this.T = T
    this.B = B
    this.limits = { T, B, input, head }
    const table = parameters.find(({ name }) => name === 'embedding.weight')
    this.embedding = table ? embeddingLayer(arena, table.data, table.grad, { N: T * B, E: I, training }) : null
    this.tokens = table ? arena.ints(T * B) : null
    this.x = this.embedding?.y ?? arena.floats(T * B * I)
    this.inputGradient = inputGradient && training && !table ? arena.floats(T * B * I) : null
    this.normaliser = parts.normalisation && normaliser(parts.normalisation)
    this.lengths = arena.ints(B)
    const rows = head.steps === 'last' ? 1 : T
    const K = head.size
    this.classes = head.kind === 'classification' ? arena.ints(rows * B) : null
    this.values = head.kind === 'regression' ? arena.floats(rows * B * K) : null
    this.stats = backend.doubles(3)
    const { stack, dense, checkpointed } = modelLayers(spec, parameters, arena, { T, B, training, S })
    this.stack = stack
    this.dense = dense
    this.checkpointed = checkpointed
    this.layers = [...stack, ...dense]
    this.head = this.layers.at(-1)!
    this.directions = this.stack.flatMap((layer) => layer.directions)
    this.logitsView = this.head.y
  }

  get logits(): Floats {
    return this.logitsView
  }

  forward(batch: Batch): void {
    checkInputs(batch, this.limits)
    this.shape(batch)
    if (batch.lengths) this.lengths.set(batch.lengths)
    if (this.embedding) {
      this.copyTokens(batch)
      this.embedding.forward(batch.T * batch.B, this.tokens!)
    } else {
      this.x.set(batch.x!)
      this.normaliser?.apply(this.x, batch.T * batch.B)
    }
    const lengths = batch.lengths ? this.lengths : null
    let below = this.x
    for (let i = 0; i < this.layers.length; i++) {
      this.layers[i]!.forward(below, lengths)
      below = this.layers[i]!.y
    }
    this.ready = 'loss'
  }

  loss(batch: Batch, { reduction, gradient }: LossOptions, result: Loss = { loss: 0, correct: 0, count: 0 }): Loss {
    const { kind, size: K, steps } = this.parts.spec.head
    const { backend } = this.parts
    const { y, dy } = this.head
    if (this.ready !== 'loss' && this.ready !== 'backward') throw new Error('plan.loss: call forward first')
    if (gradient && !dy) throw new Error('plan.loss: gradient: the plan was made with training: false')
    if (batch.T !== this.now.T || batch.B !== this.now.B) throw new Error('plan.loss: not the batch given to forward')
    const count = checkTargets(batch, this.limits)
    const T = steps === 'last' ? 1 : batch.T
    const lengths = steps === 'every' && this.now.padded ? this.lengths : null
    const scale = reduction === 'sum' ? 1 : count > 0 ? 1 / count : 0
    const dlogits = gradient ? dy : null
    if (kind === 'classification') {
      this.classes!.set(batch.y!)
      backend.softmax_cross_entropy(T, batch.B, K, lengths, y, this.classes!, scale, dlogits, this.stats)
    } else {
      this.values!.set(batch.y!)
      backend.squared_error(T, batch.B, K, lengths, y, this.values!, scale, dlogits, this.stats)
    }
    if (gradient) this.ready = 'backward'
    result.loss = this.stats[0]! * scale
    result.correct = this.stats[1]!
    result.count = count
    return result
  }

  backward({ T, B }: Batch, { derivativeClip = 0 }: { derivativeClip?: number } = {}): void {
    if (this.ready !== 'backward' || T !== this.now.T || B !== this.now.B) {
      throw new Error('plan.backward: call forward, then loss with gradient: true, on the same batch first')
    }
    if (!(derivativeClip >= 0 && derivativeClip < Infinity)) {
      throw new InputError(`derivativeClip: expected a number >= 0 (0: none) but received ${shown(derivativeClip)}`)
    }
    const lengths = this.now.padded ? this.lengths : null
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const below = this.layers[i - 1] ?? this.embedding
      const dx = below ? below.dy : this.inputGradient
      this.layers[i]!.backward(below ? below.y : this.x, lengths, derivativeClip, dx, 0)
    }
    this.embedding?.backward(T * B, this.tokens!)
    if (this.inputGradient) this.normaliser?.applyToGradient(this.inputGradient, T * B)
    this.ready = 'nothing' // the layers' buffers now hold gradients
  }

  resetState(): void {
    this.start = 'zero'
  }

  carryState(): void {
    if (this.parts.spec.rnn.bidirectional) throw new InputError(`carryState: ${ONE_WAY}`)
    if (this.now.T === 0) throw new Error('plan.carryState: no state yet: call forward first')
    this.start = 'carry'
  }

  setState(state: State): void {
    checkState(this.parts.spec, state)
    this.start = state
  }

  getState(): State {
    if (this.now.T === 0) throw new Error('plan.getState: no state yet: call forward first')
    return readState(this.parts.backend, this.directions, this.now.B)
  }

  output(): Floats {
    if (this.checkpointed) throw new Error('plan.output: a plan with activationCheckpointing does not keep it')
    const { T, B, padded } = this.now
    return readOutput(this.parts.backend, this.stack.at(-1)!.directions, T, B, padded ? this.lengths : null)
  }

  liveFraction(): number {
    if (this.checkpointed) return this.checkpointed.live.nonzero / this.checkpointed.live.all
    let live = 0
    let all = 0
    for (const { h } of this.directions) {
      live += this.parts.backend.count_nonzero(h.output.length, h.output)
      all += h.output.length
    }
    return live / all
  }

  dispose(): void {
    this.arena.release()
    this.now.T = 0
    this.ready = 'disposed'
  }

  /** Shapes the layers for a batch and puts its initial state in place. */
  private shape({ T, B, lengths, carry }: Batch): void {
    const { now, start, directions } = this
    const held = start === 'carry' ? now.B : typeof start === 'object' ? start.B : B
    if (this.ready === 'disposed') throw new Error('plan.forward: the plan is disposed of')
    this.ready = 'nothing'
    if (held !== B) {
      throw new InputError(
        `batch: B: expected ${held}, as in the state to start from, but received ${B}: reset the state`,
      )
    }
    const carries = start === 'batch' && carry !== undefined && this.carries(carry)
    if (carries) carryRows(directions, carry, now.B)
    else if (start === 'carry') carryState(directions)
    if (T !== now.T || B !== now.B) {
      for (const layer of this.stack) layer.shape(T, B)
      const rows = this.parts.spec.head.steps === 'last' ? 1 : T
      for (const layer of this.dense) layer.shape(rows, B)
      this.logitsView = this.head.y.subarray(0, rows * B * this.parts.spec.head.size)
    }
    now.T = T
    now.B = B
    now.padded = lengths !== undefined
    if (typeof start === 'object') {
      writeState(directions, start)
      if (carry) zeroRows(directions, carry)
    } else if (!carries && start !== 'carry') zeroState(directions)
    this.start = 'batch'
  }

  /** Whether any row goes on from the last batch. @throws InputError if one cannot */
  private carries(carry: Uint8Array): boolean {
    const last = carry.lastIndexOf(1)
    if (last < 0) return false
    if (this.parts.spec.rnn.bidirectional) throw new InputError(`batch: carry: ${ONE_WAY}`)
    if (last < this.now.B) return true
    throw new InputError(
      `batch: carry[${last}]: expected 0, as the batch before has ${this.now.B} rows, but received 1`,
    )
  }

  /** Tokens of padded steps become 0: they may be anything, but the gather and scatter read them. */
  private copyTokens({ T, B, tokens, lengths }: Batch): void {
    this.tokens!.set(tokens!)
    if (!lengths) return
    for (let b = 0; b < B; b++) for (let t = lengths[b]!; t < T; t++) this.tokens![t * B + b] = 0
  }
}
