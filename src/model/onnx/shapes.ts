/** Operators that move axes and numbers about, over what is traced. */
import type { OnnxNode } from '../../formats/onnx/model.ts'
import { int, ints } from '../../formats/onnx/value.ts'
import {
  allZero,
  type Constant,
  type Features,
  lose,
  type Sequence,
  type Size,
  type Step,
  short,
  type Traced,
  widthOf,
} from './traced.ts'

type Inputs = readonly (Traced | null)[]

/** Far above what exporters write. */
const MOST_NUMBERS = 64

/** The whole numbers of a constant input; undefined where it is left out. */
function numbersOf(input: Traced | null | undefined): number[] | undefined {
  if (!input) return undefined
  if (input.kind === 'constant' && input.data.length <= MOST_NUMBERS) return Array.from(input.data, Number)
  return lose('it is told where by something that is no short constant')
}

/** Places of axes, which may be counted from the end. */
function places(node: OnnxNode, input: Traced | null | undefined, rank: number): number[] {
  const axes = ints(node, 'axes') ?? numbersOf(input) ?? lose('it does not say which axes, so their sizes decide')
  return axes.map((axis) => (axis < 0 ? axis + rank : axis))
}

function transpose([value]: Inputs, node: OnnxNode): Traced[] {
  if (value?.kind === 'constant') return [turned(value, node)]
  if (value?.kind !== 'sequence') return [lose('it turns what is no sequence')]
  const { axes } = value
  const perm = ints(node, 'perm') ?? axes.map((_, n) => axes.length - 1 - n)
  if (perm.toSorted((a, b) => a - b).join() !== [...axes.keys()].join()) lose('it permutes other axes than there are')
  return [{ ...value, axes: perm.map((from) => axes[from]!) }]
}

/** A matrix with rows for columns. */
function turned(value: Constant, node: OnnxNode): Constant {
  if (value.shape.length !== 2 || (ints(node, 'perm') ?? [1, 0]).join() !== '1,0') lose('it turns what is no matrix')
  return { ...value, shape: value.shape.toReversed(), turned: !value.turned }
}

function squeeze([value, given]: Inputs, node: OnnxNode): Traced[] {
  if (!value || value.kind === 'given' || value.kind === 'zeros') return [value!]
  if (value.kind === 'sizes') return [value]
  if (value.kind === 'constant') {
    const gone = places(node, given, value.shape.length)
    if (gone.some((n) => value.shape[n] !== 1)) lose('it takes away an axis that is longer than 1')
    return [{ ...value, shape: value.shape.filter((_, n) => !gone.includes(n)) }]
  }
  if (value.kind !== 'sequence') return [value]
  const gone = places(node, given, value.axes.length)
  const one = (axis: string | undefined) => axis === '1' || (axis === 'D' && directions(value.features) === 1)
  if (gone.some((n) => !one(value.axes[n]))) lose('it takes away an axis that is longer than 1')
  return [{ ...value, axes: value.axes.filter((_, n) => !gone.includes(n)) }]
}

function unsqueeze([value, given]: Inputs, node: OnnxNode): Traced[] {
  if (!value || value.kind === 'given' || value.kind === 'zeros' || value.kind === 'sizes') return [value!]
  if (value.kind !== 'sequence' && value.kind !== 'constant') return [value]
  const old: readonly (number | string)[] = value.kind === 'constant' ? value.shape : value.axes
  const rank = old.length + (ints(node, 'axes') ?? numbersOf(given) ?? []).length
  const added = places(node, given, rank)
  const rest = [...old]
  const made = Array.from({ length: rank }, (_, n) => (added.includes(n) ? 1 : rest.shift()!))
  if (value.kind === 'constant') return [{ ...value, shape: made as number[] }]
  return [{ ...value, axes: short(made.map((axis) => String(axis))) }]
}

/** How long the axis D is. */
function directions(features: Features): number {
  if (features.of === 'outputs') return features.layer.D
  return features.of === 'states' ? features.list.length : 0
}

