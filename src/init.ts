/**
 * Initial weights. An initialiser is data, stored with the model; `initialise` draws a matrix by it, in float64, in row
 * order, from a generator, so one seed gives the same model on every backend (up to rounding to float32).
 */

import type { Floats } from './backend/backend.ts'
import { type Kind, kindOf } from './flag.ts'
import type { Rng } from './rng.ts'
import * as z from './schema.ts'

/** How a matrix is drawn, as data. */
export type Init =
  | { readonly kind: 'identity'; readonly scale: number }
  | { readonly kind: 'gaussian'; readonly std: number }
  | { readonly kind: 'random-walk' }
  | { readonly kind: 'orthogonal'; readonly gain: number }
  | { readonly kind: 'glorot' }
  | { readonly kind: 'np-rnn' }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number }

/** scale · I: the IRNN's recurrent matrix (Le, Jaitly & Hinton 2015, section 3); scale 0.01 is their iRNN. */
export const identity = (scale = 1): Init => ({ kind: 'identity', scale })
/** N(0, std²). */
export const gaussian = (std: number): Init => ({ kind: 'gaussian', std })
/**
 * N(0, g²/H), with g such that the length of a back-propagated gradient makes an unbiased random walk (Sussillo &
 * Abbott, arXiv:1412.6558): g = √2 exp(1.2 / (max(H,6) - 2.4)) for ReLU, exp(1 / 2H) otherwise. Recurrent matrices
 * only.
 */
export const randomWalk = (): Init => ({ kind: 'random-walk' })
/** gain · a uniformly random orthogonal matrix; orthonormal rows or columns, whichever are fewer, when not square. */
export const orthogonal = (gain = 1): Init => ({ kind: 'orthogonal', gain })
/** U(-b, b), b = √(6 / (rows + columns)) (Glorot & Bengio 2010). */
export const glorot = (): Init => ({ kind: 'glorot' })
/** (A + I) / λmax(A + I), A = RᵀR / H, R ~ N(0,1) (Talathi & Vartak, arXiv:1511.03771). Recurrent matrices only. */
export const npRnn = (): Init => ({ kind: 'np-rnn' })
/** U(-bound, bound). */
export const uniform = (bound: number): Init => ({ kind: 'uniform', bound })
/** Every weight is `value`. */
export const constant = (value: number): Init => ({ kind: 'constant', value })

export const initSchema: z.Schema<Init> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('identity'), scale: z.number() }),
  z.strictObject({ kind: z.literal('gaussian'), std: z.number().min(0) }),
  z.strictObject({ kind: z.literal('random-walk') }),
  z.strictObject({ kind: z.literal('orthogonal'), gain: z.number() }),
  z.strictObject({ kind: z.literal('glorot') }),
  z.strictObject({ kind: z.literal('np-rnn') }),
  z.strictObject({ kind: z.literal('uniform'), bound: z.number().min(0) }),
  z.strictObject({ kind: z.literal('constant'), value: z.number() }),
])

/** The number that a kind takes, by its name, and its default; absent: it takes none. */
const NUMBERS: { readonly [kind in Init['kind']]?: readonly [name: string, value?: number] } = {
  identity: ['scale', 1],
  gaussian: ['std'],
  orthogonal: ['gain', 1],
  uniform: ['bound'],
  constant: ['value'],
}

/** An initialiser as a word of the command line: its kind, and its number after a colon where it takes one. */
export const initWord: Kind<Init> = kindOf(
  initSchema,
  'gaussian:<std>, identity:<scale>, orthogonal, random-walk, np-rnn, glorot, uniform:<bound> or constant:<value>',
  { parse: fromWord },
)

function fromWord(text: string): unknown {
  const [kind, number, ...more] = text.split(':')
  const [name, value] = NUMBERS[kind as Init['kind']] ?? []
  if (more.length > 0 || (name === undefined && number !== undefined) || number?.trim() === '') return undefined
  return { kind, ...(name !== undefined && { [name]: number === undefined ? value : Number(number) }) }
}

