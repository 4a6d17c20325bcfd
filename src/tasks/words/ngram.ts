/**
 * What a network is to be measured against: word counts. A unigram model, and an interpolated trigram model with modified
 * Kneser-Ney smoothing (Chen & Goodman, "An empirical study of smoothing techniques for language modeling", 1999, section 3):
 *
 *     p(w|h) = max(c(hw) - D(c(hw)), 0) / c(h) + γ(h) p(w|h'),   γ(h) = (D1 N1(h·) + D2 N2(h·) + D3 N3+(h·)) / c(h)
 *
 * c counts trigrams as they occur; bigrams and unigrams by how many different words precede them, but bigrams that begin a
 * sentence, which nothing precedes, as they occur. h' is h without its oldest word, and below the unigrams all words but `<S>`,
 * which is never predicted, are equally likely. The tokens, `<UNK>` and `</S>` among them, are those a network is scored on.
 *
 * N-grams are sorted numbers: bigram v·V + w, trigram (index of its first bigram)·V + w, both below 2^53 for any text that fits
 * in memory. A million words take a second, 50 million 1.6 GB.
 */
import { InputError } from '../../error.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface NgramModel {
  /** Natural logarithm of the probability that `w` follows `u v`, `v` alone at the start of a sentence (u = -1). */
  logProbability(u: number, v: number, w: number): number
}

/** Beyond this many tokens the sorting takes more memory than most machines have. */
export const MOST_TOKENS: number = 50_000_000

/**
 * The perplexity of `model` on sentences of tokens, each ended by the end mark.
 * @param blocks token arrays, sentences whole
 */
export function ngramPerplexity(model: NgramModel, blocks: Iterable<Int32Array>, { start, end }: Marks): number {
  let sum = 0
  let n = 0
  for (const tokens of blocks) {
    let [u, v] = [-1, start]
    for (const w of tokens) {
      sum -= model.logProbability(u, v, w)
      u = w === end ? -1 : v
      v = w === end ? start : w
    }
    n += tokens.length
  }
  return Math.exp(sum / n)
}

type Marks = Pick<Vocabulary, 'size' | 'start' | 'end'>

/** Relative frequencies, one added to each word's count so that none is impossible. */
export function unigram(tokens: Int32Array, { size, start }: Marks): NgramModel {
  const counts = new Float64Array(size).fill(1)
  counts[start] = 0
  for (const w of tokens) counts[w]! += 1
  const total = tokens.length + size - 1
  return { logProbability: (_u, _v, w) => Math.log(counts[w]! / total) }
}

/** @throws InputError for more than MOST_TOKENS */
export function kneserNey(tokens: Int32Array, marks: Marks): NgramModel {
  if (tokens.length > MOST_TOKENS) {
    throw new InputError(
      `baselines: expected at most ${MOST_TOKENS} tokens to count but received ${tokens.length}: count them with KenLM`,
    )
  }
  const { size: V, start } = marks
  const raw = counted(bigramKeys(tokens, marks))
  const trigrams = counted(trigramKeys(tokens, raw.keys, marks))
  // How many different words precede: of a bigram from the trigrams that end in it, of a word from the bigrams.
  const continued = raw.counts.map((n, i) => (Math.floor(raw.keys[i]! / V) === start ? n : 0))
  for (const key of trigrams.keys) {
    const v = raw.keys[Math.floor(key / V)]! % V
    continued[indexOf(raw.keys, v * V + (key % V))]! += 1
  }
  const preceded = new Float64Array(V)
  for (const key of raw.keys) preceded[key % V]! += 1
  const third = order(trigrams.keys, trigrams.counts, V)
  const second = order(raw.keys, continued, V)
  const first = order(
    Float64Array.from({ length: V }, (_, w) => w),
    preceded,
    V,
  )
  const uniform = 1 / (V - 1)
  return {
    logProbability(u, v, w) {
      let p = first(0, w, uniform)
      p = second(v, w, p)
      if (u >= 0) {
        const history = indexOf(raw.keys, u * V + v)
        if (history >= 0) p = third(history, w, p)
      }
      return Math.log(p)
    },
  }
}

