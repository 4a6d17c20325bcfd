/** One step of a recurrence at a time. Packed here is row after row: both biases, then the weights of x, then those of h. */
import { type Floats, type Kernels, RELU } from '../backend.ts'
import { sigmoid } from './steps.ts'

export const step_pack: Kernels['step_pack'] = (N, I, H, Wxh, Whh, bx, bh, packed) => {
  for (let n = 0; n < N; n++) {
    const row = n * (2 + I + H)
    packed[row] = bx === null ? 0 : bx[n]
    packed[row + 1] = bh === null ? 0 : bh[n]
    for (let i = 0; i < I; i++) packed[row + 2 + i] = Wxh![n * I + i]
    for (let i = 0; i < H; i++) packed[row + 2 + I + i] = Whh![n * H + i]
  }
}

/** Wxh x, bx, Whh h, bh of sum n, of sequence b. */
function terms(packed: Floats, n: number, I: number, H: number, x: Floats, h: Floats, b: number): [number, number, number, number] {
  const row = n * (2 + I + H)
  let ofX = 0
  let ofH = 0
  for (let i = 0; i < I; i++) ofX += packed[row + 2 + i] * x[b * I + i]
  for (let i = 0; i < H; i++) ofH += packed[row + 2 + I + i] * h[b * H + i]
  return [ofX, packed[row], ofH, packed[row + 1]]
}
// Added in the order of the kernels of whole sequences.
function sum(...args: Parameters<typeof terms>): number {
  const [ofX, bx, ofH, bh] = terms(...args)
  return ofX + bx + ofH + bh
}
function sumApart(...args: Parameters<typeof terms>): number {
  const [ofX, bx, ofH, bh] = terms(...args)
  return ofX + bx + (ofH + bh)
}

export const dense_step: Kernels['dense_step'] = (B, I, K, x, packed, y) => {
  for (let b = 0; b < B; b++) for (let k = 0; k < K; k++) y[b * K + k] = sum(packed, k, I, 0, x, x, b)
}

export const rnn_step: Kernels['rnn_step'] = (B, I, H, activation, x, packed, h) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let i = 0; i < H; i++) {
      const a = sum(packed, i, I, H, x, before, b)
      h[b * H + i] = activation === RELU ? Math.max(0, a) : Math.tanh(a)
    }
}

export const lstm_step: Kernels['lstm_step'] = (B, I, H, x, packed, h, c) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let j = 0; j < H; j++) {
      const a = (gate: number): number => sum(packed, gate * H + j, I, H, x, before, b)
      const cell = sigmoid(a(1)) * c[b * H + j] + sigmoid(a(0)) * Math.tanh(a(2))
      c[b * H + j] = cell
      h[b * H + j] = sigmoid(a(3)) * Math.tanh(cell)
    }
}

export const gru_step: Kernels['gru_step'] = (B, I, H, x, resetUpdate, candidateX, candidateH, h) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let j = 0; j < H; j++) {
      const r = sigmoid(sumApart(resetUpdate, j, I, H, x, before, b))
      const z = sigmoid(sumApart(resetUpdate, H + j, I, H, x, before, b))
      const n = Math.tanh(sum(candidateX, j, I, 0, x, before, b) + r * sum(candidateH, j, 0, H, x, before, b))
      h[b * H + j] = (1 - z) * n + z * before[b * H + j]
    }
}
