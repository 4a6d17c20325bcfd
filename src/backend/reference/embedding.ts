/** A row of a table for each token, and its gradient scattered back. */
import type { Kernels } from '../backend.ts'

export const embedding_forward: Kernels['embedding_forward'] = (N, E, tokens, table, y) => {
  for (let n = 0; n < N; n++) for (let e = 0; e < E; e++) y[n * E + e] = table[tokens[n]! * E + e]!
}

export const embedding_backward: Kernels['embedding_backward'] = (N, E, tokens, dy, dtable) => {
  for (let n = 0; n < N; n++) for (let e = 0; e < E; e++) dtable[tokens[n]! * E + e]! += dy[n * E + e]!
}
