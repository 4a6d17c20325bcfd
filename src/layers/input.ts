/**
 * What the first layer reads at every step: values, a token's row of the embedding, or the values and after them the
 * row. It has no layer below, so it is no `Layer`.
 */
import type { Floats } from '../backend/backend.ts'
import { type EmbeddingLayer, embeddingLayer } from './embedding.ts'
import type { Memory } from './layer.ts'

export interface InputLayer {
  /** [T,B,I] */
  readonly y: Floats
  /** Gradient of y, which the first layer writes; null where nothing needs it. */
  readonly dy: Floats | null
  /** Gradient of the values [T,B,size] after `backward`; null if it is not wanted. */
  readonly dx: Floats | null
  /** The rows of the embedding that the last backward touched; null unless there are any. */
  readonly touched: EmbeddingLayer['touched']
  /** Of N rows (t, b). */
  forward(N: number): void
  backward(N: number): void
}

export interface InputOptions {
  /** The most rows (t, b). */
  N: number
  training: boolean
  /** Whether `dx` is wanted. */
  gradient: boolean
}

/**
 * @param x [N,size] values; null if there are none
 * @param tokens [N] and the table [V,E] of their rows; null if there are none
 * @param size and E, 0 for what is not there
 */
export function inputLayer(
  arena: Memory,
  x: Floats | null,
  tokens: { readonly ids: Int32Array; readonly table: Floats } | null,
  { size, E }: { size: number; E: number },
  { N, training, gradient }: InputOptions,
): InputLayer {
  const { backend } = arena
  const dx = gradient && training && x ? arena.floats(N * size) : null
  const nothing = { dx, touched: null, forward: () => {}, backward: () => {} }
  if (!tokens) return { ...nothing, y: x!, dy: dx }
  const { ids, table } = tokens
  const embedding = embeddingLayer(arena, table, { N, E, training })
  const { touched } = embedding
  if (!x) {
    return {
      y: embedding.y,
      dy: embedding.dy,
      dx: null,
      touched,
      forward: (N) => embedding.forward(N, ids),
      backward: (N) => embedding.backward(N, ids),
    }
  }
  const I = size + E
  const y = arena.floats(N * I)
  const dy = training ? arena.floats(N * I) : null
  return {
    y,
    dy,
    dx,
    touched,
    forward(N) {
      embedding.forward(N, ids)
      backend.copy_columns(N, size, x, size, 0, y, I, 0, 0)
      backend.copy_columns(N, E, embedding.y, E, 0, y, I, size, 0)
    },
    backward(N) {
      backend.copy_columns(N, E, dy!, I, size, embedding.dy!, E, 0, 0)
      if (dx) backend.copy_columns(N, size, dy!, I, 0, dx, size, 0, 0)
      embedding.backward(N, ids)
    },
  }
}
