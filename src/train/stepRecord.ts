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
  /** What was added, as plain data; a window made from it goes on where this one stands. */
  getState(): WindowState
}

/** A step record under way. */
export interface WindowState {
  readonly n: number
  /** Sum, minimum and maximum; null while nothing is in it. */
  readonly loss: readonly [number, number, number] | null
  readonly gradNorm: readonly [number, number, number] | null
  readonly clipped: number
  readonly lr: number
  /** Time spent on it. */
  readonly ms: number
}

/** @param countsClipped false where clipping happens inside the kernels, which do not say */
export function createWindow(countsClipped: boolean, from?: WindowState): Window {
  const loss = createSpread(from?.n, from?.loss)
  const gradNorm = createSpread(from?.n, from?.gradNorm)
  let clipped = from?.clipped ?? 0
  let lr = from?.lr ?? 0
  let since = performance.now() - (from?.ms ?? 0)
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
    getState: () => ({
      n: loss.n,
      loss: loss.getState(),
      gradNorm: gradNorm.getState(),
      clipped,
      lr,
      ms: performance.now() - since,
    }),
  }
}

/** Its numbers are fields: a captured variable would be a new heap number at every iteration. */
function createSpread(n = 0, from: readonly [number, number, number] | null = null) {
  const [sum, min, max] = from ?? [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const spread = {
    n,
    sum,
    min,
    max,
    getState: () => (spread.n === 0 ? null : ([spread.sum, spread.min, spread.max] as const)),
    add(value: number): void {
      spread.n += 1
      spread.sum += value
      // Math.min and max keep a NaN, which a comparison would lose.
      spread.min = Math.min(spread.min, value)
      spread.max = Math.max(spread.max, value)
    },
    take(): Spread {
      const result = { mean: spread.sum / spread.n, min: spread.min, max: spread.max }
      spread.n = 0
      spread.sum = 0
      spread.min = Number.POSITIVE_INFINITY
      spread.max = Number.NEGATIVE_INFINITY
      return result
    },
  }
  return spread
}
