/** What counting words scores on the text that networks are scored on. */
import { joined } from '../../arrays.ts'
import { InputError } from '../../error.ts'
import { significant } from '../../numbers.ts'
import { kneserNey, MOST_TOKENS, ngramPerplexity, unigram } from './ngram.ts'
import type { Tokens } from './rows.ts'
import type { WordsData } from './words.ts'

const MODELS = { 'Kneser-Ney trigram': kneserNey, unigram } as const
const SETS = { 'held-out': 'heldOut', test: 'test' } as const

/** Perplexities by model and set. @throws InputError when there is too much to count */
export function baselines(data: WordsData): Record<string, number> {
  const tokens = all(data.train)
  const scores: Record<string, number> = {}
  for (const [model, make] of Object.entries(MODELS)) {
    const made = make(tokens, data.vocabulary)
    for (const [name, set] of Object.entries(SETS)) {
      scores[`${model}, ${name}`] = Number(ngramPerplexity(made, blocks(data[set]), data.vocabulary).toPrecision(6))
    }
  }
  return scores
}

/** A line for each model. */
export function baselineLines(scores: Readonly<Record<string, number>>): string[] {
  return Object.keys(MODELS).map((model) => {
    const [heldOut, test] = Object.keys(SETS).map((name) => significant(scores[`${model}, ${name}`]!))
    return `${model}: test perplexity ${test}, held-out ${heldOut}`
  })
}

function all(text: Tokens): Int32Array {
  const parts: Int32Array[] = []
  let n = 0
  for (const tokens of blocks(text)) {
    parts.push(tokens)
    n += tokens.length
    if (n > MOST_TOKENS) {
      throw new InputError(
        `baselines: expected at most ${MOST_TOKENS} tokens to count but the text has more: give --data less of it`,
      )
    }
  }
  return joined(Int32Array, parts)
}

function* blocks(text: Tokens): Iterable<Int32Array> {
  for (let block = 0; block < text.blocks; block++) yield text.load(block).tokens
}
