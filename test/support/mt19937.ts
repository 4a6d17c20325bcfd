// numpy's legacy generator, as far as RandomState(seed).permutation(n) goes: MT19937 (Matsumoto & Nishimura 1998) with
// init_genrand, bounded numbers by mask and rejection, and Fisher & Yates from the end.

/** One 32-bit word after the other. */
function mt19937(seed: number): () => number {
  const N = 624
  const state = new Uint32Array(N)
  state[0] = seed
  for (let i = 1; i < N; i++) {
    const before = state[i - 1]! ^ (state[i - 1]! >>> 30)
    state[i] = Math.imul(1812433253, before) + i
  }
  let at = N
  return () => {
    if (at === N) {
      for (let i = 0; i < N; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff)
        state[i] = state[(i + 397) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
      }
      at = 0
    }
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}

/** numpy.random.RandomState(seed).permutation(n) */
export function numpyPermutation(seed: number, n: number): number[] {
  const word = mt19937(seed)
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    let mask = i
    for (const shift of [1, 2, 4, 8, 16]) mask |= mask >>> shift
    let j = word() & mask
    while (j > i) j = word() & mask
    const held = order[i]!
    order[i] = order[j]!
    order[j] = held
  }
  return order
}
