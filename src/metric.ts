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
}

/**
 * What an evaluation reports beside the loss. Accuracy and frameError are shares of 1; higher is better of accuracy
 * only. pinball, huber and gaussianNll are the mean of the loss of that name, mse that of the squared error; where a
 * spec says `output` they are in its scaled units. `loss` is the mean of whatever loss there is, as of one of your own.
 */
export type Metric = 'mse' | 'accuracy' | 'perplexity' | 'frameError' | 'pinball' | 'huber' | 'gaussianNll' | 'loss'

export const METRICS: { readonly [metric in Metric]: Measure } = {
  mse: { name: 'MSE', title: 'mean squared error', lowerIsBetter: true, percent: false, log: true },
  accuracy: { name: 'accuracy', title: 'accuracy', lowerIsBetter: false, percent: true, log: false },
  /** e to the mean negative log-likelihood of a token. */
  perplexity: {
    name: 'perplexity',
    title: 'perplexity',
    lowerIsBetter: true,
    percent: false,
    log: true,
  },
  /** 1 - accuracy. */
  frameError: {
    name: 'frame error',
    title: 'frame error',
    lowerIsBetter: true,
    percent: true,
    log: false,
  },
  pinball: { name: 'pinball', title: 'pinball loss', lowerIsBetter: true, percent: false, log: true },
  huber: { name: 'Huber', title: 'Huber loss', lowerIsBetter: true, percent: false, log: true },
  /** It may be below 0. */
  gaussianNll: {
    name: 'NLL',
    title: 'negative log-likelihood',
    lowerIsBetter: true,
    percent: false,
    log: false,
  },
  loss: { name: 'loss', title: 'loss', lowerIsBetter: true, percent: false, log: false },
}

/** Which way is better. */
export interface Direction {
  readonly lowerIsBetter: boolean
}

/** What a task's own score is called, and how it reads: what an evaluation records of it. */
export interface JudgeName extends Direction {
  /** In a sentence: "MASE". */
  readonly name: string
  /** Whether it is a share of 1, which people read in percent. Default false. */
  readonly percent?: boolean | undefined
}

/** A score as people read it: "0.00014", "98.77 %". */
export function measured(metric: Metric | JudgeName, value: number): string {
  return measureOf(metric).percent ? percent(value) : significant(value)
}

/** What is to be known of a metric, or of a task's own score. */
export function measureOf(metric: Metric | JudgeName): JudgeName {
  return typeof metric === 'string' ? METRICS[metric] : metric
}

/** Whether a score `value` is better than `other` in this metric, or direction; NaN is better than nothing. */
export function beats(metric: Metric | Direction, value: number, other: number): boolean {
  const direction = typeof metric === 'string' && Object.hasOwn(METRICS, metric) ? METRICS[metric] : metric
  const { lowerIsBetter } = (direction ?? {}) as Partial<Direction>
  if (typeof lowerIsBetter !== 'boolean') {
    throw new InputError(`metric: expected one of ${Object.keys(METRICS).join(', ')} but received ${shown(metric)}`)
  }
  refuseUnless(typeof value === 'number', 'beats', 'a score', value)
  refuseUnless(typeof other === 'number', 'beats', 'a score', other)
  return lowerIsBetter ? value < other : value > other
}

/** Whether `value` is at least as good as `level`. */
export function isAsGood(metric: Metric | Direction, value: number, level: number): boolean {
  return value === level || beats(metric, value, level)
}

/** The metric that a score has; undefined if none. */
export function metricOf(score: { readonly [metric in Metric]?: number }): Metric | undefined {
  return (Object.keys(METRICS) as Metric[]).find((metric) => score[metric] !== undefined)
}
