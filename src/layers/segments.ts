/**
 * Activation checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): a stack of layers goes
 * through a sequence segment by segment and keeps only the states between segments. Back-propagation computes each
 * segment again from the state that it began with. Memory grows with √T instead of T, for one more forward pass. The
 * bits are the same: a step is the same step, and weight gradients are running sums over all segments (kernels.h,
 * Part).
 */
import { FIRST, type Flag, type Floats, LAST } from '../backend/backend.ts'
import type { Direction, Layer, Memory, RecurrentLayer, Segment, States, Steps } from './layer.ts'

export interface CheckpointedOptions {
  /** The largest minibatch. */
  T: number
  B: number
  /** Steps of a segment. */
  S: number
  /** Widths of x and of the last layer's output. */
  I: number
  K: number
  /**
   * last: the final state of the stack is read. every: the output of the last layer is read, and kept for all steps.
   */
  steps: Steps
  training: boolean
}

/** Steps between kept states, a multiple of 16: about √T keeps little and computes little again. */
export function segmentSteps(T: number, block: number): number {
  return block * Math.ceil(Math.sqrt(T) / block)
}

export class CheckpointedLayer implements RecurrentLayer {
  readonly directions: readonly Direction[]
  readonly dy: Floats | null
  /** Hidden units of the last forward that were not 0, and all of them. */
  readonly live: { nonzero: number; all: number } = { nonzero: 0, all: 0 }
  private readonly arena: Memory
  private readonly segment: Segment
  private readonly stack: readonly RecurrentLayer[]
  private readonly layers: readonly Layer[]
  private readonly options: CheckpointedOptions
  /** The states of the stack's layers, h and c, and what is kept of each. */
  private readonly inner: readonly States[]
  private readonly kept: readonly KeptStates[]
  /** Output of all steps, for steps `every`, and its gradient if training. */
  private readonly output: Floats | null
  private readonly outputGradient: Floats | null
  private readonly views: { [name in 'y' | 'dy' | 'x' | 'dx']: SegmentViews }
  /** Of the segment at work. */
  private readonly lengths: Int32Array
  private T: number
  private B: number
  /** Segments of the batch. */
  private count = 0
  /** Steps that the layers are shaped for. */
  private shaped = 0
  /** The segment whose activations the layers hold, or -1. */
  private held = -1

  /** @param layers built for S steps and with `segment`: `stack`, and for steps `every` those above it */
  constructor(
    arena: Memory,
    segment: Segment,
    stack: readonly RecurrentLayer[],
    layers: readonly Layer[],
    options: CheckpointedOptions,
  ) {
    const { T, B, S, I, K, steps, training } = options
    this.arena = arena
    this.segment = segment
    this.stack = stack
    this.layers = layers
    this.options = options
    this.T = T
    this.B = B
    this.inner = stack.flatMap(({ directions }) => directions.flatMap(({ h, c }) => (c ? [h, c] : [h])))
    const slots = training ? Math.ceil(T / S) + 1 : 2
    this.kept = this.inner.map(({ initial }) => keptStates(arena.floats(slots * initial.length)))
    this.directions = directionsOf(stack, this.kept)
    this.output = steps === 'every' ? arena.floats(T * B * K) : null
    this.outputGradient = steps === 'every' && training ? arena.floats(T * B * K) : null
    this.dy = this.outputGradient ?? stack.at(-1)!.stateGradients?.[0] ?? null
    this.lengths = arena.ints(B)
    this.views = { y: new SegmentViews(K), dy: new SegmentViews(K), x: new SegmentViews(I), dx: new SegmentViews(I) }
    this.shape(T, B)
  }

  get y(): Floats {
    return this.output ?? this.directions.at(-1)!.h.final
  }

  shape(T: number, B: number): void {
    const { S } = this.options
    this.T = T
    this.B = B
    this.count = Math.ceil(T / S)
    this.shaped = 0
    this.held = -1
    for (const views of Object.values(this.views)) views.shape(T, B, S)
    for (const [i, states] of this.kept.entries()) {
      states.place(this.slot(this.count), (this.inner[i]!.all.length / (S + 1) / this.options.B) * B)
    }
  }

  forward(x: Floats, lengths: Int32Array | null): void {
    const { backend } = this.arena
    const { live, inner, kept } = this
    live.nonzero = 0
    live.all = 0
    for (let k = 0; k < this.count; k++) {
      this.run(k, x, lengths)
      for (let i = 0; i < inner.length; i++) kept[i]!.slots[this.slot(k + 1)]!.set(inner[i]!.final)
      for (const { directions } of this.stack) {
        for (const { h } of directions) {
          live.nonzero += backend.count_nonzero(h.output.length, h.output)
          live.all += h.output.length
        }
      }
      if (this.output) this.copy(k, this.layers.at(-1)!.y, this.views.y.of(this.output, k))
    }
  }

