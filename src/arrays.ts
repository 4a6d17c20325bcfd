/** Typed arrays. */

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
