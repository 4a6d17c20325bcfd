/** Operators that compute, over what is traced: recurrent ones, linear layers, and what stands before and after. */
import type { OnnxNode } from '../../formats/onnx/model.ts'
import { int, text, texts } from '../../formats/onnx/value.ts'
import { SHAPES } from './shapes.ts'
import {
  allZero,
  type Constant,
  type Features,
  type Layer,
  type Linear,
  lose,
  type Sequence,
  type Step,
  type Traced,
} from './traced.ts'

type Inputs = readonly (Traced | null)[]

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const
/** What each computes with; an RNN may have another. */
const ACTIVATIONS = { RNN: ['tanh'], GRU: ['sigmoid', 'tanh'], LSTM: ['sigmoid', 'tanh', 'tanh'] } as const

function recurrent(op: Layer['op']): Step {
  return ([x, W, R, B, lengths, h0, c0, peepholes], node) => {
    if (x?.kind !== 'sequence') return [lose('it reads what is no sequence')]
    const bidirectional = directionOf(node)
    const D = bidirectional ? 2 : 1
    if (W?.kind !== 'constant' || R?.kind !== 'constant' || (B && B.kind !== 'constant')) {
      return [lose('its weights are no constants')]
    }
    const hidden = R.shape[2]!
    const G = GATES[op]
    const fits = (constant: Constant, ...shape: (number | undefined)[]) => constant.shape.join() === shape.join()
    if (!fits(R, D, G * hidden, hidden) || !fits(W, D, G * hidden, W.shape[2]) || (B && !fits(B, D, 2 * G * hidden))) {
      lose(`its weights have other shapes than ${D} directions of ${hidden} units need`)
    }
    for (const state of [h0, c0]) if (state && !isZero(state)) lose('it starts from a state of its own, not from zero')
    if (peepholes && !isZero(peepholes)) lose('it has peepholes')
    if (lengths && lengths.kind !== 'given') lose('its lengths are no input of the file')
    const activation = refuseOther(node, op, D)
    const { axes, features } = x
    if (axes.length !== 3 || axes[2] !== lastAxis(x) || axes.includes('D')) lose(`it reads [${axes}], not [T,B,I]`)
    const below: Features = features
    const layer: Layer = { op, activation, hidden, D, below, W, R, B: B ?? null, lengths: lengths != null }
    const y: Sequence = { kind: 'sequence', axes: [axes[0]!, 'D', axes[1]!, 'W'], features: { of: 'outputs', layer } }
    const list = Array.from({ length: D }, (_, d) => ({ layer, d }))
    const hn: Sequence = { kind: 'sequence', axes: ['D', axes[1]!, 'W'], features: { of: 'states', list } }
    return [y, hn, { kind: 'given', name: 'the cell state' }]
  }
}

/** The axis that numbers of one step lie on: of an input, its last. */
function lastAxis({ axes, features }: Sequence): string {
  return features.of === 'values' ? `${features.name}.2` : axes.includes('W') ? 'W' : ''
}

const isZero = (value: Traced): boolean =>
  value.kind === 'zeros' || value.kind === 'given' || (value.kind === 'constant' && allZero(value))

function directionOf(node: OnnxNode): boolean {
  const direction = text(node, 'direction', 'forward')
  if (direction === 'forward' || direction === 'bidirectional') return direction === 'bidirectional'
  return lose(`its direction is ${direction}: irnn's networks read forward, or in both directions`)
}

/** What irnn has not, or has another way. Returns the activation of an RNN. */
function refuseOther(node: OnnxNode, op: Layer['op'], D: number): Layer['activation'] {
  if (node.attributes.has('clip')) lose('it clips what its gates see')
  if (int(node, 'layout', 0) !== 0) lose('its layout is 1, batches first, which runtimes do not have either')
  if (int(node, 'input_forget', 0) !== 0) lose('its gates for input and forgetting are one')
  if (node.attributes.has('activation_alpha') || node.attributes.has('activation_beta')) {
    lose('its activations have parameters of their own')
  }
  if (op === 'GRU' && int(node, 'linear_before_reset', 0) !== 1) {
    lose(
      'linear_before_reset is 0: its reset gate acts before the matrix product; in irnn, as in PyTorch and in Keras ' +
        'with reset_after, it acts after it. If PyTorch trained the model, the exporter has made another one of it',
    )
  }
  const given = texts(node, 'activations')?.map((name) => name.toLowerCase())
  if (!given || given.length === 0) return 'tanh'
  const usual: readonly string[] = op === 'RNN' && given[0] === 'relu' ? ['relu'] : ACTIVATIONS[op]
  const wanted = Array.from({ length: D }, () => usual).flat()
  if (given.join() !== wanted.join())
    lose(`its activations are ${given.join(', ')}, where irnn has ${usual.join(', ')}`)
  return usual[0] === 'relu' ? 'relu' : 'tanh'
}

/** x W, where W is a constant matrix [in,out]. */
function linear(x: Traced | null | undefined, weight: Constant, bias: Constant | null): Traced[] {
  if (x?.kind !== 'sequence' || x.axes.at(-1) !== 'W' || x.axes.includes('D')) {
    return [lose('it multiplies what is no output of a network')]
  }
  if (weight.shape.length !== 2) lose('it multiplies with what is no matrix')
  if (bias) refuseSize(bias, weight.shape[1]!)
  const features: Linear = { of: 'linear', below: x.features, weight, bias, factor: null, shift: null }
  return [{ ...x, features }]
}

