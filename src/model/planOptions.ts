/** From the options of a plan to those of its layers: the checks, and how much memory a plan takes. */
import { InputError, refuseUnknown, shown } from '../error.ts'
import cells from '../layers/cells.ts'
import type { Masks } from '../layers/dropout.ts'
import { segmentSteps } from '../layers/segments.ts'
import { widths } from './parameters.ts'
import type { LossOptions, PlanOptions, Sampled } from './plan.ts'
import type { ModelSpec } from './spec.ts'
import { ONE_WAY } from './state.ts'

export interface LayerOptions {
  T: number
  B: number
  training: boolean
  /** Steps in memory at a time: T, or fewer with activation checkpointing. */
  S: number
  /** Whether the head's logits are kept. If not, the head and its loss are one layer. */
  logits: boolean
  sampled: Sampled | null
  dropout: Masks | null
}

/** What each option is, where that is not checked below. */
const OPTIONS: { readonly [name in keyof Required<PlanOptions>]: 'boolean' | readonly string[] | null } = {
  T: null,
  B: null,
  training: 'boolean',
  inputGradient: 'boolean',
  activationCheckpointing: null,
  logits: 'boolean',
  sampled: ['samples', 'sampler'],
  dropout: ['p', 'seed', 'iteration'],
}

function checkOption(name: string, kind: 'boolean' | readonly string[] | null, value: unknown): void {
  if (value === undefined || kind === null) return
  if (kind !== 'boolean') refuseUnknown(`plan: ${name}`, value as object, kind)
  else if (typeof value !== 'boolean') {
    throw new InputError(`plan: ${name}: expected true or false but received ${shown(value)}`)
  }
}

/** A plan that may drop its logits keeps up to so many: 8 MB of float32. */
const LOGITS_KEPT = 2 ** 21

/**
 * @param block the kernels' steps of a block, of which segments are multiples
 * @throws InputError for sizes that are none or too large, and for options that the model does not allow
 */
export function layerOptions(spec: ModelSpec, block: number, options: PlanOptions): LayerOptions {
  refuseUnknown('plan', options, Object.keys(OPTIONS))
  for (const [name, kind] of Object.entries(OPTIONS)) checkOption(name, kind, options[name as keyof PlanOptions])
  const { T, B, training = true, activationCheckpointing = false } = options
  for (const [name, value] of Object.entries({ T, B })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new InputError(`plan: ${name}: expected a whole number >= 1 but received ${shown(value)}`)
  }
  const S = stepsInMemory(spec, block, T, activationCheckpointing)
  const sampled = (training && options.sampled) || null
  if (sampled) checkSamples(spec, sampled)
  const dropout = (training && options.dropout) || null
  if (dropout && !(dropout.p >= 0 && dropout.p < 1)) {
    throw new InputError(`plan: dropout: p: expected a share from 0 to below 1 but received ${shown(dropout.p)}`)
  }
  const logits = !sampled && (options.logits !== false || keepsLogits(spec, T, B))
  const most = largestBuffer(spec, { T, B, S, logits })
  if (most >= 2 ** 31) {
    throw new InputError(
      `plan: expected buffers of fewer than 2^31 elements but ${T} steps (T) of ${B} sequences (B) need ${most}: ` +
        'take shorter or fewer at once',
    )
  }
  return { T, B, training, S, logits, sampled, dropout }
}

/** Whether a plan that may drop its logits still keeps them. */
function keepsLogits({ head }: ModelSpec, T: number, B: number): boolean {
  return head.kind === 'regression' || (head.steps === 'last' ? 1 : T) * B * head.size <= LOGITS_KEPT
}

function stepsInMemory({ rnn }: ModelSpec, block: number, T: number, checkpointing: boolean | number): number {
  if (checkpointing === false) return T
  if (rnn.bidirectional) throw new InputError(`activationCheckpointing: ${ONE_WAY}`)
  if (checkpointing === true) return Math.min(T, segmentSteps(T, block))
  if (Number.isInteger(checkpointing) && checkpointing > 0 && checkpointing % block === 0)
    return Math.min(T, checkpointing)
  throw new InputError(
    `activationCheckpointing: expected true, false or a multiple of ${block} but received ${shown(checkpointing)}`,
  )
}

/** Elements of the largest buffer of a plan. Kernels count elements in 32 bits. */
function largestBuffer(spec: ModelSpec, { T, B, S, logits }: Pick<LayerOptions, 'T' | 'B' | 'S' | 'logits'>): number {
  const width = widths(spec)
  const saved = cells[spec.rnn.cell].saved * spec.rnn.hidden
  const inMemory = Math.max(width.input, width.stack, saved, spec.projection?.size ?? 0, logits ? spec.head.size : 0)
  const always = Math.max(width.input, logits && spec.head.steps === 'every' ? spec.head.size : 0)
  return B * Math.max((S + 1) * inMemory, T * always)
}

/** @throws InputError unless so many classes can be sampled for the head */
function checkSamples({ head }: ModelSpec, { samples, sampler }: Sampled): void {
  if (typeof sampler?.draw !== 'function' || typeof sampler.logExpected !== 'function') {
    throw new InputError(`plan: sampled: sampler: expected draw and logExpected but received ${shown(sampler)}`)
  }
  if (head.kind !== 'classification' || head.steps !== 'every') {
    throw new InputError(
      'softmax: sampled: expected a classification head on every step but it is ' +
        `${head.kind} on the ${head.steps}: use full`,
    )
  }
  if (Number.isInteger(samples) && samples >= 1 && samples < head.size) return
  throw new InputError(
    `softmax: samples: expected a whole number from 1 to ${head.size - 1}, fewer than the ${head.size} classes, but ` +
      `received ${shown(samples)}: sample fewer or use full`,
  )
}

const LOSS_OPTIONS = ['reduction', 'gradient', 'loss']

/** @throws InputError unless both options are what they can be */
export function checkLossOptions(options: LossOptions): void {
  refuseUnknown('plan.loss', options, LOSS_OPTIONS)
  const { reduction, gradient } = options
  if (reduction !== 'mean' && reduction !== 'sum') {
    throw new InputError(`plan.loss: reduction: expected one of mean, sum but received ${shown(reduction)}`)
  }
  if (typeof gradient !== 'boolean') {
    throw new InputError(`plan.loss: gradient: expected true or false but received ${shown(gradient)}`)
  }
}

const BACKWARD_OPTIONS = ['derivativeClip']

/** The clip in the options of `backward`; 0 is none. @throws InputError unless it is one */
export function derivativeClipOf(options: { derivativeClip?: number } | undefined): number {
  if (options === undefined) return 0
  refuseUnknown('plan.backward', options, BACKWARD_OPTIONS)
  const { derivativeClip = 0 } = options
  if (derivativeClip >= 0 && derivativeClip < Infinity && typeof derivativeClip === 'number') return derivativeClip
  throw new InputError(`derivativeClip: expected a number >= 0 (0: none) but received ${shown(derivativeClip)}`)
}
