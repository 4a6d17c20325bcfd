/** Small models and batches for tests: every way a spec can be built, drawn from a seed. */
import type { Batch } from '../../src/batch.ts'
import { gaussian } from '../../src/init.ts'
import type { Cell } from '../../src/layers/cells.ts'
import type { Loss, Model, Plan } from '../../src/model/model.ts'
import { classification, type ModelInput, modelSpec, regression } from '../../src/model/spec.ts'
import { rng } from '../../src/rng.ts'

export interface Shape {
  cell: Cell
  hidden?: number
  layers?: number
  bidirectional?: boolean
  tokens?: boolean
  projection?: boolean
  head?: 'classification' | 'regression'
  steps?: 'last' | 'every'
}

const I = 3
const V = 11
export const K = 4

/** Weights of ordinary size, so that every path carries a signal. */
export function spec(shape: Shape): ModelInput {
  const { cell, hidden = 9, layers = 1, bidirectional = false, tokens, projection, head, steps = 'last' } = shape
  const init = { recurrent: gaussian(0.8 / Math.sqrt(hidden)), input: gaussian(0.5) }
  const top = { steps, init: gaussian(0.5), bias: 0.1 }
  return modelSpec({
    input: tokens ? { vocabulary: V, embedding: 5, init: gaussian(1) } : I,
    rnn: { cell, hidden, layers, bidirectional, init },
    projection: projection ? 6 : undefined,
    head: head === 'regression' ? regression(K, top) : classification(K, top),
  })
}

/** A batch for `spec(shape)`. With lengths, padded inputs hold what must not matter. */
export function batch(shape: Shape, { T, B, lengths }: { T: number; B: number; lengths?: readonly number[] }): Batch {
  const generator = rng(1, 'batch')
  const rows = shape.steps === 'every' ? T * B : B
  const y =
    shape.head === 'regression'
      ? Float64Array.from({ length: rows * K }, () => generator.normal())
      : Int32Array.from({ length: rows }, () => generator.below(K + 1) - 1)
  if (shape.head !== 'regression') y[0] = 1 // at least one row counts
  return {
    T,
    B,
    y,
    ...(shape.tokens
      ? { tokens: Int32Array.from({ length: T * B }, () => generator.below(V)) }
      : { x: Float64Array.from({ length: T * B * I }, () => Math.fround(generator.normal())) }),
    ...(lengths && { lengths: Int32Array.from(lengths) }),
  }
}

/** One forward, mean loss and backward; copies. */
export function gradientsOf(
  model: Model,
  plan: Plan,
  shape: Shape,
  size: Parameters<typeof batch>[1],
  derivativeClip = 0,
): Loss & { gradients: Float64Array; logits: Float64Array } {
  const data = batch(shape, size)
  plan.forward(data)
  const result = plan.loss(data, { reduction: 'mean', gradient: true })
  plan.backward(data, { derivativeClip })
  return { ...result, gradients: allGradients(model, plan), logits: Float64Array.from(plan.logits) }
}

/** Of all weights in their order, those kept by rows put in their places. */
export function allGradients(model: Model, { gradients }: Plan): Float64Array {
  const all = new Float64Array(model.weights.length)
  all.set(gradients.dense, gradients.start)
  for (const { start, width, rows, values, count } of gradients.tables)
    for (let i = 0; i < count; i++) all.set(values.subarray(i * width, (i + 1) * width), start + rows[i]! * width)
  return all
}
