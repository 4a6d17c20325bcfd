/**
 * A vocabulary: the words a model knows, each by its number. Sorted by how often they occur, so that a number is also a
 * rank: log-uniform sampling of the softmax counts on that (Jean et al. 2015). `<S>` is only ever read, `</S>` only
 * predicted, and `<UNK>` stands for every word that is not listed. As a file: one word a line, as the one-billion-word
 * benchmark has it.
 */
import { InputError, refuseNoObject, refuseNoText, refuseUnknown, refuseUnless, shown } from '../../error.ts'
import { whole } from '../../flag.ts'

export const START = '<S>'
export const END = '</S>'
export const UNKNOWN = '<UNK>'
const SPECIAL = [START, END, UNKNOWN] as const

/** How other programs write the beginning and the end of a sentence. */
const SENTENCE_MARK = /^(<(\/?s|bos|sos|eos|\|endoftext\|)>|\[(cls|sep|bos|eos)\])$/i
/** Such a mark without a space between it and the first or the last word of the sentence. */
const GLUED_MARK = /^<(s|bos|sos)>|<(\/s|eos|\|endoftext\|)>$/i
/** How other programs write a word that is not listed. */
const UNKNOWN_MARK = /^<unk>$/i

/**
 * Whether a word marks where a sentence begins or ends. A text has none: its lines say it. A word `<unk>` may stand in
 * a text, as in the Penn Treebank of Mikolov et al. (2010), and is unknown.
 */
export function isMark(word: string): boolean {
  const first = word[0]
  if (first === '[') return SENTENCE_MARK.test(word)
  return (first === '<' || word.endsWith('>')) && (SENTENCE_MARK.test(word) || GLUED_MARK.test(word))
}

/** More than any vocabulary of words has; a file beyond it is something else. */
const MOST_WORDS = 2 ** 24

/** Words by number, and numbers by word. */
export interface Vocabulary {
  /** By number. */
  readonly words: readonly string[]
  /** Words, the three marks among them. */
  readonly size: number
  /** The marks `<S>`, `</S>` and `<UNK>`. */
  readonly start: number
  readonly end: number
  readonly unknown: number
  /** The number of a word, of `unknown` where it is not listed. The marks `<S>` and `</S>` are no words of a text. */
  idOf(word: string): number
}

/** What stands between words, as text is read: a no-break space or an ideographic one is part of a word. */
export const SEPARATOR: RegExp = /[\0- ]/

/**
 * A vocabulary of such words in that order.
 * @param what names it in messages
 * @throws InputError when one is empty, holds white space or is there twice, or a mark is missing
 */
export function createVocabulary(words: readonly string[], what = 'vocabulary'): Vocabulary {
  const ids = new Map<string, number>()
  for (const [id, word] of words.entries()) {
    if (word === '' || SEPARATOR.test(word)) {
      throw new InputError(`${what}: line ${id + 1}: expected one word but received ${shown(word)}`)
    }
    if (ids.has(word)) {
      throw new InputError(
        `${what}: line ${id + 1}: expected each word once but ${shown(word)} is on line ${ids.get(word)! + 1} too`,
      )
    }
    ids.set(word, id)
  }
  for (const mark of SPECIAL) {
    if (!ids.has(mark)) {
      const meant = words.find((word) => spelling(mark).test(word))
      const remedy = meant === undefined ? `add a line ${mark}` : `write ${mark} for ${shown(meant)}`
      throw new InputError(`${what}: expected the marks ${SPECIAL.join(' ')} but it has no ${mark}: ${remedy}`)
    }
  }
  const [start, end, unknown] = SPECIAL.map((mark) => ids.get(mark)!) as [number, number, number]
  ids.delete(START)
  ids.delete(END)
  return { words, size: words.length, start, end, unknown, idOf: (word) => ids.get(word) ?? unknown }
}

function spelling(mark: (typeof SPECIAL)[number]): RegExp {
  return { [START]: /^<(s|bos|sos)>$/i, [END]: /^<(\/s|eos)>$/i, [UNKNOWN]: UNKNOWN_MARK }[mark]
}

/** @throws InputError when the text is no vocabulary */
export function parseVocabulary(text: string, what = 'vocabulary'): Vocabulary {
  refuseNoText('name of the vocabulary', what)
  refuseNoText(what, text)
  const words = text.split(/\r\n?|\n/)
  if (words.at(-1) === '') words.pop()
  if (words.length === 0) throw new InputError(`${what}: expected one word a line but it is empty`)
  if (words.length > MOST_WORDS) {
    throw new InputError(`${what}: expected at most ${MOST_WORDS} words but it has ${words.length} lines`)
  }
  return createVocabulary(words, what)
}

/** The file of a vocabulary: one word a line, which `parseVocabulary` reads. */
export function formatVocabulary(vocabulary: Vocabulary): string {
  refuseNoObject('vocabulary', vocabulary)
  const { words } = vocabulary
  const areWords = Array.isArray(words) && words.every((word) => typeof word === 'string')
  refuseUnless(areWords, 'vocabulary: words', 'an array of words', words)
  return `${words.join('\n')}\n`
}

/**
 * Which of the words counted are kept: those seen at least `minCount` times, and of them the most frequent up to
 * `size`.
 */
export interface VocabularyChoice {
  /** Words in all, the three marks among them; absent: no limit. */
  readonly size?: number | undefined
  /** Default 1. */
  readonly minCount?: number | undefined
}

/**
 * The vocabulary of what was counted. `</S>`, one a sentence, and `<UNK>`, all that is left out, stand where their
 * counts put them; `<S>`, which is never predicted, at the end. A word `<unk>` is left out: it means the mark. Words
 * of equal count are in the order of their code units.
 * @throws InputError when no word is left
 */
export function chooseVocabulary(
  counts: ReadonlyMap<string, number>,
  sentences: number,
  choice: VocabularyChoice = {},
): Vocabulary {
  const { size, minCount } = checkedChoice(choice)
  const isMap = Object.prototype.toString.call(counts) === '[object Map]'
  refuseUnless(isMap, 'vocabulary: counts', 'a Map from words to how often they occur', counts)
  for (const [word, n] of counts) {
    refuseNoText('vocabulary: counts: a word', word)
    whole(0).check(n, word, 'vocabulary: counts')
  }
  whole(0).check(sentences, 'sentences', 'vocabulary')
  const often = [...counts].filter(([word, n]) => n >= minCount && !isMark(word) && !UNKNOWN_MARK.test(word))
  often.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  const kept = often.slice(0, size - SPECIAL.length)
  if (kept.length === 0) {
    throw new InputError(
      `vocabulary: expected words seen at least ${minCount} times but there is none: lower --min-count, or give more ` +
        'text',
    )
  }
  let left = 0
  for (const n of counts.values()) left += n
  for (const [, n] of kept) left -= n
  const entries = [...kept, [END, sentences] as const, [UNKNOWN, left] as const]
  entries.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  return createVocabulary([...entries.map(([word]) => word), START])
}

function checkedChoice(choice: VocabularyChoice): { size: number; minCount: number } {
  refuseUnknown('chooseVocabulary', choice, ['size', 'minCount'])
  const { size, minCount } = choice
  return {
    size: size === undefined ? Number.POSITIVE_INFINITY : whole(4).check(size, 'size', 'vocabulary'),
    minCount: minCount === undefined ? 1 : whole().check(minCount, 'minCount', 'vocabulary'),
  }
}
