/** ONNX files written. */
import { joined } from '../../arrays.ts'
import { InputError } from '../../error.ts'
import { bytesField, floatField, type Parts, sizeOf, textField, varintField } from '../protobufFields.ts'
import {
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  refuseBroken,
  TENSOR_TYPES,
} from './model.ts'
import { encodeTensor } from './tensor.ts'

/** Protocol buffers count the bytes of a message in 31 bits. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * The bytes of a file; they depend on the model alone.
 * @throws InputError for a graph that `decodeOnnx` refuses, or a file of 2 GB or more
 */
export function encodeOnnx({ irVersion, producer, opset, otherOpsets, metadata, graph }: OnnxModel): Uint8Array {
  refuseBroken(graph)
  const opsets: [string, number][] = [['', opset], ...otherOpsets]
  const parts = [
    ...varintField(1, irVersion),
    ...textField(2, producer),
    ...bytesField(7, [
      ...graph.nodes.flatMap((node) => bytesField(1, nodeParts(node))),
      ...textField(2, graph.name),
      ...[...graph.initializers].flatMap(([name, tensor]) => bytesField(5, encodeTensor(tensor, name))),
      ...graph.inputs.flatMap((value) => bytesField(11, valueParts(value))),
      ...graph.outputs.flatMap((value) => bytesField(12, valueParts(value))),
    ]),
    ...opsets.flatMap(([domain, version]) => bytesField(8, [...textField(1, domain), ...varintField(2, version)])),
    ...[...metadata].flatMap(([key, value]) => bytesField(14, [...textField(1, key), ...textField(2, value)])),
  ]
  const size = sizeOf(parts)
  if (size <= MOST_BYTES) return joined(Uint8Array, parts)
  throw new InputError(`ONNX: expected a file of at most 2 GB, as the format has, but it would be ${size} bytes`)
}

function nodeParts({ name, op, domain, inputs, outputs, attributes }: OnnxNode): Parts {
  return [
    ...inputs.flatMap((input) => textField(1, input)),
    ...outputs.flatMap((output) => textField(2, output)),
    ...textField(3, name),
    ...textField(4, op),
    ...[...attributes].flatMap(([key, attribute]) =>
      bytesField(5, [...textField(1, key), ...attributeParts(attribute)]),
    ),
    ...(domain === '' ? [] : textField(7, domain)),
  ]
}

function attributeParts({ type, value }: OnnxAttribute): Parts {
  switch (type) {
    case 'float':
      return [...floatField(2, value), ...varintField(20, 1)]
    case 'int':
      return [...varintField(3, value), ...varintField(20, 2)]
    case 'string':
      return [...textField(4, value), ...varintField(20, 3)]
    case 'tensor':
      return [...bytesField(5, encodeTensor(value)), ...varintField(20, 4)]
    case 'floats':
      return [...value.flatMap((one) => floatField(7, one)), ...varintField(20, 6)]
    case 'ints':
      return [...value.flatMap((one) => varintField(8, one)), ...varintField(20, 7)]
    case 'strings':
      return [...value.flatMap((one) => textField(9, one)), ...varintField(20, 8)]
  }
}

function valueParts({ name, type, shape, doc }: OnnxValue): Parts {
  const sizes = (shape ?? []).flatMap((size) => bytesField(1, sizeParts(size)))
  const tensor = [...varintField(1, TENSOR_TYPES[type]), ...(shape ? bytesField(2, sizes) : [])]
  return [
    ...textField(1, name),
    ...bytesField(2, bytesField(1, tensor)),
    ...(doc === undefined ? [] : textField(3, doc)),
  ]
}

function sizeParts(size: number | string | null): Parts {
  if (size === null) return []
  return typeof size === 'number' ? varintField(1, size) : textField(2, size)
}
