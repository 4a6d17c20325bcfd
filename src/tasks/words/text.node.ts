/**
 * Text files of one sentence a line, read a block at a time: 16 MB of text, which may be one piece of a large file or
 * many small files. Never the whole corpus: what is in memory is a block. A line belongs to the block its first byte is
 * in, so the pieces of a file follow from its size alone.
 *
 * Files from outside are checked as they are read: UTF-8, and lines that can be sentences.
 */
import { isUtf8 } from 'node:buffer'
import { openedFile } from '../../disk.node.ts'
import { InputError, shown } from '../../error.ts'
import type { TokenBlock, Tokens } from './rows.ts'
import { MOST_LINE_BYTES, type Piece, read } from './textFile.node.ts'
import { isMark, type Vocabulary } from './vocabulary.ts'

export interface Text {
  readonly pieces: readonly Piece[]
  /** tagged: each word is followed by a slash and its part of speech, which are dropped. */
  readonly form: 'plain' | 'tagged'
}

export const BLOCK_BYTES: number = 16 * 2 ** 20
/** The longest line of the one-billion-word benchmark has some 2,800 words. */
const MOST_WORDS = 10_000
const MOST_WORD_LETTERS = 1000

/** Called for each sentence: with its words, one by one, and at its end. */
interface Listener {
  /** Returns whether the word may stand in a text. */
  word(word: string): boolean
  end(): void
}

/** Blocks of about equal size, `most` bytes or a little more: small pieces are gathered, large ones cut. */
export function blocksOf({ pieces }: Text, most: number = BLOCK_BYTES): Piece[][] {
  const total = pieces.reduce((sum, { from, to }) => sum + to - from, 0)
  const size = Math.ceil(total / Math.ceil(total / most))
  const blocks: Piece[][] = []
  let room = 0
  for (const { file, from, to } of pieces) {
    for (let start = from; start < to; start += size) {
      const end = Math.min(to, start + size)
      if (room <= 0) {
        blocks.push([])
        room = size
      }
      blocks.at(-1)!.push({ file, from: start, to: end })
      room -= end - start
    }
  }
  return blocks
}

/** How often each word occurs, and how many sentences there are, in one pass. */
export function countWords(text: Text): { counts: Map<string, number>; sentences: number; words: number } {
  const counts = new Map<string, number>()
  let sentences = 0
  let words = 0
  const listener: Listener = {
    word(word) {
      if (isMark(word)) return false
      words += 1
      const n = counts.get(word)
      // A word cut out of a text keeps all of that text in memory, unless it is short: V8 copies up to 12 letters.
      if (n === undefined) counts.set(word.length > 12 ? Buffer.from(word).toString() : word, 1)
      else counts.set(word, n + 1)
      return true
    },
    end() {
      sentences += 1
    },
  }
  for (const block of blocksOf(text)) for (const piece of block) readPiece(piece, text.form, listener)
  return { counts, sentences, words }
}

export interface TokensOptions {
  readonly blockBytes?: number
  /** Whether marks of sentences may stand in the text, as unknown words: irnn 0.1.0 began runs on such text. */
  readonly marks?: boolean
}

/** The text as numbers, block by block; the last one is kept. */
export function tokensOf(
  text: Text,
  vocabulary: Vocabulary,
  { blockBytes, marks = false }: TokensOptions = {},
): Tokens {
  const blocks = blocksOf(text, blockBytes)
  let held: { block: number; content: TokenBlock } | null = null
  return {
    blocks: blocks.length,
    load(block) {
      if (held?.block !== block) held = { block, content: encode(blocks[block]!, text.form, vocabulary, marks) }
      return held.content
    },
  }
}

function encode(
  pieces: readonly Piece[],
  form: Text['form'],
  { idOf, end, unknown }: Vocabulary,
  marks: boolean,
): TokenBlock {
  let tokens = new Int32Array(2 ** 16)
  let n = 0
  const add = (id: number) => {
    if (n === tokens.length) {
      const larger = new Int32Array(2 * n)
      larger.set(tokens)
      tokens = larger
    }
    tokens[n++] = id
  }
  const listener: Listener = {
    word(word) {
      const id = idOf(word)
      add(id)
      return id !== unknown || marks || !isMark(word)
    },
    end: () => add(end),
  }
  const documents: number[] = []
  for (const piece of pieces) {
    documents.push(n)
    readPiece(piece, form, listener)
  }
  return { tokens: tokens.slice(0, n), documents }
}

