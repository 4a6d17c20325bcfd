/**
 * Streaming: packing weights (./packed.ts says how) and one step of a linear layer. The cells' steps stand with the
 * cells.
 */
import type { Kernels } from '../backend.ts'
import { sum } from './packed.ts'

export const step_pack: Kernels['step_pack'] = (N, I, H, Wxh, Whh, bx, bh, packed) => {
  for (let n = 0; n < N; n++) {
    const row = n * (2 + I + H)
    packed[row] = bx === null ? 0 : bx[n]!
    packed[row + 1] = bh === null ? 0 : bh[n]!
    for (let i = 0; i < I; i++) packed[row + 2 + i] = Wxh![n * I + i]!
    for (let i = 0; i < H; i++) packed[row + 2 + I + i] = Whh![n * H + i]!
  }
}

export const dense_step: Kernels['dense_step'] = (B, I, K, x, packed, y) => {
  for (let b = 0; b < B; b++) for (let k = 0; k < K; k++) y[b * K + k] = sum(packed, k, I, 0, x, x, b)
}
