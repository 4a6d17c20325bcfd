/** A task of words from files: finds the text, and counts or reads the vocabulary. */
import * as path from 'node:path'
import { readBytes, sha256 } from '../../disk.node.ts'
import { InputError, refuseNoText, refuseUnknown, shown } from '../../error.ts'
import type { Given } from '../../flag.ts'
import { refuseOtherKind } from '../../formats/text.ts'
import { grouped, percent } from '../../numbers.ts'
import type { Task } from '../../task.ts'
import { type Corpus, findCorpus } from './corpus.node.ts'
import { countWords, type TokensOptions, tokensOf } from './text.node.ts'
import {
  chooseVocabulary,
  formatVocabulary,
  parseVocabulary,
  type Vocabulary,
  type VocabularyChoice,
} from './vocabulary.ts'
import { tally, WORDS_DEFAULTS, type WordsData, type WordsOptions, words } from './words.ts'

/** Name of the vocabulary in the folder of a run. */
export const VOCABULARY_FILE = 'vocabulary.txt'
const DEFAULT_SIZE = 10_000

/** What a person may say about text and vocabulary. */
export interface WordsSources {
  readonly data?: string | undefined
  /** A file of words, one a line; else they are counted in the training text. */
  readonly vocabulary?: string | undefined
  /** Limits of a counted vocabulary. Default: the 10,000 most frequent words. */
  readonly choice?: VocabularyChoice | undefined
  /** Called with lines about what was found. */
  readonly say?: ((text: string) => void) | undefined
}

/** What flags say of text and vocabulary. @throws InputError when they contradict each other */
export function sourcesOf(flags: Given): WordsSources {
  const { vocabularySize: size, minCount, ...rest } = flags as TextFlags
  if (rest.vocabulary !== undefined && (size !== undefined || minCount !== undefined)) {
    const flag = size === undefined ? '--min-count' : '--vocabulary-size'
    throw new InputError(`${flag}: the words of --vocabulary are all used, as they are: remove one of the two`)
  }
  return { data: rest.data, vocabulary: rest.vocabulary, choice: { size, minCount } }
}

interface TextFlags {
  readonly data?: string
  readonly vocabulary?: string
  readonly vocabularySize?: number
  readonly minCount?: number
}

/** A task of words, and what it was made from. */
export interface OpenedWords {
  readonly task: Task
  /** Text and vocabulary that the task is made of. */
  readonly data: WordsData
  /** Files for the folder of a run, by name. */
  readonly files: Readonly<Record<string, string>>
}

/** @throws InputError when text or vocabulary cannot be had or used */
export function openWords(options: Partial<WordsOptions>, sources: WordsSources = {}): OpenedWords {
  refuseUnknown('openWords', options, Object.keys(WORDS_DEFAULTS))
  refuseUnknown('openWords', sources, ['data', 'vocabulary', 'choice', 'say'])
  const { data, vocabulary: file, choice = {}, say = () => {} } = sources
  refuseUnknown('openWords: choice', choice, ['size', 'minCount'])
  if (data !== undefined) refuseNoText('openWords: data', data)
  if (file !== undefined) refuseNoText('openWords: vocabulary', file)
  const corpus = findCorpus(data)
  const vocabulary = file === undefined ? counted(corpus, choice) : readVocabulary(file)
  say(corpus.split)
  const text = dataOf(corpus, vocabulary)
  const task = words({ order: corpus.coherent ? 'text' : 'sentences', ...options, text })
  const { tokens, unknown } = tally(text.test, vocabulary)
  say(
    `vocabulary of ${grouped(vocabulary.size)} words; of ${grouped(tokens)} tokens to test ` +
      `${percent(unknown / tokens, 1)} are <UNK>`,
  )
  return { task, data: text, files: { [VOCABULARY_FILE]: formatVocabulary(vocabulary) } }
}

/** The vocabulary that lies in the folder of a run. @throws InputError when it is not the one of that checksum */
export function vocabularyOfRun(dir: string, sum: unknown): Vocabulary {
  const file = path.join(dir, VOCABULARY_FILE)
  const vocabulary = readVocabulary(file)
  if (checksum(vocabulary) === sum) return vocabulary
  throw new InputError(
    `${file}: expected the vocabulary ${shown(sum)} that the run was made with but it is ` +
      `${shown(checksum(vocabulary))}: put the original back`,
  )
}

/**
 * The text of the run whose folder is `dir`, with the vocabulary that lies there. @throws InputError when it cannot be
 * had
 */
export function textOfRun(dir: string, sum: unknown, data?: string): WordsData {
  return dataOf(findCorpus(data), vocabularyOfRun(dir, sum), { marks: true })
}

/** @throws InputError when the file cannot be read or is no vocabulary */
export function readVocabulary(file: string): Vocabulary {
  const bytes = readBytes(file)
  refuseOtherKind(bytes, file)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InputError(`${file}: expected UTF-8 but it is not: convert the file, say with iconv`)
  }
  return parseVocabulary(text, file)
}

function counted({ train }: Corpus, { size, minCount }: VocabularyChoice): Vocabulary {
  const { counts, sentences } = countWords(train)
  const limit = size ?? (minCount === undefined ? DEFAULT_SIZE : undefined)
  return chooseVocabulary(counts, sentences, { size: limit, minCount })
}

function dataOf(corpus: Corpus, vocabulary: Vocabulary, options?: TokensOptions): WordsData {
  return {
    corpus: corpus.id,
    vocabularyId: checksum(vocabulary),
    vocabulary,
    train: tokensOf(corpus.train, vocabulary, options),
    heldOut: tokensOf(corpus.heldOut, vocabulary, options),
    test: tokensOf(corpus.test, vocabulary, options),
  }
}

function checksum(vocabulary: Vocabulary): string {
  return sha256(formatVocabulary(vocabulary)).slice(0, 16)
}
