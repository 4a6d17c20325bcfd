/**
 * Local regression at the whole numbers 1 … n with tricube weights, as STL uses it (Cleveland, Cleveland, McRae &
 * Terpenning 1990, "STL: A Seasonal-Trend Decomposition Procedure Based on Loess"; the routines `est` and `ess` of
 * their Fortran program, which R has too).
 */

/** How a series is smoothed. */
export interface Smoothing {
  /** Points that a fit looks at, odd. */
  readonly width: number
  /** Degree of the local polynomial. */
  readonly degree: 0 | 1
  /** A fit at every so many points; between them straight lines. */
  readonly jump: number
}

/** Of the points of a fit; grown where it is too short, so that a fit allocates nothing. */
let weights = new Float64Array(0)

/**
 * The fit at x over the points left … right (from 1) of y. NaN where no point has a weight.
 * @param at where y begins in its array
 */
export function fitAt(
  y: Float64Array,
  n: number,
  { width, degree }: Smoothing,
  x: number,
  left: number,
  right: number,
  at = 0,
): number {
  let reach = Math.max(x - left, right - x)
  if (width > n) reach += Math.floor((width - n) / 2)
  if (weights.length <= right) weights = new Float64Array(2 * right + 2)
  const w = weights
  let sum = 0
  for (let j = left; j <= right; j++) {
    const distance = Math.abs(j - x)
    w[j] = distance > 0.999 * reach ? 0 : distance > 0.001 * reach ? tricube(distance / reach) : 1
    sum += w[j]!
  }
  if (sum <= 0) return Number.NaN
  for (let j = left; j <= right; j++) w[j]! /= sum
  if (reach > 0 && degree > 0) tilt(w, x, left, right, n - 1)
  let value = 0
  for (let j = left; j <= right; j++) value += w[j]! * y[at + j - 1]!
  return value
}

function tricube(u: number): number {
  const rest = 1 - u * u * u
  return rest * rest * rest
}

/** Makes the weights of a mean those of a straight line. */
function tilt(w: Float64Array, x: number, left: number, right: number, range: number): void {
  let mean = 0
  for (let j = left; j <= right; j++) mean += w[j]! * j
  let square = 0
  for (let j = left; j <= right; j++) square += w[j]! * (j - mean) ** 2
  if (Math.sqrt(square) <= 0.001 * range) return
  const slope = (x - mean) / square
  for (let j = left; j <= right; j++) w[j]! *= slope * (j - mean) + 1
}

/** Smooths the n values of y from `at` on; the results go to `out` from `to` on. */
export function smooth(y: Float64Array, n: number, how: Smoothing, out: Float64Array, to = 0, at = 0): void {
  if (n < 2) {
    out[to] = y[at]!
    return
  }
  const { width } = how
  const jump = Math.min(how.jump, n - 1)
  const half = Math.floor((width + 1) / 2)
  const fit = (i: number) => {
    let left = 1
    let right = Math.min(width, n)
    if (width < n && i >= half) {
      left = Math.min(i - half + 1, n - width + 1)
      right = left + width - 1
    }
    const value = fitAt(y, n, how, i, left, right, at)
    out[to + i - 1] = Number.isNaN(value) ? y[at + i - 1]! : value
  }
  let before = 1
  fit(1)
  for (let i = 1 + jump; ; i += jump) {
    const here = Math.min(i, n)
    if (here === before) break
    fit(here)
    const first = out[to + before - 1]!
    const slope = (out[to + here - 1]! - first) / (here - before)
    for (let j = before + 1; j < here; j++) out[to + j - 1] = first + slope * (j - before)
    before = here
  }
}
