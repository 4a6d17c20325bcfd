/**
 * What a task makes and a model eats: one minibatch in plain typed arrays, time-major, row-major. It belongs to no backend:
 * a plan copies it into its own memory, so a stream may fill the same arrays again for the next batch.
 */
import type { ByteInput } from './backend/backend.ts'
import { InputError } from './error.ts'

export interface Batch {
  /** Time steps. */
  readonly T: number
  /** Sequences. */
  readonly B: number
  /** [T,B,I] values; this, `bytes` or `tokens`. */
  readonly x?: Float32Array | Float64Array
  /** x of one number a step, as bytes that stay where they are. */
  readonly bytes?: ByteInput
  /** [T,B] indices into the vocabulary. */
  readonly tokens?: Int32Array
  /** [B], each 1 … T: the steps of each sequence that count. Absent: all T. */
  readonly lengths?: Int32Array
  /**
   * [B], each 0 or 1: 1 where a row goes on from the state that the batch before left in it (after its last step that counts),
   * 0 where it starts from zero. No gradient flows back to that batch. Absent: all start from zero.
   */
  readonly carry?: Uint8Array
  /**
   * The targets. Classification: Int32Array of classes, [B] for a head on the last step, [T,B] for one on every step, -1
   * where there is no target. Regression: floats, [B,K] or [T,B,K].
   */
  readonly y?: Float32Array | Float64Array | Int32Array
}

/** What each of a model's inputs is shifted and scaled by, [I] each: (x - mean) / std. */
export interface Normalisation {
  readonly mean: Float32Array
  /** Above 0. */
  readonly std: Float32Array
}

/** What a model expects of a batch. */
export interface BatchShape {
  /** The most steps and sequences. */
  readonly T: number
  readonly B: number
  /** Width of x, or the number of tokens. */
  readonly input: { readonly size: number } | { readonly vocabulary: number }
  readonly head: {
    readonly kind: 'classification' | 'regression'
    readonly size: number
    readonly steps: 'last' | 'every'
  }
}

/**
 * Refuses a batch whose T, B, inputs or lengths do not fit, or that holds NaN or infinite values.
 * @throws InputError
 */
export function checkInputs(batch: Batch, shape: BatchShape): void {
  const { T, B, x, bytes, tokens, lengths, carry } = batch
  wholeUpTo('T', T, shape.T)
  wholeUpTo('B', B, shape.B)
  if ('size' in shape.input) {
    const I = shape.input.size
    if (bytes !== undefined && x !== undefined)
      throw new InputError('batch: bytes: expected x or bytes but received both: leave one out')
    if (bytes !== undefined) checkBytes(bytes, T, B, I)
    else if (x === undefined)
      throw new InputError(`batch: x: expected [T,B,I] values for a model with input size ${I}: add x`)
    else if (x.length !== T * B * I) throw misfit('x', x, T * B * I, `T·B·I = ${T}·${B}·${I}`)
    else finite('x', x)
  } else {
    const V = shape.input.vocabulary
    if (tokens === undefined) throw new InputError(`batch: tokens: expected [T,B] for a vocabulary of ${V}: add tokens`)
    if (tokens.length !== T * B) throw misfit('tokens', tokens, T * B, `T·B = ${T}·${B}`)
  }
  if (lengths !== undefined) {
    if (lengths.length !== B) throw misfit('lengths', lengths, B, `B = ${B}`)
    within('lengths', lengths, 1, T)
  }
  if (carry !== undefined) {
    if (carry.length !== B) throw misfit('carry', carry, B, `B = ${B}`)
    within('carry', carry, 0, 1)
  }
  if ('vocabulary' in shape.input) tokensWithin(batch, shape.input.vocabulary)
}

/**
 * Refuses targets that do not fit, and counts those that matter: rows with a class for classification, values for
 * regression; padded steps not.
 * @throws InputError
 */
