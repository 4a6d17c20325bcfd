/** Kernels that look at one number at a time. */
import type { Kernels } from '../backend.ts'
import { sigmoid } from './steps.ts'

export const tanh_forward: Kernels['tanh_forward'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = Math.tanh(x[i]!)
}

export const sigmoid_forward: Kernels['sigmoid_forward'] = (n, x, y) => {
  for (let i = 0; i < n; i++) y[i] = sigmoid(x[i]!)
}

export const copy_columns: Kernels['copy_columns'] = (
  N,
  columns,
  src,
  srcWidth,
  srcColumn,
  dst,
  dstWidth,
  dstColumn,
  accumulate,
) => {
  for (let n = 0; n < N; n++)
    for (let j = 0; j < columns; j++) {
      const at = n * dstWidth + dstColumn + j
      const value = src[n * srcWidth + srcColumn + j]!
      dst[at] = accumulate ? dst[at]! + value : value
    }
}

export const sum_of_squares: Kernels['sum_of_squares'] = (n, x) => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += x[i]! * x[i]!
  return sum
}

export const count_nonzero: Kernels['count_nonzero'] = (n, x) => {
  let count = 0
  for (let i = 0; i < n; i++) if (x[i] !== 0) count++ // NaN counts
  return count
}

export const clip_value: Kernels['clip_value'] = (n, limit, x) => {
  let changed = 0
  for (let i = 0; i < n; i++)
    if (Math.abs(x[i]!) > limit) {
      x[i] = Math.sign(x[i]!) * limit
      changed++
    }
  return changed
}

export const scale: Kernels['scale'] = (n, factor, x) => {
  for (let i = 0; i < n; i++) x[i]! *= factor
}

export const fma_peak: Kernels['fma_peak'] = (pieces, rounds) => {
  let sum = 0
  for (let k = 0; k < pieces * rounds; k++) sum = sum * 0.999 + 0.001
  return sum >= 0 ? 2 * pieces * rounds : 0
}

/** Two rounds of Wellons' finaliser "lowbias32". */
function mix(z: number): number {
  z = Math.imul(z ^ (z >>> 16), 0x7feb352d)
  z = Math.imul(z ^ (z >>> 15), 0x846ca68b)
  return z ^ (z >>> 16)
}

export const dropout: Kernels['dropout'] = (n, first, seed, iteration, p, x, y) => {
  const key = mix((mix(seed) + Math.imul(iteration, 0x9e3779b9)) | 0)
  const least = Math.floor(Math.fround(p) * 2 ** 24)
  for (let i = 0; i < n; i++) {
    const bits = mix(mix((first + i + key) | 0) ^ key) >>> 8
    y[i] = bits >= least ? x[i]! / (1 - p) : 0
  }
}
