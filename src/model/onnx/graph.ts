/**
 * A model as a graph of ONNX: one operator RNN, GRU or LSTM a layer, and plain ones around them. Gates go into ONNX's
 * order, and a GRU says linear_before_reset, for its reset gate acts after the matrix product.
 *
 * Opset 17 of 2022: every runtime of today reads it.
 */
import type { Floats } from '../../backend/backend.ts'
import type { OnnxModel, OnnxValue } from '../../formats/onnx/model.ts'
import cells from '../../layers/cells.ts'
import type { Model } from '../model.ts'
import { scaleFactors } from '../outputScale.ts'
import { named, suffixes, widths } from '../parameters.ts'
import { type Answer, addAnswer } from './answer.ts'
import { GraphBuilder } from './builder.ts'
import type { OnnxSettings } from './settings.ts'

const OPSET = 17
/** The version of the format that came with opset 17. */
const IR_VERSION = 8

/** The model as a graph. @param metadata texts of the file */
export function onnxGraph(model: Model, settings: OnnxSettings, metadata: ReadonlyMap<string, string>): OnnxModel {
  const builder = new GraphBuilder()
  const { spec } = model
  const top = stack(builder, model, settings, inputOf(builder, model, settings))
  const z = dense(builder, model, 'head', spec.projection ? dense(builder, model, 'projection', top) : top)
  const logits = scaled(builder, model, z)
  const { size, steps } = spec.head
  const doc = spec.head.kind === 'regression' ? "in the target's units" : 'before the softmax'
  const answers = [{ from: logits, name: 'logits', size, steps, doc }, ...addAnswer(builder, spec, settings, logits)]
  const outputs = answers.map((answer) => outputValue(builder, settings, answer))
  const { nodes, initializers } = builder
  return {
    irVersion: IR_VERSION,
    producer: 'irnn',
    opset: OPSET,
    otherOpsets: new Map(),
    metadata,
    graph: {
      name: 'irnn',
      nodes,
      initializers,
      inputs: inputValues(model, settings),
      outputs: [...outputs, ...stateValues(model, settings, 'n')],
    },
  }
}

/** What the first layer reads, [T,B,I]. */
function inputOf(builder: GraphBuilder, { spec, parameters, normalisation }: Model, settings: OnnxSettings): string {
  const { input } = spec
  const read = (name: string, perm: readonly number[]) =>
    settings.batchFirst ? builder.add('Transpose', [name], `${name}.steps`, { perm }) : name
  const parts: string[] = []
  if ('size' in input) {
    let x = read('x', [1, 0, 2])
    if (normalisation) {
      const { mean, std } = normalisation
      x = builder.add('Sub', [x, builder.floats('input.mean', [input.size], mean)], 'x.shifted')
      x = builder.add('Div', [x, builder.floats('input.std', [input.size], std)], 'x.scaled')
    }
    parts.push(x)
  }
  if ('vocabulary' in input) {
    const { name, shape, data } = named(parameters, 'embedding.weight')
    parts.push(builder.add('Gather', [builder.floats(name, shape, data), read('tokens', [1, 0])], 'rows', { axis: 0 }))
  }
  return parts.length > 1 ? builder.add('Concat', parts, 'input', { axis: 2 }) : parts[0]!
}

/** The recurrent layers over `x`; what the head reads: [B,W] for the last step, [T,B,W] for every one. */
function stack(builder: GraphBuilder, model: Model, settings: OnnxSettings, x: string): string {
  const { rnn, head } = model.spec
  const { stack: W } = widths(model.spec)
  const D = rnn.bidirectional ? 2 : 1
  const { cellState, onnx } = cells[rnn.cell]
  const of = (name: string) => Array.from({ length: rnn.layers }, (_, l) => (rnn.layers > 1 ? `${name}.${l}` : name))
  const states = (cellState ? ['h', 'c'] : ['h']).map((name) => ({ from: of(`${name}0`), to: of(`${name}n`) }))
  if (settings.state && rnn.layers > 1) {
    for (const [i, { from }] of states.entries()) {
      const sizes = builder.list(...new Array(rnn.layers).fill(D))
      builder.node('Split', [i === 0 ? 'h0' : 'c0', sizes], from, { axis: 0 })
    }
  }
  let below = x
  for (let l = 0; l < rnn.layers; l++) {
    const isTop = l === rnn.layers - 1
    const final = isTop && head.steps === 'last'
    const y = final ? null : `y.${l}`
    const hn = settings.state || final ? states[0]!.to[l]! : null
    const given = states.map(({ from }) => (settings.state ? from[l]! : null))
    builder.node(
      onnx.op,
      [below, ...weights(builder, model, l), settings.lengths ? 'lengths' : null, ...given],
      [y, hn, cellState && settings.state ? states[1]!.to[l]! : null],
      {
        hidden_size: rnn.hidden,
        direction: rnn.bidirectional ? 'bidirectional' : 'forward',
        ...(onnx.activation && { activations: new Array<string>(D).fill(onnx.activation) }),
        ...(onnx.op === 'GRU' && { linear_before_reset: 1 }),
      },
    )
    // Directions side by side: [T,D,B,H] → [T,B,D·H], and [D,B,H] → [B,D·H].
    const perm = final ? [1, 0, 2] : [0, 2, 1, 3]
    const rows = D > 1 ? builder.add('Transpose', [y ?? hn], `rows.${l}`, { perm }) : (y ?? hn)!
    below = builder.add('Reshape', [rows, final ? builder.list(-1, W) : builder.list(0, -1, W)], `output.${l}`)
  }
  if (settings.state && rnn.layers > 1) {
    for (const [i, { to }] of states.entries()) builder.add('Concat', to, i === 0 ? 'hn' : 'cn', { axis: 0 })
  }
  return below
}

