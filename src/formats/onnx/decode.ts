/**
 * ONNX files read (onnx.proto3 of https://github.com/onnx/onnx). They come from strangers: what is not as the format
 * says is refused in a line, and so is what this house has no use for: numbers in other files, graphs within nodes,
 * values that are no tensors. No file is opened and no code is run.
 */
import { bytesOf } from '../../arrays.ts'
import { InputError, shown } from '../../error.ts'
import { Message } from '../protobuf.ts'
import {
  nodeName,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  refuseBroken,
  WHAT,
} from './model.ts'
import { MOST_DIMENSIONS, tensorName, tensorOf, tensorType } from './tensor.ts'

/** Versions of ONNX's operators: in these, RNN, GRU and LSTM say the same. */
const OPSETS = { least: 7, most: 28 } as const
/** Versions of the format itself. */
const IR_VERSIONS = { least: 3, most: 14 } as const

/** Whether a file may be one, by its first 8 bytes: those of safetensors are a number below 2^32. */
export function looksLikeOnnx(first: Uint8Array): boolean {
  const isLength = first.subarray(4, 8).every((byte) => byte === 0)
  return first[0] === 8 && first[1]! >= IR_VERSIONS.least && first[1]! <= IR_VERSIONS.most && !isLength
}

/**
 * The model in an ONNX file. Its numbers are copies.
 * @throws InputError naming what is wrong with the file
 */
export function decodeOnnx(file: Uint8Array | ArrayBufferLike): OnnxModel {
  const bytes = bytesOf(WHAT, file)
  if (bytes.length === 0) throw new InputError(`${WHAT}: expected a model but it is empty`)
  const message = new Message(bytes, WHAT)
  const irVersion = message.int(1)
  if (!(irVersion >= IR_VERSIONS.least && irVersion <= IR_VERSIONS.most)) {
    throw new InputError(
      `${WHAT}: expected version ${IR_VERSIONS.least} … ${IR_VERSIONS.most} of the format but received ` +
        `${message.has(1) ? irVersion : 'none'}: it is another one, or no ONNX file`,
    )
  }
  const { opset, otherOpsets } = opsetsOf(message)
  const graph = message.message(7, `${WHAT}: graph`)
  if (!graph) throw new InputError(`${WHAT}: expected a graph but it has none: it is damaged`)
  const metadata = pairsOf(message)
  return { irVersion, producer: message.text(2), opset, otherOpsets, metadata, graph: graphOf(graph) }
}

function opsetsOf(message: Message): Pick<OnnxModel, 'opset' | 'otherOpsets'> {
  const versions = new Map<string, number>()
  for (const entry of message.messages(8, () => `${WHAT}: opset`)) {
    const domain = domainOf(entry.text(1))
    if (versions.has(domain)) throw new InputError(`${WHAT}: opset of ${shown(domain)}: it is given twice`)
    versions.set(domain, entry.int(2))
  }
  const opset = versions.get('')
  if (opset === undefined || !(opset >= OPSETS.least && opset <= OPSETS.most)) {
    throw new InputError(
      `${WHAT}: expected opset ${OPSETS.least} … ${OPSETS.most} but received ${opset ?? 'none'}: save the model ` +
        'again with one of these',
    )
  }
  versions.delete('')
  return { opset, otherOpsets: versions }
}

/** ONNX's own operators have two names. */
function domainOf(name: string): string {
  return name === 'ai.onnx' ? '' : name
}

function pairsOf(message: Message): Map<string, string> {
  const pairs = new Map<string, string>()
  for (const entry of message.messages(14, () => `${WHAT}: metadata`)) {
    const key = entry.text(1)
    if (pairs.has(key)) throw new InputError(`${WHAT}: metadata ${shown(key)}: it is given twice`)
    pairs.set(key, entry.text(2))
  }
  return pairs
}

