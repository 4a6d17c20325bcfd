/** Softmax cross-entropy and squared error, each with its gradient; rows behind a sequence's end do not count. */
import type { Floats, Kernels } from '../backend.ts'
import { padded } from './steps.ts'

/** Index of the largest of K numbers, the first of equals; -1 if none is a number. */
function argMax(K: number, x: Floats, at: number): number {
  let best = -1
  let max = Number.NEGATIVE_INFINITY
  for (let k = 0; k < K; k++)
    if (x[at + k]! > max || (best < 0 && x[at + k] === max)) {
      best = k
      max = x[at + k]!
    }
  return best
}

/** log Σ exp(x_k), shifted by the largest so that it cannot overflow. */
function logSumExp(K: number, x: Floats, at: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let k = 0; k < K; k++) max = Math.max(max, x[at + k]!)
  let sum = 0
  for (let k = 0; k < K; k++) sum += Math.exp(x[at + k]! - max)
  return max + Math.log(sum)
}

export const softmax: Kernels['softmax'] = (N, K, logits, p) => {
  for (let n = 0; n < N; n++) {
    const log = logSumExp(K, logits, n * K)
    for (let k = 0; k < K; k++) p[n * K + k] = Math.exp(logits[n * K + k]! - log)
  }
}

export const softmax_cross_entropy: Kernels['softmax_cross_entropy'] = (
  T,
  B,
  K,
  lengths,
  logits,
  y,
  scale,
  dlogits,
  stats,
) => {
  stats.fill(0, 0, 3)
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) {
      const row = t * B + b
      const target = y[row]!
      if (padded(t, b, lengths) || target < 0) {
        dlogits?.fill(0, row * K, row * K + K)
        continue
      }
      const log = logSumExp(K, logits, row * K)
      stats[0]! += log - logits[row * K + target]!
      stats[1]! += argMax(K, logits, row * K) === target ? 1 : 0
      stats[2]! += 1
      if (dlogits === null) continue
      for (let k = 0; k < K; k++)
        dlogits[row * K + k] = scale * (Math.exp(logits[row * K + k]! - log) - (k === target ? 1 : 0))
    }
}

export const squared_error: Kernels['squared_error'] = (T, B, K, lengths, y, target, scale, dy, stats) => {
  stats.fill(0, 0, 3)
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++)
      for (let i = (t * B + b) * K; i < (t * B + b + 1) * K; i++) {
        if (padded(t, b, lengths) || Number.isNaN(target[i])) {
          if (dy !== null) dy[i] = 0
          continue
        }
        const difference = y[i]! - target[i]!
        stats[0]! += difference * difference
        stats[2]! += 1
        if (dy !== null) dy[i] = 2 * scale * difference
      }
}

export const softmax_scan: Kernels['softmax_scan'] = (N, K, first, common, logits, y, rows) => {
  for (let n = 0; n < N; n++) {
    if (y[n]! < 0) continue
    let [largest, sum, target, best] = (
      first === 0 ? [Number.NEGATIVE_INFINITY, 0, 0, 0] : [...rows.subarray(4 * n, 4 * n + 4)]
    ) as [number, number, number, number]
    for (let k = first; k < first + K; k++) {
      if (k >= common && k !== y[n]!) continue
      const logit = logits[n * K + k - first]!
      if (k === y[n]!) target = logit
      if (logit > largest) {
        sum = sum * Math.exp(largest - logit) + 1
        largest = logit
        best = k
      } else if (Number.isNaN(logit)) largest = sum = logit
      else sum += Math.exp(logit - largest)
    }
    rows.set([largest, sum, target, best], 4 * n)
  }
}

export const softmax_slope: Kernels['softmax_slope'] = (N, K, first, common, logits, y, rows, scale) => {
  for (let n = 0; n < N; n++)
    for (let k = first; k < first + K; k++) {
      const at = n * K + k - first
      const has = y[n]! >= 0 && (k < common || k === y[n])
      const p = has ? Math.exp(logits[at]! - rows[4 * n]!) / rows[4 * n + 1]! : 0
      logits[at] = scale * (p - (k === y[n] ? 1 : 0))
    }
}
