/** Typed arrays. */
import { InputError, shown } from './error.ts'

type Numbers = Uint8Array | Int16Array | Int32Array | Float32Array

/** One array of all the parts, one after the other. `Type` says what it is where there may be no part. */
export function joined<A extends Numbers>(Type: new (length: number) => A, parts: readonly A[]): A {
  const whole = new Type(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * A view of the bytes of an array or a buffer, of this realm or another (an iframe, a test runner's context).
 * @throws InputError for what holds no bytes
 */
export function bytesOf(what: string, given: unknown): Uint8Array {
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
  if (/^\[object (Shared)?ArrayBuffer\]$/.test(tagOf(given))) return new Uint8Array(given as ArrayBufferLike)
  throw new InputError(`${what}: expected a Uint8Array or an ArrayBuffer but received ${shown(given)}: read it first`)
}

/**
 * Floats of -1 … 1, as Web Audio gives them, would be read as silence.
 * @throws InputError unless they are an Int16Array, of whatever realm
 */
export function refuseNoSamples(what: string, samples: unknown): asserts samples is Int16Array {
  if (tagOf(samples) === '[object Int16Array]') return
  throw new InputError(
    `${what}: expected samples in an Int16Array but received ${shown(samples)}: of floats from -1 to 1, take 32,767 ` +
      'times each',
  )
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value)
}
