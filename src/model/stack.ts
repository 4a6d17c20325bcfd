/**
 * Makes the layers of a model from its spec and parameters. Each recurrent layer reads every step of the one below; the
 * head says what is read of the top one.
 */
import { type Engine, type Flag, type Floats, WHOLE } from '../backend/backend.ts'
import type { Life } from '../backend/lifetime.ts'
import type { Normalisation } from '../batch.ts'
import { bidirectionalLayer } from '../layers/bidirectional.ts'
import cells from '../layers/cells.ts'
import { type DenseWeights, denseLayer } from '../layers/dense.ts'
import { dropoutLayer } from '../layers/dropout.ts'
import type { Layer, Memory, RecurrentLayer, RecurrentOptions, RecurrentWeights, Segment } from '../layers/layer.ts'
import { recurrentLayer } from '../layers/recurrent.ts'
import { type SampledLayer, sampledLayer } from '../layers/sampled.ts'
import { CheckpointedLayer } from '../layers/segments.ts'
import { type SoftmaxLayer, softmaxLayer } from '../layers/softmax.ts'
import { named, type Parameter, suffixes, widths } from './parameters.ts'
import type { LayerOptions } from './planOptions.ts'
import type { ModelSpec } from './spec.ts'

/** What plans and steppers see of a model. */
export interface ModelParts {
  readonly spec: ModelSpec
  readonly backend: Engine
  readonly parameters: readonly Parameter[]
  readonly normalisation: Normalisation | null
  readonly life: Life
}

/** A model's layers. */
export interface Layers {
  readonly recurrent: readonly RecurrentLayer[]
  /**
   * The layers that see time, in the order of forward: recurrent ones with dropout between, or one that runs all these
   * by segments.
   */
  readonly steps: readonly Layer[]
  /** The layers above, which see rows and not time; none if the layer of segments runs them too. */
  readonly rows: readonly Layer[]
  /** The head and its loss in one, if logits are not kept: over all classes, or over sampled ones. */
  readonly full: SoftmaxLayer | null
  readonly sampled: SampledLayer | null
  /** The layer in `steps` that runs the others by segments, if there is one. */
  readonly checkpointed: CheckpointedLayer | null
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
  const below = 'size' in spec.input ? [] : drop(0, I, S, segment)
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
  const checkpointed = new CheckpointedLayer(arena, segment, recurrent, last ? steps : [...steps, ...rows], sizes)
  return { ...losses, steps: [checkpointed], rows: last ? rows : [], checkpointed }
}

function recurrentStack(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  arena: Memory,
  given: Pick<RecurrentOptions, 'T' | 'B' | 'training'> & { segment: Segment | null },
): RecurrentLayer[] {
  const { rnn, head } = spec
  const width = widths(spec)
  const cell = cells[rnn.cell]
  return Array.from({ length: rnn.layers }, (_, l) => {
    const I = l === 0 ? width.input : width.stack
    const steps = l === rnn.layers - 1 ? head.steps : 'every'
    const options = { ...given, I, H: rnn.hidden, steps }
    const [along, against] = suffixes(spec, l).map((suffix, d) =>
      recurrentLayer(cell, arena, recurrentWeights(parameters, suffix), { ...options, reverse: d as Flag }),
    )
    return against ? bidirectionalLayer(arena, along!, against, { ...options, reverse: 0 }) : along!
  })
}

/** Stands for gradients that do not exist; nothing writes to it. */
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
