/** A backend that counts the arrays it has given and not got back. */
import assert from 'node:assert/strict'
import type { Engine } from '../../src/backend/backend.ts'

export interface Counting {
  readonly backend: Engine
  /** Arrays given so far, and those that have not come back. */
  made(): number
  held(): number
  /** From now on so many arrays are given; then the memory is full. */
  allow(arrays: number): void
}

export function counting(backend: Engine): Counting {
  let made = 0
  let most = Number.POSITIVE_INFINITY
  const held = new Set<unknown>()
  const kept =
    <A>(make: (n: number) => A) =>
    (n: number): A => {
      if (made >= most) throw new RangeError('full')
      const array = make(n)
      made++
      held.add(array)
      return array
    }
  const wrapped: Engine = Object.assign(Object.create(backend) as Engine, {
    floats: kept(backend.floats),
    ints: kept(backend.ints),
    doubles: kept(backend.doubles),
    free(array: Parameters<Engine['free']>[0]) {
      assert.ok(held.delete(array), 'freed once, and what was given')
      backend.free(array)
    },
  })
  return {
    backend: wrapped,
    made: () => made,
    held: () => held.size,
    allow(arrays) {
      most = made + arrays
    },
  }
}
