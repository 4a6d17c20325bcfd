/** The next word on the command line. */
import { InputError } from '../../error.ts'
import { oneOf, whole } from '../../flag.ts'
import { grouped, percent } from '../../numbers.ts'
import type { SourceFlag, TaskDefinition } from '../definition.ts'
import { baselineLines, baselines } from './baselines.ts'
import { openWords, sourcesOf, textOfRun, VOCABULARY_FILE } from './load.node.ts'
import { WORDS_RECIPES } from './recipes.ts'
import { reopenWords, tally, WORDS_DEFAULTS, type WordsData } from './words.ts'

/** Where text comes from, and its vocabulary. */
export const TEXT_SOURCES: readonly SourceFlag[] = [
  {
    flag: '--data <dir>',
    help:
      'the one-billion-word benchmark, or a file, folder or pattern of one sentence a line (default: the Brown ' +
      'corpus)',
  },
  {
    flag: '--vocabulary <file>',
    once: true,
    help: 'the words, one a line, most frequent first, <S> </S> <UNK> among them',
  },
  {
    flag: '--vocabulary-size <V>',
    value: whole(4),
    once: true,
    help: 'the V most frequent words of the training text (default: 10000)',
  },
  {
    flag: '--min-count <n>',
    value: whole(),
    once: true,
    help: 'words that occur at least n times in the training text',
  },
]

export const words: TaskDefinition = {
  name: 'words',
  description:
    'text, word by word: which one comes next? Scored by perplexity per token, the end of a sentence one of them',
  score: 'held-out perplexity',
  options: [
    {
      flag: '--length <T>',
      value: whole(),
      sets: 'T',
      default: WORDS_DEFAULTS.T,
      help: 'words of a row in a minibatch: how far back errors go',
    },
    {
      flag: '--order <what>',
      value: oneOf('sentences', 'text'),
      sets: 'order',
      help:
        'sentences: all in random order; text: passages in random order, their sentences as they stand (default: ' +
        'sentences for the benchmark, which is shuffled, text for other text)',
    },
    {
      flag: '--reset <when>',
      value: oneOf('none', 'sentence'),
      sets: 'reset',
      default: WORDS_DEFAULTS.reset,
      help: 'start from the zero state: none (the state is carried on) or at each sentence',
    },
  ],
  sources: TEXT_SOURCES,
  extras: ['embedding', 'softmax', 'dropout', 'tables'],
  recipes: WORDS_RECIPES,
  files: [VOCABULARY_FILE],
  create({ options, flags, say, quiet }) {
    if (flags.bidirectional) {
      throw new InputError('--bidirectional: a network that has read the next word need not predict it: remove it')
    }
    const { task, data, files } = openWords(options, { ...sourcesOf(flags), ...(!quiet && { say }) })
    refuseSamples(flags.samples as number | undefined, task.head.size)
    return { task, files, report: ({ line }) => beside(line, data) }
  },
  open({ options, dir, flags }) {
    const text = textOfRun(dir, options.vocabulary, flags.data as string | undefined)
    return { task: reopenWords(options, text), report: ({ line }) => beside(line, text) }
  },
  called: ({ T }, { cell }) => ({ folder: `words-${cell}`, title: `words, T = ${T}` }),
}

function refuseSamples(samples: number | undefined, size: number): void {
  if (samples === undefined || samples < size) return
  throw new InputError(
    `--samples: expected fewer than the ${size} words of the vocabulary but received ${samples}: sample fewer, or ` +
      'leave it out to train on all',
  )
}

/** What a perplexity is to be read with: what was counted, and what counting words scores on it. */
function* beside(line: string, text: WordsData): Iterable<string> {
  yield line
  const { tokens, sentences, unknown } = tally(text.test, text.vocabulary)
  yield `${grouped(tokens)} tokens, ${grouped(sentences)} of them </S>, ${percent(unknown / tokens)} <UNK>`
  try {
    yield* baselineLines(baselines(text))
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    yield error.message // too much text to count: the score stands
  }
}
