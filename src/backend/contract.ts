/** Whether built kernels are those that this code was written for: an old build would be given wrong arguments. */
import type { Kernels } from './backend.ts'

/** How many arguments each kernel takes. The compiler holds them against `Kernels`. */
const COUNTS: { readonly [name in keyof Kernels]: Parameters<Kernels[name]>['length'] } = {
  gemm: 9,
  dense_forward: 7,
  dense_backward: 12,
  gru_backward: 25,
  gru_forward: 13,
  gru_step: 8,
  lstm_backward: 28,
  lstm_forward: 14,
  lstm_step: 7,
  rnn_backward: 25,
  rnn_forward: 13,
  rnn_step: 7,
  shard_rows: 0,
  block_steps: 0,
  sums_floats: 3,
  packed_floats: 3,
  step_pack: 8,
  dense_step: 6,
  softmax_cross_entropy: 10,
  squared_error: 9,
  pinball: 11,
  huber: 10,
  gaussian_nll: 9,
  softmax: 4,
  softmax_scan: 7,
  softmax_slope: 8,
  embedding_forward: 5,
  embedding_backward: 5,
  copy_columns: 9,
  dropout: 7,
  tanh_forward: 3,
  sigmoid_forward: 3,
  sum_of_squares: 2,
  count_nonzero: 2,
  clip_value: 3,
  scale: 3,
  sgd_update: 6,
  rmsprop_update: 7,
  adam_update: 12,
  muon_update: 9,
  sgd_update_rows: 8,
  rmsprop_update_rows: 9,
  adam_update_rows: 14,
  fma_peak: 2,
}

/**
 * What is wrong with a build, for people; null if nothing.
 * @param counts how many arguments each of its kernels takes, by name; undefined for builds that do not say it yet
 */
export function otherThanCode(counts: Readonly<Record<string, number | undefined>> | undefined): string | null {
  if (counts === undefined) return 'it is older than the code'
  for (const [name, expected] of Object.entries(COUNTS)) {
    const count = counts[name]
    if (count === undefined) return `it is older than the code: it has no ${name}`
    if (count !== expected) return `it is of other code: its ${name} takes ${count} arguments, not ${expected}`
  }
  return null
}
