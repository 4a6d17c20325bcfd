/** What a graph has of weights, as the tensors of a state dict: PyTorch's names, shapes and order of gates. */
import { InputError } from '../../error.ts'
import { WHAT } from '../../formats/onnx/model.ts'
import type { NamedTensor } from '../../formats/safetensors.ts'
import cells, { type Cell } from '../../layers/cells.ts'
import type { SpecParts } from '../stateDict.ts'
import type { Constant, Features, Layer, Linear } from './traced.ts'

/** Gates in our order. */
export function layerTensors({ hidden: H, D, W, R, B }: Layer, l: number, cell: Cell): NamedTensor[] {
  const { gates } = cells[cell].onnx
  const G = gates.length * H
  const I = W.shape[2]!
  const tensors: NamedTensor[] = []
  for (let d = 0; d < D; d++) {
    const end = `_l${l}${d === 1 ? '_reverse' : ''}`
    const take = (name: string, { data }: Constant, from: number, columns: number, shape: number[]) => {
      const into = new Float32Array(G * columns)
      for (const [there, here] of gates.entries()) {
        const start = from + there * H * columns
        for (let n = 0; n < H * columns; n++) into[here * H * columns + n] = Number(data[start + n])
      }
      tensors.push({ name: `rnn.${name}${end}`, shape, data: into })
    }
    take('weight_ih', W, d * G * I, I, [G, I])
    take('weight_hh', R, d * G * H, H, [G, H])
    if (!B) continue
    take('bias_ih', B, d * 2 * G, 1, [G])
    take('bias_hh', B, d * 2 * G + G, 1, [G])
  }
  return tensors
}

/** Scale and shift are within matrix and bias. */
export function linearTensors(module: string, { weight, bias, factor, shift }: Linear): NamedTensor[] {
  const [inputs, outputs] = weight.shape as [number, number]
  const f = numbersOf(factor, outputs, 1)
  const rows = Float32Array.from({ length: inputs * outputs }, (_, n) => {
    const [k, i] = [Math.floor(n / inputs), n % inputs]
    return Number(weight.data[weight.turned ? n : i * outputs + k]) * f[k]!
  })
  const tensors: NamedTensor[] = [{ name: `${module}.weight`, shape: [outputs, inputs], data: rows }]
  if (bias || shift) {
    const [b, s] = [numbersOf(bias, outputs, 0), numbersOf(shift, outputs, 0)]
    tensors.push({ name: `${module}.bias`, shape: [outputs], data: Float32Array.from(b, (v, k) => v * f[k]! + s[k]!) })
  }
  return tensors
}

/** `size` numbers of a constant that has as many, or one for all; without one, `fallback`. */
function numbersOf(constant: Constant | null | undefined, size: number, fallback: number): Float64Array {
  const at = (k: number) => (constant ? Number(constant.data[constant.data.length === 1 ? 0 : k]) : fallback)
  return Float64Array.from({ length: size }, (_, k) => at(k))
}

/** What the first layer reads. */
export function inputOf(below: Features, { W }: Layer): { input: SpecParts['input']; tensors: NamedTensor[] } {
  const width = W.shape[2]!
  const [values, rows] =
    below.of === 'both' ? [below.values, below.rows] : below.of === 'rows' ? [null, below] : [below, null]
  const tensors: NamedTensor[] = []
  let table: { vocabulary: number; embedding: number } | null = null
  if (rows?.of === 'rows') {
    const [vocabulary, embedding] = rows.table.shape as [number, number]
    const { data, turned } = rows.table
    const whole = Float32Array.from({ length: vocabulary * embedding }, (_, n) => {
      return Number(data[turned ? (n % embedding) * vocabulary + Math.floor(n / embedding) : n])
    })
    tensors.push({ name: 'embedding.weight', shape: [vocabulary, embedding], data: whole })
    table = { vocabulary, embedding }
  }
  if (values === null) return { input: table!, tensors }
  if (values.of !== 'values') {
    throw new InputError(`${WHAT}: expected a network that reads values or tokens but something stands before it`)
  }
  const size = width - (table?.embedding ?? 0)
  const { mean, std } = values
  const normalise = mean !== undefined || std !== undefined
  for (const constant of [mean, std]) {
    if (!constant || constant.data.length === 1 || (constant.data.length === size && constant.shape.at(-1) === size))
      continue
    throw new InputError(`${WHAT}: expected inputs scaled by ${size} numbers but received [${constant.shape}]`)
  }
  if (normalise) {
    tensors.push({ name: 'input.mean', shape: [size], data: Float32Array.from(numbersOf(mean, size, 0)) })
    tensors.push({ name: 'input.std', shape: [size], data: Float32Array.from(numbersOf(std, size, 1)) })
  }
  return { input: { size, ...(normalise && { normalise }), ...table }, tensors }
}
