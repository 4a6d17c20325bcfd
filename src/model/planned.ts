/**
 * The implementation of plans. A plan allocates all it needs when it is made; forward, loss and backward call kernels.
 */
import type { Floats } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import type { BatchInput } from '../batch.ts'
import { InputError } from '../error.ts'
import { type InputLayer, inputLayer } from '../layers/input.ts'
import { type Direction, type Layer, type Memory, withMemory } from '../layers/layer.ts'
import type { SampledLayer } from '../layers/sampled.ts'
import type { SoftmaxLayer } from '../layers/softmax.ts'
import { type Gradients, rowGradients } from './gradients.ts'
import { Inputs } from './inputs.ts'
import { Losses } from './losses.ts'
import { outputScale, ScaledLogits } from './outputScale.ts'
import { inputWidths, named, withGradients } from './parameters.ts'
import type { Loss, LossOptions, Plan, PlanOptions } from './plan.ts'
import { checkLossOptions, derivativeClipOf, type LayerOptions, layerOptions } from './planOptions.ts'
import { type Layers, type ModelParts, modelLayers } from './stack.ts'
import {
  carryRows,
  carryState,
  copyOfState,
  ONE_WAY,
  readOutput,
  readState,
  type State,
  type StateInput,
  writeState,
  zeroRows,
  zeroState,
} from './state.ts'
import { refuseOther, Targets } from './targets.ts'
import { type UnitShares, unitShares } from './units.ts'

/** @throws InputError as `layerOptions` does; RangeError when the backend's memory is full */
export function createPlan(parts: ModelParts, options: PlanOptions): Plan {
  parts.life.check()
  const ofLayers = layerOptions(parts.spec, parts.backend.block_steps(), options)
  const { inputGradient = false } = options
  return withMemory(parts.backend, (arena) => new BatchPlan(parts, arena, ofLayers, inputGradient))
}

class BatchPlan implements Plan {
  readonly T: number
  readonly B: number
  private readonly life: Life
  private readonly parts: ModelParts
  private readonly arena: Memory
  private readonly inputs: Inputs
  private readonly targets: Targets
  private readonly left: Gradients
  /** Of the last forward, if it was padded. */
  private readonly lengths: Int32Array
  private readonly losses: Losses
  private readonly scaled: ScaledLogits | null
  private readonly bottom: InputLayer
  private readonly made: Layers
  private readonly directions: readonly Direction[]
  /** The layers that run one after the other. A head that computes its own loss is not among them. */
  private readonly layers: readonly Layer[]
  // What the last forward left: its shape, and in `ready` what may be called next.
  private readonly now = { T: 0, B: 0, padded: false }
  private logitsView: Floats | null = null
  private start: 'batch' | 'zero' | 'carry' | State = 'batch'
  private ready: 'nothing' | 'loss' | 'backward' = 'nothing'

  constructor(parts: ModelParts, arena: Memory, options: LayerOptions, inputGradient: boolean) {
    const { spec } = parts
    const { input, head } = spec
    const { T, B, training, sampled } = options
    this.life = new Life('plan', 'make another with model.plan()', parts.life)
    this.parts = parts
    this.arena = arena
    this.T = T
    this.B = B
    const limits = { T, B, input, head }
    const table = parts.parameters.find(({ name }) => name === 'embedding.weight')
    this.inputs = new Inputs(arena, limits, parts.normalisation)
    const { x, tokens } = this.inputs
    const of = table ? { ids: tokens!, table: table.data } : null
    const given = { N: T * B, training, gradient: inputGradient }
    this.bottom = inputLayer(arena, x, of, inputWidths(spec), given)
    this.lengths = arena.ints(B)
    const scale = spec.output ? outputScale(spec.output, head.size) : null
    this.scaled = scale && new ScaledLogits(arena, scale, (head.steps === 'last' ? 1 : T) * B, head.size)
    this.targets = new Targets(arena, limits, scale)
    this.losses = new Losses(arena, spec)
    const last = parts.parameters.at(-1)!
    const start = table ? table.data.length : 0 // the table lies first, the head last
    const end = sampled ? named(parts.parameters, 'head.weight').start : last.start + last.data.length
    const dense = arena.floats(training ? end - start : 0)
    this.made = modelLayers(spec, withGradients(parts.parameters, dense, start), arena, options)
    const tables = training ? rowGradients(spec, parts.parameters, this.bottom, this.made.sampled) : []
    this.left = { start, dense, tables }
    this.layers = [...this.made.steps, ...this.made.rows]
    const { checkpointed, recurrent } = this.made
    this.directions = (checkpointed ? [checkpointed] : recurrent).flatMap(({ directions }) => directions)
  }

  get gradients(): Gradients {
    this.life.check()
    return this.left
  }

  get inputGradient(): Floats | null {
    this.life.check()
    return this.bottom.dx
  }

  get logits(): Floats {
    this.life.check()
    if (this.loses)
      throw new InputError('plan.logits: this plan does not keep them: plan without logits: false and sampled')
    const logits = this.logitsView ?? this.layers.at(-1)!.y
    return this.scaled?.of(logits) ?? logits
  }

  /** The head that computes its own loss, if there is one. */
  private get loses(): SoftmaxLayer | SampledLayer | null {
    return this.made.full ?? this.made.sampled
  }

  forward(batch: BatchInput): void {
    this.life.check()
    this.ready = 'nothing' // x of the last batch goes
    this.scaled?.forget()
    this.inputs.read(batch)
    this.shape(batch)
    const { T, B } = this.now
    this.bottom.forward(T * B)
    const lengths = this.now.padded ? this.lengths : null
    let below = this.bottom.y
    for (let i = 0; i < this.layers.length; i++) {
      this.layers[i]!.forward(below, lengths)
      below = this.layers[i]!.y
    }
    this.ready = 'loss'
  }

