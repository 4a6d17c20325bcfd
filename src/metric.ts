/**
 * The metrics of an evaluation: which direction is better, and how a value is written. Whoever compares or shows a
 * score reads it here.
 */
import { InputError, refuseUnless, shown } from './error.ts'
import { percent, significant } from './numbers.ts'

interface Measure {
  /** Its name in a sentence, and its title over an axis. */
  readonly name: string
  readonly title: string
  readonly lowerIsBetter: boolean
  /** Whether it is a share of 1, which people read in percent. */
  readonly percent: boolean
  /** Whether values span powers of ten, so that an axis should be logarithmic. */
  readonly log: boolean
  /** Whether the training loss is this metric. */
  readonly isLoss: boolean
}

/**
 * What an evaluation reports beside the loss. Accuracy and frameError are shares of 1; higher is better of accuracy
 * only.
 */
export type Metric = 'mse' | 'accuracy' | 'perplexity' | 'frameError'

export const METRICS: { readonly [metric in Metric]: Measure } = {
  mse: { name: 'MSE', title: 'mean squared error', lowerIsBetter: true, percent: false, log: true, isLoss: true },
  accuracy: { name: 'accuracy', title: 'accuracy', lowerIsBetter: false, percent: true, log: false, isLoss: false },
  /** e to the mean negative log-likelihood of a token. */
  perplexity: {
    name: 'perplexity',
    title: 'perplexity',
    lowerIsBetter: true,
    percent: false,
    log: true,
    isLoss: false,
  },
  /** 1 - accuracy. */
  frameError: {
    name: 'frame error',
    title: 'frame error',
    lowerIsBetter: true,
    percent: true,
    log: false,
    isLoss: false,
  },
}

/** A score as people read it: "0.00014", "98.77 %". */
export function measured(metric: Metric, value: number): string {
  return METRICS[metric].percent ? percent(value) : significant(value)
}

/** Whether a score `value` is better than `other` in this metric; NaN is better than nothing. */
export function beats(metric: Metric, value: number, other: number): boolean {
  if (typeof metric !== 'string' || !Object.hasOwn(METRICS, metric)) {
    throw new InputError(`metric: expected one of ${Object.keys(METRICS).join(', ')} but received ${shown(metric)}`)
  }
  refuseUnless(typeof value === 'number', 'beats', 'a score', value)
  refuseUnless(typeof other === 'number', 'beats', 'a score', other)
  return METRICS[metric].lowerIsBetter ? value < other : value > other
}

/** Whether `value` is at least as good as `level`. */
export function isAsGood(metric: Metric, value: number, level: number): boolean {
  return value === level || beats(metric, value, level)
}

/** The metric that a score has; undefined if none. */
export function metricOf(score: { readonly [metric in Metric]?: number }): Metric | undefined {
  return (Object.keys(METRICS) as Metric[]).find((metric) => score[metric] !== undefined)
}
