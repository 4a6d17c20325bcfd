/**
 * Sequences run step by step, with every state kept, and run backwards from gradients of their logits: what research on
 * a network asks for, and training does not keep. Each step is a whole sequence of one for the cell's own kernels, so
 * every cell and backend has it; the price is a second forward pass, and a call of a kernel a step.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import cells from '../layers/cells.ts'
import { denseLayer } from '../layers/dense.ts'
import { type InputLayer, inputLayer } from '../layers/input.ts'
import type { Layer, Memory, RecurrentLayer, States, Steps } from '../layers/layer.ts'
import { recurrentLayer } from '../layers/recurrent.ts'
import { Inputs } from './inputs.ts'
import { inputWidths, named, suffixes, widths, withGradients } from './parameters.ts'
import { denseWeights, type ModelParts, recurrentWeights } from './stack.ts'
import { hostFloats } from './state.ts'

/** A state of one layer, h or c, and what was kept of it: [T+1,B,H], slot 0 the initial one. */
interface Kept {
  readonly of: States
  readonly all: Floats
}

/** What is run. */
export interface TapeShape {
  readonly T: number
  readonly B: number
  /** The steps at which the head is read out. */
  readonly readout: Steps
}

export class Tape {
  readonly T: number
  readonly B: number
  /** [B] of the batch that was run; null: all sequences are T steps long. */
  lengths: Int32Array | null = null
  /** h and c of each layer. */
  readonly h: readonly Floats[]
  readonly c: readonly Floats[]
  /** [T,B,K], or [B,K] of the last step, before they are scaled to the target's units. */
  readonly logits: Floats
  /** Of the last backward: the total gradient of h of each layer, [T,B,H]. */
  readonly dh: readonly Floats[]
  /** Numbers of a state: B·H. */
  private readonly n: number
  private readonly readout: Steps
  /** [B]: whether each sequence has the step at hand. */
  private readonly present: Int32Array
  private readonly given: Int32Array
  private readonly parts: ModelParts
  private readonly inputs: Inputs
  private readonly bottom: InputLayer
  private readonly I: number
  private readonly stack: readonly RecurrentLayer[]
  /** The stack, the projection if there is one, the head. */
  private readonly layers: readonly Layer[]
  private readonly kept: readonly Kept[]

  /** @param parts of a model of one direction */
  constructor(parts: ModelParts, arena: Memory, { T, B, readout }: TapeShape) {
    const { spec, backend } = parts
    const { input, head, rnn, projection } = spec
    const H = rnn.hidden
    this.parts = parts
    this.T = T
    this.B = B
    this.n = B * H
    this.readout = readout
    this.present = arena.ints(B)
    this.given = arena.ints(B)
    this.inputs = new Inputs(arena, { T, B, input, head }, parts.normalisation)
    const { x, tokens } = this.inputs
    const table = parts.parameters.find(({ name }) => name === 'embedding.weight')
    const of = table ? { ids: tokens!, table: table.data } : null
    this.bottom = inputLayer(arena, x, of, inputWidths(spec), { N: T * B, training: true, gradient: true })
    this.I = widths(spec).input
    // The kernels add to the gradients of weights, whoever wants them: they need a place.
    const start = table ? table.data.length : 0
    const last = named(parts.parameters, 'head.bias')
    const parameters = withGradients(parts.parameters, arena.floats(last.start + last.data.length - start), start)
    const one = { T: 1, B, training: true, segment: { part: WHOLE, rows: B, start: 0 } }
    this.stack = Array.from({ length: rnn.layers }, (_, l) => {
      const weights = recurrentWeights(parameters, suffixes(spec, l)[0]!)
      const sizes = { I: l === 0 ? this.I : H, H, reverse: 0, steps: 'every' } as const
      return recurrentLayer(cells[rnn.cell], arena, weights, { ...one, ...sizes })
    })
    const dense = (name: string, I: number, K: number) =>
      denseLayer(arena, denseWeights(parameters, name), { ...one, I, K })
    this.layers = [
      ...this.stack,
      ...(projection ? [dense('projection', H, projection.size)] : []),
      dense('head', projection?.size ?? H, head.size),
    ]
    const states = this.stack.flatMap(({ directions: [one] }) => (one!.c ? [one!.h, one!.c] : [one!.h]))
    this.kept = states.map((of) => ({ of, all: hostFloats(backend, (T + 1) * B * H) }))
    const keptOf = (which: (layer: RecurrentLayer) => States | null) =>
      this.kept
        .filter(({ of }) => this.stack.some((layer) => which(layer) === of))
        .map(({ all }) => all.subarray(B * H))
    this.h = keptOf(({ directions }) => directions[0]!.h)
    this.c = keptOf(({ directions }) => directions[0]!.c)
    this.logits = hostFloats(backend, (readout === 'every' ? T : 1) * B * head.size)
    this.dh = this.stack.map(() => hostFloats(backend, T * B * H))
  }

