/**
 * The step record under way: what iterations did since the last one, as means and the extremes that sampling would
 * lose.
 */
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

export interface StepRecord {
  /** Iterations added since the last take. */
  readonly length: number
  add(result: IterationResult): void
  /** Time that was not training. */
  skip(ms: number): void
  /** The record of what was added; nothing is in it afterwards. */
  take(liveShare: number, measured: Measured | null): Omit<StepEvent, 'type' | 'iteration' | 'seconds'>
  /** What was added, as plain data; one made from it goes on where this one stands. */
  getState(): StepRecordState
}

/** What is measured of the last iteration of a record alone. */
export type Measured = Pick<StepEvent, 'aliveUnits' | 'saturatedShare' | 'updateRatio'>

/** A step record under way, as plain data that a checkpoint stores. */
export interface StepRecordState {
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
export function createStepRecord(countsClipped: boolean, from?: StepRecordState): StepRecord {
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
    take(liveShare, measured) {
      const n = loss.n
      const now = performance.now()
      const record = {
        window: n,
        loss: loss.take(),
        gradNorm: gradNorm.take(),
        clippedShare: countsClipped ? clipped / n : null,
        liveShare,
        ...measured,
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
