/** Colours of heatmaps: numbers → RGBA. */

import { heatColor } from '../shared/heat.ts'

type Rgb = readonly [red: number, green: number, blue: number]

/** Below and above zero. */
const BELOW: Rgb = [64, 120, 214]
const ABOVE: Rgb = [214, 110, 40]

/** Of what is no finite number. */
const BROKEN: Rgb = [220, 30, 60]

/** What makes a colour of a number, written to 4 bytes at a place. */
export type Paint = (value: number, into: Uint8ClampedArray, at: number) => void

function put(into: Uint8ClampedArray, at: number, [red, green, blue]: Rgb, opacity: number): void {
  into[at] = red
  into[at + 1] = green
  into[at + 2] = blue
  into[at + 3] = 255 * opacity
}

/**
 * From 0 to the most; what is exactly 0 stays ground, so that units at rest are seen, and what is small is faint: the
 * dark end of the colours would be loud on a light ground.
 */
export function fromZero(most: number): Paint {
  const scale = Math.asinh(10)
  return (value, into, at) => {
    if (value === 0) return
    if (!Number.isFinite(value)) return put(into, at, BROKEN, 1)
    const share = Math.asinh((10 * Math.min(value, most)) / most) / scale
    put(into, at, heatColor(share), Math.min(1, 0.15 + 2 * share))
  }
}

/** Below and above 0 alike; 0 is ground. */
export function aroundZero(most: number): Paint {
  return (value, into, at) => {
    if (!Number.isFinite(value)) put(into, at, BROKEN, 1)
    else put(into, at, value < 0 ? BELOW : ABOVE, Math.min(1, Math.abs(value) / most) ** 0.7)
  }
}

/** log10 from `low` to `high`; what is 0 stays ground. */
export function logarithmic(low: number, high: number): Paint {
  return (value, into, at) => {
    if (value === 0) return
    if (!Number.isFinite(value)) return put(into, at, BROKEN, 1)
    const share = (Math.log10(value) - low) / (high - low)
    put(into, at, heatColor(share), 1)
  }
}

/** Grey ink of that colour, the denser the larger, from 0 to 1. */
export function ink(color: string): Paint {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number)
  return (value, into, at) => put(into, at, [red, green, blue], Math.min(1, Math.max(0, value)))
}

/** A size that few of the numbers exceed: one that is far away shall not make the others pale. */
export function sizeOf(values: Float32Array): number {
  const every = Math.ceil(values.length / 4000)
  const some: number[] = []
  for (let i = 0; i < values.length; i += every)
    if (values[i] !== 0 && Number.isFinite(values[i])) some.push(Math.abs(values[i]!))
  some.sort((a, b) => a - b)
  return some[Math.floor(0.98 * some.length)] ?? 1
}

/** What the colours of states mean. */
export function legendOf(most: number, rectified: boolean): string {
  const size = most.toPrecision(2)
  return rectified ? `0 (ground) to ${size} or more (yellow)` : `−${size} (blue) to ${size} (orange)`
}