/** v·V + w of every token w and the one before it. */
function bigramKeys(tokens: Int32Array, { size: V, start, end }: Marks): Float64Array {
  const keys = new Float64Array(tokens.length)
  let v = start
  for (let i = 0; i < tokens.length; i++) {
    const w = tokens[i]!
    keys[i] = v * V + w
    v = w === end ? start : w
  }
  return keys
}

/** Of every token w but the first of a sentence: the index of the bigram before it, times V, + w. */
function trigramKeys(tokens: Int32Array, bigrams: Float64Array, { size: V, start, end }: Marks): Float64Array {
  const keys = new Float64Array(tokens.length)
  let n = 0
  let [u, v] = [-1, start]
  for (const w of tokens) {
    if (u >= 0) keys[n++] = indexOf(bigrams, u * V + v) * V + w
    u = w === end ? -1 : v
    v = w === end ? start : w
  }
  return keys.subarray(0, n)
}

interface Counted {
  /** Different ones, ascending. */
  readonly keys: Float64Array
  readonly counts: Float64Array
}

/** Sorts `all` in place. */
function counted(all: Float64Array): Counted {
  all.sort()
  let n = 0
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[i - 1]) n += 1
  const keys = new Float64Array(n)
  const counts = new Float64Array(n)
  let at = -1
  for (let i = 0; i < all.length; i++) {
    if (i === 0 || all[i] !== all[i - 1]) keys[++at] = all[i]!
    counts[at]! += 1
  }
  return { keys, counts }
}

/** Where `key` is in ascending `keys`; -1: nowhere. */
function indexOf(keys: Float64Array, key: number): number {
  let low = 0
  let high = keys.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else if (keys[middle]! > key) high = middle - 1
    else return middle
  }
  return -1
}

/** p(w|h) of one order from that of the order below it, h and w as in the keys h·V + w. */
function order(keys: Float64Array, counts: Float64Array, V: number): (h: number, w: number, below: number) => number {
  const discount = discounts(counts)
  const total = new Map<number, { sum: number; held: number }>()
  for (const [i, key] of keys.entries()) {
    const n = counts[i]!
    if (n === 0) continue
    const h = Math.floor(key / V)
    const history = total.get(h)
    const taken = discount[Math.min(n, 3)]!
    if (history) {
      history.sum += n
      history.held += taken
    } else total.set(h, { sum: n, held: taken })
  }
  return (h, w, below) => {
    const history = total.get(h)
    if (!history) return below
    const i = indexOf(keys, h * V + w)
    const n = i < 0 ? 0 : counts[i]!
    return (n - discount[Math.min(n, 3)]! + history.held * below) / history.sum
  }
}

/**
 * What is taken from counts of 0, 1, 2, and 3 or more (Chen & Goodman 1999, equation 17), from how many n-grams occur once to four
 * times. Text so small that there are none of some counts gets half of each count up to 1.5: probabilities sum to 1 all the same.
 */
function discounts(counts: Float64Array): readonly [number, number, number, number] {
  const n = [0, 0, 0, 0, 0]
  for (const count of counts) if (count >= 1 && count <= 4) n[count]! += 1
  const [, n1, n2, n3, n4] = n as [number, number, number, number, number]
  if (n1 === 0 || n2 === 0 || n3 === 0 || n4 === 0) return [0, 0.5, 1, 1.5]
  const y = n1 / (n1 + 2 * n2)
  const found = [0, 1 - 2 * y * (n2 / n1), 2 - 3 * y * (n3 / n2), 3 - 4 * y * (n4 / n3)] as const
  return found.every((taken, count) => taken >= 0 && taken <= count) ? found : [0, 0.5, 1, 1.5]
}
