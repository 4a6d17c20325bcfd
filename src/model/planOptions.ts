/** From the options of a plan to those of its layers: the checks, and how much memory a plan takes. */
import { InputError, shown } from '../error.ts'
import cells from '../layers/cells.ts'
import type { Masks } from '../layers/dropout.ts'
import { segmentSteps } from '../layers/segments.ts'
import { widths } from './parameters.ts'
import type { PlanOptions, Sampled } from './plan.ts'
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

/** A plan that may drop its logits keeps up to so many: 8 MB of float32. */
const LOGITS_KEPT = 2 ** 21

/**
 * @param block the kernels' steps of a block, of which segments are multiples
 * @throws InputError for sizes that are none or too large, and for options that the model does not allow
 */
export function layerOptions(spec: ModelSpec, block: number, options: PlanOptions): LayerOptions {
  const { T, B, training = true, activationCheckpointing = false } = options
  for (const [name, value] of Object.entries({ T, B })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new InputError(`plan: ${name}: expected a whole number >= 1 but received ${shown(value)}`)
  }
  const S = stepsInMemory(spec, block, T, activationCheckpointing)
  const sampled = (training && options.sampled) || null
  if (sampled) checkSamples(spec, sampled.samples)
  const logits = !sampled && (options.logits !== false || keepsLogits(spec, T, B))
  const most = largestBuffer(spec, { T, B, S, logits })
  if (most >= 2 ** 31) {
    throw new InputError(
      `plan: expected buffers of fewer than 2^31 elements but ${T} steps (T) of ${B} sequences (B) need ${most}: ` +
        'take shorter or fewer at once',
    )
  }
  return { T, B, training, S, logits, sampled, dropout: (training && options.dropout) || null }
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
function checkSamples({ head }: ModelSpec, samples: number): void {
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
