/**
 * The parameters of a model. Names, shapes and order are PyTorch's (torch.nn.RNN/LSTM/GRU under `rnn.`, Linear,
 * Embedding), so that a model's file reads as a state dict. They lie one after the other in one array, so that
 * optimisers, clips and checkpoints take one call for all.
 */
import type { Floats } from '../backend/backend.ts'
import { InputError, nearest, shown } from '../error.ts'
import { type Init, initialise } from '../init.ts'
import cells from '../layers/cells.ts'
import { rng } from '../rng.ts'
import { biasOptions } from './cellOptions.ts'
import type { ModelSpec, RnnSpec } from './spec.ts'

/** One matrix or vector of a model, named as PyTorch names it. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** Where it begins in the model's `weights`. */
  readonly start: number
  /** A view of `weights`. */
  readonly data: Floats
  /** In a plan for training: a view of the dense gradients. Absent if this parameter's gradients are kept by rows. */
  readonly grad?: Floats
}

/** A parameter without its numbers. */
export interface ParameterShape {
  readonly name: string
  readonly shape: readonly number[]
}

/** One H×H matrix from h to h; a cell with gates has one for each. */
export interface RecurrentMatrix {
  /** Where it begins in the model's `weights`. */
  readonly start: number
  readonly H: number
  /** The multiple of the identity that it started as; 0 if it started as anything else. */
  readonly identity: number
}

/** The recurrent matrices of a model, by ascending `start`. */
export function recurrentMatrices({ rnn }: ModelSpec, parameters: readonly Parameter[]): RecurrentMatrix[] {
  const { recurrent } = rnn.init
  const identity = recurrent.kind === 'identity' ? recurrent.scale : 0
  return parameters
    .filter(({ name }) => name.startsWith('rnn.weight_hh'))
    .flatMap(({ shape, start }) => {
      const [rows, H] = shape as [number, number]
      return Array.from({ length: rows / H }, (_, gate) => ({ start: start + gate * H * H, H, identity }))
    })
}

/** The ends of the names of one layer's parameters: `_l0`, and `_l0_reverse` if bidirectional. */
export function suffixes(spec: ModelSpec, layer: number): string[] {
  return spec.rnn.bidirectional ? [`_l${layer}`, `_l${layer}_reverse`] : [`_l${layer}`]
}

/** Widths of the values and of the embedding that a model reads; 0 for what it does not read. */
export function inputWidths({ input }: ModelSpec): { size: number; E: number } {
  return { size: 'size' in input ? input.size : 0, E: 'embedding' in input ? input.embedding : 0 }
}

/** Widths of what the recurrent stack reads and of its output. */
export function widths(spec: ModelSpec): { input: number; stack: number } {
  const { size, E } = inputWidths(spec)
  return {
    input: size + E,
    stack: spec.rnn.hidden * (spec.rnn.bidirectional ? 2 : 1),
  }
}

