/** Losses, each with its gradient; rows behind a sequence's end, and what has no target, do not count. */
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
  weights,
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
      const weight = weights?.[target] ?? 1
      const log = logSumExp(K, logits, row * K)
      stats[0]! += weight * (log - logits[row * K + target]!)
      stats[1]! += argMax(K, logits, row * K) === target ? 1 : 0
      stats[2]! += weight
      if (dlogits === null) continue
      for (let k = 0; k < K; k++)
        dlogits[row * K + k] = weight * scale * (Math.exp(logits[row * K + k]! - log) - (k === target ? 1 : 0))
    }
}

/** f(i, counts) for the n targets of every row, i their place in [T,B,n]. */
function eachTarget(
  T: number,
  B: number,
  n: number,
  lengths: Int32Array | null,
  target: Floats,
  f: (i: number, counts: boolean) => void,
): void {
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++)
      for (let i = (t * B + b) * n; i < (t * B + b + 1) * n; i++)
        f(i, !padded(t, b, lengths) && !Number.isNaN(target[i]))
}

export const squared_error: Kernels['squared_error'] = (T, B, K, lengths, y, target, scale, dy, stats) => {
  stats.fill(0, 0, 3)
  eachTarget(T, B, K, lengths, target, (i, counts) => {
    const difference = counts ? y[i]! - target[i]! : 0
    stats[0]! += difference * difference
    stats[2]! += counts ? 1 : 0
    if (dy !== null) dy[i] = 2 * scale * difference
  })
}

// Koenker & Bassett 1978
export const pinball: Kernels['pinball'] = (T, B, D, Q, lengths, y, target, quantiles, scale, dy, stats) => {
  stats.fill(0, 0, 3)
  eachTarget(T, B, D, lengths, target, (i, counts) => {
    for (let k = 0; k < Q; k++) {
      const q = quantiles[k]!
      const e = counts ? target[i]! - y[i * Q + k]! : 0
      stats[0]! += e > 0 ? q * e : (q - 1) * e
      stats[2]! += counts ? 1 : 0
      if (dy !== null) dy[i * Q + k] = scale * (e > 0 ? -q : e < 0 ? 1 - q : 0)
    }
  })
}

// Huber 1964, as torch.nn.HuberLoss
export const huber: Kernels['huber'] = (T, B, K, lengths, y, target, delta, scale, dy, stats) => {
  stats.fill(0, 0, 3)
  eachTarget(T, B, K, lengths, target, (i, counts) => {
    const e = counts ? y[i]! - target[i]! : 0
    stats[0]! += Math.abs(e) <= delta ? (e * e) / 2 : delta * (Math.abs(e) - delta / 2)
    stats[2]! += counts ? 1 : 0
    if (dy !== null) dy[i] = scale * Math.max(-delta, Math.min(delta, e))
  })
}

const LEAST_LOG_STD = -7

export const gaussian_nll: Kernels['gaussian_nll'] = (T, B, D, lengths, y, target, scale, dy, stats) => {
  stats.fill(0, 0, 3)
  eachTarget(T, B, D, lengths, target, (i, counts) => {
    const low = y[2 * i + 1]! < LEAST_LOG_STD
    const s = low ? LEAST_LOG_STD : y[2 * i + 1]!
    const z = (target[i]! - y[2 * i]!) * Math.exp(-s)
    const slope = 1 - z * z
    stats[0]! += counts ? s + (z * z) / 2 + Math.log(2 * Math.PI) / 2 : 0
    stats[2]! += counts ? 1 : 0
    if (dy === null) return
    dy[2 * i] = counts ? -scale * z * Math.exp(-s) : 0
    dy[2 * i + 1] = counts && !(low && slope > 0) ? scale * slope : 0
  })
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
