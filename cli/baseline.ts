/** `irnn baseline words`: what counting words scores on the text that networks are scored on. */
import { InputError, shown } from '../src/error.ts'
import { openWords } from '../src/tasks/words/load.node.ts'
import { kneserNey, MOST_TOKENS, ngramPerplexity, unigram } from '../src/tasks/words/ngram.ts'
import type { Tokens } from '../src/tasks/words/rows.ts'
import type { WordsData } from '../src/tasks/words/words.ts'
import { sourcesOf, type TextFlags } from './tasks.ts'
import { significant } from './words.ts'

export interface BaselineFlags extends TextFlags {
  json?: boolean
}

/** Returns the exit code. */
export function baselineOf(task: string, flags: BaselineFlags): number {
  if (task !== 'words') throw new InputError(`baseline: expected words but received ${shown(task)}`)
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  const { data } = openWords({ T: 1 }, { ...sourcesOf(flags), ...(!flags.json && { say }) })
  const scores = baselines(data)
  if (flags.json) process.stdout.write(`${JSON.stringify(scores)}\n`)
  else for (const line of baselineLines(scores)) process.stdout.write(`${line}\n`)
  return 0
}

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
  const joined = new Int32Array(n)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function* blocks(text: Tokens): Iterable<Int32Array> {
  for (let block = 0; block < text.blocks; block++) yield text.load(block).tokens
}
