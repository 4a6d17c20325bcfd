/**
 * Time, and what the machine can do at best. A machine is often shared and its clock moves: what is compared is
 * measured in turn, many times, and the fastest of each counts; the median says how quiet it was.
 */
import type { Engine } from '../src/backend/backend.ts'

export interface Timing {
  /** Milliseconds: the fastest, and the median. */
  readonly best: number
  readonly median: number
  readonly repeats: number
}

export function milliseconds(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

export function timing(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b)
  return { best: sorted[0]!, median: sorted[Math.floor((sorted.length - 1) / 2)]!, repeats: sorted.length }
}

const MOST_REPEATS = 5000

/**
 * Runs again and again for `seconds`, at least `least` times; `between` runs now and then, for what is to be measured
 * at the same time.
 */
export function repeat(
  run: () => void,
  {
    seconds,
    least = 5,
    between = () => {},
  }: {
    seconds: number
    least?: number
    between?: () => void
  },
): Timing {
  const times: number[] = []
  const end = performance.now() + 1000 * seconds
  while (times.length < least || (performance.now() < end && times.length < MOST_REPEATS)) {
    // Every fifth, or about 20 ms apart where one run is short.
    if (times.length % Math.max(5, Math.ceil(20 / Math.max(times.at(-1) ?? 20, 0.01))) === 0) between()
    times.push(milliseconds(run))
  }
  return timing(times)
}

const PEAK_ROUNDS = 400_000

/** GFLOP/s of nothing but multiply-adds on this backend's vectors and threads; half a millisecond to two. */
export function peak(backend: Engine): number {
  let flops = 0
  const ms = milliseconds(() => {
    flops = backend.fma_peak(backend.threads, PEAK_ROUNDS)
  })
  return flops / ms / 1e6
}

/** The best of several peaks. */
export function settledPeak(backend: Engine, times = 20): number {
  return Math.max(...Array.from({ length: times }, () => peak(backend)))
}

const BANDWIDTH_FLOATS = 2 ** 26

/** GB/s read and written when an array of 256 MB, far larger than any cache, is scaled in place. */
export function bandwidth(backend: Engine): number {
  const x = backend.floats(BANDWIDTH_FLOATS).fill(1) // written once, so that all its pages are there
  const { best } = repeat(() => backend.scale(x.length, 1, x), { seconds: 0, least: 6 })
  backend.free(x)
  return (2 * 4 * BANDWIDTH_FLOATS) / best / 1e6
}
