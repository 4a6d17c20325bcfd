/**
 * The implementation of plans. A plan allocates all it needs when it is made; forward, loss and backward call kernels.
 */
import type { Engine, Floats } from '../backend/backend.ts'
import { type Batch, type BatchShape, checkInputs, checkTargets, type Normalisation } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import { type EmbeddingLayer, embeddingLayer } from '../layers/embedding.ts'
import { type Direction, type Layer, type Memory, memory } from '../layers/layer.ts'
import type { SampledLayer } from '../layers/sampled.ts'
import type { SoftmaxLayer } from '../layers/softmax.ts'
import { type Gradients, rowGradients } from './gradients.ts'
import { type Normaliser, normaliser } from './normalisation.ts'
import { named, type Parameter, widths, withGradients } from './parameters.ts'
import type { Loss, LossOptions, Plan, PlanOptions } from './plan.ts'
import { type LayerOptions, layerOptions } from './planOptions.ts'
import type { ModelSpec } from './spec.ts'
import { type Layers, modelLayers } from './stack.ts'
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

interface Parts {
  readonly spec: ModelSpec
  readonly backend: Engine
  readonly parameters: readonly Parameter[]
  readonly normalisation: Normalisation | null
}

/** @throws InputError as `layerOptions` does; RangeError when the backend's memory is full */
export function createPlan(parts: Parts, options: PlanOptions): Plan {
  const ofLayers = layerOptions(parts.spec, parts.backend.block_steps(), options)
  const arena = memory(parts.backend)
  try {
    return new BatchPlan(parts, arena, ofLayers, options.inputGradient ?? false)
  } catch (error) {
    arena.release()
    throw error
  }
}

class BatchPlan implements Plan {
  readonly T: number
  readonly B: number
  readonly inputGradient: Floats | null
  readonly gradients: Gradients
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
  private readonly made: Layers
  private readonly directions: readonly Direction[]
  /** The layers that run one after the other. A head that computes its own loss is not among them. */
  private readonly layers: readonly Layer[]
  // What the last forward left: its shape, and in `ready` what may be called next.
  private readonly now = { T: 0, B: 0, padded: false }
  private logitsView: Floats | null = null
  private start: 'batch' | 'zero' | 'carry' | State = 'batch'
  private ready: 'nothing' | 'loss' | 'backward' | 'disposed' = 'nothing'

  constructor(parts: Parts, arena: Memory, options: LayerOptions, inputGradient: boolean) {
    const { spec, backend } = parts
    const { input, head } = spec
    const { T, B, training, sampled } = options
    const { input: I } = widths(spec)
    this.parts = parts
    this.arena = arena
    this.T = T
    this.B = B
    this.limits = { T, B, input, head }
    const table = parts.parameters.find(({ name }) => name === 'embedding.weight')
    this.embedding = table ? embeddingLayer(arena, table.data, { N: T * B, E: I, training }) : null
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
    const last = parts.parameters.at(-1)!
    const start = table ? table.data.length : 0 // the table lies first, the head last
    const end = sampled ? named(parts.parameters, 'head.weight').start : last.start + last.data.length
    const dense = arena.floats(training ? end - start : 0)
    this.made = modelLayers(spec, withGradients(parts.parameters, dense, start), arena, options)
    const tables = training ? rowGradients(spec, parts.parameters, this.embedding, this.made.sampled) : []
    this.gradients = { start, dense, tables }
    this.layers = [...this.made.steps, ...this.made.rows]
    const { checkpointed, recurrent } = this.made
    this.directions = (checkpointed ? [checkpointed] : recurrent).flatMap(({ directions }) => directions)
  }

  get logits(): Floats {
    if (this.loses) throw new Error('plan.logits: this plan does not keep them: plan without logits: false and sampled')
    return this.logitsView ?? this.layers.at(-1)!.y
  }

  /** The head that computes its own loss, if there is one. */
  private get loses(): SoftmaxLayer | SampledLayer | null {
    return this.made.full ?? this.made.sampled
  }

