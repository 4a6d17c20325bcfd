/**
 * A model out of an ONNX file: its graph is followed from inputs to outputs, and taken if it is a recurrent network
 * that irnn has, with a linear layer on its last step or on every step. Weights go back into PyTorch's order.
 */
import { InputError, refuseUnknown } from '../../error.ts'
import { decodeOnnx } from '../../formats/onnx/decode.ts'
import { nodeName, type OnnxModel, type OnnxTensor, WHAT } from '../../formats/onnx/model.ts'
import { encode, type NamedTensor } from '../../formats/safetensors.ts'
import type { Cell } from '../../layers/cells.ts'
import { checkedOptions, type Model } from '../model.ts'
import { type LoadOptions, loadModel } from '../modelFile.ts'
import type { SpecParts } from '../stateDict.ts'
import { STEPS } from './layers.ts'
import { type Constant, type Features, type Layer, type Linear, Lost, type Traced } from './traced.ts'
import { inputOf, layerTensors, linearTensors } from './weights.ts'

/** What an ONNX file holds: a state dict, and what the file says of its spec. */
export interface OnnxStateDict {
  /** safetensors */
  readonly file: Uint8Array
  /** `head.kind` is there where the file says it. */
  readonly spec: SpecParts
  /** Lines for people, of what the file does and the model does not. */
  readonly notes: readonly string[]
}

/**
 * The model in an ONNX file, as PyTorch, tf2onnx and `exportOnnx` write them: layers of RNN, GRU (linear_before_reset)
 * or LSTM, also after a table of tokens, and one linear layer, or two, on their last step or on every step.
 * @param options `spec: { head: { kind: 'classification' } }` unless the file says it, by a softmax at its end
 * @throws InputError if the file is damaged, or computes anything else, naming the node that is not followed
 */
export function importOnnx(file: Uint8Array | ArrayBufferLike, options: Pick<LoadOptions, 'backend' | 'spec'>): Model {
  const { backend, spec: said = {} } = checkedOptions('importOnnx', 'file', options, ['backend', 'spec'])
  const { file: tensors, spec } = onnxStateDict(file)
  return loadModel(tensors, { backend, spec: withSaid(spec, said) })
}

/** What a file says, and over it what a caller says. @throws InputError where the file says something else */
export function withSaid(found: SpecParts, said: SpecParts): SpecParts {
  refuseUnknown('spec', said, ['input', 'rnn', 'projection', 'head', 'output'])
  const scales = (parts: SpecParts) => Boolean((parts.input as { normalise?: boolean } | undefined)?.normalise)
  const other = said.head?.steps ?? found.head?.steps
  if (other !== found.head?.steps) {
    throw new InputError(
      `spec: head.steps: expected ${found.head?.steps}, as the file's graph says, but received ${other}`,
    )
  }
  if (said.input !== undefined && scales(found) && !scales(said)) {
    throw new InputError('spec: input: expected normalise, for the graph of the file scales its inputs: add it')
  }
  return { ...found, ...said, rnn: { ...found.rnn, ...said.rnn }, head: { ...found.head, ...said.head } }
}

/** @throws InputError as `importOnnx` does */
export function onnxStateDict(file: Uint8Array | ArrayBufferLike): OnnxStateDict {
  const model = decodeOnnx(file)
  const { features, name, others } = answerOf(model)
  const { squashed, head, projection, top, steps } = chainOf(features)
  const layers = layersOf(top)
  const cell = cellOf(top, model)
  const tensors: NamedTensor[] = layers.flatMap((layer, l) => layerTensors(layer, l, cell))
  const below = layers[0]!.below
  const { input, tensors: ofInput } = inputOf(below, layers[0]!)
  tensors.push(...ofInput, ...linearTensors('head', head))
  if (projection) tensors.push(...linearTensors('projection', projection))
  const kind = squashed === 'Sigmoid' ? undefined : squashed ? 'classification' : kindOf(model)
  const notes = [
    ...(squashed ? [`output ${name} is the ${squashed} of the logits, which the model gives`] : []),
    ...(others.length > 0 ? [`outputs ${others.join(', ')} are left alone`] : []),
  ]
  return {
    file: encode(tensors, { format: 'onnx' }),
    spec: {
      input,
      rnn: { cell },
      ...(projection && { projection: projection.weight.shape[1]! }),
      head: { ...(kind && { kind }), steps },
    },
    notes,
  }
}

/** Every value of the graph, traced. */
function tracedOf({ graph }: OnnxModel): Map<string, Traced> {
  const values = new Map<string, Traced>()
  const states = statesOf(graph)
  for (const [name, tensor] of graph.initializers) values.set(name, constantOf(tensor))
  for (const { name, type, shape } of graph.inputs) {
    const axes = shape?.map((_, n) => `${name}.${n}`) ?? []
    const isTokens = axes.length === 2 && /^u?int/.test(type)
    if (states.has(name) || (axes.length !== 3 && !isTokens)) values.set(name, { kind: 'given', name })
    else values.set(name, { kind: 'sequence', axes, features: { of: isTokens ? 'tokens' : 'values', name } })
  }
  for (const [n, node] of graph.nodes.entries()) {
    const inputs = node.inputs.map((name) => (name === '' ? null : values.get(name)!))
    const outputs = follow(inputs, node, n)
    for (const [i, name] of node.outputs.entries()) {
      if (name !== '') values.set(name, outputs[i] ?? outputs[0]!)
    }
  }
  return values
}

