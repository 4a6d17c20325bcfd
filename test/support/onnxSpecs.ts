/** Models of every kind that can be exported, with options of the export: 600 of them. */

import type { Backend } from '../../src/backend/backend.ts'
import { gaussian } from '../../src/init.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import type { OnnxOptions } from '../../src/model/onnx/export.ts'
import { CELLS, classification, type ModelInput, modelSpec, regression } from '../../src/model/spec.ts'
import { rng } from '../../src/rng.ts'

export interface OnnxSpec {
  readonly name: string
  readonly spec: ModelInput
  readonly normalisation?: { readonly mean: readonly number[]; readonly std: readonly number[] }
  readonly options: OnnxOptions
}

const INPUTS = ['values', 'normalised', 'tokens', 'both'] as const
const HEADS = ['last', 'every', 'mean', 'quantiles', 'gaussian'] as const

/**
 * Cells, layers and directions with every input; heads, projection, lengths, states and axes in turn, so that each pair
 * of two comes up.
 */
export function onnxSpecs(): OnnxSpec[] {
  const all: OnnxSpec[] = []
  for (const cell of CELLS)
    for (const layers of [1, 2, 3])
      for (const bidirectional of [false, true])
        for (const input of INPUTS)
          for (const head of HEADS) all.push(one({ cell, layers, bidirectional, input, head, n: all.length }))
  return all
}

/** A model of that kind, its weights drawn from `seed`, and its biases too: zeros would not show which is which. */
export function onnxModel({ spec, normalisation }: OnnxSpec, backend: Backend, seed: number): Model {
  const model = createModel(spec, { backend, seed, normalisation })
  const generator = rng(seed, 'biases')
  for (const { name, data } of model.parameters) {
    if (name.includes('bias')) for (let i = 0; i < data.length; i++) data[i] = generator.normal() / 2
  }
  model.weightsChanged()
  return model
}

interface Kind {
  readonly cell: (typeof CELLS)[number]
  readonly layers: number
  readonly bidirectional: boolean
  readonly input: (typeof INPUTS)[number]
  readonly head: (typeof HEADS)[number]
  readonly n: number
}

const VALUES = { size: 3 }
const TOKENS = { vocabulary: 11, embedding: 5, init: gaussian(1) }
const INPUT_SPECS = {
  values: VALUES,
  normalised: { ...VALUES, normalise: true },
  tokens: TOKENS,
  both: { ...VALUES, ...TOKENS, normalise: true },
} as const

function one({ cell, layers, bidirectional, input, head, n }: Kind): OnnxSpec {
  const bits = (n * 2654435761) >>> 20 // scattered, the same each time
  const flag = (bit: number) => ((bits >> bit) & 1) === 1
  const [projection, lengths, state, batchFirst, members] = [0, 1, 2, 3, 4].map(flag)
  const hidden = 8
  const weights = { init: gaussian(0.5), bias: 0.1 }
  const K = members ? 6 : 4
  const heads = {
    last: classification(K, weights),
    every: classification(K, { ...weights, steps: 'every' }),
    mean: classification(K, { ...weights, steps: 'every' }),
    quantiles: regression(3, { ...weights, steps: 'every' }),
    gaussian: regression(4, weights),
  }
  const answers: Record<Kind['head'], OnnxOptions> = {
    last: { probabilities: { members: members ? 2 : 1 } },
    every: members ? { probabilities: { members: 3 } } : {},
    mean: { probabilities: { members: members ? 3 : 1, mean: true } },
    quantiles: { quantiles: { widening: members ? -0.2 : 0.1 } },
    gaussian: {},
  }
  const output = head === 'gaussian' ? { mean: [5, -300], std: [2, 40], gaussian: true } : undefined
  const parts = { cell, layers, bidirectional, input, head, projection, lengths, state, batchFirst, members }
  return {
    name: Object.entries(parts)
      .flatMap(([key, value]) => (value === false ? [] : value === true ? [key] : [`${value}`]))
      .join(' '),
    spec: modelSpec({
      input: INPUT_SPECS[input],
      rnn: {
        cell,
        hidden,
        layers,
        bidirectional,
        init: { recurrent: gaussian(0.8 / Math.sqrt(hidden)), input: gaussian(0.5) },
      },
      projection: projection ? 5 : undefined,
      head: heads[head],
      output: head === 'quantiles' && state ? { mean: [1000], std: [25] } : output,
    }),
    ...((input === 'normalised' || input === 'both') && {
      normalisation: { mean: [1, -200, 0.5], std: [2, 30, 0.001] },
    }),
    options: { lengths, state, batchFirst, ...answers[head] },
  }
}