/** One last step, or one state of several. */
function picked(value: Sequence, axis: number, index: number, keep: boolean): Sequence {
  const { axes, features } = value
  const rest = keep ? axes.with(axis, '1') : axes.filter((_, n) => n !== axis)
  if (axes[axis] === 'D' && features.of === 'states') {
    const one = features.list.at(index) ?? lose('it picks a state that is not there')
    return { ...value, axes: rest, features: { of: 'states', list: [one] } }
  }
  if (features.of !== 'outputs' || axes[axis] === 'W' || axes[axis] === 'D')
    return lose('it picks a part of a sequence')
  const { layer } = features
  if (index !== -1) lose(`it picks step ${index}: irnn's heads read the last step or every step`)
  if (layer.lengths) lose('it picks the last step of sequences that may be padded')
  if (layer.D > 1) lose('it picks the last step of both directions, of which the backward one has seen only one step')
  return { ...value, axes: rest, features: { of: 'states', list: [{ layer, d: 0 }] } }
}

function gather([value, at]: Inputs, node: OnnxNode): Traced[] {
  const axis = int(node, 'axis', 0)
  if (value?.kind === 'constant' && at?.kind === 'sequence') {
    if (at.features.of !== 'tokens' || value.shape.length !== 2 || axis !== 0) lose('it looks up what is no table')
    return [{ ...at, axes: [...at.axes, 'W'], features: { of: 'rows', table: value } }]
  }
  if (value?.kind === 'sizes') {
    const list = (numbersOf(at) ?? []).map((n) => value.list.at(n) ?? '?')
    return [{ kind: 'sizes', list }]
  }
  if (value?.kind === 'given' || value?.kind === 'zeros') return [value]
  if (value?.kind !== 'sequence') return [lose('it looks up what is no sequence')]
  const [index, ...more] = numbersOf(at) ?? []
  if (index === undefined || more.length > 0) return [lose('it picks several places')]
  const isList = at?.kind === 'constant' && at.shape.length > 0
  return [picked(value, axis < 0 ? axis + value.axes.length : axis, index, isList)]
}

/** Of an end that is left open. */
const FAR = 2 ** 31 - 1

function slice([value, starts, ends, axes, steps]: Inputs): Traced[] {
  if (value?.kind === 'given' || value?.kind === 'zeros') return [value]
  const [start, ...more] = numbersOf(starts) ?? []
  const [end] = numbersOf(ends) ?? []
  const step = numbersOf(steps)?.[0] ?? 1
  if (start === undefined || end === undefined || more.length > 0 || step !== 1) return [lose('it cuts several parts')]
  if (value?.kind === 'sizes') return [{ kind: 'sizes', list: value.list.slice(start, Math.min(end, FAR)) }]
  if (value?.kind !== 'sequence') return [lose('it cuts what is no sequence')]
  const axis = numbersOf(axes)?.[0] ?? 0
  const place = axis < 0 ? axis + value.axes.length : axis
  if (value.axes[place] === 'D' && value.features.of === 'states') {
    const list = value.features.list.slice(start, Math.min(end, FAR))
    return [{ ...value, features: { of: 'states', list } }]
  }
  if (start === 0 && end >= FAR) return [value]
  if (start !== -1 || end < FAR) lose("it cuts a part of a sequence: irnn's heads read the last step or every step")
  return [picked(value, place, -1, true)]
}

/** Of the layers and directions of a network. */
const MOST_STATES = 2000

function concat(inputs: Inputs, node: OnnxNode): Traced[] {
  if (inputs.every((one) => one?.kind === 'constant' || one?.kind === 'sizes')) {
    const lists = inputs.map((one): readonly Size[] => (one!.kind === 'sizes' ? one!.list : numbersOf(one)!))
    return [{ kind: 'sizes', list: short(lists.flat()) }]
  }
  if (inputs.every((one) => one?.kind === 'given' || one?.kind === 'zeros')) return [inputs[0]!]
  const parts = inputs.map((one) => (one?.kind === 'sequence' ? one : lose('it joins a sequence to something else')))
  const [first, second] = parts as [Sequence, Sequence]
  const at = first.axes.at(int(node, 'axis', 0))
  const axes = parts.map((part) => part.axes.join())
  const states = parts.flatMap(({ features }) => (features.of === 'states' ? features.list : []))
  if (states.length >= parts.length && axes.every((one) => one === axes[0]) && parts.every(isStates)) {
    if (at !== 'D' && first.axes.includes('D')) lose('it joins the directions of one layer to those of another')
    return [{ ...first, features: { of: 'states', list: short(states, MOST_STATES) } }]
  }
  const kinds = parts.map(({ features }) => features.of).join()
  // Both are inputs of the file, whose axes have other names: time and batch stand in the same places.
  const places = parts.map((part) => part.axes.slice(0, 2).map((axis) => axis.replace(/^.*\./, '.')))
  if (kinds !== 'values,rows' || at !== first.axes[2] || places[0]!.join() !== places[1]!.join()) {
    lose(`it joins ${kinds.replaceAll(',', ' and ')}`)
  }
  const both: Features = { of: 'both', values: first.features, rows: second.features }
  return [{ ...first, axes: [...first.axes.slice(0, 2), 'W'], features: both }]
}

