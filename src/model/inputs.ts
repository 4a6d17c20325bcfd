/** What a plan reads of a batch before it runs: copied into memory of its own, and checked there. */
import type { ByteInput, Engine, Floats } from '../backend/backend.ts'
import type { BatchInput, BatchShape, Normalisation, Numbers, WholeNumbers } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import type { Memory } from '../layers/layer.ts'
import { type Normaliser, normaliser } from './normalisation.ts'
import { checkFloats, checkWhole, isTyped, lengthOf, putFloats, putWhole } from './values.ts'

/** The inputs of a plan's batches. */
export class Inputs {
  /** [T,B,I], normalised if the model says so; null if it reads tokens alone. */
  readonly x: Floats | null
  /**
   * [T,B], 0 at padded steps: these may hold anything, but the kernels look them up. Null if the model reads values
   * alone.
   */
  readonly tokens: Int32Array | null
  /** [B] of the batch that was read last, if it has them. */
  readonly lengths: Int32Array
  readonly carry: Int32Array
  private readonly backend: Engine
  private readonly limits: BatchShape
  private readonly normaliser: Normaliser | null

  constructor(arena: Memory, limits: BatchShape, normalisation: Normalisation | null) {
    const { T, B, input } = limits
    this.backend = arena.backend
    this.limits = limits
    this.normaliser = normalisation && normaliser(normalisation)
    this.x = 'size' in input ? arena.floats(T * B * input.size) : null
    this.tokens = 'vocabulary' in input ? arena.ints(T * B) : null
    this.lengths = new Int32Array(B)
    this.carry = new Int32Array(B)
  }

  /**
   * Copies a batch. One that is refused leaves nothing of use behind.
   * @throws InputError unless T, B, inputs, lengths and carry fit and every number is what it should be
   */
  read(batch: BatchInput): void {
    checkSizes(batch, this.limits)
    const { T, B, lengths, carry } = batch
    if (lengths !== undefined) readEach('batch: lengths', lengths, this.lengths, B, 1, T)
    if (carry !== undefined) readEach('batch: carry', carry, this.carry, B, 0, 1)
    const { input } = this.limits
    if ('size' in input) this.readValues(batch, input.size)
    if ('vocabulary' in input) this.readTokens(batch, input.vocabulary)
  }

  /** dx [T,B,I] of what was read becomes that of what was given. */
  applyToGradient(dx: Floats, rows: number): void {
    this.normaliser?.applyToGradient(dx, rows)
  }

  private readValues({ T, B, x: given, bytes }: BatchInput, I: number): void {
    const x = this.x!
    const n = T * B * I
    if (bytes !== undefined) {
      if (given !== undefined)
        throw new InputError('batch: bytes: expected x or bytes but received both: leave one out')
      this.backend.gather(T, B, checkedBytes(bytes, T, B, I), x)
      this.normaliser?.apply(x, x, T * B)
      if (this.normaliser) checkFloats('batch: bytes, normalised', x, x, n)
      return
    }
    if (given === undefined)
      throw new InputError(`batch: x: expected [T,B,I] values for a model with input size ${I}: add x`)
    if (lengthOf('batch: x', given) !== n) throw misfit('batch: x', given, n, `T·B·I = ${T}·${B}·${I}`)
    if (this.normaliser) this.normaliser.apply(isTyped(given) ? given : float64(given, n), x, T * B)
    else putFloats(given, x, n)
    checkFloats('batch: x', given, x, n)
  }

  private readTokens({ T, B, tokens: given, lengths }: BatchInput, V: number): void {
    const tokens = this.tokens!
    const n = T * B
    if (given === undefined) throw new InputError(`batch: tokens: expected [T,B] for a vocabulary of ${V}: add tokens`)
    if (lengthOf('batch: tokens', given) !== n) throw misfit('batch: tokens', given, n, `T·B = ${T}·${B}`)
    putWhole(given, tokens, n)
    if (lengths !== undefined) {
      for (let b = 0; b < B; b++) for (let t = this.lengths[b]!; t < T; t++) tokens[t * B + b] = 0
    }
    checkWhole('batch: tokens', given, tokens, n, 0, V - 1)
  }
}

/**
 * @throws InputError unless T and B are whole numbers that the plan has room for
 */
