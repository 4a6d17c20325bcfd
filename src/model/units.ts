/** What the units of a network did in the last minibatch, told from a few of its steps, which costs next to nothing. */
import type { Floats } from '../backend/backend.ts'
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

/** Steps in which a unit may show that it lives, and those in which saturated ones are counted. */
const [LOOKED_AT, COUNTED] = [32, 4]

/** @param B sequences of T steps, which the first part of the states holds */
export function unitShares(directions: readonly Direction[], { T, B }: { T: number; B: number }): UnitShares {
  let [alive, saturated, units, all] = [0, 0, 0, 0]
  for (const { h } of directions) {
    const H = h.output.length / (T * B)
    units += H
    alive += aliveIn(h.output, H, T, B)
    for (let k = 0; k < Math.min(T, COUNTED); k++) {
      const t = stepOf(k, Math.min(T, COUNTED), T)
      for (let i = t * B * H; i < (t + 1) * B * H; i++) if (Math.abs(h.output[i]!) > SATURATED) saturated += 1
      all += B * H
    }
  }
  return { alive: alive / units, saturated: saturated / all }
}

/** The k-th of n steps that lie evenly in T, the last one first. */
function stepOf(k: number, n: number, T: number): number {
  return T - 1 - Math.floor((k * T) / n)
}

/** Ends as soon as all are found, which is soon where none is dead. */
function aliveIn(all: Floats, H: number, T: number, B: number): number {
  const alive = new Uint8Array(H)
  const steps = Math.min(T, LOOKED_AT)
  let found = 0
  for (let k = 0; k < steps && found < H; k++) {
    const t = stepOf(k, steps, T)
    for (let row = t * B; row < (t + 1) * B && found < H; row++) {
      for (let j = 0; j < H; j++) {
        if (alive[j] === 1 || all[row * H + j] === 0) continue
        alive[j] = 1
        found += 1
      }
    }
  }
  return found
}
