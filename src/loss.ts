/**
 * Losses, as data: what a head is trained by. A task, `train` and `Plan.loss` take one; a loss of your own goes through
 * the same seam. Where a spec says `output`, losses of values are computed in its scaled units.
 *
 * Sources: pinball, Koenker & Bassett 1978; Huber 1964; the normal likelihood with a deviation that the network gives,
 * Nix & Weigend 1994.
 */

import type { Floats } from './backend/backend.ts'
import { checked, InputError, refuseUnknown, shown } from './error.ts'
import type { Metric } from './metric.ts'
import * as z from './schema.ts'

/** Softmax cross-entropy in nats, as data; `crossEntropy` makes it. */
export interface CrossEntropy {
  readonly kind: 'crossEntropy'
  /** What a row of each class counts. Absent: 1. */
  readonly weights?: readonly number[]
}
/** Squared error, as data; `squaredError` makes it. */
export interface SquaredError {
  readonly kind: 'squaredError'
}
/** Pinball loss, as data; `pinball` makes it. */
export interface Pinball {
  readonly kind: 'pinball'
  readonly quantiles: readonly number[]
}
/** Huber's loss, as data; `huber` makes it. */
export interface Huber {
  readonly kind: 'huber'
  readonly delta: number
}
/** Negative log-likelihood of a normal distribution, as data; `gaussianNll` makes it. */
export interface GaussianNll {
  readonly kind: 'gaussianNll'
}
/** Which loss, as data: what config.json stores. */
export type LossSpec = CrossEntropy | SquaredError | Pinball | Huber | GaussianNll

/** What a loss of your own reads. Arrays belong to the plan: read them during the call, and keep none. */
export interface LossBatch {
  /** 1 for a head on the last step. */
  readonly T: number
  readonly B: number
  /** Width of the head. */
  readonly K: number
  /** [T,B,K]. Where the spec says `output`, in its scaled units. */
  readonly logits: Floats
  /**
   * Classification: classes [T,B]. Regression: targets [T,B,D], NaN where there is none, scaled as the logits are; D is
   * the loss's `targets`.
   */
  readonly y: Floats | Int32Array
  /** [T,B], 0 for rows that count for nothing: padded steps, and rows without a class. */
  readonly counts: Uint8Array
}

/** A loss of your own; `ownLoss` makes it. */
export interface OwnLoss {
  readonly kind: 'own'
  /** What config.json records in place of the function. */
  readonly name: string
  /** Regression: D, the targets of a row. Absent: one for each logit. */
  readonly targets?: number
  /**
   * Returns the sum of the losses of a batch. Unless `gradient` [T,B,K] is null, writes there the gradient of that sum
   * with respect to the logits; it starts at 0. The plan divides both by what counts: rows with a class, or targets
   * that are there.
   */
  compute(batch: LossBatch, gradient: Floats | null): number
}

/**
 * Softmax cross-entropy for a classification head, what it is trained by if nothing is said. `weights` [classes], each
 * at least 0 and one above 0: a row counts as much as the weight of its class, in the sum and in what the mean divides
 * by, as in PyTorch.
 * @throws InputError for options that do not exist and weights that are none
 */
export function crossEntropy(options: { weights?: readonly number[] } = {}): CrossEntropy {
  refuseUnknown('crossEntropy', options, ['weights'])
  const { weights } = options
  return checked<CrossEntropy>(
    parts.crossEntropy,
    { kind: 'crossEntropy', ...(weights && { weights: Array.from(weights) }) },
    'crossEntropy',
  )
}

/** Squared error of each value, for a regression head: what it is trained by if nothing is said. */
export function squaredError(): SquaredError {
  return { kind: 'squaredError' }
}

/**
 * Pinball loss: the head answers with quantiles of each target. For D targets and Q quantiles it has size D·Q, laid out
 * [D,Q], and y has D columns. The mean is over targets and quantiles.
 * @param quantiles ascending, each above 0 and below 1, for example [0.1, 0.5, 0.9]
 * @throws InputError unless they are
 */