/**
 * Fills `w` [rows, columns] by `init`.
 * @param activation what the matrix feeds back through; random-walk needs it
 */
export function initialise(
  init: Init,
  w: Floats,
  rows: number,
  columns: number,
  generator: Rng,
  { activation = 'tanh' }: { activation?: 'relu' | 'tanh' } = {},
): void {
  switch (init.kind) {
    case 'identity':
      w.fill(0)
      for (let i = 0; i < Math.min(rows, columns); i++) w[i * columns + i] = init.scale
      break
    case 'gaussian':
      drawGaussian(w, init.std, generator)
      break
    case 'random-walk': {
      const H = columns
      const g = activation === 'relu' ? Math.SQRT2 * Math.exp(1.2 / (Math.max(H, 6) - 2.4)) : Math.exp(1 / (2 * H))
      drawGaussian(w, g / Math.sqrt(H), generator)
      break
    }
    case 'orthogonal':
      drawOrthogonal(w, rows, columns, init.gain, generator)
      break
    case 'glorot':
      drawUniform(w, Math.sqrt(6 / (rows + columns)), generator)
      break
    case 'np-rnn':
      drawNpRnn(w, rows, generator)
      break
    case 'uniform':
      drawUniform(w, init.bound, generator)
      break
    case 'constant':
      w.fill(init.value)
  }
}

function drawGaussian(w: Floats, std: number, generator: Rng): void {
  for (let i = 0; i < w.length; i++) w[i] = std * generator.normal()
}

function drawUniform(w: Floats, bound: number, generator: Rng): void {
  for (let i = 0; i < w.length; i++) w[i] = bound * (2 * generator.next() - 1)
}

/**
 * Gram-Schmidt on Gaussian vectors, taken twice ("twice is enough", Giraud et al. 2005). Its triangular factor has a
 * positive diagonal, which makes the result uniform over the orthogonal group (Mezzadri 2007).
 */
function drawOrthogonal(w: Floats, rows: number, columns: number, gain: number, generator: Rng): void {
  const n = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const Q: Float64Array[] = []
  for (let i = 0; i < n; i++) {
    const q = Float64Array.from({ length }, () => generator.normal())
    for (const earlier of [...Q, ...Q]) {
      const overlap = dot(q, earlier)
      for (let k = 0; k < length; k++) q[k]! -= overlap * earlier[k]!
    }
    const norm = Math.sqrt(dot(q, q))
    for (let k = 0; k < length; k++) q[k]! /= norm
    Q.push(q)
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) w[i * columns + j] = gain * (rows <= columns ? Q[i]![j]! : Q[j]![i]!)
  }
}

function drawNpRnn(w: Floats, H: number, generator: Rng): void {
  const R = Array.from({ length: H }, () => Float64Array.from({ length: H }, () => generator.normal()))
  const A = Array.from({ length: H }, () => new Float64Array(H))
  for (const r of R) {
    for (let i = 0; i < H; i++) for (let j = 0; j <= i; j++) A[i]![j]! += (r[i]! * r[j]!) / H
  }
  for (let i = 0; i < H; i++) {
    for (let j = 0; j < i; j++) A[j]![i] = A[i]![j]!
    A[i]![i]! += 1
  }
  const lambda = largestEigenvalue(A, generator)
  for (let i = 0; i < H; i++) for (let j = 0; j < H; j++) w[i * H + j] = A[i]![j]! / lambda
}

/**
 * Power iteration on a symmetric positive definite matrix; its Rayleigh quotient only grows, so it may stop when it
 * stalls.
 */
function largestEigenvalue(A: readonly Float64Array[], generator: Rng): number {
  let v = Float64Array.from(A, () => generator.normal())
  let lambda = 0
  for (let round = 0; round < 10_000; round++) {
    const Av = Float64Array.from(A, (row) => dot(row, v))
    const before = lambda
    lambda = dot(v, Av) / dot(v, v)
    if (lambda - before < 1e-12 * lambda) break
    const norm = Math.sqrt(dot(Av, Av))
    v = Av.map((value) => value / norm)
  }
  return lambda
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}