  forward(batch: Batch): void {
    checkInputs(batch, this.limits)
    this.shape(batch)
    if (batch.lengths) this.lengths.set(batch.lengths)
    if (this.embedding) {
      this.copyTokens(batch)
      this.embedding.forward(batch.T * batch.B, this.tokens!)
    } else {
      if (batch.bytes) this.parts.backend.gather(batch.T, batch.B, batch.bytes, this.x)
      else this.x.set(batch.x!)
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
    const { kind, steps } = this.parts.spec.head
    const { dy } = this.layers.at(-1)!
    if (this.ready !== 'loss' && this.ready !== 'backward') throw new Error('plan.loss: call forward first')
    if (gradient && !dy) throw new Error('plan.loss: gradient: the plan was made with training: false')
    if (batch.T !== this.now.T || batch.B !== this.now.B) throw new Error('plan.loss: not the batch given to forward')
    const count = checkTargets(batch, this.limits)
    const scale = reduction === 'sum' ? 1 : count > 0 ? 1 / count : 0
    const lengths = steps === 'every' && this.now.padded ? this.lengths : null
    if (kind === 'classification') this.classes!.set(batch.y!)
    else this.values!.set(batch.y!)
    if (gradient) this.gradients.dense.fill(0)
    this.reduce(batch, lengths, scale, gradient ? dy : null, result)
    if (gradient) this.ready = 'backward'
    result.loss *= scale
    result.count = count
    return result
  }

  /**
   * Puts the sum of the losses in `result` and `scale` times its gradient in dy: the gradient of the logits, or, if the
   * plan does not keep them, of the head's input.
   */
  private reduce({ T, B }: Batch, lengths: Int32Array | null, scale: number, dy: Floats | null, result: Loss): void {
    const { head } = this.parts.spec
    const { full, sampled } = this.made
    const { y } = this.layers.at(-1)!
    if (full || sampled) {
      if (lengths) this.ignorePadded(T, B)
      if (full) full.run(y, this.classes!, head.size, head.size, scale, dy, result)
      else sampled!.run(y, this.classes!, scale, dy, result)
      return
    }
    const { backend } = this.parts
    const steps = head.steps === 'last' ? 1 : T
    if (this.classes)
      backend.softmax_cross_entropy(steps, B, head.size, lengths, y, this.classes, scale, dy, this.stats)
    else backend.squared_error(steps, B, head.size, lengths, y, this.values!, scale, dy, this.stats)
    result.loss = this.stats[0]!
    result.correct = this.stats[1]!
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
    if (this.made.checkpointed) throw new Error('plan.output: a plan with activationCheckpointing does not keep it')
    const { T, B, padded } = this.now
    return readOutput(this.parts.backend, this.made.recurrent.at(-1)!.directions, T, B, padded ? this.lengths : null)
  }

  liveFraction(): number {
    const { checkpointed } = this.made
    if (checkpointed) return checkpointed.live.nonzero / checkpointed.live.all
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

  /** Shapes the layers for a batch and puts the initial state in place. */
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
      const { steps, size } = this.parts.spec.head
      const rows = steps === 'last' ? 1 : T
      for (const layer of this.made.steps) layer.shape(T, B)
      for (const layer of this.made.rows) layer.shape(rows, B)
      this.loses?.shape(rows, B)
      if (!this.loses) this.logitsView = this.layers.at(-1)!.y.subarray(0, rows * B * size)
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

  /** Whether any row continues one of the last batch. @throws InputError if it cannot */
  private carries(carry: Uint8Array): boolean {
    const last = carry.lastIndexOf(1)
    if (last < 0) return false
    if (this.parts.spec.rnn.bidirectional) throw new InputError(`batch: carry: ${ONE_WAY}`)
    if (last < this.now.B) return true
    throw new InputError(
      `batch: carry[${last}]: expected 0, as the batch before has ${this.now.B} rows, but received 1`,
    )
  }

  private ignorePadded(T: number, B: number): void {
    for (let b = 0; b < B; b++) for (let t = this.lengths[b]!; t < T; t++) this.classes![t * B + b] = -1
  }

  /** Copies the tokens, with 0 at padded steps: these may hold anything, but the kernels look them up. */
  private copyTokens({ T, B, tokens, lengths }: Batch): void {
    this.tokens!.set(tokens!)
    if (!lengths) return
    for (let b = 0; b < B; b++) for (let t = lengths[b]!; t < T; t++) this.tokens![t * B + b] = 0
  }
}
