/**
 * Dropout between layers, on what goes up and never on what goes on in time (Zaremba et al. 2014; inverted, so that evaluation
 * needs nothing). The mask is a function of seed, iteration, layer and place: nothing of it is kept, and a run that goes on, or
 * computes a segment again, has the same.
 */
import type { Floats } from '../backend/backend.ts'
import type { Layer, Memory, Segment } from './layer.ts'

export interface DropoutOptions {
  /** The largest minibatch. */
  T: number
  B: number
  /** Width of x. */
  I: number
  segment?: Segment | null
}

/** What the masks of a plan are drawn from; `iteration` is set anew for every minibatch. */
export interface Masks {
  /** Share of the units that are 0. */
  readonly p: number
  readonly seed: number
  iteration: number
}

/** @param place of the layer among those of its model, so that no two have the same mask */
export function dropoutLayer(arena: Memory, masks: Masks, place: number, options: DropoutOptions): Layer {
  const { backend } = arena
  const { I, segment = null } = options
  let { T, B } = options
  const y = arena.floats(T * B * I)
  const dy = arena.floats(T * B * I)
  const seed = (masks.seed + Math.imul(place, 0x85ebca6b)) | 0
  const drop = (x: Floats, y: Floats): void =>
    backend.dropout(T * B * I, (segment?.start ?? 0) * B * I, seed, masks.iteration | 0, masks.p, x, y)
  return {
    y,
    dy,
    shape(newT, newB) {
      T = newT
      B = newB
    },
    forward(x) {
      drop(x, y)
    },
    backward(_x, _lengths, _clip, dx) {
      if (dx) drop(dy, dx)
    },
  }
}
