/**
 * What a stored run knows its text by. Names and sizes of files would let other text pass for it; reading the four
 * gigabytes of the one-billion-word benchmark would cost a minute at each start. So: the bytes of a short text, samples
 * of a long one, 96 MiB at most.
 */
import { createHash, type Hash } from 'node:crypto'
import * as fs from 'node:fs'
import { openedFile } from '../../disk.node.ts'
import type { Text } from './text.node.ts'
import type { Piece } from './textFile.node.ts'

export interface IdLimits {
  /** A text of at most so many bytes is read whole; of a longer one so many blocks of so many bytes, evenly spaced. */
  readonly whole: number
  readonly blocks: number
  readonly blockBytes: number
}

const LIMITS: IdLimits = { whole: 2 ** 25, blocks: 512, blockBytes: 2 ** 16 }

/**
 * The first 32 hexadecimal digits of a SHA-256. For each text in turn it takes a line of the sizes of its pieces, in
 * bytes with spaces between, and then of its n bytes, those of its pieces end to end, all where n <= `whole`; else the
 * blocks that start at byte floor(i (n - blockBytes) / (blocks - 1)) for i = 0 … blocks - 1, the first and the last
 * bytes among them. A change of a long text that keeps every size and touches none of these blocks is not seen. Names
 * and dates of files do not count.
 * @throws InputError when a file cannot be read
 */
export function textId(texts: readonly Text[], { whole, blocks, blockBytes }: IdLimits = LIMITS): string {
  const hash = createHash('sha256')
  for (const { pieces } of texts) {
    hash.update(`${pieces.map(({ from, to }) => to - from).join(' ')}\n`)
    const n = pieces.reduce((sum, { from, to }) => sum + to - from, 0)
    const count = n <= whole ? Math.ceil(n / blockBytes) : blocks
    const startOf = (i: number) => (n <= whole ? i * blockBytes : Math.floor((i * (n - blockBytes)) / (blocks - 1)))
    const starts = Array.from({ length: count }, (_, i) => startOf(i))
    addBlocks(hash, pieces, starts, blockBytes)
  }
  return hash.digest('hex').slice(0, 32)
}

/** Bytes [start, start + size) of the pieces end to end, for each of `starts`, which ascend. */
function addBlocks(hash: Hash, pieces: readonly Piece[], starts: readonly number[], size: number): void {
  const block = Buffer.allocUnsafe(size)
  let offset = 0 // of the piece among all bytes
  let next = 0
  for (const { file, from, to } of pieces) {
    const end = offset + to - from
    openedFile(file, (fd) => {
      // A block that goes on in the next piece is taken up again there.
      for (let i = next; i < starts.length && starts[i]! < end; i++) {
        const first = Math.max(starts[i]!, offset)
        const last = Math.min(starts[i]! + size, end)
        addBytes(hash, fd, from + first - offset, block.subarray(0, last - first))
        if (starts[i]! + size <= end) next = i + 1
      }
    })
    offset = end
  }
}

function addBytes(hash: Hash, fd: number, at: number, into: Buffer): void {
  for (let n = 0; n < into.length; ) {
    const more = fs.readSync(fd, into, n, into.length - n, at + n)
    if (more === 0) break // it became shorter: another text
    n += more
    hash.update(into.subarray(n - more, n))
  }
}
