/**
 * Numbers that people give: copied to where kernels read them, and checked there, since what counts is the number that
 * is read and not the one that was written. 1e39 is finite until it is a float32; 1.5 is cut to a token of 1.
 *
 * All arrays of numbers are taken: typed arrays of every kind, also of another realm (an iframe, a test runner's
 * context), arrays, and what JSON makes of a typed array, {"0": 1, "1": 2}. Nothing is allocated for a value that is
 * good.
 */
import type { Floats } from '../backend/backend.ts'
import type { Numbers, WholeNumbers } from '../batch.ts'
import { InputError, shown } from '../error.ts'

/** Below it a loop is as fast as `set`, which takes 40 ns to begin. */
const FEW = 32

const TYPED: ReadonlySet<unknown> = new Set(
  [Float64Array, Float32Array, Int32Array, Uint32Array, Int16Array, Uint16Array, Int8Array, Uint8Array]
    .map(({ name }) => name)
    .concat('Uint8ClampedArray', 'Float16Array'),
)

/** Whether these are numbers in a typed array, of whatever realm. Arrays of bigints are none. */
export function isTyped(given: Numbers | WholeNumbers): given is Floats {
  return ArrayBuffer.isView(given) && TYPED.has((given as unknown as Float32Array)[Symbol.toStringTag])
}

/**
 * How many numbers are given.
 * @param what names them in messages, e.g. `batch: x`
 * @throws InputError for what is no array
 */
export function lengthOf(what: string, given: unknown): number {
  if (typeof given === 'object' && given !== null) {
    const { length } = given as { length?: unknown }
    if (typeof length === 'number') return length
    const keys = Object.keys(given)
    if (keys.length > 0 && keys.at(-1) === String(keys.length - 1)) return keys.length // whole numbers come in their order
  }
  throw new InputError(`${what}: expected an array of numbers but received ${shown(given)}`)
}

/** Copies the first n numbers; NaN stands for what is no number. */
export function putFloats(given: Numbers, into: Floats, n: number): void {
  if (n > FEW && isTyped(given)) into.set(given)
  else for (let i = 0; i < n; i++) into[i] = typeof given[i] === 'number' ? given[i]! : Number.NaN
}

/** Stands for what is no whole number of 32 bits; no value may be so small. */
const NOT_WHOLE = -(2 ** 31)

/** Copies the first n numbers; NOT_WHOLE stands for what is no whole number. */
export function putWhole(given: WholeNumbers, into: Int32Array, n: number): void {
  if (n > FEW && ArrayBuffer.isView(given) && (given as Int32Array)[Symbol.toStringTag] === 'Int32Array') {
    into.set(given as Int32Array)
    return
  }
  for (let i = 0; i < n; i++) {
    const value: unknown = typeof given[i] === 'bigint' ? Number(given[i]) : given[i]
    into[i] = typeof value === 'number' && (value | 0) === value ? value : NOT_WHOLE
  }
}

/**
 * 0·v is 0 unless v is NaN or infinite. Four sums, which do not wait for each other: 12,544 numbers in 3 µs, not 10.
 */
export function allFinite(array: Floats, n: number = array.length): boolean {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const end = n - (n % 4)
  for (let i = 0; i < end; i += 4) {
    a += 0 * array[i]!
    b += 0 * array[i + 1]!
    c += 0 * array[i + 2]!
    d += 0 * array[i + 3]!
  }
  for (let i = end; i < n; i++) a += 0 * array[i]!
  return a + b + c + d === 0
}

/** Whether the first n numbers are finite in float32. The reference backend refuses what the others cannot hold. */
export function fits(held: Floats, n: number = held.length): boolean {
  if (held instanceof Float32Array) return allFinite(held, n)
  for (let i = 0; i < n; i++) if (!Number.isFinite(Math.fround(held[i]!))) return false
  return true
}

/**
 * Checks numbers where they were put.
 * @param given as they came, for the message
 * @param remedy ends the message
 * @param missing whether NaN is allowed; what is no number is not
 * @throws InputError unless the first n are finite in float32
 */
export function checkFloats(
  what: string,
  given: Numbers,
  held: Floats,
  n: number,
  remedy = 'clean the data',
  missing = false,
): void {
  if (fits(held, n)) return
  for (let i = 0; i < n; i++) {
    if (Number.isFinite(Math.fround(held[i]!))) continue
    const value: unknown = typeof given === 'number' ? given : given[i]
    if (missing && Number.isNaN(value)) continue
    const large = Number.isFinite(value)
    throw new InputError(
      large
        ? `${what}[${i}]: expected a number within ±3.4e38, as float32 holds, but received ${shown(value)}: scale the data`
        : `${what}[${i}]: expected a finite number but received ${shown(value)}: ${remedy}`,
    )
  }
}

/**
 * Checks whole numbers where they were put.
 * @param given as they came, for the message
 * @throws InputError unless the first n are least … most
 */
export function checkWhole(
  what: string,
  given: WholeNumbers,
  held: Int32Array,
  n: number,
  least: number,
  most: number,
): void {
  for (let i = 0; i < n; i++) {
    if (held[i]! >= least && held[i]! <= most) continue
    const value: unknown = typeof given === 'object' ? given[i] : given
    const whole = typeof value === 'bigint' || Number.isInteger(value)
    const expected = whole ? `${least} … ${most}` : `a whole number, ${least} … ${most},`
    throw new InputError(`${what}[${i}]: expected ${expected} but received ${shown(value)}`)
  }
}
