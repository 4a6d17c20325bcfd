/**
 * Random numbers, all of them from a seed: xoshiro128** (Blackman & Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), which needs nothing but 32-bit integers, so JavaScript computes it exactly and fast. Each use
 * draws from its own named stream of the seed ('weights', 'adding/train', …): adding a draw in one place moves none
 * elsewhere.
 */
import { InputError, refuseNoText, shown } from './error.ts'

/** A stream of random numbers. `rng` makes it. */
export interface Rng {
  /** Uniform in [0,1) on the grid of 2^-24: every value is exact in float32, so no backend rounds it to 1. */
  next(): number
  /** Uniform whole number in 0 … n-1, without bias; 1 <= n <= 2^32. */
  below(n: number): number
  /** Standard normal. */
  normal(): number
  /** Goes on as a new generator of the same seed and another stream would. */
  restart(stream: string): void
  /** The four words of state, as plain numbers; `setState` continues from there. */
  getState(): number[]
  /** @throws InputError unless given four 32-bit words, not all 0 */
  setState(words: readonly number[]): void
}

/**
 * A generator for (seed, stream): the same pair gives the same numbers everywhere, different pairs unrelated ones.
 * @param seed a whole number, 0 … 2^53-1
 * @throws InputError if the seed is not one
 */
export function rng(seed: number, stream = ''): Rng {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new InputError(`seed: expected a whole number from 0 to 2^53-1 but received ${shown(seed)}`)
  }
  refuseNoText('stream', stream)
  // A typed array: captured variables would be a new heap number at every assignment.
  const state = new Int32Array(4)

  function restart(name: string): void {
    for (let i = 0; i < 4; i++) state[i] = hash(seed, name, i + 1)
    if (state.every((word) => word === 0)) state[3] = 1 // the one state xoshiro cannot leave
  }

  function bits(): number {
    const b = state[1]!
    const times5 = Math.imul(b, 5)
    const c = state[2]! ^ state[0]!
    const d = state[3]! ^ b
    state[1] = b ^ c
    state[0]! ^= d
    state[2] = c ^ (b << 9)
    state[3] = (d << 11) | (d >>> 21)
    return Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0
  }

  restart(stream)
  return {
    next: () => (bits() >>> 8) * 2 ** -24,
    below(n) {
      if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) {
        throw new InputError(`below: expected a whole number from 1 to 2^32 but received ${shown(n)}`)
      }
      const fair = 2 ** 32 - (2 ** 32 % n) // the largest multiple of n: what lies above it would favour small results
      let x = bits()
      while (x >= fair) x = bits()
      return x % n
    },
    // Marsaglia's polar method. Its second number is thrown away: then the state is four words and nothing else.
    normal() {
      for (;;) {
        const u = (bits() >>> 8) * 2 ** -23 - 1
        const v = (bits() >>> 8) * 2 ** -23 - 1
        const s = u * u + v * v
        if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s)
      }
    },
    restart(stream) {
      refuseNoText('stream', stream)
      restart(stream)
    },
    getState: () => Array.from(state, (word) => word >>> 0),
    setState(words) {
      const good = Array.isArray(words) && words.length === 4 && words.every((word) => word === word >>> 0)
      if (!good || words.every((word) => word === 0)) {
        throw new InputError(`generator state: expected four 32-bit words, not all 0, but received ${shown(words)}`)
      }
      state.set(words)
    },
  }
}

/** A uniformly random order of 0 … n-1 (Fisher & Yates). */
export function permutation(n: number, generator: Rng): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = generator.below(i + 1)
    const held = order[i]!
    order[i] = order[j]!
    order[j] = held
  }
  return order
}

/**
 * The seed's two words and the stream's characters, each folded in by MurmurHash3's finaliser (Appleby) after a
 * golden-ratio step, as splitmix does.
 */
function hash(seed: number, stream: string, start: number): number {
  let z = mixed(mixed(start, seed >>> 0), Math.floor(seed / 2 ** 32))
  for (let i = 0; i < stream.length; i++) z = mixed(z, stream.charCodeAt(i))
  return z
}

function mixed(z: number, word: number): number {
  z = ((z + 0x9e3779b9) | 0) ^ word
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
