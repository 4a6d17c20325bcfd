/**
 * Dropout between layers: on what one layer hands to the next, never on what it hands to the next step (Zaremba et al.
 * 2014). It is inverted, so that evaluation needs no change. The mask is a function of seed, iteration, layer and
 * place. It is never stored, and it is the same when a run is resumed or a segment is computed again.
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

/** What the masks of a plan are drawn from. `iteration` is set before every minibatch. */
export interface Masks {
  /** Share of the units that are set to 0. */
  readonly p: number
  readonly seed: number
  iteration: number
}

/** @param place the layer's number in its model, so that no two layers have the same mask */
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
