/**
 * From a spec and its parameters to layers. The recurrent ones lie one on the other: each reads every step of the one below,
 * and the top one is read as the head asks.
 */
import { type Backend, type Floats, RELU, TANH, WHOLE } from './backend/backend.ts'
import { InputError, shown } from './error.ts'
import { bidirectionalLayer } from './layers/bidirectional.ts'
import { type CheckpointedLayer, checkpointedLayer, segmentSteps } from './layers/checkpointed.ts'
import { type DenseWeights, denseLayer } from './layers/dense.ts'
import { dropoutLayer, type Masks } from './layers/dropout.ts'
import { gruLayer } from './layers/gru.ts'
import type {
  Flag,
  Layer,
  Memory,
  RecurrentLayer,
  RecurrentOptions,
  RecurrentWeights,
  Segment,
} from './layers/layer.ts'
import { lstmLayer } from './layers/lstm.ts'
import { rnnLayer } from './layers/rnn.ts'
import { type SampledLayer, type Sampler, sampledLayer } from './layers/sampled.ts'
import { type SoftmaxLayer, softmaxLayer } from './layers/softmax.ts'
import { GATES, named, type Parameter, suffixes, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'
import { ONE_WAY } from './state.ts'

export interface LayerOptions {
  T: number
  B: number
  training: boolean
  /** Steps in memory at a time: T, or fewer with activation checkpointing. */
  S: number
  /** Whether the head's logits are kept; else it is a layer with its loss in one. */
  logits: boolean
  sampled: Sampled | null
  dropout: Masks | null
}

export interface Sampled {
  /** Candidates a minibatch. */
  readonly samples: number
  readonly sampler: Sampler
}

/** A model's layers. */
export interface Layers {
  readonly recurrent: readonly RecurrentLayer[]
  /** Those that see time, in the order of forward: the recurrent ones with dropout between, or one that runs them by segments. */
  readonly steps: readonly Layer[]
  /** Those above, which see rows and not time; none where segments have them too. */
  readonly rows: readonly Layer[]
  /** Above all, where logits are not kept. */
  readonly full: SoftmaxLayer | null
  readonly sampled: SampledLayer | null
  /** The one of `steps` if it is such a one. */
  readonly checkpointed: CheckpointedLayer | null
}

/** The most logits that a plan keeps which need not: 8 MB of float32. */
const LOGITS_KEPT = 2 ** 21

/** Whether a plan keeps logits, which it may do without. */
export function keepsLogits({ head }: ModelSpec, T: number, B: number): boolean {
  return head.kind === 'regression' || (head.steps === 'last' ? 1 : T) * B * head.size <= LOGITS_KEPT
}

export function modelLayers(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  arena: Memory,
  { T, B, training, S, logits, sampled, dropout }: LayerOptions,
): Layers {
  const { head, projection } = spec
  const last = head.steps === 'last'
  const { input: I, stack: W } = widths(spec)
  const segment = S < T ? { part: WHOLE, rows: 0, start: 0 } : null
  const recurrent = recurrentStack(spec, parameters, arena, { T: S, B, training, segment })
  const drop = (place: number, I: number, T: number, segment: Segment | null): Layer[] =>
    training && dropout ? [dropoutLayer(arena, dropout, place, { T, B, I, segment })] : []
  const below = 'vocabulary' in spec.input ? drop(0, I, S, segment) : []
  const steps = recurrent.flatMap((layer, l) => [...(l === 0 ? below : drop(l, W, S, segment)), layer])

  const given = { T: last ? 1 : S, B, training, segment: last ? null : segment }
  const dense = (name: string, I: number, K: number) =>
    denseLayer(arena, denseWeights(parameters, name), { ...given, I, K })
  const rows = drop(recurrent.length, W, given.T, given.segment)
  const top = projection?.size ?? W
  if (projection) rows.push(dense('projection', W, top))
  if (logits) rows.push(dense('head', top, head.size))

  const options = { T: last ? 1 : T, B, I: top, K: head.size, training }
  const ofHead = denseWeights(parameters, 'head')
  const full = logits || sampled ? null : softmaxLayer(arena, ofHead, options)
  const losses = { recurrent, full, sampled: sampled && sampledLayer(arena, ofHead, sampled, options) }
  if (!segment) return { ...losses, steps, rows, checkpointed: null }
  const sizes = { T, B, S, I, K: logits ? head.size : top, steps: head.steps, training }
  const checkpointed = checkpointedLayer(arena, segment, recurrent, last ? steps : [...steps, ...rows], sizes)
  return { ...losses, steps: [checkpointed], rows: last ? rows : [], checkpointed }
}

/**
 * S for the option of a plan.
 * @throws InputError if it is none, or the model bidirectional
 */
export function stepsInMemory(
  { rnn }: ModelSpec,
  backend: Backend,
  T: number,
  checkpointing: boolean | number,
): number {
  const block = backend.block_steps()
  if (checkpointing === false) return T
  if (rnn.bidirectional) throw new InputError(`activationCheckpointing: ${ONE_WAY}`)
  if (checkpointing === true) return Math.min(T, segmentSteps(T, block))
  if (Number.isInteger(checkpointing) && checkpointing > 0 && checkpointing % block === 0)
    return Math.min(T, checkpointing)
  throw new InputError(
    `activationCheckpointing: expected true, false or a multiple of ${block} but received ${shown(checkpointing)}`,
  )
}

function recurrentStack(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  arena: Memory,
  given: Pick<RecurrentOptions, 'T' | 'B' | 'training'> & { segment: Segment | null },
): RecurrentLayer[] {
  const { rnn, head } = spec
  const width = widths(spec)
  return Array.from({ length: rnn.layers }, (_, l) => {
    const I = l === 0 ? width.input : width.stack
    const steps = l === rnn.layers - 1 ? head.steps : 'every'
    const options = { ...given, I, H: rnn.hidden, steps }
    const [along, against] = suffixes(spec, l).map((suffix, d) =>
      cellLayer(rnn.cell, arena, recurrentWeights(parameters, suffix), { ...options, reverse: d as Flag }),
    )
    return against ? bidirectionalLayer(arena, along!, against, { ...options, reverse: 0 }) : along!
  })
}

function cellLayer(
  cell: ModelSpec['rnn']['cell'],
  arena: Memory,
  weights: RecurrentWeights,
  options: RecurrentOptions,
): RecurrentLayer {
  if (cell === 'lstm') return lstmLayer(arena, weights, options)
  if (cell === 'gru') return gruLayer(arena, weights, options)
  return rnnLayer(arena, weights, cell === 'tanh' ? TANH : RELU, options)
}

/** In the place of gradients where there are none: nobody writes there. */
const NONE: Floats = new Float32Array(0)

export function recurrentWeights(parameters: readonly Parameter[], suffix: string): RecurrentWeights {
  const [Wxh, Whh, bx, bh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) =>
    named(parameters, `rnn.${name}${suffix}`),
  ) as [Parameter, Parameter, Parameter, Parameter]
  return {
    Wxh: Wxh.data,
    Whh: Whh.data,
    bx: bx.data,
    bh: bh.data,
    dWxh: Wxh.grad ?? NONE,
    dWhh: Whh.grad ?? NONE,
    dbx: bx.grad ?? NONE,
    dbh: bh.grad ?? NONE,
  }
}

