/** The kernels of `kernels/losses.h`, argument for argument. */
import type { Floats, OrNull } from './signatures.ts'

export interface LossKernels {
  softmax_cross_entropy(
    T: number,
    B: number,
    K: number,
    lengths: OrNull<Int32Array>,
    logits: Floats,
    y: Int32Array,
    weights: OrNull<Floats>,
    scale: number,
    dlogits: OrNull<Floats>,
    stats: Float64Array,
  ): void
  squared_error(
    T: number,
    B: number,
    K: number,
    lengths: OrNull<Int32Array>,
    y: Floats,
    target: Floats,
    scale: number,
    dy: OrNull<Floats>,
    stats: Float64Array,
  ): void
  pinball(
    T: number,
    B: number,
    D: number,
    Q: number,
    lengths: OrNull<Int32Array>,
    y: Floats,
    target: Floats,
    quantiles: Floats,
    scale: number,
    dy: OrNull<Floats>,
    stats: Float64Array,
  ): void
  huber(
    T: number,
    B: number,
    K: number,
    lengths: OrNull<Int32Array>,
    y: Floats,
    target: Floats,
    delta: number,
    scale: number,
    dy: OrNull<Floats>,
    stats: Float64Array,
  ): void
  gaussian_nll(
    T: number,
    B: number,
    D: number,
    lengths: OrNull<Int32Array>,
    y: Floats,
    target: Floats,
    scale: number,
    dy: OrNull<Floats>,
    stats: Float64Array,
  ): void
  softmax(N: number, K: number, logits: Floats, p: Floats): void
  softmax_scan(N: number, K: number, first: number, common: number, logits: Floats, y: Int32Array, rows: Floats): void
  softmax_slope(
    N: number,
    K: number,
    first: number,
    common: number,
    logits: Floats,
    y: Int32Array,
    rows: Floats,
    scale: number,
  ): void
}
