/** Axes of a figure: from data to pixels, and the labelled places. */
import { scaleLinear, scaleLog, scaleUtc } from 'd3-scale'

export interface Axis {
  readonly title: string
  readonly log?: boolean
  /** Its values are moments, in milliseconds since 1970. */
  readonly time?: boolean
  /** Ends of the axis; default what the data needs. */
  readonly domain?: readonly [number, number]
  /** Where the axis ends at most; what is above leaves the picture at its top. */
  readonly most?: number
}

/** From data to pixels. */
export type Scale =
  | ReturnType<typeof scaleLinear<number, number>>
  | ReturnType<typeof scaleLog<number, number>>
  | ReturnType<typeof scaleUtc<number, number>>

/**
 * From data to pixels, its ends at round numbers, or where the data end. A domain of nothing, or of one value, is
 * widened: it must have ends.
 */
export function scale(
  { log = false, time = false, domain, most = Number.POSITIVE_INFINITY }: Axis,
  values: readonly number[],
  range: [number, number],
  nice = true,
): Scale {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (!drawable(value, log)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) [low, high] = log ? [0.1, 1] : [0, 1]
  high = Math.max(low, Math.min(high, most))
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5]
  const ends = domain ?? [low, high]
  if (time) return scaleUtc(ends, range)
  const made = log ? scaleLog(ends, range) : scaleLinear(ends, range)
  return domain || !nice ? made : made.nice()
}

/** At most about eight labelled places. On a logarithmic axis whole decades, where it spans some. */
export function ticks({ log = false }: Axis, toPixels: Scale): { at: number; label: string }[] {
  if ('tickFormat' in toPixels && toPixels.domain()[0] instanceof Date) {
    const { ticks, tickFormat } = toPixels as ReturnType<typeof scaleUtc<number, number>>
    const label = tickFormat()
    return ticks(6).map((tick) => ({ at: round(toPixels(tick)), label: label(tick) }))
  }
  const all = toPixels.ticks(6) as number[]
  const decades = all.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9))
  const every = Math.ceil(decades.length / 8)
  const shown = log && decades.length > 2 ? decades.filter((_, i) => i % every === 0) : all
  const largest = Math.max(...shown.map(Math.abs))
  return shown.map((tick) => ({ at: round(toPixels(tick)), label: tickLabel(tick, log ? Math.abs(tick) : largest) }))
}

/** @param largest decides the unit, which all ticks of a linear axis share */
function tickLabel(value: number, largest: number): string {
  const size = Math.abs(value)
  if (size > 0 && largest >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`
  if (size > 0 && largest >= 1e4) return `${Number((value / 1e3).toPrecision(6))}k`
  if (size > 0 && size < 1e-4) return value.toExponential().replace('e-', '·10⁻').replace(/\d+$/, superscript)
  return String(Number(value.toPrecision(6)))
}

function superscript(digits: string): string {
  return [...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')
}

export function drawable(value: number, log: boolean): boolean {
  return Number.isFinite(value) && (!log || value > 0)
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
