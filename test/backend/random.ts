/** Seeded numbers for test inputs (mulberry32): apart from src/rng.ts, so that a mistake there cannot hide one here. */

export interface Random {
  /** n floats in [-size, size), exact in float32. */
  uniform(n: number, size?: number): Float64Array
  below(n: number): number
}

export function random(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), 1 | state)
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    uniform(n, size = 1) {
      const values = new Float64Array(n)
      for (let i = 0; i < n; i++) values[i] = Math.fround((2 * next() - 1) * size)
      return values
    },
    below: (n) => Math.floor(next() * n),
  }
}
