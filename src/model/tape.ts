/**
 * Whole sequences forward and back, by the kernels that train, with what training does not keep: what arrives at every
 * state. The kernels leave da, the gradient before the nonlinearities, and not dh. A state gets what its output gets
 * and what comes back by the next step, Whhᵀ da, which is one product for all steps: the price is that of two or three
 * iterations.
 */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import cells from '../layers/cells.ts'
import { type InputLayer, inputLayer } from '../layers/input.ts'
import type { Layer, Memory, RecurrentLayer, Steps } from '../layers/layer.ts'
import { Inputs } from './inputs.ts'
import { inputWidths, withGradients } from './parameters.ts'
import { type ModelParts, modelLayers, recurrentWeights } from './stack.ts'
import { hostFloats, zeroState } from './state.ts'

export interface TapeShape {
  /** The most steps and sequences. */
  readonly T: number
  readonly B: number
  /** The steps at which the head is read out, whichever it is trained for. */
  readonly readout: Steps
}

export class Tape {
  /** Of the last forward. */
  T = 0
  B = 0
  /** [B]; null: all sequences are T steps long. */
  lengths: Int32Array | null = null
  /** Of the last backward, the total gradient of h, [T,B,H]: of each layer that it went through, by its number. */
  readonly dh: Floats[] = []
  private readonly parts: ModelParts
  private readonly readout: Steps
  private readonly inputs: Inputs
  private readonly given: Int32Array
  private readonly bottom: InputLayer
  private readonly stack: readonly RecurrentLayer[]
  /** The projection if there is one, and the head. */
  private readonly rows: readonly Layer[]
  private readonly totals: readonly Floats[]
  /** Whh, and rows of 0 for what of da does not come from h. */
  private readonly back: Floats
  /** Blocks of H numbers in a row of da. */
  private readonly blocks: number

  /** @param parts of a model of one direction; @param lowest layer that `backward` will go to */
  constructor(parts: ModelParts, arena: Memory, { T, B, readout }: TapeShape, lowest: number) {
    const { parameters } = parts
    const spec = { ...parts.spec, head: { ...parts.spec.head, steps: readout } }
    const { input, head, rnn } = spec
    const { hidden: H } = rnn
    this.parts = parts
    this.readout = readout
    this.inputs = new Inputs(arena, { T, B, input, head }, parts.normalisation)
    const { x, tokens } = this.inputs
    const table = parameters.find(({ name }) => name === 'embedding.weight')
    const of = table ? { ids: tokens!, table: table.data } : null
    this.bottom = inputLayer(arena, x, of, inputWidths(spec), { N: T * B, training: true, gradient: true })
    this.given = arena.ints(B)
    const start = table?.data.length ?? 0
    // Gradients of weights, to which the kernels add, whoever wants them.
    const unread = arena.floats(parameters.reduce((sum, { data }) => sum + data.length, 0) - start)
    const plain = { S: T, training: true, logits: true, sampled: null, dropout: null }
    const layers = modelLayers(spec, withGradients(parameters, unread, start), arena, { T, B, ...plain })
    this.stack = layers.recurrent
    this.rows = layers.rows
    this.totals = this.stack.map((_, l) => arena.floats(l < lowest ? 0 : T * B * H))
    this.blocks = Math.max(1, cells[rnn.cell].saved)
    this.back = arena.floats(this.blocks * H * H)
  }

  /** h and c of a layer after the last forward, [T,B,H]; c is null where the cell has none. Views. */
  states(layer: number): { readonly h: Floats; readonly c: Floats | null } {
    const { h, c } = this.stack[layer]!.directions[0]!
    return { h: h.output, c: c ? c.output : null }
  }

  /** [T,B,K], or [B,K] of the last step, before they are scaled to the target's units. A view. */
  get logits(): Floats {
    return this.read(this.rows.at(-1)!.y)
  }

  /** Their gradient, which `backward` starts from. */
  get dlogits(): Floats {
    return this.read(this.rows.at(-1)!.dy!)
  }