  backward(x: Floats, lengths: Int32Array | null, clip: number, dx: Floats | null, accumulateDx: Flag): void {
    const { layers, views } = this
    for (const { stateGradients } of this.stack) {
      for (const gradient of stateGradients!) if (gradient !== this.dy) gradient.fill(0)
    }
    for (let k = this.count - 1; k >= 0; k--) {
      if (this.held !== k) this.run(k, x, lengths)
      const own = this.lengthsOf(k, lengths)
      this.segment.part = this.partOf(k)
      this.segment.rows = this.T * this.B
      if (this.outputGradient) this.copy(k, views.dy.of(this.outputGradient, k), layers.at(-1)!.dy!)
      for (let i = layers.length - 1; i > 0; i--) {
        const below = layers[i - 1]!
        layers[i]!.backward(below.y, own, clip, below.dy, 0)
      }
      layers[0]!.backward(views.x.of(x, k), own, clip, dx && views.dx.of(dx, k), accumulateDx)
    }
    this.held = -1 // gradients lie where activations were
  }

  /** Runs the layers forward through segment k, from the states before it. */
  private run(k: number, x: Floats, lengths: Int32Array | null): void {
    const { layers, inner, kept } = this
    const steps = this.stepsOf(k)
    this.segment.start = k * this.options.S
    if (this.shaped !== steps) {
      this.shaped = steps
      for (const layer of layers) layer.shape(steps, this.B)
    }
    for (let i = 0; i < inner.length; i++) inner[i]!.initial.set(kept[i]!.slots[this.slot(k)]!)
    const own = this.lengthsOf(k, lengths)
    let below = this.views.x.of(x, k)
    for (const layer of layers) {
      layer.forward(below, own)
      below = layer.y
    }
    this.held = k
  }

  /** Where the state before segment k is kept. Without training, only the first state and the last are. */
  private slot(k: number): number {
    return this.options.training ? k : Math.min(k, 1)
  }

  private stepsOf(k: number): number {
    const { S } = this.options
    return Math.min(S, this.T - k * S)
  }

  /** The kernels' `part`: segments come in the order of back-propagation, the last one first. */
  private partOf(k: number): number {
    return (k === this.count - 1 ? FIRST : 0) | (k === 0 ? LAST : 0)
  }

  private lengthsOf(k: number, lengths: Int32Array | null): Int32Array | null {
    if (!lengths) return null
    const start = k * this.options.S
    for (let b = 0; b < this.B; b++) this.lengths[b] = Math.max(0, Math.min(lengths[b]! - start, this.stepsOf(k)))
    return this.lengths
  }

  /** Copies outputs of segment k, or their gradient. */
  private copy(k: number, from: Floats, to: Floats): void {
    const { K } = this.options
    this.arena.backend.copy_columns(this.stepsOf(k) * this.B, K, from, K, 0, to, K, 0, 0)
  }
}

/** The segments of an array [T,B,width] as views, which are made when the array or the shape is another than before. */
class SegmentViews {
  private readonly width: number
  private array: Floats | null = null
  private parts: readonly Floats[] = []
  private T = 0
  private B = 0
  private S = 1

  constructor(width: number) {
    this.width = width
  }

  shape(T: number, B: number, S: number): void {
    this.T = T
    this.B = B
    this.S = S
    this.array = null
  }

  of(array: Floats, k: number): Floats {
    if (this.array !== array) {
      const { T, S } = this
      const row = this.B * this.width
      this.array = array
      this.parts = Array.from({ length: Math.ceil(T / S) }, (_, k) =>
        array.subarray(k * S * row, Math.min(T, (k + 1) * S) * row),
      )
    }
    return this.parts[k]!
  }
}

interface KeptStates extends States {
  readonly slots: readonly Floats[]
  /** Makes the views of slots 0 … last, of n numbers each. */
  place(last: number, n: number): void
}

/** States of which only those between segments are kept: slot k is the one before segment k. There is no `output`. */
function keptStates(all: Floats): KeptStates {
  const kept = {
    all,
    initial: all,
    final: all,
    output: all.subarray(0, 0),
    slots: [] as Floats[],
    shape(): void {},
    place(last: number, n: number): void {
      kept.slots = Array.from({ length: last + 1 }, (_, k) => all.subarray(k * n, (k + 1) * n))
      kept.initial = kept.slots[0]!
      kept.final = kept.slots[last]!
    },
  }
  return kept
}

/** The directions of the stack, with the kept states in place of the layers' own. */
function directionsOf(stack: readonly RecurrentLayer[], kept: readonly KeptStates[]): Direction[] {
  const rest = [...kept]
  return stack.flatMap(({ directions }) =>
    directions.map(({ c }) => ({ h: rest.shift()!, c: c ? rest.shift()! : null })),
  )
}
