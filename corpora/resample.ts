/**
 * Another sample rate by a windowed sinc, one set of taps for each of the places an output sample can have between two
 * input samples (polyphase): 22,050 Hz to 16,000 is 320/441, so 320 sets. Kaiser's window at β = 8 keeps what would
 * fold back 80 dB down (Oppenheim & Schafer, Discrete-Time Signal Processing, 7.5.3).
 */
const BETA = 8
/** Input samples on each side. At 22,050 Hz the filter falls from 1 to nothing within 690 Hz. */
const HALF = 80

/** From `from` Hz to `to` Hz, which is lower: the same length of time. Sample n·from/to becomes sample n. */
export function resampler(from: number, to: number): (x: ArrayLike<number>) => Float64Array {
  const divisor = gcd(from, to)
  const up = to / divisor
  const down = from / divisor
  const taps = polyphase(up, down)
  return (x) => filtered(x, up, down, taps)
}

function filtered(x: ArrayLike<number>, up: number, down: number, taps: Float64Array): Float64Array {
  const width = 2 * HALF
  const out = new Float64Array(Math.ceil((x.length * up) / down))
  for (let n = 0; n < out.length; n++) {
    const place = n * down
    const first = Math.floor(place / up) - HALF + 1
    const phase = (place % up) * width
    const begin = Math.max(0, -first)
    const end = Math.min(width, x.length - first)
    let sum = 0
    for (let k = begin; k < end; k++) sum += taps[phase + k]! * x[first + k]!
    out[n] = sum
  }
  return out
}

/** [up, 2·HALF] taps; each phase sums to 1, so that silence and steady tones keep their level exactly. */
function polyphase(up: number, down: number): Float64Array {
  // Half of the filter's fall lies below the new Nyquist frequency, so that all of it does.
  const transition = (80 - 8) / (2.285 * 2 * HALF) / Math.PI // Kaiser's formula, in parts of the old Nyquist frequency
  const cutoff = up / down - transition / 2
  const width = 2 * HALF
  const taps = new Float64Array(up * width)
  for (let phase = 0; phase < up; phase++) {
    let sum = 0
    for (let k = 0; k < width; k++) {
      const t = k - HALF + 1 - phase / up
      const edge = t / HALF
      const value = Math.abs(edge) >= 1 ? 0 : sinc(cutoff * t) * bessel(BETA * Math.sqrt(1 - edge * edge))
      taps[phase * width + k] = value
      sum += value
    }
    for (let k = 0; k < width; k++) taps[phase * width + k]! /= sum
  }
  return taps
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x: number): number {
  let term = 1
  let sum = 1
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
