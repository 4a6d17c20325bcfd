/**
 * The reference backend: every kernel of `kernels/kernels.h` as the slow, obvious loop that reads like its equation,
 * in float64. It is never fast and never clever: the native and the WebAssembly builds are held against it case by case
 * (after karpathy/llm.c, where the plain CPU file comes first, and ggml's test-backend-ops, one table for all
 * backends).
 */
import { type Engine, type Kernels, mortal } from '../backend.ts'
import { gather } from '../gather.ts'
import { withRoom } from '../limits.ts'
import * as cells from './cells.ts'
import { dense_backward, dense_forward, gemm } from './dense.ts'
import {
  clip_value,
  copy_columns,
  count_nonzero,
  dropout,
  fma_peak,
  scale,
  sigmoid_forward,
  sum_of_squares,
  tanh_forward,
} from './elementwise.ts'
import { embedding_backward, embedding_forward } from './embedding.ts'
import {
  gaussian_nll,
  huber,
  pinball,
  softmax,
  softmax_cross_entropy,
  softmax_scan,
  softmax_slope,
  squared_error,
} from './loss.ts'
import { block_steps, packed_floats, shard_rows, sums_floats } from './sizes.ts'
import { dense_step, step_pack } from './step.ts'
import {
  adam_update,
  adam_update_rows,
  muon_update,
  rmsprop_update,
  rmsprop_update_rows,
  sgd_update,
  sgd_update_rows,
} from './update.ts'

/** All kernels. Each takes as many arguments as in kernels.h. */
export const KERNELS: Kernels = {
  gemm,
  dense_forward,
  dense_backward,
  ...cells,
  shard_rows,
  block_steps,
  sums_floats,
  packed_floats,
  step_pack,
  dense_step,
  softmax_cross_entropy,
  squared_error,
  pinball,
  huber,
  gaussian_nll,
  softmax,
  softmax_scan,
  softmax_slope,
  embedding_forward,
  embedding_backward,
  copy_columns,
  dropout,
  tanh_forward,
  sigmoid_forward,
  sum_of_squares,
  count_nonzero,
  clip_value,
  scale,
  sgd_update,
  rmsprop_update,
  adam_update,
  muon_update,
  sgd_update_rows,
  rmsprop_update_rows,
  adam_update_rows,
  fma_peak,
}

/** The plain TypeScript backend: float64 arrays, one thread, no memory of its own. */
export function referenceBackend(): Engine {
  return mortal(
    {
      ...KERNELS,
      name: 'reference',
      description: 'reference, plain TypeScript in float64, 1 thread',
      threads: 1,
      floats: (n) => withRoom('reference', 8 * n, () => new Float64Array(n)),
      ints: (n) => withRoom('reference', 4 * n, () => new Int32Array(n)),
      doubles: (n) => withRoom('reference', 8 * n, () => new Float64Array(n)),
      free: () => {},
      gather,
      bind: (kernel, ...args) => (KERNELS[kernel] as (...args: unknown[]) => never).bind(null, ...args),
    },
    () => {},
  )
}