/** Lines without words are passed over. @throws InputError naming file and line when one cannot be a sentence */
function readPiece(piece: Piece, form: Text['form'], { word, end }: Listener): void {
  const lines = linesOf(piece)
  const text = decoded(lines)
  let words = 0
  let from = -1
  const refuse = (what: string): never => {
    const line = lineAt(lines, Buffer.byteLength(text.slice(0, from)))
    throw new InputError(`${piece.file}: line ${line}: expected one sentence a line but this one has ${what}`)
  }
  const take = (to: number) => {
    let last = to
    if (to - from > MOST_WORD_LETTERS) refuse(`a word of ${to - from} letters`)
    if (words === MOST_WORDS) refuse(`more than ${MOST_WORDS} words: break it into lines`)
    if (form === 'tagged') {
      last = text.lastIndexOf('/', to - 1)
      if (last <= from) refuse('a word without its part of speech')
    }
    const taken = text.slice(from, last)
    if (!word(taken)) refuse(`the mark ${shown(taken)}, which is no word: put each sentence on a line, without marks`)
    words += 1
    from = -1
  }
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : NEWLINE
    if (code > SPACE) {
      if (from < 0) from = i
      continue
    }
    if (from >= 0) take(i)
    if (code === NEWLINE && words > 0) {
      end()
      words = 0
    }
  }
}

const NEWLINE = 10
/** It and the control characters below it are between words. */
const SPACE = 32

interface Lines {
  readonly file: string
  readonly bytes: Buffer
  /** Where in the file they start. */
  readonly offset: number
}

/** The lines that start in the piece, whole. */
function linesOf({ file, from, to }: Piece): Lines {
  return openedFile(file, (fd, size) => {
    // One byte before, to see whether a line starts at `from`.
    const offset = Math.max(0, from - 1)
    let bytes = read(fd, offset, Math.min(size, to) - offset)
    const start = from === 0 ? 0 : bytes.indexOf(NEWLINE) + 1
    // A line that began before this piece belongs to another one, wherever it ends.
    if (from > 0 && (start === 0 || offset + start >= to)) return { file, bytes: Buffer.alloc(0), offset }
    while (bytes.at(-1) !== NEWLINE && offset + bytes.length < size) {
      const more = read(fd, offset + bytes.length, 2 ** 16)
      const stop = more.indexOf(NEWLINE) + 1
      bytes = Buffer.concat([bytes, stop > 0 ? more.subarray(0, stop) : more])
      if (bytes.length <= to - offset + MOST_LINE_BYTES) continue
      const line = lineAt({ file, bytes, offset }, to - offset - 1)
      throw new InputError(
        `${file}: line ${line}: expected one sentence a line but this one is longer than ${MOST_LINE_BYTES} bytes: ` +
          'break it into lines',
      )
    }
    return { file, bytes: bytes.subarray(start), offset: offset + start }
  })
}

/** Text, without a byte order mark. @throws InputError naming the first line that is no UTF-8 */
function decoded(lines: Lines): string {
  const { file, bytes, offset } = lines
  const nul = bytes.indexOf(0)
  if (nul >= 0) {
    const line = lineAt(lines, nul)
    throw new InputError(`${file}: line ${line}: expected UTF-8 but it has a NUL byte: is it UTF-16, or no text?`)
  }
  if (isUtf8(bytes)) {
    const text = bytes.toString()
    return offset === 0 && text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text
  }
  let start = 0
  for (;;) {
    const stop = bytes.indexOf(NEWLINE, start)
    const end = stop < 0 ? bytes.length : stop
    if (!isUtf8(bytes.subarray(start, end))) {
      const line = lineAt(lines, start)
      throw new InputError(`${file}: line ${line}: expected UTF-8 but it is not: convert the file, say with iconv`)
    }
    start = end + 1
  }
}

/** The number, from 1, of the line of the file that byte `at` of these lines is in. */
function lineAt({ file, bytes, offset }: Lines, at: number): number {
  let line = 1
  const count = (part: Buffer) => {
    for (let i = part.indexOf(NEWLINE); i >= 0; i = part.indexOf(NEWLINE, i + 1)) line += 1
  }
  openedFile(file, (fd) => {
    for (let from = 0; from < offset; from += BLOCK_BYTES) count(read(fd, from, Math.min(BLOCK_BYTES, offset - from)))
  })
  count(bytes.subarray(0, at))
  return line
}
