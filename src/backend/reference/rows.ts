/**
 * Four loops over one row each, from which the dense and recurrent kernels are written. A matrix W is row-major,
 * `at` is the index where a row starts.
 */
import type { Floats } from '../signatures.ts'

/** Row `row` of W x, x being the n numbers from xAt. */
export function dot(n: number, W: Floats, row: number, x: Floats, xAt: number): number {
  let sum = 0
  for (let j = 0; j < n; j++) sum += W[row * n + j]! * x[xAt + j]!
  return sum
}

/** dW[row + r, :] += da[r] x, for r < rows: the gradient of W in a = W x. */
export function addOuter(
  rows: number,
  n: number,
  da: Floats,
  daAt: number,
  x: Floats,
  xAt: number,
  dW: Floats,
  row: number,
): void {
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) dW[(row + r) * n + j]! += da[daAt + r]! * x[xAt + j]!
}

/** dx += W[row … row + rows, :]ᵀ da: the gradient of x in a = W x. */
export function addTransposed(
  rows: number,
  n: number,
  W: Floats,
  row: number,
  da: Floats,
  daAt: number,
  dx: Floats,
  dxAt: number,
): void {
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) dx[dxAt + j]! += W[(row + r) * n + j]! * da[daAt + r]!
}

/** db[at + j] += da[daAt + j], j < n; nothing if there is no bias. */
export function addBias(n: number, da: Floats, daAt: number, db: Floats | null, at: number): void {
  if (db === null) return
  for (let j = 0; j < n; j++) db[at + j]! += da[daAt + j]!
}
