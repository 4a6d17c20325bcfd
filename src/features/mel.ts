/**
 * The logarithms of 40 mel filters over a window of 25 ms, as HTK and Kaldi have them: pre-emphasis, Hamming window,
 * power spectrum of 512 points, triangles evenly spaced in mel (Davis & Mermelstein 1980).
 */
import { fft } from 'fourier-transform'

/** All that the numbers depend on; what was computed with others is of no use. */
export const SETTINGS = {
  /** Samples a second. */
  rate: 16_000,
  /** Samples of a window, and from one to the next: 25 and 10 ms. */
  window: 400,
  shift: 160,
  /** s_n - 0.97 s_{n-1} lifts the high frequencies, which speech has little of. */
  preemphasis: 0.97,
  /** Points of the spectrum: the power of 2 above the window. */
  points: 512,
  filters: 40,
  /** Hertz where the first filter begins and the last one ends; Kaldi's. */
  low: 20,
  high: 8000,
  /**
   * Energies below count as this: log 1 = 0. Rounding to 16 bits alone, a noise of variance 1/12, puts 13 into every
   * bin, so only digital silence is lower.
   */
  floor: 1,
} as const

const { rate, window: W, preemphasis, points, filters, low, high, floor } = SETTINGS

/** Triangle k weighs the bins first … first + weights.length - 1. */
interface Filter {
  readonly first: number
  readonly weights: Float64Array
}

/**
 * A function that puts the log energies [40] of the window that starts at samples[at] into `out`. `before` is the
 * sample before the window. 5 µs each.
 */
export function createLogMel(): (samples: Int16Array, at: number, before: number, out: Float32Array) => void {
  const hamming = Float64Array.from({ length: W }, (_, n) => 0.54 - 0.46 * Math.cos((2 * Math.PI * n) / (W - 1)))
  const bank = filterBank()
  const frame = new Float64Array(points) // zeros behind the window
  const power = new Float64Array(points / 2 + 1)
  const spectrum: [Float64Array, Float64Array] = [new Float64Array(power.length), new Float64Array(power.length)]
  const [re, im] = spectrum
  return (samples, at, before, out) => {
    let last = before
    for (let n = 0; n < W; n++) {
      const sample = samples[at + n]!
      frame[n] = (sample - preemphasis * last) * hamming[n]!
      last = sample
    }
    fft(frame, spectrum)
    for (let i = 0; i < power.length; i++) power[i] = re[i]! * re[i]! + im[i]! * im[i]!
    for (let k = 0; k < filters; k++) {
      const { first, weights } = bank[k]!
      let energy = 0
      for (let i = 0; i < weights.length; i++) energy += weights[i]! * power[first + i]!
      out[k] = Math.log(Math.max(energy, floor))
    }
  }
}

function mel(hertz: number): number {
  return 1127 * Math.log(1 + hertz / 700)
}

/**
 * Each triangle begins in the middle of the one before it and ends in the middle of the one after; its sides are
 * straight in mel.
 */
function filterBank(): Filter[] {
  const step = (mel(high) - mel(low)) / (filters + 1)
  return Array.from({ length: filters }, (_, k) => {
    const middle = mel(low) + (k + 1) * step
    const all = Float64Array.from({ length: points / 2 + 1 }, (_, i) =>
      Math.max(0, 1 - Math.abs(mel((i * rate) / points) - middle) / step),
    )
    const first = all.findIndex((weight) => weight > 0)
    const last = all.findLastIndex((weight) => weight > 0)
    return { first, weights: all.slice(first, last + 1) }
  })
}