const isStates = ({ features }: Sequence): boolean => features.of === 'states'

/** Only what keeps each number with its step: directions and width become one axis, axes of 1 come and go. */
function reshape([value, shape]: Inputs): Traced[] {
  if (value?.kind === 'sizes' || value?.kind === 'given' || value?.kind === 'zeros') return [value]
  if (value?.kind !== 'sequence') return [lose('it shapes what is no sequence')]
  const wanted: readonly Size[] =
    shape?.kind === 'sizes' ? shape.list : (numbersOf(shape) ?? lose('it does not say what shape'))
  const { axes, features } = value
  const core = axes.filter((axis) => axis !== '1' && (axis !== 'D' || directions(features) !== 1))
  const target = core.at(-2) === 'D' ? core.toSpliced(-2, 1) : core
  const fits = (size: Size, n: number) => {
    const axis = target[n]
    if (size === -1) return true
    if (size === 0) return axes[n] === axis
    if (axis === 'W') return size === widthOf(features) || size === 'D*W' || (size === 'W' && core === target)
    return size === axis
  }
  const free = wanted.filter((size) => size === -1).length
  if (target.includes('D') || wanted.length !== target.length || free > 1 || !wanted.every(fits)) {
    lose(`it makes [${wanted}] of [${axes}], which irnn does not follow`)
  }
  return [{ ...value, axes: target }]
}

function split([value]: Inputs, node: OnnxNode): Traced[] {
  if (value?.kind === 'given' || value?.kind === 'zeros') return node.outputs.map(() => value)
  return [lose('it splits a sequence')]
}

const shapeOf: Step = ([value], node) => {
  const list: readonly Size[] =
    value?.kind === 'sequence' ? value.axes : value?.kind === 'constant' ? value.shape : lose('it asks for a size')
  return [{ kind: 'sizes', list: list.slice(int(node, 'start', 0), int(node, 'end', FAR)) }]
}

/** Of sizes alone. */
const product: Step = ([a, b]) => {
  if (a?.kind !== 'sizes' || b?.kind !== 'sizes' || a.list.length !== 1 || b.list.length !== 1) {
    return [lose('it multiplies what is no size')]
  }
  return [{ kind: 'sizes', list: [`${a.list[0]}*${b.list[0]}`.slice(0, 100)] }]
}

/** A constant of so many zeros as sizes say; other numbers would be an initial state that irnn has not. */
const filled: Step = ([value, sizes], node) => {
  if (node.op === 'Expand' && value?.kind === 'zeros') return [value]
  if (node.op === 'Expand' && value?.kind === 'constant' && sizes && allZero(value)) return [{ kind: 'zeros' }]
  const fill = node.attributes.get('value')
  const zero = !fill || (fill.type === 'tensor' && Number(fill.value.data[0]) === 0)
  if (node.op === 'ConstantOfShape' && zero) return [{ kind: 'zeros' }]
  return [lose('it fills in numbers that are not 0')]
}

const same: Step = ([value]) => [value!]

export const SHAPES: Readonly<Record<string, Step>> = {
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Reshape: reshape,
  Split: split,
  Shape: shapeOf,
  SizesProduct: product,
  Expand: filled,
  ConstantOfShape: filled,
  Identity: same,
  Dropout: same,
}
