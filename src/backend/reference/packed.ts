/** Packed weights, here row after row: both biases, then the weights of x, then those of h; and the sums over them. */
import type { Floats } from '../signatures.ts'

/** Wxh x, bx, Whh h, bh of sum n, of sequence b. */
function terms(
  packed: Floats,
  n: number,
  I: number,
  H: number,
  x: Floats,
  h: Floats,
  b: number,
): [number, number, number, number] {
  const row = n * (2 + I + H)
  let ofX = 0
  let ofH = 0
  for (let i = 0; i < I; i++) ofX += packed[row + 2 + i]! * x[b * I + i]!
  for (let i = 0; i < H; i++) ofH += packed[row + 2 + I + i]! * h[b * H + i]!
  return [ofX, packed[row]!, ofH, packed[row + 1]!]
}
// Added in the order of the kernels of whole sequences.
export function sum(...args: Parameters<typeof terms>): number {
  const [ofX, bx, ofH, bh] = terms(...args)
  return ofX + bx + ofH + bh
}
export function sumApart(...args: Parameters<typeof terms>): number {
  const [ofX, bx, ofH, bh] = terms(...args)
  return ofX + bx + (ofH + bh)
}
