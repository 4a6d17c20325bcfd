/** What a step record says of the iterations it covers: means, and the extremes that sampling would lose. */
import type { Spread, StepEvent } from './events.ts'

/** What one iteration did. */
export interface IterationResult {
  /** Mean over the batch. */
  loss: number
  /** Euclidean norm of the weight gradients before clipping. */
  norm: number
  /** Whether weight gradients were clipped. */
  clipped: boolean
  lr: number
}

export interface Window {
  /** Iterations added since the last take. */
  readonly length: number
  add(result: IterationResult): void
  /** Time that was not training. */
  skip(ms: number): void
  /** The record of what was added; the window is empty afterwards. */
  take(liveShare: number): Omit<StepEvent, 'type' | 'iteration' | 'seconds'>
}

/** @param countsClipped false where clipping happens inside the kernels, which do not say */
export function createWindow(countsClipped: boolean): Window {
  const loss = createSpread()
  const gradNorm = createSpread()
  let clipped = 0
  let lr = 0
  let since = performance.now()
  return {
    get length() {
      return loss.n
    },
    add(result) {
      loss.add(result.loss)
      gradNorm.add(result.norm)
      if (result.clipped) clipped += 1
      lr = result.lr
    },
    skip(ms) {
      since += ms
    },
    take(liveShare) {
      const n = loss.n
      const now = performance.now()
      const record = {
        window: n,
        loss: loss.take(),
        gradNorm: gradNorm.take(),
        clippedShare: countsClipped ? clipped / n : null,
        liveShare,
        lr,
        iterationsPerSecond: (1000 * n) / Math.max(now - since, 1e-3),
      }
      clipped = 0
      since = now
      return record
    },
  }
}

function createSpread() {
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  const spread = {
    n: 0,
    add(value: number): void {
      spread.n += 1
      sum += value
      // Math.min and max keep a NaN, which a comparison would lose.
      min = Math.min(min, value)
      max = Math.max(max, value)
    },
    take(): Spread {
      const result = { mean: sum / spread.n, min, max }
      spread.n = 0
      sum = 0
      min = Number.POSITIVE_INFINITY
      max = Number.NEGATIVE_INFINITY
      return result
    },
  }
  return spread
}