/** @throws InputError if the model has 2^31 parameters or more, which the kernels cannot count */
export function parameterShapes(spec: ModelSpec): ParameterShape[] {
  const { rnn, projection, head } = spec
  const width = widths(spec)
  const H = rnn.hidden
  const G = cells[rnn.cell].gates * H
  const list: ParameterShape[] = []
  if ('vocabulary' in spec.input) {
    list.push({ name: 'embedding.weight', shape: [spec.input.vocabulary, spec.input.embedding] })
  }
  for (let layer = 0; layer < rnn.layers; layer++) {
    for (const suffix of suffixes(spec, layer)) {
      list.push({ name: `rnn.weight_ih${suffix}`, shape: [G, layer === 0 ? width.input : width.stack] })
      list.push({ name: `rnn.weight_hh${suffix}`, shape: [G, H] })
      list.push({ name: `rnn.bias_ih${suffix}`, shape: [G] }, { name: `rnn.bias_hh${suffix}`, shape: [G] })
    }
  }
  if (projection) {
    list.push({ name: 'projection.weight', shape: [projection.size, width.stack] })
    list.push({ name: 'projection.bias', shape: [projection.size] })
  }
  list.push({ name: 'head.weight', shape: [head.size, projection?.size ?? width.stack] })
  list.push({ name: 'head.bias', shape: [head.size] })
  const count = list.reduce((sum, { shape }) => sum + elements(shape), 0)
  if (count >= 2 ** 31) {
    throw new InputError(`model spec: expected fewer than 2^31 parameters but it has ${count}: make it smaller`)
  }
  return list
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Views of `weights`, whose length is that of all shapes together. */
export function viewParameters(shapes: readonly ParameterShape[], weights: Floats): Parameter[] {
  let end = 0
  return shapes.map(({ name, shape }) => {
    const start = end
    end += elements(shape)
    return { name, shape, start, data: weights.subarray(start, end) }
  })
}

/** The same parameters, with `grad` for those within `dense`, which is the gradient of the weights from `first` on. */
export function withGradients(parameters: readonly Parameter[], dense: Floats, first: number): Parameter[] {
  return parameters.map((parameter) => {
    const at = parameter.start - first
    const end = at + parameter.data.length
    return at < 0 || end > dense.length ? parameter : { ...parameter, grad: dense.subarray(at, end) }
  })
}

export function named(parameters: readonly Parameter[], name: string): Parameter {
  const found = parameters.find((parameter) => parameter.name === name)
  if (!found) throw new Error(`no parameter ${name}`)
  return found
}

/**
 * Those of the names: `embedding.weight`, or the beginning of several, `rnn`.
 * @param what names the list in messages
 * @throws InputError for a name that no parameter has or begins with
 */
export function chosen<P extends ParameterShape>(
  what: string,
  names: readonly string[],
  parameters: readonly P[],
): P[] {
  const has = (name: string) => (parameter: P) => parameter.name === name || parameter.name.startsWith(`${name}.`)
  const known = parameters.map(({ name }) => name)
  const wrong = names.find((name) => !parameters.some(has(name)))
  if (wrong !== undefined) {
    const all = [...new Set(known.map((name) => name.split('.')[0]!)), ...known]
    const meant = nearest(wrong, all)
    throw new InputError(
      `${what}: expected names of parameters, or their beginnings, but received ${shown(wrong)}: ` +
        (meant ? `did you mean ${meant}?` : `there are ${known.join(', ')}`),
    )
  }
  return parameters.filter((parameter) => names.some((name) => has(name)(parameter)))
}

/**
 * Draws every parameter as the spec says, each from a random stream named after it, so that adding a layer changes no
 * other weight.
 */
export function initialiseParameters(spec: ModelSpec, parameters: readonly Parameter[], seed: number): void {
  const { rnn, head } = spec
  const H = rnn.hidden
  const { activation } = cells[rnn.cell]
  for (const { name, shape, data } of parameters) {
    const init = initOf(spec, name)
    if (init) {
      const [rows, columns] = shape as [number, number]
      const block = name.startsWith('rnn.') ? H : rows // each gate is a matrix of its own
      const generator = rng(seed, `weights/${name}`)
      for (let row = 0; row < rows; row += block) {
        const part = data.subarray(row * columns, (row + block) * columns)
        initialise(init, part, block, columns, generator, { activation })
      }
    } else if (name.startsWith('rnn.bias_ih')) startBias(rnn, data)
    else data.fill(name === 'head.bias' ? head.bias : 0)
  }
}

/** Fills the biases bx: a gate that an option of the cell is for starts at the option, all others at 0. */
function startBias(rnn: RnnSpec, bx: Floats): void {
  const H = rnn.hidden
  bx.fill(0)
  for (const [name, { gate }] of biasOptions([rnn.cell])) bx.fill(rnn[name]!, gate * H, (gate + 1) * H)
}

/** The initialiser of a matrix; null for a bias. */
function initOf(spec: ModelSpec, name: string): Init | null {
  if (name.startsWith('rnn.weight_hh')) return spec.rnn.init.recurrent
  if (name.startsWith('rnn.weight_ih')) return spec.rnn.init.input
  if (name === 'projection.weight') return spec.projection!.init
  if (name === 'head.weight') return spec.head.init
  return name === 'embedding.weight' && 'init' in spec.input ? spec.input.init : null
}
