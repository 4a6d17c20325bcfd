// State dicts of zeros, made by hand.
import { encode, type NamedTensor } from '../../src/formats/safetensors.ts'

export type Shapes = Readonly<Record<string, readonly number[]>>

/** Tensors of zeros by name and shape. */
export function file(shapes: Shapes): Uint8Array {
  const tensors = Object.entries(shapes).map(([name, shape]): NamedTensor => {
    return { name, shape, data: new Float32Array(shape.reduce((product, n) => product * n, 1)) }
  })
  return encode(tensors, { format: 'pt' })
}

/** nn.LSTM(3, 5) or another of as many gates, under a prefix. */
export const stack = (prefix: string, { gates = 4, H = 5, I = 3, layer = '_l0', biases = true } = {}) => ({
  [`${prefix}weight_ih${layer}`]: [gates * H, I],
  [`${prefix}weight_hh${layer}`]: [gates * H, H],
  ...(biases && { [`${prefix}bias_ih${layer}`]: [gates * H], [`${prefix}bias_hh${layer}`]: [gates * H] }),
})
export const linear = (module: string, K = 4, width = 5) => ({
  [`${module}weight`]: [K, width],
  [`${module}bias`]: [K],
})
/** What shapes do not say. */
export const SAID = { spec: { head: { kind: 'regression', steps: 'every' } } } as const
/** An LSTM of 5 units and a head of 4 outputs on it. */
export const LSTM = { ...stack('lstm.'), ...linear('fc.') }
