/**
 * Gradients of a model's weights, as a plan's backward leaves them. Most are dense, in one array. Of a table of which a minibatch
 * touches a few rows (an embedding; the head under sampled softmax) only these rows are there, each once: what it costs to clip,
 * to add and to keep does not grow with the vocabulary.
 */
import type { Floats } from '../backend/backend.ts'

/** Gradients of some rows of a matrix [V,width] among the weights. All others are 0. */
export interface RowGradient {
  /** Where the matrix begins in the model's weights. */
  readonly start: number
  readonly width: number
  /** The rows, no one twice: the first `count`. */
  readonly rows: Int32Array
  /** [count,width] and what is left of earlier minibatches. */
  readonly values: Floats
  /** How many there are of the last backward. */
  readonly count: number
}

export interface Gradients {
  /** The weight of which dense[0] is the gradient. */
  readonly start: number
  readonly dense: Floats
  readonly tables: readonly RowGradient[]
}
