/** A graph of ONNX, put together node by node. */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from '../../formats/onnx/model.ts'

export type Attributes = Readonly<Record<string, number | readonly number[] | string | readonly string[]>>

export class GraphBuilder {
  readonly nodes: OnnxNode[] = []
  readonly initializers = new Map<string, OnnxTensor>()

  /**
   * An operator of one output, whose name is returned.
   * @param inputs names of values; null: one that is left out
   */
  add(op: string, inputs: readonly (string | null)[], output: string, attributes: Attributes = {}): string {
    this.node(op, inputs, [output], attributes)
    return output
  }

  /** An operator of several outputs. @param outputs null: one that nobody reads */
  node(
    op: string,
    inputs: readonly (string | null)[],
    outputs: readonly (string | null)[],
    attributes: Attributes = {},
  ): void {
    const [read, given] = [inputs, outputs].map((names) => {
      const last = names.findLastIndex((name) => name !== null)
      return names.slice(0, last + 1).map((name) => name ?? '')
    }) as [string[], string[]]
    this.nodes.push({
      name: given.find((name) => name !== '')!,
      op,
      domain: '',
      inputs: read,
      outputs: given,
      attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)])),
    })
  }

  /** A value under another name, wherever it is read or given. */
  rename(from: string, to: string): void {
    const renamed = (name: string) => (name === from ? to : name)
    for (const [n, node] of this.nodes.entries()) {
      this.nodes[n] = { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) }
    }
  }

  /** Numbers as a constant of float32, a view of them if they are; its name. */
  floats(name: string, shape: readonly number[], numbers: ArrayLike<number>): string {
    this.initializers.set(name, {
      type: 'float32',
      shape,
      data: numbers instanceof Float32Array ? numbers : Float32Array.from(numbers),
    })
    return name
  }

  /** Sizes and places as a constant list of int64; its name. */
  list(...numbers: number[]): string {
    const name = `[${numbers}]`
    this.initializers.set(name, { type: 'int64', shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) })
    return name
  }

  /** One whole number as a constant of int64; its name. */
  whole(number: number): string {
    const name = `${number}`
    this.initializers.set(name, { type: 'int64', shape: [], data: BigInt64Array.of(BigInt(number)) })
    return name
  }
}

function attributeOf(value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'number') return { type: 'int', value }
  if (typeof value === 'string') return { type: 'string', value }
  return typeof value[0] === 'string'
    ? { type: 'strings', value: value as readonly string[] }
    : { type: 'ints', value: value as readonly number[] }
}
