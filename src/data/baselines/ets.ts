/**
 * Exponential smoothing without seasons: level, with or without a trend that may be damped, with errors that add or
 * multiply; the form by the corrected criterion of Akaike (Hyndman, Koehler, Ord & Snyder 2008, "Forecasting with
 * Exponential Smoothing"; `ets(model = "ZZN")` of R's package forecast).
 */
import { minimise } from './simplex.ts'

/** A fitted form: what is needed to run it over another series. */
export interface Smoother {
  readonly trend: 'none' | 'additive' | 'damped'
  readonly multiplicative: boolean
  readonly alpha: number
  readonly beta: number
  readonly phi: number
  /** Level and trend before the first value. */
  readonly level: number
  readonly slope: number
  /** Variance of the errors, relative ones where they multiply. */
  readonly variance: number
}

/** Forecasts and the standard deviations of their errors, [horizon] each. */
export interface Smoothed {
  readonly mean: Float64Array
  readonly deviation: Float64Array
}

const TRENDS = ['none', 'additive', 'damped'] as const
const ALPHA = [1e-4, 0.9999] as const
const PHI = [0.8, 0.98] as const

/** The best form for a series without missing values. */
export function fitSmoother(values: Float64Array): Smoother {
  const positive = values.every((value) => value > 0)
  let best: { criterion: number; smoother: Smoother } | null = null
  for (const trend of TRENDS) {
    if (trend !== 'none' && values.length < 6) continue
    for (const multiplicative of positive ? [false, true] : [false]) {
      const found = fitForm(values, trend, multiplicative)
      if (Number.isFinite(found.criterion) && (best === null || found.criterion < best.criterion)) best = found
    }
  }
  return best?.smoother ?? walk(values)
}

/** Where nothing can be fitted: a random walk. */
function walk(values: Float64Array): Smoother {
  const level = values[0] ?? 0
  return { trend: 'none', multiplicative: false, alpha: ALPHA[1], beta: 0, phi: 1, level, slope: 0, variance: 0 }
}

function fitForm(values: Float64Array, trend: Smoother['trend'], multiplicative: boolean) {
  const n = values.length
  const [level, slope] = trend === 'none' ? [mean(values.subarray(0, 10)), 0] : line(values.subarray(0, 10))
  const spread = deviation(values) || 1
  const start = [0.5, ...(trend === 'none' ? [] : [0.1]), ...(trend === 'damped' ? [0.95] : []), level]
  const steps = [0.2, ...(trend === 'none' ? [] : [0.1]), ...(trend === 'damped' ? [-0.08] : []), 0.1 * spread]
  if (trend !== 'none') {
    start.push(slope)
    steps.push(0.1 * Math.abs(slope) || 0.01 * spread)
  }
  const read = (point: Float64Array): Smoother => {
    let k = 0
    const alpha = point[k++]!
    const beta = trend === 'none' ? 0 : point[k++]!
    const phi = trend === 'damped' ? point[k++]! : 1
    return { trend, multiplicative, alpha, beta, phi, level: point[k]!, slope: point[k + 1] ?? 0, variance: 0 }
  }
  const cost = (point: Float64Array) => {
    const smoother = read(point)
    return isAllowed(smoother) ? likelihood(values, smoother) : Number.POSITIVE_INFINITY
  }
  const point = minimise(cost, start, steps, { evaluations: 120 * start.length, tolerance: 1e-7 })
  const count = start.length + 1 // and the variance
  const criterion = cost(point) + 2 * count + (2 * count * (count + 1)) / (n - count - 1)
  const found = read(point)
  return {
    criterion: n > count + 1 ? criterion : Number.NaN,
    smoother: { ...found, variance: run(values, found).squares / Math.max(1, n - count + 1) },
  }
}

function isAllowed({ trend, alpha, beta, phi }: Smoother): boolean {
  if (alpha < ALPHA[0] || alpha > ALPHA[1]) return false
  if (trend !== 'none' && (beta < ALPHA[0] || beta > alpha)) return false
  return trend !== 'damped' || (phi >= PHI[0] && phi <= PHI[1])
}

/** Minus twice the logarithm of the likelihood, but for a constant. */
function likelihood(values: Float64Array, smoother: Smoother): number {
  const { squares, logs } = run(values, smoother)
  return values.length * Math.log(squares) + 2 * logs
}

/** Runs a form over a series: the sum of its squared errors, and the level and slope at the end. */
function run(values: Float64Array, { multiplicative, alpha, beta, phi, level, slope }: Smoother) {
  let squares = 0
  let logs = 0
  for (const value of values) {
    const expected = level + phi * slope
    const error = value - expected
    if (multiplicative) {
      squares += (error / expected) ** 2
      logs += Math.log(Math.abs(expected))
    } else squares += error * error
    level = expected + alpha * error
    slope = phi * slope + beta * error
  }
  return { squares, logs, level, slope }
}

/** Forecasts after a series with a form that was fitted to it, or to its beginning. */
export function smoothAhead(values: Float64Array, smoother: Smoother, horizon: number): Smoothed {
  const { alpha, beta, phi, variance, multiplicative } = smoother
  const { level, slope } = run(values, smoother)
  const mean = new Float64Array(horizon)
  const deviation = new Float64Array(horizon)
  const theta = new Float64Array(horizon) // of errors that multiply: mean square of the level
  let damping = 0
  const reach = new Float64Array(horizon) // what an error does so many steps later
  for (let ahead = 0; ahead < horizon; ahead++) {
    reach[ahead] = alpha + beta * damping
    damping += phi ** (ahead + 1)
    mean[ahead] = level + damping * slope
    let square = 0
    for (let j = 0; j < ahead; j++) square += reach[j]! ** 2 * (multiplicative ? theta[ahead - 1 - j]! : 1)
    theta[ahead] = mean[ahead]! ** 2 + variance * square
    const spread = multiplicative ? (1 + variance) * theta[ahead]! - mean[ahead]! ** 2 : variance * (1 + square)
    deviation[ahead] = Math.sqrt(Math.max(0, spread))
  }
  return { mean, deviation }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function deviation(values: Float64Array): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}

/** Level before the first value, and slope, of the least squares line. */
function line(values: Float64Array): [number, number] {
  const n = values.length
  const middle = (n + 1) / 2
  const height = mean(values)
  let product = 0
  let square = 0
  for (const [i, value] of values.entries()) {
    product += (i + 1 - middle) * (value - height)
    square += (i + 1 - middle) ** 2
  }
  const slope = square > 0 ? product / square : 0
  return [height - slope * middle, slope]
}
