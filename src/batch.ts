/**
 * What a task makes and a model eats: one minibatch in plain typed arrays, time-major, row-major. It belongs to no
 * backend: a plan copies it into its own memory, so a stream may fill the same arrays again for the next batch.
 */
import type { ByteInput } from './backend/backend.ts'

/** Numbers in an array of any kind, or in what JSON makes of a typed array. */
export type Numbers = ArrayLike<number>
/** Whole numbers in an array of any kind. */
export type WholeNumbers = ArrayLike<number> | ArrayLike<bigint>

/** A batch as a person may give it: its numbers in arrays of any kind. `Batch` says what they are. */
export interface BatchInput {
  readonly T: number
  readonly B: number
  readonly x?: Numbers | undefined
  readonly bytes?: { readonly [part in keyof ByteInput]: Numbers } | undefined
  readonly tokens?: WholeNumbers | undefined
  readonly lengths?: WholeNumbers | undefined
  readonly carry?: WholeNumbers | undefined
  readonly y?: WholeNumbers | undefined
}

/** One minibatch. */
export interface Batch {
  /** Time steps. */
  readonly T: number
  /** Sequences. */
  readonly B: number
  /** [T,B,I] values; this, `bytes` or `tokens`, or tokens beside one of the two. */
  readonly x?: Float32Array | Float64Array
  /** x of one number a step, as bytes that stay where they are. */
  readonly bytes?: ByteInput
  /** [T,B] indices into the vocabulary. */
  readonly tokens?: Int32Array
  /** [B], each 1 … T: the steps of each sequence that count. Absent: all T. */
  readonly lengths?: Int32Array
  /**
   * [B], each 0 or 1: 1 where a row goes on from the state that the batch before left in it (after its last step that
   * counts), 0 where it starts from zero. No gradient flows back to that batch. Absent: all start from zero.
   */
  readonly carry?: Uint8Array
  /**
   * The targets. Classification: Int32Array of classes, [B] for a head on the last step, [T,B] for one on every step,
   * -1 where there is no target. Regression: floats, [B,K] or [T,B,K], NaN where there is no target. Under a loss of
   * other targets than outputs (`pinball`, `gaussianNll`), D of them in place of K.
   */
  readonly y?: Float32Array | Float64Array | Int32Array
}

/** What each of a model's inputs is shifted and scaled by, [I] each: (x - mean) / std. */
export interface Normalisation {
  readonly mean: Float32Array
  /** Above 0. */
  readonly std: Float32Array
}

/** What a model expects of a batch. */
export interface BatchShape {
  /** The most steps and sequences. */
  readonly T: number
  readonly B: number
  /** Width of x, or the number of tokens, or both. */
  readonly input:
    | { readonly size: number }
    | { readonly vocabulary: number }
    | { readonly size: number; readonly vocabulary: number }
  readonly head: {
    readonly kind: 'classification' | 'regression'
    readonly size: number
    readonly steps: 'last' | 'every'
  }
}
