/**
 * Runs an ONNX model, slowly and plainly, in float64: what a file says is held against what its model does. It knows
 * the operators that irnn writes, and no others.
 */
import { InputError, shown } from '../../error.ts'
import { nodeName, type OnnxModel, type OnnxTensor, WHAT } from './model.ts'
import { OPERATORS } from './operators.ts'
import { RECURRENT } from './recurrent.ts'
import type { Operator, Value } from './value.ts'

/** Versions of ONNX's operators in which those that irnn writes say the same. */
const OPSETS = { least: 14, most: 17 } as const

const ALL: ReadonlyMap<string, Operator> = new Map(Object.entries({ ...OPERATORS, ...RECURRENT }))

/**
 * What comes out, by name, given what goes in, by name.
 * @throws InputError for operators or an opset that it does not know, and for inputs that are missing
 */
export function runOnnx(model: OnnxModel, feeds: ReadonlyMap<string, Value>): Map<string, Value> {
  const { graph, opset } = model
  if (opset < OPSETS.least || opset > OPSETS.most) {
    throw new InputError(
      `${WHAT}: expected opset ${OPSETS.least} … ${OPSETS.most}, to be run here, but received ${opset}`,
    )
  }
  const values = new Map<string, Value>([...graph.initializers].map(([name, tensor]) => [name, valueOfTensor(tensor)]))
  for (const { name } of graph.inputs) {
    const value = feeds.get(name)
    if (!value) throw new InputError(`${WHAT}: input ${shown(name)}: expected numbers but received none`)
    values.set(name, value)
  }
  for (const [n, node] of graph.nodes.entries()) {
    const run = node.domain === '' ? ALL.get(node.op) : undefined
    if (!run) throw new InputError(`${nodeName(n, node)}: expected an operator that irnn writes: it is not run here`)
    const outputs = run(
      node.inputs.map((name) => (name === '' ? null : values.get(name)!)),
      node,
    )
    for (const [i, name] of node.outputs.entries()) if (name !== '') values.set(name, outputs[i]!)
  }
  return new Map(graph.outputs.map(({ name }) => [name, values.get(name)!]))
}

function valueOfTensor({ shape, data }: OnnxTensor): Value {
  if (data instanceof BigInt64Array) return { shape, data: Float64Array.from(data, Number) }
  return { shape, data: data instanceof Float32Array ? data : new Float64Array(data) }
}
