/**
 * The GRU (Cho et al. 2014) as cuDNN and PyTorch have it, gate order r z n:
 * u_t = Whn h_{t-1} + bhn, n_t = tanh(Wxn x_t + bxn + r_t u_t), h_t = (1-z_t) n_t + z_t h_{t-1}.
 * The reset gate multiplies u after the matrix product, so rows n of x and of h see different gradients: da has four
 * blocks, of r, z, u, which the h side takes, and of n, which the x side takes in place of u.
 */
import type { Floats, RecurrentBackward, RecurrentForward, RecurrentStep } from '../signatures.ts'
import { sum, sumApart } from './packed.ts'
import { addBias, addOuter, addTransposed, dot } from './rows.ts'
import { clipped, finalGradient, initialGradient, padded, sigmoid, steps } from './steps.ts'

export const gru_forward: RecurrentForward<[], [gates: Floats]> = (
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
  gates,
) => {
  for (const { t, from, to } of steps(T, reverse))
    for (let b = 0; b < B; b++) {
      const last = (from * B + b) * H
      const gate = (t * B + b) * 4 * H
      const ofX = (row: number): number => dot(I, Wxh, row, x, (t * B + b) * I) + (bx === null ? 0 : bx[row]!)
      const ofH = (row: number): number => dot(H, Whh, row, h, last) + (bh === null ? 0 : bh[row]!)
      for (let j = 0; j < H; j++) {
        const r = sigmoid(ofX(j) + ofH(j))
        const z = sigmoid(ofX(H + j) + ofH(H + j))
        const u = ofH(2 * H + j)
        const n = Math.tanh(ofX(2 * H + j) + r * u)
        gates[gate + j] = r
        gates[gate + H + j] = z
        gates[gate + 2 * H + j] = u
        gates[gate + 3 * H + j] = n
        h[(to * B + b) * H + j] = padded(t, b, lengths) ? h[last + j]! : (1 - z) * n + z * h[last + j]!
      }
    }
}

export const gru_backward: RecurrentBackward<[], [gates: Floats]> = (
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
  gates,
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
  for (const { t, from } of steps(T, reverse).reverse())
    for (let b = 0; b < B; b++) {
      const at = (t * B + b) * 4 * H // row of da, gates
      const last = (from * B + b) * H
      if (padded(t, b, lengths)) {
        da.fill(0, at, at + 4 * H)
        continue
      }
      for (let j = 0; j < H; j++) {
        const [r, z, u, n] = [gates[at + j]!, gates[at + H + j]!, gates[at + 2 * H + j]!, gates[at + 3 * H + j]!]
        const dht = (dh === null ? 0 : dh[(t * B + b) * H + j]!) + back[b * H + j]!
        const dn = clipped(dht * (1 - z) * (1 - n * n), clip)
        da[at + j] = clipped(dn * u * r * (1 - r), clip)
        da[at + H + j] = clipped(dht * (h[last + j]! - n) * z * (1 - z), clip)
        da[at + 2 * H + j] = dn * r
        da[at + 3 * H + j] = dn
        back[b * H + j] = dht * z
      }
      addOuter(3 * H, H, da, at, h, last, dWhh, 0)
      addBias(3 * H, da, at, dbh, 0)
      addTransposed(3 * H, H, Whh, 0, da, at, back, b * H)
      // The x side: r and z, then n where the h side has u.
      for (const [rows, from4, row] of [
        [2 * H, 0, 0],
        [H, 3 * H, 2 * H],
      ] as [number, number, number][]) {
        addOuter(rows, I, da, at + from4, x, (t * B + b) * I, dWxh, row)
        addBias(rows, da, at + from4, dbx, row)
        if (dx !== null) addTransposed(rows, I, Wxh, row, da, at + from4, dx, (t * B + b) * I)
      }
    }
  initialGradient(B * H, back, dh0)
}

type Packed = [resetUpdate: Floats, candidateX: Floats, candidateH: Floats]

export const gru_step: RecurrentStep<[], Packed> = (B, I, H, x, resetUpdate, candidateX, candidateH, h) => {
  const before = h.slice()
  for (let b = 0; b < B; b++)
    for (let j = 0; j < H; j++) {
      const r = sigmoid(sumApart(resetUpdate, j, I, H, x, before, b))
      const z = sigmoid(sumApart(resetUpdate, H + j, I, H, x, before, b))
      const n = Math.tanh(sum(candidateX, j, I, 0, x, before, b) + r * sum(candidateH, j, 0, H, x, before, b))
      h[b * H + j] = (1 - z) * n + z * before[b * H + j]!
    }
}
