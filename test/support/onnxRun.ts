/** An ONNX file on a batch, by our own interpreter. */
import type { Batch } from '../../src/batch.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { runOnnx } from '../../src/formats/onnx/run.ts'
import type { Value } from '../../src/formats/onnx/value.ts'

/** The output of that name, from a state of zeros. */
export function outputOf(file: Uint8Array, { T, B, x, tokens, lengths }: Batch, name: string): Value['data'] {
  const model = decodeOnnx(file)
  const given: Record<string, ArrayLike<number>> = {
    ...(x && { x }),
    ...(tokens && { tokens }),
    lengths: lengths ?? new Int32Array(B).fill(T),
  }
  const feeds = model.graph.inputs.map(({ name, shape }): [string, Value] => {
    const sizes = shape!.map((size) => (size === 'T' ? T : size === 'B' ? B : Number(size)))
    const zeros = new Float64Array(sizes.reduce((product, size) => product * size, 1))
    return [name, { shape: sizes, data: given[name] ? Float64Array.from(given[name]!) : zeros }]
  })
  return runOnnx(model, new Map(feeds)).get(name)!.data
}