  /** Runs T steps of B sequences from zero. @throws InputError if they do not fit the model */
  forward(batch: BatchInput): void {
    const { T, B, logits, inputs, given } = this
    inputs.read(batch)
    this.lengths = batch.lengths === undefined ? null : given
    given.set(inputs.lengths)
    this.bottom.forward(T * B)
    const head = this.layers.at(-1)!
    for (let t = 0; t < T; t++) {
      this.step(t)
      for (const { of, all } of this.kept) all.set(of.final, (t + 1) * this.n)
      if (this.isRead(t)) logits.set(head.y, this.readout === 'every' ? t * head.y.length : 0)
    }
  }

  /**
   * Gradients of what has the gradient `dlogits(t)` [B,K] of the logits of each step up to t = `last`; null: it does
   * not depend on them. Those of steps after it are 0.
   */
  backward(last: number, dlogits: (t: number) => Floats | null): void {
    const { stack, layers, bottom, dh, n, B, I } = this
    for (const gradients of dh) gradients.fill(0)
    bottom.dy!.fill(0)
    for (const { stateGradients } of stack) for (const gradient of stateGradients!) gradient.fill(0)
    for (let t = last; t >= 0; t--) {
      const present = this.step(t)
      const given = dlogits(t)
      if (given) layers.at(-1)!.dy!.set(given)
      else stack.at(-1)!.dy!.fill(0)
      for (let i = (given ? layers : stack).length - 1; i >= 0; i--) {
        const recurrent = stack[i]
        // What came by the next step, and what came by the layer above.
        if (recurrent) {
          const [after] = recurrent.stateGradients!
          const dy = recurrent.dy!
          for (let j = 0; j < n; j++) dh[i]![t * n + j] = after![j]! + dy[j]!
          if (present) {
            // A head on the last step reads the state that a shorter sequence has carried there: a padded step passes
            // on the gradient of its state, and has no output.
            after!.set(dh[i]!.subarray(t * n, (t + 1) * n))
            dy.fill(0)
          }
        }
        const below = i === 0 ? this.row(bottom.y, t) : layers[i - 1]!.y
        const dx = i === 0 ? bottom.dy!.subarray(t * B * I, (t + 1) * B * I) : layers[i - 1]!.dy
        layers[i]!.backward(below, present, 0, dx, 0)
      }
    }
  }

  /** Of the last backward, a copy: the gradient of x [T,B,I], or of the embedding of each token [T,B,E]. */
  inputGradient(): Floats {
    const { bottom, inputs, parts } = this
    const rows = this.T * this.B
    if (bottom.dx) {
      bottom.backward(rows)
      inputs.applyToGradient(bottom.dx, rows)
    }
    const from = bottom.dx ?? bottom.dy!
    const gradient = hostFloats(parts.backend, from.length)
    gradient.set(from)
    return gradient
  }

  /** Runs step t forward from the states before it. Returns which sequences have it; null: all. */
  private step(t: number): Int32Array | null {
    const { lengths, present, n } = this
    if (lengths) for (let b = 0; b < present.length; b++) present[b] = t < lengths[b]! ? 1 : 0
    const which = lengths && present
    for (const { of, all } of this.kept) of.initial.set(all.subarray(t * n, (t + 1) * n))
    let below = this.row(this.bottom.y, t)
    for (const layer of this.isRead(t) ? this.layers : this.stack) {
      layer.forward(below, which)
      below = layer.y
    }
    return which
  }

  private isRead(t: number): boolean {
    return this.readout === 'every' || t === this.T - 1
  }

  private row(all: Floats, t: number): Floats {
    const n = this.B * this.I
    return all.subarray(t * n, (t + 1) * n)
  }
}
