/** JSON Lines: a value of JSON in each line; empty lines are passed over. */
import { InputError } from '../error.ts'

const LF = 10
/** A line that is longer is none: in bytes. */
const LONGEST_LINE = 2 ** 28

/** Values of some lines, and the number of each line, from 1. */
export interface JsonLines {
  readonly values: readonly unknown[]
  readonly lines: readonly number[]
}

/**
 * @param what names the source in messages
 * @throws InputError, with its line, for what is not JSON in UTF-8
 */
export async function* jsonLines(what: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<JsonLines> {
  let rest = new Uint8Array()
  let line = 1
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LF) + 1
    if (end === 0) {
      rest = joined(rest, chunk)
      if (rest.length > LONGEST_LINE) {
        throw new InputError(
          `${what}: line ${line}: expected a line within 256 MB: is it one array? give it a name in .json`,
        )
      }
      continue
    }
    const parsed = parseLines(what, joined(rest, chunk.subarray(0, end)), line)
    line = parsed.next
    rest = chunk.slice(end)
    yield parsed
  }
  yield parseLines(what, rest, line)
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

function parseLines(what: string, bytes: Uint8Array, first: number): JsonLines & { next: number } {
  const values: unknown[] = []
  const lines: number[] = []
  const texts = decoded(what, bytes, first).split('\n')
  for (const [i, text] of texts.entries()) {
    if (text === '' || text.trim() === '') continue
    try {
      values.push(JSON.parse(text))
    } catch {
      const start = JSON.stringify(text.length > 30 ? `${text.slice(0, 30)}…` : text)
      throw new InputError(`${what}: line ${first + i}: expected JSON but received ${start}: write one record a line`)
    }
    lines.push(first + i)
  }
  return { values, lines, next: first + texts.length - 1 }
}

function decoded(what: string, bytes: Uint8Array, first: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InputError(`${what}: line ${first} or below: expected UTF-8 but received other bytes: save it as UTF-8`)
  }
}
