/** Words as numbers: each word that is new gets the next code. The words are bytes, found again by their hash. */

/** In bytes, of all words together. */
export const MOST_BYTES = 2 ** 31 - 1

export class Dictionary {
  /** Open addressing: 1 + code, 0 is free; a power of two of places, at most half of them taken. */
  #places = new Int32Array(2 ** 10)
  #hashes = new Int32Array(2 ** 9)
  /** Word w is bytes [ends[w - 1], ends[w]) of `#words`. */
  #ends = new Int32Array(2 ** 9)
  #words = new Uint8Array(2 ** 12)
  #size = 0

  /** How many words there are. */
  get size(): number {
    return this.#size
  }

  /** The code of bytes [start, end); -1 if the words together are longer than MOST_BYTES. */
  codeOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start
    let i = start
    for (; i + 4 <= end; i += 4) {
      const four = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
      hash = Math.imul(hash ^ four, 0x9e3779b1)
      hash ^= hash >>> 15 // or the upper bytes would not reach the lower bits
    }
    for (; i < end; i++) {
      hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const code = this.#places[place]! - 1
      if (code < 0) return this.#add(bytes, start, end, hash, place)
      if (this.#hashes[code] === hash && this.#is(code, bytes, start, end)) return code
    }
  }

  /** The bytes of a word, a view. */
  word(code: number): Uint8Array {
    return this.#words.subarray(code === 0 ? 0 : this.#ends[code - 1], this.#ends[code])
  }

  #is(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const words = this.#words
    let w = code === 0 ? 0 : this.#ends[code - 1]!
    if (this.#ends[code]! - w !== end - start) return false
    for (let i = start; i < end; i++) if (words[w++] !== bytes[i]) return false
    return true
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, place: number): number {
    const code = this.#size
    const from = code === 0 ? 0 : this.#ends[code - 1]!
    const to = from + end - start
    if (to > MOST_BYTES) return -1
    if (to > this.#words.length) {
      const words = new Uint8Array(Math.min(MOST_BYTES, 2 * to))
      words.set(this.#words)
      this.#words = words
    }
    this.#words.set(bytes.subarray(start, end), from)
    this.#ends[code] = to
    this.#hashes[code] = hash
    this.#places[place] = ++this.#size
    if (this.#size === this.#hashes.length) this.#double()
    return code
  }

  #double(): void {
    const n = 2 * this.#size
    const [hashes, ends] = [new Int32Array(n), new Int32Array(n)]
    hashes.set(this.#hashes)
    ends.set(this.#ends)
    this.#hashes = hashes
    this.#ends = ends
    const places = new Int32Array(2 * n)
    for (let code = 0; code < this.#size; code++) {
      let place = hashes[code]! & (places.length - 1)
      while (places[place] !== 0) place = (place + 1) & (places.length - 1)
      places[place] = code + 1
    }
    this.#places = places
  }
}