const RECURRENT = /^(RNN|GRU|LSTM)$/
const MOVES = /^(Split|Slice|Squeeze|Unsqueeze|Gather|Identity|Transpose)$/

/** Values that are only read as lengths or as initial states. */
function statesOf({ nodes }: OnnxModel['graph']): Set<string> {
  const states = new Set<string>()
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    if (RECURRENT.test(op)) for (const name of inputs.slice(4, 7)) states.add(name)
    else if (MOVES.test(op) && outputs.some((name) => states.has(name))) states.add(inputs[0]!)
  }
  return states
}

function follow(
  inputs: readonly (Traced | null)[],
  node: OnnxModel['graph']['nodes'][number],
  n: number,
): readonly Traced[] {
  const lost = inputs.find((input) => input?.kind === 'lost')
  if (lost) return [lost]
  try {
    const step = node.domain === '' ? STEPS.get(node.op) : undefined
    if (!step) throw new Lost('irnn does not know this operator in a network')
    return step(inputs, node)
  } catch (error) {
    if (!(error instanceof Lost)) throw error
    return [{ kind: 'lost', why: `${nodeName(n, node)}: ${error.message}` }]
  }
}

function constantOf({ shape, data }: OnnxTensor): Constant {
  return { kind: 'constant', shape, data }
}

/** The output that is a model's answer: logits rather than what is made of them. */
function answerOf(model: OnnxModel): { features: Features; name: string; others: string[] } {
  const values = tracedOf(model)
  const { outputs } = model.graph
  const found = outputs.flatMap(({ name }) => {
    const value = values.get(name)!
    return value.kind === 'sequence' && !value.axes.includes('D') && value.axes.at(-1) === 'W'
      ? [{ name, features: value.features }]
      : []
  })
  if (!model.graph.nodes.some(({ op }) => RECURRENT.test(op))) {
    throw new InputError(
      `${WHAT}: expected an operator RNN, GRU or LSTM but it has none: PyTorch's newer exporter takes an nn.RNN ` +
        'apart: export with dynamo=False, or import the state dict',
    )
  }
  const answer = ['linear', 'squashed'].flatMap((of) => found.filter(({ features }) => features.of === of))[0]
  if (!answer) {
    const lost = outputs.map(({ name }) => values.get(name)!).find((value) => value.kind === 'lost')
    throw new InputError(
      lost?.kind === 'lost' ? lost.why : `${WHAT}: expected a linear layer at the end of its network but there is none`,
    )
  }
  const others = outputs.map(({ name }) => name).filter((name) => name !== answer.name && !/^[hc]n$/.test(name))
  return { ...answer, others }
}

interface Chain {
  readonly squashed: string | null
  readonly head: Linear
  readonly projection: Linear | null
  readonly top: Layer
  readonly steps: 'last' | 'every'
}

function chainOf(features: Features): Chain {
  const squashed = features.of === 'squashed' ? features.name : null
  const head = (features.of === 'squashed' ? features.below : features) as Linear
  const projection = head.below.of === 'linear' ? head.below : null
  const below = (projection ?? head).below
  if (below.of === 'outputs') return { squashed, head, projection, top: below.layer, steps: 'every' }
  if (below.of === 'states') {
    const [first] = below.list
    const { layer } = first!
    const whole = below.list.length === layer.D && below.list.every((one, d) => one.layer === layer && one.d === d)
    if (whole) return { squashed, head, projection, top: layer, steps: 'last' }
    throw new InputError(`${WHAT}: expected a head on all directions of the last layer but it reads others`)
  }
  throw new InputError(`${WHAT}: expected a head on a recurrent network but it is on something else`)
}

/** The lowest first. */
function layersOf(top: Layer): Layer[] {
  const layers = [top]
  for (let below = top.below; below.of === 'outputs'; below = below.layer.below) layers.unshift(below.layer)
  const other = layers.find(
    ({ op, hidden, D, activation }) =>
      [op, hidden, D, activation].join() !== [top.op, top.hidden, top.D, top.activation].join(),
  )
  if (!other) return layers
  throw new InputError(
    `${WHAT}: expected layers of one kind and size but received ${other.op} of ${other.hidden} units and ${top.op} ` +
      `of ${top.hidden}, in one direction or both`,
  )
}

/** A file that irnn wrote says more than its graph. */
function storedSpec({ metadata }: OnnxModel): { rnn?: { cell?: unknown }; head?: { kind?: unknown } } {
  try {
    const spec: unknown = JSON.parse(metadata.get('irnn') ?? '{}')
    return typeof spec === 'object' && spec !== null ? spec : {}
  } catch {
    return {}
  }
}

function kindOf(model: OnnxModel): 'classification' | 'regression' | undefined {
  const kind = storedSpec(model).head?.kind
  return kind === 'classification' || kind === 'regression' ? kind : undefined
}

function cellOf({ op, activation }: Layer, model: OnnxModel): Cell {
  if (op !== 'RNN') return op === 'GRU' ? 'gru' : 'lstm'
  return activation === 'relu' && storedSpec(model).rnn?.cell === 'irnn' ? 'irnn' : activation
}
