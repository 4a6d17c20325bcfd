/** What an evaluation reports beside the loss: which way is better and how it is written, once for all who compare or show it. */
import { InputError, shown } from './error.ts'

interface Measure {
  /** In a sentence, and over an axis. */
  readonly name: string
  readonly title: string
  readonly lowerIsBetter: boolean
  /** A share of 1, which people read in percent. */
  readonly percent: boolean
  /** Spans powers of ten. */
  readonly log: boolean
  /** The training loss is it. */
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

/** Whether a score `value` is better than `other` in this metric; NaN is better than nothing. */
export function beats(metric: Metric, value: number, other: number): boolean {
  if (typeof metric !== 'string' || !Object.hasOwn(METRICS, metric)) {
    throw new InputError(`metric: expected one of ${Object.keys(METRICS).join(', ')} but received ${shown(metric)}`)
  }
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
