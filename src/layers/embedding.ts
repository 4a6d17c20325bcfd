/** y = table[token] at every step: words in. It has no x that a gradient could flow to, so it stands in front of the layers. */
import type { Floats } from '../backend/backend.ts'
import type { Memory } from './layer.ts'

export interface EmbeddingLayer {
  /** [T,B,E] */
  readonly y: Floats
  readonly dy: Floats | null
  forward(N: number, tokens: Int32Array): void
  /** Adds the gradients of the N rows to those of the table. Padded rows have gradient 0 and any valid token. */
  backward(N: number, tokens: Int32Array): void
}

export function embeddingLayer(
  arena: Memory, table: Floats, dtable: Floats, { N, E, training }: { N: number; E: number; training: boolean },
): EmbeddingLayer {
  const { backend } = arena
  const y = arena.floats(N * E)
  const dy = training ? arena.floats(N * E) : null
  return {
    y,
    dy,
    forward(N, tokens) {
      backend.embedding_forward(N, E, tokens, table, y)
    },
    backward(N, tokens) {
      backend.embedding_backward(N, E, tokens, dy!, dtable)
    },
  }
}