export function checkSizes(batch: BatchInput, most: { readonly T: number; readonly B: number }): void {
  if (typeof batch !== 'object' || batch === null) {
    throw new InputError(`batch: expected an object with T, B and x, bytes or tokens but received ${shown(batch)}`)
  }
  wholeUpTo('T', batch.T, most.T)
  wholeUpTo('B', batch.B, most.B)
}

function wholeUpTo(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  const limit = most === Number.POSITIVE_INFINITY ? '>= 1' : `from 1 to the plan's ${most}`
  throw new InputError(`batch: ${what}: expected a whole number ${limit} but received ${shown(value)}`)
}

/** One whole number for each sequence. */
function readEach(what: string, given: WholeNumbers, into: Int32Array, B: number, least: number, most: number): void {
  if (lengthOf(what, given) !== B) throw misfit(what, given, B, `B = ${B}`)
  putWhole(given, into, B)
  checkWhole(what, given, into, B, least, most)
}

/** Made only where it is thrown: a message composed at every check was most of what an iteration allocated. */
export function misfit(what: string, given: unknown, n: number, reason: string): InputError {
  return new InputError(`${what}: expected ${n} elements (${reason}) but received ${lengthOf(what, given)}`)
}

function float64(given: Numbers, n: number): Float64Array {
  const copy = new Float64Array(n)
  putFloats(given, copy, n)
  return copy
}

type Bytes = NonNullable<BatchInput['bytes']>

/**
 * The arrays that C++ reads as they are; what is given in others is converted.
 * @throws InputError unless every byte that is asked for is there and stands for a number
 */
function checkedBytes(given: Bytes, T: number, B: number, I: number): ByteInput {
  if (typeof given !== 'object' || given === null)
    throw new InputError(`batch: bytes: expected { bytes, starts, order, value } but received ${shown(given)}`)
  if (I !== 1)
    throw new InputError(`batch: bytes: expected x for a model with input size ${I} (bytes are one number a step)`)
  if (lengthOf('batch: bytes.starts', given.starts) !== B)
    throw misfit('batch: bytes.starts', given.starts, B, `B = ${B}`)
  if (lengthOf('batch: bytes.order', given.order) !== T) throw misfit('batch: bytes.order', given.order, T, `T = ${T}`)
  if (lengthOf('batch: bytes.value', given.value) !== 256)
    throw misfit('batch: bytes.value', given.value, 256, 'one for each byte')
  const input = exactly(given)
  const { bytes, starts, order, value } = input
  checkFloats('batch: bytes.value', given.value, value, 256)
  let last = 0
  for (let t = 0; t < T; t++) {
    const at = order[t]! >>> 0 // a negative one is beyond every byte
    if (at > last) last = at
  }
  if (last >= Math.min(bytes.length, 2 ** 31))
    checkWhole('batch: bytes.order', given.order, order, T, 0, bytes.length - 1)
  checkWhole('batch: bytes.starts', given.starts, starts, B, 0, bytes.length - 1 - last)
  return input
}

function exactly(given: Bytes): ByteInput {
  const { bytes, starts, order, value } = given
  const exact = kindOf(bytes) === 'Uint8Array' && kindOf(starts) === 'Int32Array' && kindOf(order) === 'Int32Array'
  if (exact && kindOf(value) === 'Float32Array') return given as ByteInput
  const values = new Float32Array(256)
  putFloats(value, values, 256)
  return { bytes: byteArray(bytes), starts: whole(starts), order: whole(order), value: values }
}

function whole(given: Numbers): Int32Array {
  const n = lengthOf('batch: bytes', given)
  const copy = new Int32Array(n)
  putWhole(given, copy, n)
  return copy
}

function byteArray(given: Numbers): Uint8Array {
  if (kindOf(given) === 'Uint8Array') return given as Uint8Array
  if (kindOf(given) === 'Uint8ClampedArray') {
    const { buffer, byteOffset, length } = given as Uint8ClampedArray // of a canvas
    return new Uint8Array(buffer, byteOffset, length)
  }
  const copy = whole(given)
  checkWhole('batch: bytes.bytes', given, copy, copy.length, 0, 255)
  return Uint8Array.from(copy)
}

function kindOf(array: unknown): string | undefined {
  return ArrayBuffer.isView(array) ? (array as Uint8Array)[Symbol.toStringTag] : undefined
}
