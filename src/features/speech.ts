/**
 * Speech as a network reads it: every 10 ms the logarithms of 40 mel filters, their slopes Δ and the slopes' slopes ΔΔ,
 * 120 numbers (Le, Jaitly & Hinton 2015, section 4.4). A stream, a whole utterance, and one whose filters are known
 * already give the same bits: it is one computation. 10 ms of sound take some 6 µs.
 */
import { refuseNoSamples } from '../arrays.ts'
import { refuseUnless } from '../error.ts'
import { createLogMel, SETTINGS } from './mel.ts'

const { window: W, shift, filters: N } = SETTINGS

/** Numbers a frame. */
export const FEATURES: number = 3 * N

/** Whole windows in so many samples, where frame f is samples[160 f] … samples[160 f + 399]. */
export function frameCount(samples: number): number {
  refuseUnless(typeof samples === 'number', 'frameCount', 'a number of samples', samples)
  return samples < W ? 0 : 1 + Math.floor((samples - W) / shift)
}

/** The features [frames,120] of an utterance. @throws InputError for samples that are no Int16Array */
export function features(samples: Int16Array): Float32Array {
  refuseNoSamples('features', samples)
  const all = new Float32Array(frameCount(samples.length) * FEATURES)
  const stream = featureStream((row, frame) => all.set(row, frame * FEATURES))
  stream.push(samples)
  stream.end()
  return all
}

/**
 * The filters alone, [frames,40]: what is worth keeping, since Δ and ΔΔ are made from it in a tenth of the time.
 * @throws InputError for samples that are no Int16Array
 */
export function logMel(samples: Int16Array): Float32Array {
  refuseNoSamples('logMel', samples)
  const all = new Float32Array(frameCount(samples.length) * N)
  windows((row, frame) => all.set(row, frame * N))(samples)
  return all
}

/** Takes the row of a frame: valid until it returns. */
export type TakesFrame = (row: Float32Array, frame: number) => void

/** Sound in, features out, as the sound comes. */
export interface FeatureStream {
  /** Any number of samples more. @throws InputError for what is no Int16Array; then none was taken */
  push(samples: Int16Array): void
  /**
   * There are no more: the last four frames, which waited for what follows them, are given. The stream is of no use
   * afterwards.
   */
  end(): void
}

/**
 * `emit` is given each frame's 120 features, four frames (40 ms) after its window is complete, as ΔΔ looks so far
 * ahead.
 * @throws InputError unless `emit` is a function
 */
export function featureStream(emit: TakesFrame): FeatureStream {
  refuseUnless(typeof emit === 'function', 'featureStream', 'a function that takes a frame', emit)
  const { push, end } = deltas(emit)
  const read = windows(push)
  return {
    push(samples) {
      refuseNoSamples('featureStream: push', samples)
      read(samples)
    },
    end,
  }
}

/** A function that takes samples and emits the filters [40] of every window that is complete. */
function windows(emit: TakesFrame): (samples: Int16Array) => void {
  const compute = createLogMel()
  const row = new Float32Array(N)
  let held = new Int16Array(0) // samples from the next window on, and the one before it
  let frame = 0
  return (samples) => {
    refuseNoSamples('featureStream: push', samples)
    const all = new Int16Array(held.length + samples.length)
    all.set(held)
    all.set(samples, held.length)
    let at = frame === 0 ? 0 : 1
    for (; at + W <= all.length; at += shift) {
      compute(all, at, all[Math.max(0, at - 1)]!, row) // as if the first sample had stood before it too: no click
      emit(row, frame++)
    }
    held = all.slice(Math.max(0, at - 1))
  }
}

/** Slots of the ring: a frame is emitted four after it came, and its neighbours reach two further back. */
const RING = 8

/**
 * Takes the filters [40] of one frame after the other and emits [40, Δ, ΔΔ]. Δ is the slope of the line through five
 * frames, d_t = Σ_k k (c_{t+k} - c_{t-k}) / 10 over k = 1, 2; the first and last frame stand for those beyond them.
 */
export function deltas(emit: TakesFrame): { push(row: Float32Array): void; end(): void } {
  const rows = Array.from({ length: RING }, () => new Float32Array(FEATURES))
  let n = 0
  function slope(t: number, from: number, last: number): void {
    const row = (t: number) => rows[Math.min(Math.max(t, 0), last) % RING]!
    const [a, b, d, e, out] = [row(t - 2), row(t - 1), row(t + 1), row(t + 2), row(t)]
    for (let i = from; i < from + N; i++) out[i + N] = (d[i]! - b[i]! + 2 * (e[i]! - a[i]!)) / 10
  }
  return {
    push(row) {
      rows[n % RING]!.set(row)
      n += 1
      if (n > 2) slope(n - 3, 0, n)
      if (n <= 4) return
      slope(n - 5, N, n)
      emit(rows[(n - 5) % RING]!, n - 5)
    },
    end() {
      for (let t = Math.max(0, n - 2); t < n; t++) slope(t, 0, n - 1)
      for (let t = Math.max(0, n - 4); t < n; t++) {
        slope(t, N, n - 1)
        emit(rows[t % RING]!, t)
      }
    },
  }
}
