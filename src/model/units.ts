/** What the units of a network did in the last minibatch, told from a few of its rows, which costs next to nothing. */
import type { Direction } from '../layers/layer.ts'

/** Beyond it, to either side, the slope of tanh is below a tenth. */
export const SATURATED = 0.95

/** Shares of the hidden units of all layers, 0 to 1. */
export interface UnitShares {
  /** Not 0 at least once. The others are dead. */
  readonly alive: number
  /** |h| above 0.95, on average over steps and sequences. */
  readonly saturated: number
}

/** Numbers of the states of a layer that are looked at. */
const LOOKED_AT = 4096

/** @param B sequences of T steps, which the first part of the states holds */
export function unitShares(directions: readonly Direction[], { T, B }: { T: number; B: number }): UnitShares {
  const rows = T * B
  let [alive, saturated, units, seen] = [0, 0, 0, 0]
  for (const { h } of directions) {
    const { output } = h
    const H = output.length / rows
    const n = Math.min(rows, Math.max(1, Math.floor(LOOKED_AT / H)))
    const living = new Uint8Array(H)
    for (let k = 0; k < n; k++) {
      const start = Math.floor(((k + 0.5) * rows) / n) * H // evenly, from the first step to the last
      for (let j = 0; j < H; j++) {
        const value = output[start + j]!
        if (value !== 0) living[j] = 1
        if (value > SATURATED || value < -SATURATED) saturated += 1
      }
    }
    for (let j = 0; j < H; j++) alive += living[j]!
    units += H
    seen += n * H
  }
  return { alive: alive / units, saturated: saturated / seen }
}
