/**
 * Whole sequences forward and back, by the kernels that train, and what arrives at every state of the top layer. These
 * kernels keep da, the gradient before the nonlinearities, and not dh. A state gets what its output gets and what comes
 * back by the next step, Whhᵀ da, which is one product for all steps: the price is that of an iteration and a half.
 * Where the states of all layers are asked for, or one step alone, there is ./tape.ts.
 */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import cells from '../layers/cells.ts'
import { type InputLayer, inputLayer } from '../layers/input.ts'
import type { Layer, Memory, RecurrentLayer } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { ScaledLoss } from './flow.ts'
import { Inputs } from './inputs.ts'
import { inputWidths, withGradients } from './parameters.ts'
import { type ModelParts, modelLayers, recurrentWeights } from './stack.ts'
import { hostFloats, zeroState } from './state.ts'

export class Sweep {
  /** Of the last run. */
  T = 0
  B = 0
  /** [B]; null: all sequences are T steps long. */
  lengths: Int32Array | null = null
  /** Of the top layer, [T,B,H], 0 at padded steps: its states, and the total gradient of each, of B times the loss. */
  h: Floats
  dh: Floats
  private readonly parts: ModelParts
  private readonly inputs: Inputs
  private readonly given: Int32Array
  private readonly bottom: InputLayer
  private readonly stack: readonly RecurrentLayer[]
  private readonly rows: readonly Layer[]
  private readonly loss: ScaledLoss
  /** What training would need: the kernels write it, whoever wants it. */
  private readonly unread: Floats
  private readonly total: Floats
  /** Whh, with rows of 0 for what of da does not come from h. */
  private readonly back: Floats
  /** Blocks of H numbers in a row of da. */
  private readonly blocks: number

  /** @param size the most steps and sequences; @param parts of a model of one direction */
  constructor(parts: ModelParts, arena: Memory, { T, B }: { readonly T: number; readonly B: number }) {
    const { spec, parameters } = parts
    const { input, head, rnn } = spec
    const { hidden: H } = rnn
    this.parts = parts
    this.inputs = new Inputs(arena, { T, B, input, head }, parts.normalisation)
    const { x, tokens } = this.inputs
    const table = parameters.find(({ name }) => name === 'embedding.weight')
    const of = table ? { ids: tokens!, table: table.data } : null
    this.bottom = inputLayer(arena, x, of, inputWidths(spec), { N: T * B, training: true, gradient: true })
    this.given = arena.ints(B)
    const start = table?.data.length ?? 0
    this.unread = arena.floats(parameters.reduce((sum, { data }) => sum + data.length, 0) - start)
    const plain = { S: T, training: true, logits: true, sampled: null, dropout: null }
    const layers = modelLayers(spec, withGradients(parameters, this.unread, start), arena, { T, B, ...plain })
    this.stack = layers.recurrent
    this.rows = layers.rows
    this.loss = new ScaledLoss(parts, arena, { T, B })
    this.total = arena.floats(T * B * H)
    this.h = this.total
    this.dh = this.total
    this.blocks = Math.max(1, cells[rnn.cell].saved)
    this.back = arena.floats(this.blocks * H * H)
  }

  /** @throws InputError if the batch does not fit the model, or is larger than what this was made for */
  run(batch: BatchInput, loss: LossSpec | OwnLoss | undefined): void {
    const { stack, rows, bottom } = this
    this.shape(batch)
    const { T, B, lengths } = this
    const layers = [...stack, ...rows]
    bottom.forward(T * B)
    for (const [i, layer] of layers.entries()) layer.forward((layers[i - 1] ?? bottom).y, lengths)
    const { y, dy } = layers.at(-1)!
    this.loss.run({ T, B, y: batch.y }, lengths, loss, y, dy!)
    this.unread.fill(0)
    for (let i = layers.length - 1; i >= stack.length; i--) {
      const below = layers[i - 1]!
      layers[i]!.backward(below.y, lengths, 0, below.dy, 0)
    }
    const top = stack.at(-1)!
    this.h = top.directions[0]!.h.output
    this.dh = this.total.subarray(0, T * B * this.parts.spec.rnn.hidden)
    this.receive(top.dy!)
    const carried = this.carried(top)
    const below = stack.at(-2) ?? bottom
    top.backward(below.y, lengths, 0, below.dy, 0)
    this.passBack(top.directions[0]!.da!, carried)
    this.clearPadded()
  }

  private shape(batch: BatchInput): void {
    const { inputs, given, stack, rows } = this
    inputs.read(batch)
    const { T, B } = batch
    this.lengths = batch.lengths === undefined ? null : given.subarray(0, B)
    this.lengths?.set(inputs.lengths.subarray(0, B))
    if (T !== this.T || B !== this.B) {
      const last = this.parts.spec.head.steps === 'last'
      for (const layer of stack) layer.shape(T, B)
      for (const layer of rows) layer.shape(last ? 1 : T, B)
    }
    this.T = T
    this.B = B
    for (const { directions } of stack) zeroState(directions)
  }

  /** What each state gets by its output. @param dy of the top layer: of every step, or of the last, [B,H] */
  private receive(dy: Floats): void {
    const { T, B, lengths, dh } = this
    const { head, rnn } = this.parts.spec
    const H = rnn.hidden
    if (head.steps === 'every') {
      dh.set(dy.subarray(0, T * B * H))
      return
    }
    dh.fill(0)
    for (let b = 0; b < B; b++) {
      const t = (lengths?.[b] ?? T) - 1
      if (t >= 0) dh.set(dy.subarray(b * H, (b + 1) * H), (t * B + b) * H)
    }
  }

  /** What h_{t-1} is multiplied by on its way to h_t, [T,B,H], beside what goes through Whh; null: by nothing. */
  private carried(top: RecurrentLayer): Floats | null {
    const { T, B, lengths, blocks } = this
    const { cell, hidden: H } = this.parts.spec.rnn
    const { direct } = cells[cell]
    if (direct === null) return null
    const saved = top.directions[0]!.da!
    const shares = hostFloats(this.parts.backend, T * B * H)
    for (let n = 0; n < T * B; n++) {
      const at = (n * blocks + direct) * H
      const there = lengths === null || Math.floor(n / B) < lengths[n % B]!
      if (there) shares.set(saved.subarray(at, at + H), n * H)
    }
    return shares
  }

  /** Adds what comes back by the next step. */
  private passBack(da: Floats, carried: Floats | null): void {
    const { parts, dh, back, T, B, blocks } = this
    const { hidden: H, layers } = parts.spec.rnn
    const n = B * H
    if (T === 1) return
    back.set(recurrentWeights(parts.parameters, `_l${layers - 1}`).Whh)
    const later = da.subarray(n * blocks, T * n * blocks)
    parts.backend.gemm(0, 0, (T - 1) * B, H, blocks * H, later, back, dh.subarray(0, (T - 1) * n), 1)
    if (carried === null) return
    for (let i = (T - 1) * n - 1; i >= 0; i--) dh[i]! += carried[i + n]! * dh[i + n]!
  }

  private clearPadded(): void {
    const { T, B, lengths, h, dh } = this
    const { hidden: H } = this.parts.spec.rnn
    for (let b = 0; lengths !== null && b < B; b++) {
      for (let t = lengths[b]!; t < T; t++) {
        const at = (t * B + b) * H
        h.fill(0, at, at + H)
        dh.fill(0, at, at + H)
      }
    }
  }
}
