/** A task of words from files: its text found, its vocabulary counted or read. */
import { createHash } from 'node:crypto'
import * as path from 'node:path'
import { readBytes } from '../../disk.node.ts'
import { InputError, shown } from '../../error.ts'
import type { Task } from '../../task.ts'
import { type Corpus, findCorpus } from './corpus.node.ts'
import { countWords, tokensOf } from './text.node.ts'
import {
  chooseVocabulary,
  formatVocabulary,
  parseVocabulary,
  type Vocabulary,
  type VocabularyChoice,
} from './vocabulary.ts'
import { tally, type WordsData, type WordsOptions, words } from './words.ts'

/** In the folder of a run. */
export const VOCABULARY_FILE = 'vocabulary.txt'
const DEFAULT_SIZE = 10_000

/** What a person may say about text and vocabulary. */
export interface WordsSources {
  readonly data?: string | undefined
  /** A file of words, one a line; else they are counted in the training text. */
  readonly vocabulary?: string | undefined
  /** Of a counted vocabulary; default the 10,000 most frequent words. */
  readonly choice?: VocabularyChoice | undefined
  /** Told what was found. */
  readonly say?: ((text: string) => void) | undefined
}

/** A task of words, and what it was made from. */
export interface OpenedWords {
  readonly task: Task
  readonly data: WordsData
  /** What belongs beside a run, by name. */
  readonly files: Readonly<Record<string, string>>
}

/** @throws InputError when text or vocabulary cannot be had or used */
export function openWords(options: Partial<WordsOptions>, sources: WordsSources = {}): OpenedWords {
  const { data, vocabulary: file, choice, say = () => {} } = sources
  const corpus = findCorpus(data)
  const vocabulary = file === undefined ? counted(corpus, choice) : readVocabulary(file)
  say(corpus.split)
  const text = dataOf(corpus, vocabulary)
  const task = words({ order: corpus.coherent ? 'text' : 'sentences', ...options, text })
  const { tokens, unknown } = tally(text.test, vocabulary)
  say(
    `vocabulary of ${grouped(vocabulary.size)} words; of ${grouped(tokens)} tokens to test ` +
      `${((100 * unknown) / tokens).toFixed(1)} % are <UNK>`,
  )
  return { task, data: text, files: { [VOCABULARY_FILE]: formatVocabulary(vocabulary) } }
}

/** The vocabulary that lies in the folder of a run. @throws InputError when it is not the one of that checksum */
export function vocabularyOfRun(dir: string, sum: unknown): Vocabulary {
  const file = path.join(dir, VOCABULARY_FILE)
  const vocabulary = readVocabulary(file)
  if (checksum(vocabulary) === sum) return vocabulary
  throw new InputError(
    `${file}: expected the vocabulary ${shown(sum)} that the run was made with but it is ${shown(checksum(vocabulary))}: ` +
      'put the original back',
  )
}

/** The text of the run whose folder is `dir`, with the vocabulary that lies there. @throws InputError when it cannot be had */
export function textOfRun(dir: string, sum: unknown, data?: string): WordsData {
  return dataOf(findCorpus(data), vocabularyOfRun(dir, sum))
}

/** @throws InputError when it cannot be read or is none */
export function readVocabulary(file: string): Vocabulary {
  const bytes = readBytes(file)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InputError(`${file}: expected UTF-8 but it is not`)
  }
  return parseVocabulary(text, file)
}

function counted({ train }: Corpus, { size, minCount }: VocabularyChoice = {}): Vocabulary {
  const { counts, sentences } = countWords(train)
  const limit = size ?? (minCount === undefined ? DEFAULT_SIZE : undefined)
  return chooseVocabulary(counts, sentences, { size: limit, minCount })
}

function dataOf(corpus: Corpus, vocabulary: Vocabulary): WordsData {
  return {
    corpus: corpus.id,
    vocabularyId: checksum(vocabulary),
    vocabulary,
    train: tokensOf(corpus.train, vocabulary),
    heldOut: tokensOf(corpus.heldOut, vocabulary),
    test: tokensOf(corpus.test, vocabulary),
  }
}

function checksum(vocabulary: Vocabulary): string {
  return createHash('sha256').update(formatVocabulary(vocabulary)).digest('hex').slice(0, 16)
}

function grouped(n: number): string {
  return n.toLocaleString('en-US')
}
