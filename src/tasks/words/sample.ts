/** A model of words goes on with a text: which words it draws, and how likely. */
import { rng } from '../../rng.ts'
import { SEPARATOR, UNKNOWN, type Vocabulary } from './vocabulary.ts'

/** How words are drawn. */
export interface Drawing {
  /** Above 1 bolder, below 1 safer; 0: always the most probable word. */
  readonly temperature: number
  /** How many; the end of a sentence counts as one. */
  readonly words: number
  readonly seed: number
}

/** How a text begins: its words, and those of them that the vocabulary does not have, each once. */
export interface Prompt {
  readonly words: readonly string[]
  readonly unknown: readonly string[]
}

export function prompted(text: string, { idOf, unknown }: Vocabulary): Prompt {
  const words = text.split(SEPARATOR).filter((word) => word !== '')
  const isUnknown = (word: string) => word !== UNKNOWN && idOf(word) === unknown
  return { words, unknown: [...new Set(words.filter(isUnknown))] }
}

/**
 * `words` words after those of the prompt, null for the end of a sentence, which counts as one. A word is drawn with
 * probability proportional to p^(1/temperature); the most probable one at temperature 0. `<UNK>` is never drawn; a
 * prompt may have it.
 * @param step logits [V] after a token
 */
export function* sampled(
  step: (token: number) => ArrayLike<number>,
  { words, start, end, unknown, idOf }: Vocabulary,
  prompt: readonly string[],
  { temperature, words: count, seed }: Drawing,
): Generator<string | null> {
  const generator = rng(seed, 'sample')
  let logits = step(start)
  for (const word of prompt) logits = step(idOf(word))
  for (let n = 0; n < count; n++) {
    const token = draw(logits, temperature, generator.next(), [start, unknown])
    yield token === end ? null : words[token]!
    logits = step(token === end ? start : token)
  }
}

/** @param u uniform in [0,1) */
export function draw(logits: ArrayLike<number>, temperature: number, u: number, never: readonly number[]): number {
  let best = -1
  for (let k = 0; k < logits.length; k++) {
    if (!never.includes(k) && (best < 0 || logits[k]! > logits[best]!)) best = k
  }
  if (temperature === 0) return best
  const weight = (k: number) => (never.includes(k) ? 0 : Math.exp((logits[k]! - logits[best]!) / temperature))
  let total = 0
  for (let k = 0; k < logits.length; k++) total += weight(k)
  let left = u * total
  for (let k = 0; k < logits.length; k++) {
    left -= weight(k)
    if (left < 0) return k
  }
  return best // rounding left a hair
}
