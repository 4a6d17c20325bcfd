/**
 * From a spec and its parameters to layers. The recurrent ones lie one on the other: each reads every step of the one below,
 * and the top one is read as the head asks.
 */
import { RELU, TANH } from './backend/backend.ts'
import { bidirectionalLayer } from './layers/bidirectional.ts'
import type { DenseWeights } from './layers/dense.ts'
import { gruLayer } from './layers/gru.ts'
import type { Flag, Memory, RecurrentLayer, RecurrentOptions, RecurrentWeights } from './layers/layer.ts'
import { lstmLayer } from './layers/lstm.ts'
import { rnnLayer } from './layers/rnn.ts'
import { GATES, named, type Parameter, suffixes, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'

export function recurrentStack(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  arena: Memory,
  { T, B, training }: { T: number; B: number; training: boolean },
): RecurrentLayer[] {
  const { rnn, head } = spec
  const width = widths(spec)
  return Array.from({ length: rnn.layers }, (_, l) => {
    const I = l === 0 ? width.input : width.stack
    const steps = l === rnn.layers - 1 ? head.steps : 'every'
    const options = { T, B, I, H: rnn.hidden, steps, training }
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

/** The most numbers any one buffer of a plan holds for each step of each sequence; kernels count elements in 32 bits. */
export function widestBuffer(spec: ModelSpec): number {
  const width = widths(spec)
  const gates = GATES[spec.rnn.cell] > 1 ? 4 * spec.rnn.hidden : spec.rnn.hidden
  return Math.max(width.input, width.stack, gates, spec.projection?.size ?? 0, spec.head.size)
}
