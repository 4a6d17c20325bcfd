/** The order in which a recurrence walks its steps, and what happens at padded ones; the same for every cell. */
import type { Floats } from '../signatures.ts'

/** Step t reads the state in slot `from` and writes the one in slot `to` of [T+1,B,H]. */
export interface Step {
  readonly t: number
  readonly from: number
  readonly to: number
}

/** The steps in the order of the forward pass: 0 … T-1, or T-1 … 0 if reverse. */
export function steps(T: number, reverse: number): Step[] {
  const order = Array.from({ length: T }, (_, t) => (reverse ? { t, from: t + 1, to: t } : { t, from: t, to: t + 1 }))
  return reverse ? order.reverse() : order
}

/** Whether step t lies behind the end of sequence b. */
export function padded(t: number, b: number, lengths: Int32Array | null): boolean {
  return lengths !== null && t >= lengths[b]!
}

/** Bounds a derivative to [-clip, clip]; clip 0 leaves it alone (Graves 2013). NaN stays NaN. */
export function clipped(derivative: number, clip: number): number {
  return clip > 0 ? Math.max(-clip, Math.min(clip, derivative)) : derivative
}

/** A float64 copy of the gradient of a final state, or zeros: what flows back from the last step. */
export function finalGradient(n: number, dhT: Floats | null): Float64Array {
  const d = new Float64Array(n)
  if (dhT !== null) for (let i = 0; i < n; i++) d[i] = dhT[i]!
  return d
}

/** Writes what has flowed back to the initial state, if anybody asked. */
export function initialGradient(n: number, d: Float64Array, dh0: Floats | null): void {
  if (dh0 !== null) for (let i = 0; i < n; i++) dh0[i] = d[i]!
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}
