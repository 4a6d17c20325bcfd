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
 * @param remedy what to do with what people most often give instead
 * @throws InputError unless it is a typed array of this kind, of whatever realm
 */
export function refuseOtherArray(
  what: string,
  given: unknown,
  kind: 'Int16Array' | 'Uint8Array',
  remedy: string,
): void {
  if (ArrayBuffer.isView(given) && (given as Uint8Array)[Symbol.toStringTag] === kind) return
  throw new InputError(`${what}: expected ${kind} but received ${shown(given)}: ${remedy}`)
}
