/** y = table[token] at every step. Tokens have no gradient, so it is no `Layer`: it stands below the layers. */
import type { Floats } from '../backend/backend.ts'
import type { Memory } from './layer.ts'

export interface EmbeddingLayer {
  /** [T,B,E] */
  readonly y: Floats
  readonly dy: Floats | null
  /** The rows of the table that the last backward touched, and their gradients; null unless training. */
  readonly touched: { readonly rows: Int32Array; readonly values: Floats; readonly count: number } | null
  forward(N: number, tokens: Int32Array): void
  /** Computes the gradients of the N tokens' rows (=) from dy. Padded steps have gradient 0 and any valid token. */
  backward(N: number, tokens: Int32Array): void
}

export function embeddingLayer(
  arena: Memory,
  table: Floats,
  { N, E, training }: { N: number; E: number; training: boolean },
): EmbeddingLayer {
  const { backend } = arena
  const y = arena.floats(N * E)
  const dy = training ? arena.floats(N * E) : null
  const V = table.length / E
  const most = Math.min(N, V)
  const touched = training ? { rows: arena.ints(most), values: arena.floats(most * E), count: 0 } : null
  const slots = training ? arena.ints(N) : null // for each token, its row in `touched`
  const places = new Int32Array(training ? V : 0) // for each word, 1 + its row in `touched`; 0: none
  return {
    y,
    dy,
    touched,
    forward(N, tokens) {
      backend.embedding_forward(N, E, tokens, table, y)
    },
    backward(N, tokens) {
      const { rows, values } = touched!
      let count = 0
      for (let n = 0; n < N; n++) {
        const token = tokens[n]!
        if (places[token] === 0) {
          rows[count] = token
          places[token] = ++count
        }
        slots![n] = places[token]! - 1
      }
      for (let i = 0; i < count; i++) places[rows[i]!] = 0
      values.fill(0, 0, count * E)
      backend.embedding_backward(N, E, slots!, dy!, values)
      touched!.count = count
    },
  }
}