/** W, R and B of a layer: [D,G·H,I], [D,G·H,H], [D,2·G·H], gates in ONNX's order. */
function weights(builder: GraphBuilder, { spec, parameters }: Model, layer: number): string[] {
  const { hidden: H, cell } = spec.rnn
  const { gates } = cells[cell].onnx
  const ends = suffixes(spec, layer)
  const reordered = (name: string) => {
    const { data } = named(parameters, name)
    const block = data.length / gates.length
    return gates.map((gate) => data.subarray(gate * block, (gate + 1) * block))
  }
  const G = gates.length * H
  const tensor = (letter: string, columns: number | null, ...names: string[]) => {
    const blocks = ends.flatMap((end) => names.flatMap((name) => reordered(`rnn.${name}${end}`)))
    const shape = columns === null ? [ends.length, 2 * G] : [ends.length, G, columns]
    return builder.floats(`rnn.${letter}_l${layer}`, shape, side(blocks))
  }
  const I = layer === 0 ? widths(spec).input : widths(spec).stack
  return [tensor('W', I, 'weight_ih'), tensor('R', H, 'weight_hh'), tensor('B', null, 'bias_ih', 'bias_hh')]
}

function side(blocks: readonly Floats[]): Float32Array {
  const all = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const block of blocks) {
    all.set(block, at)
    at += block.length
  }
  return all
}

/** x W' + b; the matrix is stored as it is multiplied, [in,out]. */
function dense(builder: GraphBuilder, { parameters }: Model, layer: 'projection' | 'head', x: string): string {
  const { shape, data } = named(parameters, `${layer}.weight`)
  const [rows, columns] = shape as [number, number]
  const turned = new Float32Array(data.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!
  const product = builder.add(
    'MatMul',
    [x, builder.floats(`${layer}.weight`, [columns, rows], turned)],
    `${layer}.product`,
  )
  const bias = builder.floats(`${layer}.bias`, [rows], named(parameters, `${layer}.bias`).data)
  return builder.add('Add', [product, bias], `${layer}.sum`)
}

/** Outputs of the head in the target's units. */
function scaled(builder: GraphBuilder, { spec }: Model, z: string): string {
  if (!spec.output) return z
  const K = spec.head.size
  const { factor, shift } = scaleFactors(spec.output, K)
  const product = builder.add('Mul', [z, builder.floats('output.factor', [K], factor)], 'output.product')
  return builder.add('Add', [product, builder.floats('output.shift', [K], shift)], 'output.sum')
}

/** Names an answer, its axes as the settings say, and describes it. */
function outputValue(
  builder: GraphBuilder,
  { batchFirst }: OnnxSettings,
  { from, name, size, steps, doc }: Answer,
): OnnxValue {
  if (steps === 'every' && batchFirst) builder.add('Transpose', [from], name, { perm: [1, 0, 2] })
  else builder.rename(from, name)
  const shape = steps === 'last' ? ['B', size] : batchFirst ? ['B', 'T', size] : ['T', 'B', size]
  return { name, type: 'float32', shape, doc }
}

function inputValues(model: Model, settings: OnnxSettings): OnnxValue[] {
  const { input } = model.spec
  const rows = settings.batchFirst ? ['B', 'T'] : ['T', 'B']
  const values: OnnxValue[] = []
  if ('size' in input) {
    const doc = 'values of each step, in the units that the model was trained with'
    values.push({ name: 'x', type: 'float32', shape: [...rows, input.size], doc })
  }
  if ('vocabulary' in input) {
    values.push({ name: 'tokens', type: 'int64', shape: rows, doc: `0 … ${input.vocabulary - 1}` })
  }
  if (settings.lengths) {
    values.push({ name: 'lengths', type: 'int32', shape: ['B'], doc: 'steps of each sequence that count, 1 … T' })
  }
  return [...values, ...stateValues(model, settings, '0')]
}

/** `h0` and `c0`, or `hn` and `cn`: those that there are. */
function stateValues({ spec }: Model, { state }: OnnxSettings, end: '0' | 'n'): OnnxValue[] {
  if (!state) return []
  const { rnn } = spec
  const shape = [rnn.layers * (rnn.bidirectional ? 2 : 1), 'B', rnn.hidden]
  const doc = end === '0' ? 'before the first step; 0 at the start' : 'after the last step of each sequence that counts'
  const letters = cells[rnn.cell].cellState ? ['h', 'c'] : ['h']
  return letters.map((letter) => ({ name: `${letter}${end}`, type: 'float32', shape, doc }))
}
