/**
 * The next word (Le, Jaitly & Hinton 2015, section 4.3): text in B rows, T words of each at a time, and at every step,
 * which word follows? Scored by perplexity, e to the mean negative log-likelihood of a token; the end of a sentence
 * counts as one, its beginning does not.
 *
 * Evaluation does not depend on the batch: text is scored in passages of about a thousand words, each from the zero
 * state (with `reset: 'sentence'` sentence by sentence), all on the full softmax.
 */

import type { Batch } from '../../batch.ts'
import { checked, InputError, refuseUnless, refuseWithout, shown } from '../../error.ts'
import * as z from '../../schema.ts'
import { refusingBatches, type Task } from '../../task.ts'
import { refuseOther } from '../definition.ts'
import { type Reading, Rows, type Tokens, unitBounds } from './rows.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Options of a task of words; `words` has the defaults. */
export interface WordsOptions {
  /** Words a row gives to a batch, over which errors are propagated back. */
  T: number
  /**
   * 'sentences': all in random order; 'text': passages in random order, in which sentences stand as they do in the
   * text.
   */
  order: 'sentences' | 'text'
  /** 'none': the state is carried from word to word for ever; 'sentence': each sentence starts from zero. */
  reset: 'none' | 'sentence'
  /** Seeds the order. */
  seed: number
}

/** What a task of words is made from. */
export interface WordsData {
  /** A stored run knows its text and its vocabulary by these. */
  readonly corpus: string
  readonly vocabularyId: string
  readonly vocabulary: Vocabulary
  readonly train: Tokens
  readonly heldOut: Tokens
  readonly test: Tokens
}

/** Options of `words`, and its text. */
export interface WordsInput extends Partial<WordsOptions> {
  text: WordsData
}

const schema: z.Schema<WordsOptions> = z.strictObject({
  T: z.int().min(1).max(100_000),
  order: z.enum(['sentences', 'text']),
  reset: z.enum(['none', 'sentence']),
  seed: z.int().min(0),
})

export const WORDS_DEFAULTS: WordsOptions = { T: 20, order: 'sentences', reset: 'none', seed: 1 }

/** A passage has at least so many tokens, if its document is that long. */
const PASSAGE = 1000

/**
 * The next word; T 20, sentences in random order, state carried, by default. Batches are tokens and y [T,B], carry [B],
 * and where units start from zero lengths [B]; their arrays are filled again by the next call.
 * @throws InputError for options that make no sense, or text too short for them
 */
export function words(input: WordsInput): Task {
  refuseWithout('words', input, 'text', ['vocabulary', 'train', 'heldOut', 'test'])
  const { text, ...options } = input
  const given = checked(schema, { ...WORDS_DEFAULTS, ...options }, 'words')
  const { T, order, reset, seed } = given
  const { vocabulary, train, heldOut, test } = text
  for (const [name, tokens] of Object.entries({ train, heldOut, test })) {
    const areTokens = Number.isSafeInteger(tokens.blocks) && typeof tokens.load === 'function'
    refuseUnless(areTokens, `words: text: ${name}`, 'tokens in blocks, { blocks, load }', tokens)
  }
  const { size, start, end } = vocabulary
  const passage = reset === 'sentence' ? 1 : PASSAGE
  const scoring = (tokens: Tokens): Reading => ({ tokens, start, end, passage, fresh: true })
  const training: Reading = {
    tokens: train,
    start,
    end,
    passage: order === 'sentences' ? 1 : passage,
    fresh: reset === 'sentence',
    shuffle: { seed, stream: 'words/order' },
  }
  const some = countUpTo(train, T)
  if (some.words < T) {
    throw new InputError(
      `words: T: expected at most ${some.words}, all the words there are to train on, but received ${T}: give more ` +
        'text',
    )
  }
  for (const [name, tokens] of Object.entries({ 'held-out': heldOut, test })) {
    if (countUpTo(tokens, 1).words === 0)
      throw new InputError(
        `words: expected ${name} text but it has no words: give more text, or files named train, valid and test`,
      )
  }
  return refusingBatches({
    name: 'words',
    options: { corpus: text.corpus, vocabulary: text.vocabularyId, ...given },
    T,
    input: { vocabulary: size },
    head: { kind: 'classification', size, steps: 'every' },
    metric: 'perplexity',
    trainSize: Math.floor((some.words * train.blocks) / some.blocks / T),
    testSize: unitsOf(scoring(test)),
    train(B) {
      const rows = new Rows(training, T, B)
      return {
        next: () => rows.next()!,
        get epoch() {
          return rows.epoch
        },
        getState: () => rows.getState(),
        setState: (state) => rows.setState(state),
      }
    },
    test: (B) => once(new Rows(scoring(test), T, B)),
    heldOut: (B) => once(new Rows(scoring(heldOut), T, B)),
  })
}

/** An id of an earlier version; those of textId have twice as many digits. */
const OLD_TEXT = /^(text|benchmark)-[0-9a-f]{16}$/

/**
 * The task of a stored run. Its vocabulary was checked where it was read. @throws InputError when the text is another
 */
export function reopenWords({ corpus, vocabulary: _checked, ...options }: Task['options'], text: WordsData): Task {
  if (typeof corpus === 'string' && OLD_TEXT.test(corpus)) {
    throw new InputError(
      `words: the run knows its text as ${shown(corpus)}, by names and sizes of files, as irnn did once: expected an ` +
        'id that tells other text of the same sizes: start the run anew',
    )
  }
  refuseOther('words: expected the text', corpus, text.corpus, 'give --data with the same files')
  return words({ ...options, text })
}

function* once(rows: Rows): Iterable<Batch> {
  for (let batch = rows.next({ once: true }); batch; batch = rows.next({ once: true })) yield batch
}

/**
 * Counts words in the first blocks until there are `wanted`, or no block is left. One block is enough unless it is
 * small or blank. As blocks are of equal size, the result also tells about how many words there are in all.
 */
function countUpTo(tokens: Tokens, wanted: number): { words: number; blocks: number } {
  let words = 0
  let blocks = 0
  while (words < wanted && blocks < tokens.blocks) {
    const block = tokens.load(blocks++)
    refuseUnless(block?.tokens !== undefined, 'words: text: load', 'a block, { tokens, documents }', block)
    words += block.tokens.length
  }
  return { words, blocks }
}

function unitsOf({ tokens, end, passage }: Reading): number {
  let units = 0
  for (let block = 0; block < tokens.blocks; block++) units += unitBounds(tokens.load(block), end, passage).length - 1
  return units
}

/** What a set of text holds, as a perplexity counts it. */
export interface Tally {
  /** Words and ends of sentences. */
  readonly tokens: number
  readonly sentences: number
  /** Words that are not in the vocabulary. */
  readonly unknown: number
}

export function tally(tokens: Tokens, { end, unknown }: Vocabulary): Tally {
  const total = { tokens: 0, sentences: 0, unknown: 0 }
  for (let block = 0; block < tokens.blocks; block++) {
    for (const token of tokens.load(block).tokens) {
      total.tokens += 1
      if (token === end) total.sentences += 1
      if (token === unknown) total.unknown += 1
    }
  }
  return total
}
