/** How far a gradient travels, in words. */
import { fate } from '../../src/model/flow.ts'

export type Verdict = 'vanishes' | 'carried' | 'explodes' | 'nothing'

export interface SpokenFlow {
  readonly verdict: Verdict
  /** log10 of the first step's norm over the last step's; -Infinity where the first gets nothing. */
  readonly decades: number
  /** "vanishes, by 8.1 decades: the first step gets 10⁻⁸ of what the last one gets" */
  readonly words: string
}

/** A unit more or less at 0 moves the ends of a short sequence: so much is no trend. */
const LEAST = 0.5

/** @param norms |dL/dh_t|, the first step first */
export function spokenFlow(norms: Float64Array): SpokenFlow {
  const T = norms.length
  const { decades, verdict } = fate(norms[0]!, norms[T - 1]!, T)
  if (norms.some((norm) => !Number.isFinite(norm))) {
    return {
      verdict: 'explodes',
      decades: Number.POSITIVE_INFINITY,
      words: 'explodes: it is no finite number any more',
    }
  }
  if (Number.isNaN(decades)) return { verdict: 'nothing', decades, words: 'is 0 at every step' }
  if (verdict === 'carried' || Math.abs(decades) <= LEAST) {
    return { verdict: 'carried', decades, words: `is carried: ${change(decades)} over ${T} steps` }
  }
  if (decades === Number.NEGATIVE_INFINITY) {
    return { verdict: 'vanishes', decades, words: 'vanishes: the first step gets nothing' }
  }
  const size = `10${raised(Math.round(decades))}`
  const gets = decades < 0 ? `${size} of what the last one gets` : `${size} times what the last one gets`
  return {
    verdict,
    decades,
    words: `${verdict}, by ${Math.abs(decades).toFixed(1)} decades: the first step gets ${gets}`,
  }
}

function change(decades: number): string {
  if (Math.abs(decades) < 0.005) return 'no change'
  return `${decades < 0 ? '−' : '+'}${Math.abs(decades).toFixed(2)} decades`
}

const DIGITS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A whole number as an exponent: -8 → ⁻⁸ */
export function raised(n: number): string {
  return String(n)
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => DIGITS[Number(digit)]!)
}
