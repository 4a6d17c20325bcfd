/** One update of the weights by SGD with momentum, RMSprop, Adam(W) or Muon: PyTorch's formulas, PyTorch's names. */
import type { Floats, Kernels } from '../backend.ts'
import { gemm } from './dense.ts'

export const sgd_update: Kernels['sgd_update'] = (n, lr, momentum, w, g, v) => {
  for (let i = 0; i < n; i++) {
    if (v !== null) v[i] = momentum * v[i]! + g[i]!
    w[i]! -= lr * (v === null ? g[i]! : v[i]!)
  }
}

export const rmsprop_update: Kernels['rmsprop_update'] = (n, lr, alpha, eps, w, g, s) => {
  for (let i = 0; i < n; i++) {
    s[i] = alpha * s[i]! + (1 - alpha) * g[i]! * g[i]!
    w[i]! -= (lr * g[i]!) / (Math.sqrt(s[i]!) + eps)
  }
}

// Kingma & Ba 2015, algorithm 1; epsilon is added after the bias correction of the root. The decay is Loshchilov &
// Hutter's (2019), apart from the gradient.
export const adam_update: Kernels['adam_update'] = (
  n,
  lr,
  beta1,
  beta2,
  eps,
  decay,
  correction1,
  correction2,
  w,
  g,
  m,
  v,
) => {
  for (let i = 0; i < n; i++) {
    m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!
    v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! * g[i]!
    w[i]! -= (lr * (m[i]! / correction1)) / (Math.sqrt(v[i]! / correction2) + eps) + lr * decay * w[i]!
  }
}

// Jordan 2024; X is taken to the odd polynomial a X + b (X X') X + c (X X')^2 X five times.
export const muon_update: Kernels['muon_update'] = (H, lr, momentum, decay, identity, w, g, m, work) => {
  const n = H * H
  const part = (i: number): Floats => work.subarray(i * n, (i + 1) * n)
  const [X, XX, P, PX] = [part(0), part(1), part(2), part(3)]
  for (let i = 0; i < n; i++) m[i] = momentum * m[i]! + (1 - momentum) * g[i]!
  let squares = 0
  for (let i = 0; i < n; i++) squares += m[i]! * m[i]!
  const norm = Math.sqrt(squares)
  for (let i = 0; i < n; i++) X[i] = norm > 0 ? m[i]! / norm : 0
  for (let step = 0; step < 5; step++) {
    gemm(0, 1, H, H, H, X, X, XX, 0)
    gemm(0, 0, H, H, H, XX, XX, P, 0)
    for (let i = 0; i < n; i++) P[i] = -4.775 * XX[i]! + 2.0315 * P[i]!
    gemm(0, 0, H, H, H, P, X, PX, 0)
    for (let i = 0; i < n; i++) X[i] = 3.4445 * X[i]! + PX[i]!
  }
  for (let i = 0; i < n; i++) w[i]! -= lr * (X[i]! + decay * (w[i]! - (i % (H + 1) === 0 ? identity : 0)))
}

/** f(the row's part of each matrix [V,E], and of g [n,E], zeros if that is null) for the n rows. */
function eachRow(
  n: number,
  E: number,
  rows: Int32Array,
  g: Floats | null,
  f: (part: (matrix: Floats) => Floats, g: Floats) => void,
): void {
  const zeros = new Float64Array(E)
  for (let i = 0; i < n; i++)
    f((matrix) => matrix.subarray(rows[i]! * E, rows[i]! * E + E), g?.subarray(i * E, i * E + E) ?? zeros)
}

export const sgd_update_rows: Kernels['sgd_update_rows'] = (n, E, rows, lr, momentum, w, g, v) => {
  eachRow(n, E, rows, g, (of, g) => sgd_update(E, lr, momentum, of(w), g, v && of(v)))
}

export const rmsprop_update_rows: Kernels['rmsprop_update_rows'] = (n, E, rows, lr, alpha, eps, w, g, s) => {
  eachRow(n, E, rows, g, (of, g) => rmsprop_update(E, lr, alpha, eps, of(w), g, of(s)))
}

export const adam_update_rows: Kernels['adam_update_rows'] = (
  n,
  E,
  rows,
  lr,
  beta1,
  beta2,
  eps,
  decay,
  correction1,
  correction2,
  w,
  g,
  m,
  v,
) => {
  eachRow(n, E, rows, g, (of, g) =>
    adam_update(E, lr, beta1, beta2, eps, decay, correction1, correction2, of(w), g, of(m), of(v)),
  )
}
