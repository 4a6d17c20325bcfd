/**
 * Sizes that callers ask for. Sums of segments are added to the gradients at once, in the order of the whole: no room
 * is needed.
 */
import type { Kernels } from '../backend.ts'

/** Those of the other backends, so that a plan has the same segments on every one. */
export const shard_rows: Kernels['shard_rows'] = () => 8
export const block_steps: Kernels['block_steps'] = () => 16

export const sums_floats: Kernels['sums_floats'] = (_B, _M, _N) => 0

/** As step.ts packs them: both biases, then the weights of x and of h. */
export const packed_floats: Kernels['packed_floats'] = (N, I, H) => N * (2 + I + H)