  loss(batch: BatchInput, options: LossOptions, result: Loss = { loss: 0, correct: 0, count: 0 }): Loss {
    this.life.check()
    checkLossOptions(options)
    const { reduction, gradient, loss } = options
    const { steps } = this.parts.spec.head
    const { dy } = this.layers.at(-1)!
    if (this.ready !== 'loss' && this.ready !== 'backward') throw new InputError('plan.loss: call forward first')
    if (gradient && !dy) throw new InputError('plan.loss: gradient: the plan was made with training: false')
    const padding = this.now.padded ? this.lengths : null
    refuseOther(batch, this.now, padding)
    this.losses.choose(loss)
    if (this.loses) this.losses.refuseUnlessPlain()
    const count = this.targets.read(batch, padding, this.losses) * this.losses.each
    const scale = reduction === 'sum' ? 1 : count > 0 ? 1 / count : 0
    if (gradient) this.left.dense.fill(0)
    this.reduce(steps === 'every' ? padding : null, scale, gradient ? dy : null, result)
    if (gradient) this.ready = 'backward'
    result.loss *= scale
    result.count = count
    return result
  }

  /**
   * Puts the sum of the losses in `result` and `scale` times its gradient in dy: the gradient of the logits, or, if the
   * plan does not keep them, of the head's input.
   */
  private reduce(lengths: Int32Array | null, scale: number, dy: Floats | null, result: Loss): void {
    const { T, B } = this.now
    const { head } = this.parts.spec
    const { full, sampled } = this.made
    const { y } = this.layers.at(-1)!
    if (full || sampled) {
      if (lengths) this.targets.ignorePadded(T, B, lengths)
      const classes = this.targets.classes!
      if (full) full.run(y, classes, head.size, head.size, scale, dy, result)
      else sampled!.run(y, classes, scale, dy, result)
      return
    }
    const size = { T: head.steps === 'last' ? 1 : T, B }
    this.losses.run(size, lengths, y, this.targets, scale, dy, result)
  }

  backward(batch: BatchInput, options?: { derivativeClip?: number }): void {
    this.life.check()
    const derivativeClip = derivativeClipOf(options)
    const { T, B } = this.now
    if (this.ready !== 'backward' || batch?.T !== T || batch.B !== B) {
      throw new InputError('plan.backward: call forward, then loss with gradient: true, on the same batch first')
    }
    const lengths = this.now.padded ? this.lengths : null
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const below = this.layers[i - 1] ?? this.bottom
      this.layers[i]!.backward(below.y, lengths, derivativeClip, below.dy, 0)
    }
    this.bottom.backward(T * B)
    if (this.bottom.dx) this.inputs.applyToGradient(this.bottom.dx, T * B)
    this.ready = 'nothing' // the layers' buffers now hold gradients
  }

  resetState(): void {
    this.life.check()
    this.start = 'zero'
  }

  carryState(): void {
    this.life.check()
    if (this.parts.spec.rnn.bidirectional) throw new InputError(`carryState: ${ONE_WAY}`)
    if (this.now.T === 0) throw new InputError('plan.carryState: no state yet: call forward first')
    this.start = 'carry'
  }

  setState(state: StateInput): void {
    this.life.check()
    this.start = copyOfState(this.parts.backend, this.parts.spec, state)
  }

  getState(): State {
    this.life.check()
    if (this.now.T === 0) throw new InputError('plan.getState: no state yet: call forward first')
    return readState(this.parts.backend, this.directions, this.now.B)
  }

  output(): Floats {
    this.life.check()
    if (this.made.checkpointed)
      throw new InputError('plan.output: a plan with activationCheckpointing does not keep it')
    const { T, B, padded } = this.now
    return readOutput(this.parts.backend, this.made.recurrent.at(-1)!.directions, T, B, padded ? this.lengths : null)
  }

  liveFraction(): number {
    this.life.check()
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

  unitShares(): UnitShares | null {
    this.life.check()
    return this.made.checkpointed ? null : unitShares(this.directions, this.now)
  }

  dispose(): void {
    if (this.life.end()) this.arena.release()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  /** Shapes the layers for a batch and puts the initial state in place. */
  private shape({ T, B, lengths, carry }: BatchInput): void {
    const { now, start, directions } = this
    const held = start === 'carry' ? now.B : typeof start === 'object' ? start.B : B
    if (held !== B) {
      throw new InputError(
        `batch: B: expected ${held}, as in the state to start from, but received ${B}: reset the state`,
      )
    }
    const carries = start === 'batch' && carry !== undefined && this.carries(B)
    if (carries) carryRows(directions, this.inputs.carry, B, now.B)
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
    if (now.padded) this.lengths.set(this.inputs.lengths)
    if (typeof start === 'object') {
      writeState(directions, start)
      if (carry !== undefined) zeroRows(directions, this.inputs.carry, B)
    } else if (!carries && start !== 'carry') zeroState(directions)
    this.start = 'batch'
  }

  /** Whether any of B rows continues one of the last batch. @throws InputError if it cannot */
  private carries(B: number): boolean {
    let last = B - 1
    while (last >= 0 && this.inputs.carry[last] === 0) last--
    if (last < 0) return false
    if (this.parts.spec.rnn.bidirectional) throw new InputError(`batch: carry: ${ONE_WAY}`)
    if (last < this.now.B) return true
    throw new InputError(
      `batch: carry[${last}]: expected 0, as the batch before has ${this.now.B} rows, but received 1`,
    )
  }
}