export function denseWeights(parameters: readonly Parameter[], name: string): DenseWeights {
  const W = named(parameters, `${name}.weight`)
  const b = named(parameters, `${name}.bias`)
  return { W: W.data, b: b.data, dW: W.grad ?? NONE, db: b.grad ?? NONE }
}

/** The most numbers any one buffer of a plan holds; kernels count elements in 32 bits. */
export function largestBuffer(
  spec: ModelSpec,
  { T, B, S, logits }: Pick<LayerOptions, 'T' | 'B' | 'S' | 'logits'>,
): number {
  const width = widths(spec)
  const gates = GATES[spec.rnn.cell] > 1 ? 4 * spec.rnn.hidden : spec.rnn.hidden
  const inMemory = Math.max(width.input, width.stack, gates, spec.projection?.size ?? 0, logits ? spec.head.size : 0)
  const always = Math.max(width.input, logits && spec.head.steps === 'every' ? spec.head.size : 0)
  return B * Math.max((S + 1) * inMemory, T * always)
}

/** @throws InputError unless so many classes can be sampled for the head */
export function checkSamples({ head }: ModelSpec, samples: number): void {
  if (head.kind !== 'classification' || head.steps !== 'every') {
    throw new InputError(
      `softmax: sampled: expected a classification head on every step but it is ${head.kind} on the ${head.steps}: use full`,
    )
  }
  if (Number.isInteger(samples) && samples >= 1 && samples < head.size) return
  throw new InputError(
    `softmax: samples: expected a whole number from 1 to ${head.size - 1}, fewer than the ${head.size} classes, but received ` +
      `${shown(samples)}: sample fewer or use full`,
  )
}