export function pinball(quantiles: readonly number[]): Pinball {
  const given: unknown = quantiles
  const list = Array.isArray(given) || ArrayBuffer.isView(given) ? Array.from(quantiles) : given
  return checked<Pinball>(parts.pinball, { kind: 'pinball', quantiles: list }, 'pinball')
}

/**
 * Huber's loss of each value, e²/2 up to |e| = delta and delta·(|e| - delta/2) beyond, for targets with outliers.
 * Default delta 1, in the units that the loss is computed in.
 * @throws InputError unless delta is above 0
 */
export function huber(options: { delta?: number } = {}): Huber {
  refuseUnknown('huber', options, ['delta'])
  const { delta = 1 } = options
  return checked<Huber>(parts.huber, { kind: 'huber', delta }, 'huber')
}

/**
 * Negative log-likelihood, in nats, of a normal distribution whose mean and deviation the head gives for each target.
 * For D targets it has size 2·D, laid out [D,2]: the mean, and the natural log of the deviation, which the loss bounds
 * below at -7. y has D columns.
 */
export function gaussianNll(): GaussianNll {
  return { kind: 'gaussianNll' }
}

/**
 * A loss of your own: its value and its gradient, in TypeScript.
 * @throws InputError unless it has a name and a function
 */
export function ownLoss(loss: Omit<OwnLoss, 'kind'>): OwnLoss {
  refuseUnknown('ownLoss', loss, ['name', 'targets', 'compute'])
  return checked<OwnLoss>(ownSchema, { kind: 'own', ...loss }, 'ownLoss')
}

const weights = z
  .array(z.number().min(0).max(1e30))
  .min(1)
  .refine((list) => list.some((weight) => weight > 0), { message: 'expected a weight > 0 but received none' })
const quantiles = z
  .array(z.number().gt(0).lt(1))
  .min(1)
  .refine((list) => list.every((q, i) => i === 0 || q > list[i - 1]!), {
    message: 'expected quantiles in ascending order, each once',
  })
const parts = {
  crossEntropy: z.strictObject({ kind: z.literal('crossEntropy'), weights: weights.exactOptional() }),
  pinball: z.strictObject({ kind: z.literal('pinball'), quantiles }),
  huber: z.strictObject({ kind: z.literal('huber'), delta: z.number().gt(0).max(1e30) }),
}
const ownSchema = z.looseObject({
  kind: z.literal('own'),
  name: z.string().min(1),
  targets: z.int().min(1).exactOptional(),
  compute: z.custom(
    (value) => typeof value === 'function',
    'expected a function, which no file can hold: give it again',
  ),
}) as unknown as z.Schema<OwnLoss>

/** What a task, or the options of a run, may say. */
export const lossSchema: z.Schema<LossSpec | OwnLoss> = z.discriminatedUnion('kind', [
  parts.crossEntropy,
  z.strictObject({ kind: z.literal('squaredError') }),
  parts.pinball,
  parts.huber,
  z.strictObject({ kind: z.literal('gaussianNll') }),
  ownSchema,
]) as z.Schema<LossSpec | OwnLoss>

interface Head {
  readonly kind: 'classification' | 'regression'
  readonly size: number
}

/** `OutputSpec` of a model's spec. */
interface Output {
  readonly mean: readonly number[]
  readonly gaussian?: true
}

/** The loss of a head of which nothing is said. */
export function defaultLoss({ kind }: Head): LossSpec {
  return kind === 'classification' ? crossEntropy() : squaredError()
}

/** Whether it is the cross-entropy that a plan without logits can compute. */
export function isPlain(loss: LossSpec | OwnLoss): boolean {
  return loss.kind === 'crossEntropy' && loss.weights === undefined
}

/** How messages call a loss. */
export function lossName(loss: LossSpec | OwnLoss): string {
  return loss.kind === 'own' ? shown(loss.name) : loss.kind
}

/** D, the columns of y for a head of so many values; 1 for classes. */
export function targetsOf(loss: LossSpec | OwnLoss, { kind, size }: Head): number {
  if (kind === 'classification') return 1
  if (loss.kind === 'pinball') return size / loss.quantiles.length
  if (loss.kind === 'gaussianNll') return size / 2
  return (loss.kind === 'own' ? loss.targets : undefined) ?? size
}

