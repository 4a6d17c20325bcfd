/**
 * From a spec and its parameters to layers. The recurrent ones lie one on the other: each reads every step of the one below,
 * and the top one is read as the head asks.
 */
import { RELU, TANH, WHOLE } from './backend/backend.ts'
import { InputError, shown } from './error.ts'
import { bidirectionalLayer } from './layers/bidirectional.ts'
import { type CheckpointedLayer, checkpointedLayer, segmentSteps } from './layers/checkpointed.ts'
import { type DenseWeights, denseLayer } from './layers/dense.ts'
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
import { GATES, named, type Parameter, suffixes, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'
import { ONE_WAY } from './state.ts'

export interface LayerOptions {
  T: number
  B: number
  training: boolean
  /** Steps in memory at a time: T, or fewer with activation checkpointing. */
  S: number
}

/** A model's layers in the order of forward. */
export interface Layers {
  /** The recurrent ones, or one that runs them segment by segment. */
  readonly stack: readonly RecurrentLayer[]
  /** Those above, which see rows and not time; none where segments have them too. */
  readonly dense: readonly Layer[]
  /** The one of `stack` if it is such a one. */
  readonly checkpointed: CheckpointedLayer | null
}

export function modelLayers(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  arena: Memory,
  { T, B, training, S }: LayerOptions,
): Layers {
  const { head, projection } = spec
  const { input: I, stack: W } = widths(spec)
  const segment = S < T ? { part: WHOLE } : null
  const stack = recurrentStack(spec, parameters, arena, { T: S, B, training, segment })
  const rows = head.steps === 'last' ? 1 : S
  const ofRows = head.steps === 'last' ? null : segment
  const dense = (name: string, I: number, K: number) =>
    denseLayer(arena, denseWeights(parameters, name), { T: rows, B, I, K, training, segment: ofRows })
  const above = projection ? [dense('projection', W, projection.size)] : []
  above.push(dense('head', projection?.size ?? W, head.size))
  if (!segment) return { stack, dense: above, checkpointed: null }
  const layers = head.steps === 'last' ? stack : [...stack, ...above]
  const options = { T, B, S, I, K: head.size, steps: head.steps, training }
  const checkpointed = checkpointedLayer(arena, segment, stack, layers, options)
  return { stack: [checkpointed], dense: head.steps === 'last' ? above : [], checkpointed }
}

/**
 * S for the option of a plan.
 * @throws InputError if it is none, or the model bidirectional
 */
export function stepsInMemory({ rnn }: ModelSpec, T: number, checkpointing: boolean | number): number {
  if (checkpointing === false) return T
  if (rnn.bidirectional) throw new InputError(`activationCheckpointing: ${ONE_WAY}`)
  if (checkpointing === true) return Math.min(T, segmentSteps(T))
  if (Number.isInteger(checkpointing) && checkpointing > 0 && checkpointing % 16 === 0)
    return Math.min(T, checkpointing)
  throw new InputError(
    `activationCheckpointing: expected true, false or a multiple of 16 but received ${shown(checkpointing)}`,
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

export function recurrentWeights(parameters: readonly Parameter[], suffix: string): RecurrentWeights {
  const [Wxh, Whh, bx, bh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) =>
    named(parameters, `rnn.${name}${suffix}`),
  ) as [Parameter, Parameter, Parameter, Parameter]
  return {
    Wxh: Wxh.data,
    Whh: Whh.data,
    bx: bx.data,
    bh: bh.data,
    dWxh: Wxh.grad,
    dWhh: Whh.grad,
    dbx: bx.grad,
    dbh: bh.grad,
  }
}

export function denseWeights(parameters: readonly Parameter[], name: string): DenseWeights {
  const W = named(parameters, `${name}.weight`)
  const b = named(parameters, `${name}.bias`)
  return { W: W.data, b: b.data, dW: W.grad, db: b.grad }
}

/** The most numbers any one buffer of a plan holds; kernels count elements in 32 bits. */
export function largestBuffer(spec: ModelSpec, { T, B, S }: Omit<LayerOptions, 'training'>): number {
  const width = widths(spec)
  const gates = GATES[spec.rnn.cell] > 1 ? 4 * spec.rnn.hidden : spec.rnn.hidden
  const inMemory = Math.max(width.input, width.stack, gates, spec.projection?.size ?? 0, spec.head.size)
  const always = Math.max(width.input, spec.head.steps === 'every' ? spec.head.size : 0)
  return B * Math.max((S + 1) * inMemory, T * always)
}
