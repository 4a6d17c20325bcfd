/**
 * Gradients of a model's weights, as a plan's backward leaves them. Most are dense, in one array. Of an embedding, and
 * of the head under sampled softmax, a minibatch touches a few rows; gradients of these rows alone are kept, each once.
 * What it costs to clip, add and keep them does not grow with the vocabulary.
 */
import type { Floats } from '../backend/backend.ts'
import type { InputLayer } from '../layers/input.ts'
import type { SampledLayer } from '../layers/sampled.ts'
import { named, type Parameter, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'

/** Gradients of some rows of a matrix [V,width] among the weights. All other rows have gradient 0. */
export interface RowGradient {
  /** Where the matrix begins in the model's weights. */
  readonly start: number
  readonly width: number
  /** The rows that the last backward touched: the first `count` of the array, each row once. */
  readonly rows: Int32Array
  /** [count,width], then what earlier minibatches left. */
  readonly values: Floats
  readonly count: number
}

/** Gradients of a model's weights, as the last `backward` of a plan left them. */
export interface Gradients {
  /** The weight of which dense[0] is the gradient. */
  readonly start: number
  readonly dense: Floats
  readonly tables: readonly RowGradient[]
}

/** The gradients that are kept by rows; views of what the layers hold. */
export function rowGradients(
  spec: ModelSpec,
  parameters: readonly Parameter[],
  input: Pick<InputLayer, 'touched'>,
  sampled: SampledLayer | null,
): RowGradient[] {
  const tables: RowGradient[] = []
  const add = (name: string, width: number, values: Floats, from: { rows: Int32Array; readonly count: number }) => {
    const { start } = named(parameters, name)
    const { rows } = from
    tables.push({
      start,
      width,
      rows,
      values,
      get count() {
        return from.count
      },
    })
  }
  const words = input.touched
  if (words && 'embedding' in spec.input) add('embedding.weight', spec.input.embedding, words.values, words)
  const classes = sampled?.touched
  if (classes) {
    add('head.weight', spec.projection?.size ?? widths(spec).stack, classes.dW, classes)
    add('head.bias', 1, classes.db, classes)
  }
  return tables
}