export function checkTargets(batch: Batch, shape: BatchShape): number {
  const { T, B, y, lengths } = batch
  const { kind, size: K, steps } = shape.head
  const rows = steps === 'last' ? B : T * B
  const letters = steps === 'last' ? 'B' : 'T·B'
  if (y === undefined) throw new InputError('batch: y: expected targets for the loss but received none: add y')
  if (kind === 'regression') {
    if (y instanceof Int32Array)
      throw new InputError('batch: y: expected Float32Array for regression but received Int32Array')
    if (y.length !== rows * K) throw misfit('y', y, rows * K, `${letters}·K = ${rows}·${K}`)
    finite('y', y)
    return (steps === 'every' && lengths ? sum(lengths) : rows) * K
  }
  if (!(y instanceof Int32Array)) {
    throw new InputError(`batch: y: expected Int32Array of classes but received ${y.constructor.name}`)
  }
  if (y.length !== rows) throw misfit('y', y, rows, `${letters} = ${rows}`)
  within('y', y, -1, K - 1)
  let count = 0
  for (let n = 0; n < rows; n++) {
    if (y[n]! >= 0 && (steps === 'last' || !lengths || Math.floor(n / B) < lengths[n % B]!)) count++
  }
  return count
}

function wholeUpTo(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new InputError(`batch: ${what}: expected a whole number from 1 to the plan's ${most} but received ${value}`)
}

/** Made only where it is thrown: a message composed at every check was most of what an iteration allocated. */
function misfit(what: string, array: ArrayLike<number>, length: number, reason: string): InputError {
  return new InputError(`batch: ${what}: expected ${length} elements (${reason}) but received ${array.length}`)
}

/** C++ reads them as they are. */
function typed(
  name: string,
  array: unknown,
  type: Uint8ArrayConstructor | Int32ArrayConstructor | Float32ArrayConstructor,
): void {
  if (array instanceof type) return
  throw new InputError(
    `batch: bytes.${name}: expected a ${type.name} but received ${Object.prototype.toString.call(array).slice(8, -1)}: convert it`,
  )
}

/** Every byte that is asked for is there, and stands for a number. */
function checkBytes({ bytes, starts, order, value }: ByteInput, T: number, B: number, I: number): void {
  if (I !== 1)
    throw new InputError(`batch: bytes: expected x for a model with input size ${I} (bytes are one number a step)`)
  typed('bytes', bytes, Uint8Array)
  typed('starts', starts, Int32Array)
  typed('order', order, Int32Array)
  typed('value', value, Float32Array)
  if (starts.length !== B) throw misfit('bytes.starts', starts, B, `B = ${B}`)
  if (order.length !== T) throw misfit('bytes.order', order, T, `T = ${T}`)
  if (value.length !== 256) throw misfit('bytes.value', value, 256, 'one for each byte')
  finite('bytes.value', value)
  let last = 0
  for (let t = 0; t < T; t++) {
    const at = order[t]! >>> 0 // a negative one is beyond every byte
    if (at > last) last = at
  }
  if (last >= Math.min(bytes.length, 2 ** 31)) within('bytes.order', order, 0, bytes.length - 1)
  within('bytes.starts', starts, 0, bytes.length - 1 - last)
}

function finite(what: string, array: Float32Array | Float64Array): void {
  if (allFinite(array)) return
  const i = array.findIndex((value) => !Number.isFinite(value))
  throw new InputError(`batch: ${what}[${i}]: expected a finite number but received ${array[i]}: clean the data`)
}

/** 0·v is 0 unless v is NaN or infinite. Four sums, which do not wait for each other: 12,544 numbers in 3 µs, not 10. */
export function allFinite(array: Float32Array | Float64Array): boolean {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const end = array.length - (array.length % 4)
  for (let i = 0; i < end; i += 4) {
    a += 0 * array[i]!
    b += 0 * array[i + 1]!
    c += 0 * array[i + 2]!
    d += 0 * array[i + 3]!
  }
  for (let i = end; i < array.length; i++) a += 0 * array[i]!
  return a + b + c + d === 0
}

function within(what: string, array: Int32Array | Uint8Array, least: number, most: number): void {
  for (let i = 0; i < array.length; i++) {
    if (array[i]! >= least && array[i]! <= most) continue
    throw new InputError(`batch: ${what}[${i}]: expected ${least} … ${most} but received ${array[i]}`)
  }
}

/** Tokens of padded steps may be anything. */
function tokensWithin({ B, tokens, lengths }: Batch, V: number): void {
  for (let n = 0; n < tokens!.length; n++) {
    if (tokens![n]! >= 0 && tokens![n]! < V) continue
    if (lengths && Math.floor(n / B) >= lengths[n % B]!) continue
    throw new InputError(`batch: tokens[${n}]: expected 0 … ${V - 1} but received ${tokens![n]}`)
  }
}

function sum(values: Int32Array): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return total
}
