/**
 * The LSTM with forget gate (Gers et al. 2000), PyTorch's gate order i f g o: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
 */
import type { Floats, OrNull, RecurrentBackward, RecurrentForward, RecurrentStep } from '../signatures.ts'
import { sum } from './packed.ts'
import { addBias, addOuter, addTransposed, dot } from './rows.ts'
import { clipped, finalGradient, initialGradient, padded, sigmoid, steps } from './steps.ts'

export const lstm_forward: RecurrentForward<[], [c: Floats, gates: Floats]> = (
  T,
  B,
  I,
  H,
  reverse,
  lengths,
  x,
  Wxh,
  Whh,
  bx,
  bh,
  h,
  c,
  gates,
) => {
  for (const { t, from, to } of steps(T, reverse))
    for (let b = 0; b < B; b++) {
      const last = (from * B + b) * H
      const next = (to * B + b) * H
      const gate = (t * B + b) * 4 * H
      const a = (row: number): number =>
        dot(I, Wxh, row, x, (t * B + b) * I) +
        (bx === null ? 0 : bx[row]!) +
        dot(H, Whh, row, h, last) +
        (bh === null ? 0 : bh[row]!)
      for (let j = 0; j < H; j++) {
        const i = sigmoid(a(j))
        const f = sigmoid(a(H + j))
        const g = Math.tanh(a(2 * H + j))
        const o = sigmoid(a(3 * H + j))
        gates[gate + j] = i
        gates[gate + H + j] = f
        gates[gate + 2 * H + j] = g
        gates[gate + 3 * H + j] = o
        c[next + j] = padded(t, b, lengths) ? c[last + j]! : f * c[last + j]! + i * g
        h[next + j] = padded(t, b, lengths) ? h[last + j]! : o * Math.tanh(c[next + j]!)
      }
    }
}

export const lstm_backward: RecurrentBackward<[], [c: Floats, gates: Floats], [dc: OrNull<Floats>]> = (
  T,
  B,
  I,
  H,
  reverse,
  lengths,
  clip,
  x,
  Wxh,
  Whh,
  h,
  c,
  gates,
  dh,
  dhT,
  dcT,
  da,
  dWxh,
  dWhh,
  dbx,
  dbh,
  dx,
  accumulateDx,
  dh0,
  dc0,
  _sums,
  _part,
  _rows,
) => {
  if (dx !== null && !accumulateDx) dx.fill(0, 0, T * B * I)
  const back = finalGradient(B * H, dhT) // dL/dh_t and dL/dc_t through the steps after t
  const backC = finalGradient(B * H, dcT)
  for (const { t, from, to } of steps(T, reverse).reverse())
    for (let b = 0; b < B; b++) {
      const at = (t * B + b) * 4 * H // row of da, gates
      if (padded(t, b, lengths)) {
        da.fill(0, at, at + 4 * H)
        continue
      }
      for (let j = 0; j < H; j++) {
        const [i, f, g, o] = [gates[at + j]!, gates[at + H + j]!, gates[at + 2 * H + j]!, gates[at + 3 * H + j]!]
        const tanhC = Math.tanh(c[(to * B + b) * H + j]!)
        const dht = (dh === null ? 0 : dh[(t * B + b) * H + j]!) + back[b * H + j]!
        const dct = backC[b * H + j]! + dht * o * (1 - tanhC * tanhC)
        da[at + j] = clipped(dct * g * i * (1 - i), clip)
        da[at + H + j] = clipped(dct * c[(from * B + b) * H + j]! * f * (1 - f), clip)
        da[at + 2 * H + j] = clipped(dct * i * (1 - g * g), clip)
        da[at + 3 * H + j] = clipped(dht * tanhC * o * (1 - o), clip)
        backC[b * H + j] = dct * f
      }
      addOuter(4 * H, I, da, at, x, (t * B + b) * I, dWxh, 0)
      addOuter(4 * H, H, da, at, h, (from * B + b) * H, dWhh, 0)
      addBias(4 * H, da, at, dbx, 0)
      addBias(4 * H, da, at, dbh, 0)
      if (dx !== null) addTransposed(4 * H, I, Wxh, 0, da, at, dx, (t * B + b) * I)
      back.fill(0, b * H, b * H + H)
      addTransposed(4 * H, H, Whh, 0, da, at, back, b * H)
    }
  initialGradient(B * H, back, dh0)
  initialGradient(B * H, backC, dc0)
}

export const lstm_step: RecurrentStep<[], [packed: Floats], [c: Floats]> = (B, I, H, x, packed, h, c) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let j = 0; j < H; j++) {
      const a = (gate: number): number => sum(packed, gate * H + j, I, H, x, before, b)
      const cell = sigmoid(a(1)) * c[b * H + j]! + sigmoid(a(0)) * Math.tanh(a(2))
      c[b * H + j] = cell
      h[b * H + j] = sigmoid(a(3)) * Math.tanh(cell)
    }
}