  /** Runs sequences from zero. @throws InputError if they do not fit the model, or are more than there is room for */
  forward(batch: BatchInput): void {
    const { inputs, given, stack, rows, bottom } = this
    inputs.read(batch)
    const { T, B } = batch
    this.lengths = batch.lengths === undefined ? null : given.subarray(0, B)
    this.lengths?.set(inputs.lengths.subarray(0, B))
    if (T !== this.T || B !== this.B) {
      for (const layer of stack) layer.shape(T, B)
      for (const layer of rows) layer.shape(this.readout === 'last' ? 1 : T, B)
    }
    this.T = T
    this.B = B
    bottom.forward(T * B)
    let below = bottom.y
    for (const { directions } of stack) zeroState(directions)
    for (const layer of [...stack, ...rows]) {
      layer.forward(below, this.lengths)
      below = layer.y
    }
  }

  /** From `dlogits` to the lowest layer; once for each forward. */
  backward(): void {
    const { stack, rows, bottom, lengths, totals, T, B } = this
    const layers = [...stack, ...rows]
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer = layers[i]!
      const below = layers[i - 1] ?? bottom
      const recurrent = stack[i]
      if (!recurrent) layer.backward(below.y, lengths, 0, below.dy, 0)
      else if (totals[i]!.length > 0) {
        const total = totals[i]!.subarray(0, T * B * this.parts.spec.rnn.hidden)
        this.receive(total, recurrent.dy!, i === stack.length - 1 && this.readout === 'last')
        const carried = this.carried(recurrent)
        layer.backward(below.y, lengths, 0, below.dy, 0)
        this.passBack(total, i, carried)
        this.dh[i] = total
      }
    }
  }

  /** After a backward to the lowest layer of all, a copy: the gradient of x [T,B,I], or of each token's embedding. */
  inputGradient(): Floats {
    const { bottom, inputs, parts, T, B } = this
    if (bottom.dx) {
      bottom.backward(T * B)
      inputs.applyToGradient(bottom.dx, T * B)
    }
    const { size, E } = inputWidths(parts.spec)
    return (bottom.dx ?? bottom.dy!).slice(0, T * B * (size || E))
  }

  private read(rows: Floats): Floats {
    return rows.subarray(0, (this.readout === 'last' ? 1 : this.T) * this.B * this.parts.spec.head.size)
  }

  /** What each state gets by the layer above. @param last whether dy is of the final states alone, [B,H] */
  private receive(total: Floats, dy: Floats, last: boolean): void {
    const { T, B, lengths } = this
    const H = total.length / (T * B)
    if (!last) total.set(dy.subarray(0, total.length))
    else total.fill(0)
    for (let b = 0; last && b < B; b++) {
      const t = (lengths?.[b] ?? T) - 1
      if (t >= 0) total.set(dy.subarray(b * H, (b + 1) * H), (t * B + b) * H)
    }
  }

  /** What h_{t-1} is multiplied by on its way to h_t, [T,B,H], beside what goes through Whh; null: by nothing. */
  private carried({ directions }: RecurrentLayer): Floats | null {
    const { T, B, blocks } = this
    const { cell, hidden: H } = this.parts.spec.rnn
    const { direct } = cells[cell]
    if (direct === null) return null
    const saved = directions[0]!.da!
    const shares = hostFloats(this.parts.backend, T * B * H)
    for (let n = 0; n < T * B; n++) {
      const at = (n * blocks + direct) * H
      if (this.isThere(Math.floor(n / B), n % B)) shares.set(saved.subarray(at, at + H), n * H)
    }
    return shares
  }

  /** Adds what comes back by the next step. */
  private passBack(total: Floats, layer: number, carried: Floats | null): void {
    const { parts, back, blocks, stack, T, B } = this
    const H = parts.spec.rnn.hidden
    const n = B * H
    back.set(recurrentWeights(parts.parameters, `_l${layer}`).Whh)
    const later = stack[layer]!.directions[0]!.da!.subarray(n * blocks, T * n * blocks)
    if (T > 1) parts.backend.gemm(0, 0, (T - 1) * B, H, blocks * H, later, back, total.subarray(0, (T - 1) * n), 1)
    for (let i = (T - 1) * n - 1; carried && i >= 0; i--) total[i]! += carried[i + n]! * total[i + n]!
    for (let b = 0; this.lengths && b < B; b++) {
      for (let t = this.lengths[b]!; t < T; t++) total.fill(0, (t * B + b) * H, (t * B + b + 1) * H)
    }
  }

  private isThere(t: number, b: number): boolean {
    return this.lengths === null || t < this.lengths[b]!
  }
}
