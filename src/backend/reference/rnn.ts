/** The plain recurrence h_t = f(Wxh x_t + bx + Whh h_{t-1} + bh) and its back-propagation through time. */
import { type Floats, RELU, type RecurrentBackward, type RecurrentForward, type RecurrentStep } from '../signatures.ts'
import { sum } from './packed.ts'
import { addBias, addOuter, addTransposed, dot } from './rows.ts'
import { clipped, finalGradient, initialGradient, padded, steps } from './steps.ts'

// Math.max returns NaN for NaN, as the contract wants; `a > 0 ? a : 0` would hide it.
const f = (a: number, activation: number): number => (activation === RELU ? Math.max(0, a) : Math.tanh(a))
// f'(a) written in h = f(a); the gradient of ReLU at 0 is 0.
const derivative = (h: number, activation: number): number => (activation === RELU ? (h > 0 ? 1 : 0) : 1 - h * h)

export const rnn_forward: RecurrentForward<[activation: number], []> = (
  T,
  B,
  I,
  H,
  activation,
  reverse,
  lengths,
  x,
  Wxh,
  Whh,
  bx,
  bh,
  h,
) => {
  for (const { t, from, to } of steps(T, reverse))
    for (let b = 0; b < B; b++)
      for (let i = 0; i < H; i++) {
        const last = (from * B + b) * H
        const next = (to * B + b) * H
        const a =
          dot(I, Wxh, i, x, (t * B + b) * I) +
          (bx === null ? 0 : bx[i]!) +
          dot(H, Whh, i, h, last) +
          (bh === null ? 0 : bh[i]!)
        h[next + i] = padded(t, b, lengths) ? h[last + i]! : f(a, activation)
      }
}

export const rnn_backward: RecurrentBackward<[activation: number], []> = (
  T,
  B,
  I,
  H,
  activation,
  reverse,
  lengths,
  clip,
  x,
  Wxh,
  Whh,
  h,
  dh,
  dhT,
  da,
  dWxh,
  dWhh,
  dbx,
  dbh,
  dx,
  accumulateDx,
  dh0,
  _sums,
  _part,
  _rows,
) => {
  if (dx !== null && !accumulateDx) dx.fill(0, 0, T * B * I)
  const back = finalGradient(B * H, dhT) // dL/dh_t through the steps after t
  for (const { t, from, to } of steps(T, reverse).reverse())
    for (let b = 0; b < B; b++) {
      const at = (t * B + b) * H // row of da, dh
      if (padded(t, b, lengths)) {
        da.fill(0, at, at + H)
        continue
      }
      for (let i = 0; i < H; i++) {
        const dht = (dh === null ? 0 : dh[at + i]!) + back[b * H + i]!
        da[at + i] = clipped(dht * derivative(h[(to * B + b) * H + i]!, activation), clip)
      }
      addOuter(H, I, da, at, x, (t * B + b) * I, dWxh, 0)
      addOuter(H, H, da, at, h, (from * B + b) * H, dWhh, 0)
      addBias(H, da, at, dbx, 0)
      addBias(H, da, at, dbh, 0)
      if (dx !== null) addTransposed(H, I, Wxh, 0, da, at, dx, (t * B + b) * I)
      back.fill(0, b * H, b * H + H)
      addTransposed(H, H, Whh, 0, da, at, back, b * H)
    }
  initialGradient(B * H, back, dh0)
}

export const rnn_step: RecurrentStep<[activation: number], [packed: Floats]> = (B, I, H, activation, x, packed, h) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let i = 0; i < H; i++) h[b * H + i] = f(sum(packed, i, I, H, x, before, b), activation)
}