/** @throws Lost unless there is one number for each of `size`, or one for all */
function refuseSize({ shape, data }: Constant, size: number): void {
  if (data.length === 1 || (data.length === size && shape.at(-1) === size)) return
  lose(`it has [${shape}] numbers beside a layer of ${size}`)
}

function matMul([x, weight]: Inputs): Traced[] {
  return weight?.kind === 'constant' ? linear(x, weight, null) : [lose('it multiplies with what is no constant')]
}

function gemm([x, weight, bias]: Inputs, node: OnnxNode): Traced[] {
  const one = (name: string) => (node.attributes.get(name)?.value ?? 1) === 1
  if (weight?.kind !== 'constant' || (bias && bias.kind !== 'constant')) return [lose('its weights are no constants')]
  if (!one('alpha') || !one('beta') || int(node, 'transA', 0) !== 0) lose('it scales or turns what it multiplies')
  const isTurned = int(node, 'transB', 0) === 1
  const matrix = isTurned ? { ...weight, shape: weight.shape.toReversed(), turned: !weight.turned } : weight
  return linear(x, matrix, bias ?? null)
}

/** A sequence and a constant, in the order in which they stand. */
function arithmetic(op: 'Add' | 'Sub' | 'Mul' | 'Div'): Step {
  return (inputs, node) => {
    if (op === 'Mul' && inputs.every((one) => one?.kind === 'sizes')) return SHAPES.SizesProduct!(inputs, node)
    const commutes = op === 'Add' || op === 'Mul'
    const [x, constant] = commutes && inputs[0]?.kind === 'constant' ? [inputs[1], inputs[0]] : inputs
    if (x?.kind !== 'sequence' || constant?.kind !== 'constant') {
      return [lose('it joins two values of which none is a constant')]
    }
    const { features } = x
    if (x.axes.at(-1) !== lastAxis(x)) lose('its constant lies along another axis than the features')
    if (features.of === 'values' && !commutes) {
      if ((op === 'Sub' ? features.mean : features.std) || (op === 'Sub' && features.std))
        lose('it scales inputs twice')
      return [{ ...x, features: { ...features, [op === 'Sub' ? 'mean' : 'std']: constant } }]
    }
    if (features.of !== 'linear' || !commutes) return [lose('it is applied to what is no linear layer')]
    refuseSize(constant, features.weight.shape[1]!)
    const { bias, factor, shift } = features
    if (op === 'Mul' && !factor) return [{ ...x, features: { ...features, factor: constant } }]
    if (op === 'Add' && !factor && !bias) return [{ ...x, features: { ...features, bias: constant } }]
    if (op === 'Add' && factor && !shift) return [{ ...x, features: { ...features, shift: constant } }]
    return [lose('it is one more than a linear layer and its scale have')]
  }
}

const squashed: Step = ([x], node) => {
  if (x?.kind !== 'sequence' || x.features.of !== 'linear') return [lose('it is applied to what is no linear layer')]
  const axis = int(node, 'axis', -1)
  if (node.op !== 'Sigmoid' && x.axes.at(axis) !== 'W') lose('it is over another axis than the outputs of the layer')
  return [{ ...x, features: { of: 'squashed', below: x.features, name: node.op } }]
}

const FLOATS = [1, 11]
const WHOLE = [6, 7]
/** TensorProto.DataType of what it becomes. Whole numbers stay what they are, floats must stay floats. */
const cast: Step = ([value], node) => {
  const to = int(node, 'to', 0)
  const isTokens = value?.kind === 'sequence' && value.features.of === 'tokens'
  if (value?.kind === 'sequence' && !(isTokens ? WHOLE : FLOATS).includes(to)) lose('it rounds what it is given')
  return [value!]
}

function constant(_: Inputs, { attributes }: OnnxNode): Traced[] {
  const [attribute] = attributes.values()
  const { type, value } = attribute ?? lose('it has no value')
  if (type === 'tensor') {
    return [{ kind: 'constant', shape: value.shape, data: value.data }]
  }
  if (type === 'float' || type === 'int') return [{ kind: 'constant', shape: [], data: Float64Array.of(value) }]
  if (type === 'floats' || type === 'ints') {
    return [{ kind: 'constant', shape: [value.length], data: Float64Array.from(value) }]
  }
  return [lose('it is a text')]
}

export const STEPS: ReadonlyMap<string, Step> = new Map(
  Object.entries({
    ...SHAPES,
    RNN: recurrent('RNN'),
    GRU: recurrent('GRU'),
    LSTM: recurrent('LSTM'),
    MatMul: matMul,
    Gemm: gemm,
    Add: arithmetic('Add'),
    Sub: arithmetic('Sub'),
    Mul: arithmetic('Mul'),
    Div: arithmetic('Div'),
    Softmax: squashed,
    LogSoftmax: squashed,
    Sigmoid: squashed,
    Cast: cast,
    Constant: constant,
  }),
)
