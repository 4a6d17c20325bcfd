/** The matrix product and the linear layer y = x Wᵀ + b. */
import type { Kernels } from '../backend.ts'
import { addBias, addOuter, addTransposed, dot } from './rows.ts'

export const gemm: Kernels['gemm'] = (transA, transB, M, N, K, A, B, C, accumulate) => {
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0
      for (let k = 0; k < K; k++)
        sum += (transA ? A[k * M + m]! : A[m * K + k]!) * (transB ? B[n * K + k]! : B[k * N + n]!)
      C[m * N + n] = accumulate ? C[m * N + n]! + sum : sum
    }
}

export const dense_forward: Kernels['dense_forward'] = (N, I, K, x, W, b, y) => {
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) y[n * K + k] = dot(I, W, k, x, n * I) + (b === null ? 0 : b[k]!)
}

/**
 * Rows of [T,B] from the last step to the first, as in back-propagation: segments then add in the order of the whole.
 */
function rowsBackward(T: number, B: number): number[] {
  return Array.from({ length: T * B }, (_, i) => (T - 1 - Math.floor(i / B)) * B + (i % B))
}

export const dense_backward: Kernels['dense_backward'] = (T, B, I, K, x, W, dy, dW, db, dx, _sums, _part) => {
  for (const n of rowsBackward(T, B)) {
    addOuter(K, I, dy, n * K, x, n * I, dW, 0)
    addBias(K, dy, n * K, db, 0)
    if (dx !== null) {
      dx.fill(0, n * I, n * I + I)
      addTransposed(K, I, W, 0, dy, n * K, dx, n * I)
    }
  }
}