function graphOf(message: Message): OnnxGraph {
  if (message.has(15)) {
    throw new InputError(`${WHAT}: sparse initialisers: expected dense ones, for sparse ones are not read`)
  }
  const nodes: OnnxNode[] = []
  for (const node of message.messages(1, (n) => `${WHAT}: node ${n}`)) nodes.push(nodeOf(node, nodes.length))
  const initializers = new Map<string, OnnxTensor>()
  for (const tensor of message.messages(5, (n) => `${WHAT}: initialiser ${n}`)) {
    const name = tensorName(tensor)
    if (name === '' || initializers.has(name)) {
      throw new InputError(`${tensor.what}: expected a name of its own but received ${shown(name)}`)
    }
    initializers.set(name, tensorOf(tensor.called(`${WHAT}: initialiser ${shown(name)}`)))
  }
  const inputs: OnnxValue[] = []
  for (const value of message.messages(11, (n) => `${WHAT}: input ${n}`)) {
    if (!initializers.has(value.text(1))) inputs.push(valueInfoOf(value))
  }
  const outputs = Array.from(
    message.messages(12, (n) => `${WHAT}: output ${n}`),
    valueInfoOf,
  )
  const graph = { name: message.text(2), nodes, initializers, inputs, outputs }
  refuseBroken(graph)
  return graph
}

function nodeOf(message: Message, n: number): OnnxNode {
  const node = { name: message.text(3), op: message.text(4) }
  if (node.op === '') throw new InputError(`${message.what}: expected an operator but it has none: it is damaged`)
  const what = nodeName(n, node)
  const attributes = new Map<string, OnnxAttribute>()
  for (const attribute of message.messages(5, () => `${what}: attribute`)) {
    const name = attribute.text(1)
    if (attributes.has(name)) throw new InputError(`${what}: attribute ${shown(name)}: it is given twice`)
    attributes.set(name, attributeOf(attribute, `${what}: attribute ${shown(name)}`))
  }
  return {
    ...node,
    domain: domainOf(message.text(7)),
    inputs: message.texts(1),
    outputs: message.texts(2),
    attributes,
  }
}

/** AttributeProto.AttributeType, the field that has the value, and how it is read. */
const ATTRIBUTES: Readonly<Record<number, (message: Message, what: string) => OnnxAttribute>> = {
  1: (message) => ({ type: 'float', value: message.float(2) }),
  2: (message) => ({ type: 'int', value: message.int(3) }),
  3: (message) => ({ type: 'string', value: message.text(4) }),
  4: (message, what) => {
    const tensor = message.message(5, what)
    if (!tensor) throw new InputError(`${what}: expected a tensor but it has none: it is damaged`)
    return { type: 'tensor', value: tensorOf(tensor) }
  },
  6: (message) => ({ type: 'floats', value: [...message.floats(7)] }),
  7: (message) => ({ type: 'ints', value: message.ints(8) }),
  8: (message) => ({ type: 'strings', value: message.texts(9) }),
}

function attributeOf(message: Message, what: string): OnnxAttribute {
  const type = message.int(20)
  const read = ATTRIBUTES[type]
  if (read) return read(message.called(what), what)
  const remedy = type === 5 || type === 10 ? 'a graph of its own (If, Loop, Scan)' : `ONNX's attribute type ${type}`
  throw new InputError(`${what}: expected numbers, text or a tensor but received ${remedy}, which is not read`)
}

function valueInfoOf(message: Message): OnnxValue {
  const name = message.text(1)
  const what = `${message.what}, ${shown(name)}`
  const tensor = message.message(2, what)?.message(1, what)
  if (!tensor) throw new InputError(`${what}: expected a tensor but its type is none, or another, which is not read`)
  const shape = tensor.message(2, what)
  const doc = message.text(3)
  return {
    name,
    type: tensorType(tensor.int(1), what),
    shape: shape && sizesOf(shape, what),
    ...(doc !== '' && { doc }),
  }
}

function sizesOf(message: Message, what: string): (number | string | null)[] {
  const sizes = Array.from(
    message.messages(1, () => what),
    (size) => {
      if (size.has(1)) return size.int(1)
      return size.has(2) ? size.text(2) : null
    },
  )
  const bad = sizes.find((size) => typeof size === 'number' && !(size >= 0 && size < 2 ** 31))
  if (sizes.length <= MOST_DIMENSIONS && bad === undefined) return sizes
  throw new InputError(
    bad === undefined
      ? `${what}: expected at most ${MOST_DIMENSIONS} dimensions but received ${sizes.length}`
      : `${what}: expected sizes of 0 … 2^31 - 1 but received ${bad}`,
  )
}
