/**
 * What is timed. A problem is one network, its weights and one minibatch, all as plain numbers, so that every library
 * gets the same and its answer can be checked.
 *
 * The shapes are the paper's: pixel MNIST (S1; with 64 rows S4), adding (S2), their LSTM (S3) and GRU (S3g), a language
 * model's layer (S5, with the gradient of its input) and its softmax (S6, 10,000 words over 400 rows).
 *
 * ReLU networks leave out what is zero, so their speed depends on the weights. `dense` weights keep every unit alive at
 * every step; `trained` ones come from training (trained.ts), and only they say how fast training is.
 */
import type { Model, ModelInput } from '../src/index.ts'
import { classification, createBackend, createModel, gru, irnn, lstm, regression, rng } from '../src/index.ts'

export const CELLS = ['relu', 'lstm', 'gru', 'softmax'] as const
/** softmax: no recurrence, a linear layer and its cross-entropy over T·B rows. */
export type Cell = (typeof CELLS)[number]

export interface Shape {
  readonly name: string
  readonly label: string
  readonly cell: Cell
  readonly B: number
  readonly T: number
  readonly I: number
  /** 0 for softmax. */
  readonly H: number
  /** Classes; 0: one value and squared error. The head reads the last step. */
  readonly K: number
  /** Whether the gradient of x is wanted too. */
  readonly inputGradient: boolean
}

export interface Problem extends Shape {
  /** [T,B,I] */
  readonly x: Float32Array
  /** [B] classes, or values where K is 0. */
  readonly y: Float32Array
  /** In PyTorch's order: weight_ih, weight_hh, bias_ih, bias_hh, then weight and bias of the head. */
  readonly weights: Float32Array
}

const paper = { cell: 'relu', B: 16, T: 784, I: 1, H: 100, K: 10, inputGradient: false } as const

export const TRAINED: Shape = { ...paper, name: 'S1 trained', label: 'IRNN, trained on MNIST' }
export const SHAPES: readonly Shape[] = [
  TRAINED,
  { ...paper, name: 'S1 dense', label: 'ReLU, no unit at 0' },
  { ...paper, name: 'S2', label: 'ReLU, adding problem', T: 150, I: 2, K: 0 },
  { ...paper, name: 'S3', label: 'LSTM', cell: 'lstm' },
  { ...paper, name: 'S3g', label: 'GRU', cell: 'gru' },
  { ...paper, name: 'S4', label: 'ReLU, 64 rows', B: 64 },
  { ...paper, name: 'S5', label: 'ReLU, wide', B: 20, T: 20, I: 512, H: 512, inputGradient: true },
  {
    name: 'S6',
    label: 'softmax over 10,000',
    cell: 'softmax',
    B: 400,
    T: 1,
    I: 512,
    H: 0,
    K: 10_000,
    inputGradient: true,
  },
]

const GATES: Readonly<Record<Cell, number>> = { relu: 1, lstm: 4, gru: 3, softmax: 0 }

/**
 * Floating-point operations of one iteration, counted dense: two for each multiply-add of the products over h and x,
 * forward, and backward for the weights and for what is below. The head, biases and gates are not counted.
 */
export function work({ cell, B, T, I, H, K, inputGradient }: Shape): number {
  const passes = inputGradient ? 3 : 2
  if (cell === 'softmax') return 2 * T * B * I * K * 3
  return 2 * B * T * GATES[cell] * H * (3 * H + passes * I)
}

/** The same of the forward pass alone. */
export function forwardWork({ cell, B, T, I, H, K }: Shape): number {
  return cell === 'softmax' ? 2 * T * B * I * K : 2 * B * T * GATES[cell] * H * (H + I)
}

/** (B, T, I, H), as people write it; (rows, I, K) for a softmax. */
export function size({ cell, B, T, I, H, K }: Shape): string {
  return cell === 'softmax' ? `(${B * T}, ${I}, ${K})` : `(${B}, ${T}, ${I}, ${H})`
}

/** The model of a shape that has a recurrence. */
export function modelInput({ cell, I, H, K }: Shape): ModelInput {
  const rnn = cell === 'lstm' ? lstm(H) : cell === 'gru' ? gru(H) : irnn(H)
  return { input: I, rnn, head: K > 0 ? classification(K) : regression(1) }
}

/** A problem with random input; ReLU networks with dense weights. */
export async function randomProblem(shape: Shape): Promise<Problem> {
  const { T, B, I, K } = shape
  const r = rng(1, `bench/${shape.name}`)
  const x = Float32Array.from({ length: T * B * I }, () => r.next())
  const y = Float32Array.from({ length: B }, () => (K > 0 ? r.below(K) : r.next()))
  return { ...shape, x, y, weights: await randomWeights(shape) }
}

async function randomWeights(shape: Shape): Promise<Float32Array> {
  const { cell, I, K, name } = shape
  const r = rng(1, `bench/${name}/weights`)
  if (cell === 'softmax') return Float32Array.from({ length: K * I + K }, () => 0.05 * r.normal())
  const model = createModel(modelInput(shape), { backend: await createBackend({ name: 'reference' }) })
  if (cell === 'relu') fillDense(model, shape)
  return Float32Array.from(model.weights)
}

/**
 * Weights under which no unit is ever 0 and no gradient dies out: Whh is 0.98 times the identity and a little noise
 * (its spectral radius stays below 1: noise of std s adds s·√H), and the bias outweighs what x and the noise can take
 * away.
 */
function fillDense({ parameters }: Model, { name, I, H }: Shape): void {
  const r = rng(1, `bench/${name}/dense`)
  const std: Readonly<Record<string, number>> = {
    'rnn.weight_ih_l0': 0.002 / Math.sqrt(I),
    'rnn.weight_hh_l0': 0.01 / Math.sqrt(H) / 2,
    'head.weight': 0.05,
  }
  for (const { name, data } of parameters) {
    const deviation = std[name] ?? 0
    for (let i = 0; i < data.length; i++) data[i] = deviation * r.normal()
    if (name === 'rnn.weight_hh_l0') for (let i = 0; i < H; i++) data[i * H + i]! += 0.98
    if (name === 'rnn.bias_ih_l0') data.fill(0.02)
  }
}