/** @throws InputError unless it is a loss */
export function checkedLoss(what: string, given: LossSpec | OwnLoss): LossSpec | OwnLoss {
  const loss = checked(lossSchema, given, what)
  return loss.kind === 'own' ? given : loss // as it is: its function may need what else is there
}

/**
 * A loss that fits the head, and the scale of its output if there is one.
 * @param what names it in messages
 * @throws InputError, one line, unless it is one and fits
 */
export function fittingLoss(what: string, given: LossSpec | OwnLoss, head: Head, output?: Output): LossSpec | OwnLoss {
  const loss = checkedLoss(what, given)
  const { kind, size } = head
  const wanted = loss.kind === 'own' ? kind : loss.kind === 'crossEntropy' ? 'classification' : 'regression'
  if (wanted !== kind) {
    const remedy =
      kind === 'classification' ? 'use crossEntropy()' : 'use squaredError(), pinball(), huber() or gaussianNll()'
    throw new InputError(`${what}: ${loss.kind}: expected a ${wanted} head but it is ${kind}: ${remedy}`)
  }
  if (loss.kind === 'crossEntropy' && loss.weights && loss.weights.length !== size) {
    throw new InputError(`${what}: weights: expected ${size}, one a class, but received ${loss.weights.length}`)
  }
  const D = targetsOf(loss, head)
  if (Number.isInteger(D)) {
    if (output) refuseOtherOutput(what, loss, D, output)
    return loss
  }
  const [each, of] =
    loss.kind === 'pinball' ? [loss.quantiles.length, 'quantiles'] : [2, 'values (mean, log deviation)']
  throw new InputError(
    `${what}: ${loss.kind}: expected a head of a multiple of ${each}, since each target has ${each} ${of}, but its ` +
      `size is ${size}`,
  )
}

function refuseOtherOutput(what: string, loss: LossSpec | OwnLoss, D: number, { mean, gaussian }: Output): void {
  if (D !== mean.length) {
    throw new InputError(
      `${what}: ${lossName(loss)}: expected a loss of ${mean.length} target(s) a row, as the spec's output says, but ` +
        `this has ${D}`,
    )
  }
  if (loss.kind === 'own' || (loss.kind === 'gaussianNll') === (gaussian === true)) return
  throw new InputError(
    `${what}: ${loss.kind}: expected gaussian: ${!gaussian} in the spec's output, whose logits are scaled by it, but ` +
      `it is ${gaussian === true}`,
  )
}

/**
 * The loss of which a metric is the mean, or of which it counts the hits; the training loss itself where that is the
 * one.
 * @param what names the metric in messages
 * @throws InputError if neither is to be had of this head and this loss
 */
export function lossOfMetric(
  what: string,
  metric: Metric,
  loss: LossSpec | OwnLoss,
  head: Head,
  output?: Output,
): LossSpec | OwnLoss {
  const kind = METRIC_LOSS[metric]
  if (kind === 'any' || (loss.kind === kind && (loss.kind !== 'crossEntropy' || isPlain(loss)))) return loss
  if (kind === 'crossEntropy') return fittingLoss(what, crossEntropy(), head)
  if (kind === 'squaredError' && targetsOf(loss, head) === head.size)
    return fittingLoss(what, squaredError(), head, output)
  const [remedy] = Object.entries(METRIC_LOSS).find(([, of]) => of === loss.kind) ?? ['loss']
  throw new InputError(`${what}: expected the loss ${kind} but it is ${lossName(loss)}: measure by ${remedy}`)
}

const METRIC_LOSS: { readonly [metric in Metric]: LossSpec['kind'] | 'any' } = {
  mse: 'squaredError',
  accuracy: 'crossEntropy',
  perplexity: 'crossEntropy',
  frameError: 'crossEntropy',
  pinball: 'pinball',
  huber: 'huber',
  gaussianNll: 'gaussianNll',
  loss: 'any',
}

/** Whether a metric is the mean of that loss. */
export function isMeanOf(metric: Metric, loss: LossSpec | OwnLoss): boolean {
  const kind = METRIC_LOSS[metric]
  return kind === 'any' || (kind !== 'crossEntropy' && kind === loss.kind)
}
