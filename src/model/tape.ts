/**
 * A sequence run step by step, with every state kept, and run backwards from gradients of its logits: what research on
 * a network asks for, and training does not keep. Each step is a whole sequence of one for the cell's own kernels, so
 * every cell and backend has it; the price is a second forward pass, and a call of a kernel a step.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import cells from '../layers/cells.ts'
import { denseLayer } from '../layers/dense.ts'
import { type InputLayer, inputLayer } from '../layers/input.ts'
import type { Layer, Memory, RecurrentLayer, States } from '../layers/layer.ts'
import { recurrentLayer } from '../layers/recurrent.ts'
import { Inputs } from './inputs.ts'
import { inputWidths, named, suffixes, widths, withGradients } from './parameters.ts'
import { denseWeights, type ModelParts, recurrentWeights } from './stack.ts'
import { hostFloats } from './state.ts'

/** A state of one layer, h or c, and what was kept of it: [T+1,H], slot 0 the initial one. */
interface Kept {
  readonly of: States
  readonly all: Floats
}

export class Tape {
  readonly T: number
  /** h and c of each layer. */
  readonly h: readonly Floats[]
  readonly c: readonly Floats[]
  /** [T,K], before they are scaled to the target's units. */
  readonly logits: Floats
  /** Of the last backward: the total gradient of h of each layer, [T,H]. */
  readonly dh: readonly Floats[]
  private readonly H: number
  private readonly parts: ModelParts
  private readonly inputs: Inputs
  private readonly bottom: InputLayer
  private readonly I: number
  private readonly stack: readonly RecurrentLayer[]
  /** The stack, the projection if there is one, the head. */
  private readonly layers: readonly Layer[]
  private readonly kept: readonly Kept[]

  /** @param parts of a model of one direction */
  constructor(parts: ModelParts, arena: Memory, T: number) {
    const { spec, backend } = parts
    const { input, head, rnn, projection } = spec
    const H = rnn.hidden
    this.parts = parts
    this.T = T
    this.H = H
    this.inputs = new Inputs(arena, { T, B: 1, input, head }, parts.normalisation)
    const { x, tokens } = this.inputs
    const table = parts.parameters.find(({ name }) => name === 'embedding.weight')
    const of = table ? { ids: tokens!, table: table.data } : null
    this.bottom = inputLayer(arena, x, of, inputWidths(spec), { N: T, training: true, gradient: true })
    this.I = widths(spec).input
    // The kernels add to the gradients of weights, whoever wants them: they need a place.
    const start = table ? table.data.length : 0
    const last = named(parts.parameters, 'head.bias')
    const parameters = withGradients(parts.parameters, arena.floats(last.start + last.data.length - start), start)
    const one = { T: 1, B: 1, training: true, segment: { part: WHOLE, rows: 1, start: 0 } }
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
    this.kept = states.map((of) => ({ of, all: hostFloats(backend, (T + 1) * H) }))
    const keptOf = (which: (layer: RecurrentLayer) => States | null) =>
      this.kept.filter(({ of }) => this.stack.some((layer) => which(layer) === of)).map(({ all }) => all.subarray(H))
    this.h = keptOf(({ directions }) => directions[0]!.h)
    this.c = keptOf(({ directions }) => directions[0]!.c)
    this.logits = hostFloats(backend, T * head.size)
    this.dh = this.stack.map(() => hostFloats(backend, T * H))
  }

  /** Runs one sequence from zero. @throws InputError if it does not fit the model */
  forward(batch: BatchInput): void {
    this.inputs.read(batch)
    this.bottom.forward(this.T)
    const { logits } = this
    const head = this.layers.at(-1)!
    for (let t = 0; t < this.T; t++) {
      this.step(t)
      for (const { of, all } of this.kept) all.set(of.final, (t + 1) * this.H)
      logits.set(head.y, t * head.y.length)
    }
  }

  /**
   * Gradients of what has the gradient `dlogits(t)` [K] of the logits of each step up to t = `last`; null: it does not
   * depend on them. Those of steps after it are 0.
   */
  backward(last: number, dlogits: (t: number) => Floats | null): void {
    const { stack, layers, bottom, dh, H, I } = this
    for (const gradients of dh) gradients.fill(0)
    bottom.dy!.fill(0)
    for (const { stateGradients } of stack) for (const gradient of stateGradients!) gradient.fill(0)
    for (let t = last; t >= 0; t--) {
      this.step(t)
      const dy = layers.at(-1)!.dy!
      dy.fill(0)
      const given = dlogits(t)
      if (given) dy.set(given)
      for (let i = layers.length - 1; i >= 0; i--) {
        const recurrent = stack[i]
        // What came by the next step, and what came by the layer above.
        if (recurrent) {
          const [after] = recurrent.stateGradients!
          for (let j = 0; j < H; j++) dh[i]![t * H + j] = after![j]! + recurrent.dy![j]!
        }
        const below = i === 0 ? this.row(bottom.y, t) : layers[i - 1]!.y
        const dx = i === 0 ? bottom.dy!.subarray(t * I, (t + 1) * I) : layers[i - 1]!.dy
        layers[i]!.backward(below, null, 0, dx, 0)
      }
    }
  }

  /** Of the last backward, a copy: the gradient of x [T,I], or of the embedding of each token [T,E]. */
  inputGradient(): Floats {
    const { bottom, inputs, T, parts } = this
    if (bottom.dx) {
      bottom.backward(T)
      inputs.applyToGradient(bottom.dx, T)
    }
    const from = bottom.dx ?? bottom.dy!
    const gradient = hostFloats(parts.backend, from.length)
    gradient.set(from)
    return gradient
  }

  /** Runs step t forward from the states before it. */
  private step(t: number): void {
    for (const { of, all } of this.kept) of.initial.set(all.subarray(t * this.H, (t + 1) * this.H))
    let below = this.row(this.bottom.y, t)
    for (const layer of this.layers) {
      layer.forward(below, null)
      below = layer.y
    }
  }

  private row(all: Floats, t: number): Floats {
    return all.subarray(t * this.I, (t + 1) * this.I)
  }
}
