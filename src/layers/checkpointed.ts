/**
 * Activation checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): a stack of layers goes through
 * a sequence segment by segment and keeps nothing but the states between segments; back-propagation computes each segment again
 * from the state it began with. Memory grows with √T instead of T, for one more forward pass. The numbers are the same to the bit:
 * a step is the same step, and weight gradients are running sums over all segments (kernels.h, Part).
 */
import { FIRST, type Floats, LAST } from '../backend/backend.ts'
import type { Layer, Memory, RecurrentLayer, Segment, States, Steps } from './layer.ts'

export interface CheckpointedOptions {
  /** The largest minibatch. */
  T: number
  B: number
  /** Steps of a segment. */
  S: number
  /** Width of x, and of what the last layer puts out. */
  I: number
  K: number
  /** last: the final state of the stack is read; every: the output of the last layer, which is kept for all steps. */
  steps: Steps
  training: boolean
}

export interface CheckpointedLayer extends RecurrentLayer {
  /** Hidden units of the last forward that were not 0, and all of them. */
  readonly live: { nonzero: number; all: number }
}

/** Steps between kept states: about √T, which makes both what is kept and what is computed again small. A multiple of `block`. */
export function segmentSteps(T: number, block: number): number {
  return block * Math.ceil(Math.sqrt(T) / block)
}

/** @param layers built for S steps and with `segment`: `stack`, and for steps `every` those above it */
export function checkpointedLayer(
  arena: Memory, segment: Segment, stack: readonly RecurrentLayer[], layers: readonly Layer[], options: CheckpointedOptions,
): CheckpointedLayer {
  const { backend } = arena
  const { S, I, K, steps, training } = options
  let { T, B } = options
  let count = 0          // of segments
  let shaped = 0         // the steps that layers are shaped for
  let held = -1          // the segment whose activations they hold
  const inner = stack.flatMap(({ directions }) => directions.flatMap(({ h, c }) => (c ? [h, c] : [h])))
  // What is kept of each state: slot k is the one before segment k. Without training the first and the last do.
  const slots = training ? Math.ceil(T / S) + 1 : 2
  const kept = inner.map((states) => keptStates(arena.floats(slots * states.initial.length)))
  const at = (k: number): number => (training ? k : Math.min(k, 1))
  const last = layers.at(-1)!
  const y = steps === 'every' ? arena.floats(T * B * K) : null
  const dy = steps === 'every' && training ? arena.floats(T * B * K) : null
  const own = arena.ints(B)
  const views = [y, dy, null, null].map((array) => ({ array, parts: [] as Floats[] })) // and of x, dx
  const live = { nonzero: 0, all: 0 }

  const stepsOf = (k: number): number => Math.min(S, T - k * S)
  /** The segment's part of y, dy, x or dx. */
  function part(which: 0 | 1 | 2 | 3, array: Floats, width: number, k: number): Floats {
    const view = views[which]!
    if (view.array !== array || view.parts.length !== count) {
      view.array = array
      view.parts = Array.from({ length: count }, (_, k) =>
        array.subarray(k * S * B * width, (k * S + stepsOf(k)) * B * width))
    }
    return view.parts[k]!
  }
  function segmentLengths(lengths: Int32Array | null, k: number): Int32Array | null {
    if (!lengths) return null
    for (let b = 0; b < B; b++) own[b] = Math.max(0, Math.min(lengths[b]! - k * S, stepsOf(k)))
    return own
  }
  function run(k: number, x: Floats, lengths: Int32Array | null): void {
    segment.start = k * S
    if (shaped !== stepsOf(k)) {
      shaped = stepsOf(k)
      for (const layer of layers) layer.shape(shaped, B)
    }
    for (let i = 0; i < inner.length; i++) inner[i]!.initial.set(kept[i]!.slots[at(k)]!)
    const ofSegment = segmentLengths(lengths, k)
    let below = part(2, x, I, k)
    for (const layer of layers) {
      layer.forward(below, ofSegment)
      below = layer.y
    }
    held = k
  }

  const whole: CheckpointedLayer = {
    directions: directionsOf(stack, kept),
    get y(): Floats { return y ?? topState().final },
    dy: dy ?? stack.at(-1)!.stateGradients?.[0] ?? null,
    live,
    shape(newT, newB) {
      T = newT
      B = newB
      count = Math.ceil(T / S)
      shaped = 0
      held = -1
      for (const view of views) view.parts = []
      for (const [i, states] of kept.entries()) states.place(at(count), (inner[i]!.all.length / (S + 1) / options.B) * B)
    },
    forward(x, lengths) {
      live.nonzero = 0
      live.all = 0
      for (let k = 0; k < count; k++) {
        run(k, x, lengths)
        for (let i = 0; i < inner.length; i++) kept[i]!.slots[at(k + 1)]!.set(inner[i]!.final)
        for (const { directions } of stack)
          for (const { h } of directions) {
            live.nonzero += backend.count_nonzero(h.output.length, h.output)
            live.all += h.output.length
          }
        if (y) backend.copy_columns(stepsOf(k) * B, K, last.y, K, 0, part(0, y, K, k), K, 0, 0)
      }
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      for (const { stateGradients } of stack)
        for (const gradient of stateGradients!) if (gradient !== whole.dy) gradient.fill(0)
      for (let k = count - 1; k >= 0; k--) {
        if (held !== k) run(k, x, lengths)
        const ofSegment = segmentLengths(lengths, k)
        segment.part = (k === count - 1 ? FIRST : 0) | (k === 0 ? LAST : 0)
        segment.rows = T * B
        if (dy) backend.copy_columns(stepsOf(k) * B, K, part(1, dy, K, k), K, 0, last.dy!, K, 0, 0)
        for (let i = layers.length - 1; i > 0; i--) {
          const below = layers[i - 1]!
          layers[i]!.backward(below.y, ofSegment, clip, below.dy, 0)
        }
        layers[0]!.backward(part(2, x, I, k), ofSegment, clip, dx && part(3, dx, I, k), accumulateDx)
      }
      held = -1 // gradients lie where activations were
    },
  }
  const topState = (): States => whole.directions.at(-1)!.h
  whole.shape(T, B)
  return whole
}

interface KeptStates extends States {
  readonly slots: readonly Floats[]
  /** Makes the views of slots 0 … last of n numbers each. */
  place(last: number, n: number): void
}

/** States of which only those between segments are kept; `output` is nowhere. */
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

/** The kept states in the place of the layers' own. */
function directionsOf(stack: readonly RecurrentLayer[], kept: readonly KeptStates[]): RecurrentLayer['directions'] {
  let i = 0
  return stack.flatMap(({ directions }) => directions.map(({ c }) => ({ h: kept[i++]!, c: c ? kept[i++]! : null })))
}
