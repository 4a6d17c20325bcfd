/**
 * An ONNX model as data (https://onnx.ai/onnx/repo-docs/IR.html): a graph of operators, the constants that they read,
 * and what goes in and comes out. Here are only models of tensors, without graphs inside of nodes (If, Loop, Scan).
 */
import { InputError, shown } from '../../error.ts'

/** Begins messages about a file. */
export const WHAT = 'ONNX file'

/** Kinds of numbers that a tensor may have; those of 16 bits that are no whole numbers are held as float32. */
export type TensorType = keyof typeof TENSOR_TYPES

/** Their numbers in TensorProto.DataType. */
export const TENSOR_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const

export type TensorData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint16Array
  | Uint8Array

/** Numbers in row-major order. */
export interface OnnxTensor {
  readonly type: TensorType
  /** Empty: one number. */
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** Whole numbers beyond 2^53 are rounded. */
export type OnnxAttribute =
  | { readonly type: 'float' | 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: OnnxTensor }
  | { readonly type: 'floats' | 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }

/** An operator at work. */
export interface OnnxNode {
  /** May be empty. */
  readonly name: string
  readonly op: string
  /** Empty: ONNX's own operators. */
  readonly domain: string
  /** Names of values; empty: an optional one that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, OnnxAttribute>
}

/** What goes into a model, or comes out. */
export interface OnnxValue {
  readonly name: string
  readonly type: TensorType
  /** A size, the name of a size, or null where nothing is said; null for all: any number of dimensions. */
  readonly shape: readonly (number | string | null)[] | null
  /** For people. */
  readonly doc?: string
}

export interface OnnxGraph {
  readonly name: string
  /** Each reads what goes in, initialisers, or outputs of nodes before it. */
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, OnnxTensor>
  /** Without those that are initialisers, which old files list as well. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
}

export interface OnnxModel {
  readonly irVersion: number
  /** The program that wrote the file. */
  readonly producer: string
  /** Version of ONNX's own operators. */
  readonly opset: number
  /** Versions of operators of other domains. */
  readonly otherOpsets: ReadonlyMap<string, number>
  readonly metadata: ReadonlyMap<string, string>
  readonly graph: OnnxGraph
}

/** A node for messages: its place, operator and name. */
export function nodeName(n: number, { op, name }: { readonly op: string; readonly name: string }): string {
  return `${WHAT}: node ${n}, ${shown(op)}${name === '' ? '' : ` of the name ${shown(name)}`}`
}

/**
 * @throws InputError unless every value has one origin, which stands before those that read it: so there are no circles
 */
export function refuseBroken({ nodes, initializers, inputs, outputs }: OnnxGraph): void {
  const known = new Set(initializers.keys())
  for (const { name } of inputs) {
    if (known.has(name)) throw twice(WHAT, name)
    known.add(name)
  }
  for (const [n, node] of nodes.entries()) {
    for (const name of node.inputs) {
      if (name === '' || known.has(name)) continue
      throw new InputError(
        `${nodeName(n, node)}: expected inputs that are there before it but nothing before it gives ${shown(name)}: ` +
          'its nodes go in a circle or are out of order',
      )
    }
    for (const name of node.outputs) {
      if (name === '') continue
      if (known.has(name)) throw twice(nodeName(n, node), name)
      known.add(name)
    }
  }
  if (outputs.length === 0) throw new InputError(`${WHAT}: expected at least one output but it has none`)
  const names = new Set<string>()
  for (const { name } of outputs) {
    if (!known.has(name)) throw new InputError(`${WHAT}: output ${shown(name)}: nothing gives it: the file is damaged`)
    if (names.has(name)) throw twice(`${WHAT}: outputs`, name)
    names.add(name)
  }
}

function twice(where: string, name: string): InputError {
  return new InputError(`${where}: expected each value to be given once but ${shown(name)} is given twice`)
}
