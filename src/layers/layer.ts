/**
 * A layer is its buffers, allocated once for the largest T and B, and two methods that call kernels once per sequence.
 * A smaller minibatch uses the first part of every buffer: arrays are row-major with time first, so a prefix of a
 * [T,B,H] array is a smaller [T,B,H] array. Only what starts in the middle, a slot of the states, needs a view of its
 * own. `shape` makes those views. It is called when T or B changes; nothing is allocated between.
 */
import type { Engine, Flag, Floats } from '../backend/backend.ts'

/** What is read of a layer: its output at every step [T,B,·], or its final state [B,·]. */
export type Steps = 'last' | 'every'

export interface Layer {
  /** Output, which the layer above reads: [T,B,width], or [B,width] if the layer was built for steps `last`. */
  readonly y: Floats
  /** Gradient of y, in y's shape, which the layer above writes; null unless training. */
  readonly dy: Floats | null
  shape(T: number, B: number): void
  forward(x: Floats, lengths: Int32Array | null): void
  /**
   * Computes the gradients of the weights (+=) and dx [T,B,I] (=, or += if accumulateDx) from dy. May overwrite dy.
   */
  backward(x: Floats, lengths: Int32Array | null, clip: number, dx: Floats | null, accumulateDx: Flag): void
}

/** A layer with states: one direction of one layer, or both. */
export interface RecurrentLayer extends Layer {
  readonly directions: readonly Direction[]
  /**
   * Of a layer built for segments: [B,H] for each of its states. `backward` reads the gradients of the final states
   * there, and leaves those of the initial states.
   */
  readonly stateGradients?: readonly Floats[]
}

/**
 * The segment that layers built for segments are called for. Layers keep running sums of their weight gradients over
 * all segments. `part` is the kernels' argument: FIRST for the last steps of the sequence, which come first in
 * backward.
 */
export interface Segment {
  part: number
  /** Rows (t, b) of the whole sequence. */
  rows: number
  /** Its first step. */
  start: number
}

/**
 * Memory for the running sums of a gradient [M, N with the bias] of B sequences (`sums_floats` of kernels.h; a linear
 * layer has one sum, as if B were 1). Null if sequences come whole.
 */
export function runningSums(arena: Memory, segment: Segment | null, B: number, M: number, N: number): Floats | null {
  return segment && arena.floats(arena.backend.sums_floats(B, M, N))
}

export interface Direction {
  readonly h: States
  /** Null if the cell has no cell state. */
  readonly c: States | null
  /**
   * [T,B,·]: what forward saved for backward, and after a backward that wrote dx the gradient before the
   * nonlinearities. Absent where it is not kept.
   */
  readonly da?: Floats | null
}

/** Weights of one direction of one layer, PyTorch's weight_ih, weight_hh, bias_ih, bias_hh, and their gradients. */
export interface RecurrentWeights {
  readonly Wxh: Floats
  readonly Whh: Floats
  readonly bx: Floats
  readonly bh: Floats
  readonly dWxh: Floats
  readonly dWhh: Floats
  readonly dbx: Floats
  readonly dbh: Floats
}

export interface RecurrentOptions {
  /** The largest minibatch. */
  T: number
  B: number
  I: number
  H: number
  reverse: Flag
  /** What the layer above reads. */
  steps: Steps
  training: boolean
  /** Absent: sequences come whole. */
  segment?: Segment | null
}

/** Arrays of one backend that live and die together. */
export interface Memory {
  readonly backend: Engine
  floats(n: number): Floats
  ints(n: number): Int32Array
  doubles(n: number): Float64Array
  release(): void
}

export function memory(backend: Engine): Memory {
  const arrays: (Floats | Int32Array)[] = []
  function kept<A extends Floats | Int32Array>(array: A): A {
    arrays.push(array)
    return array
  }
  return {
    backend,
    floats: (n) => kept(backend.floats(n)),
    ints: (n) => kept(backend.ints(n)),
    doubles: (n) => kept(backend.doubles(n)),
    release() {
      for (const array of arrays.splice(0)) backend.free(array)
    },
  }
}

/** Makes something with memory of its own. If there is no room for all of it, what was taken goes back. */
export function withMemory<Made>(backend: Engine, make: (arena: Memory) => Made): Made {
  const arena = memory(backend)
  try {
    return make(arena)
  } catch (error) {
    arena.release()
    throw error
  }
}

/** States [T+1,B,H]: slot 0 is the initial one and slot t+1 follows x[t]; in reverse, slot T and slot t. */
export interface States {
  readonly all: Floats
  /** [B,H] */
  readonly initial: Floats
  /** [B,H] */
  readonly final: Floats
  /** [T,B,H] */
  readonly output: Floats
  shape(T: number, B: number): void
}

export function states(arena: Memory, { T, B, H, reverse }: RecurrentOptions): States {
  const all = arena.floats((T + 1) * B * H)
  const made = {
    all,
    initial: all,
    final: all,
    output: all,
    shape(T: number, B: number): void {
      const slot = (t: number) => all.subarray(t * B * H, (t + 1) * B * H)
      made.initial = slot(reverse ? T : 0)
      made.final = slot(reverse ? 0 : T)
      made.output = reverse ? all.subarray(0, T * B * H) : all.subarray(B * H, (T + 1) * B * H)
    },
  }
  made.shape(T, B)
  return made
}
