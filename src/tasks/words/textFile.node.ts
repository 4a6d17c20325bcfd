/** A file that a person gives for text: whether it can be one, and its bytes. */
import * as fs from 'node:fs'
import { openedFile, statsOf } from '../../disk.node.ts'
import { InputError } from '../../error.ts'
import { refuseOtherKind } from '../../formats/text.ts'

/** The lines of a file that start in bytes `from` … `to` - 1. */
export interface Piece {
  readonly file: string
  readonly from: number
  readonly to: number
}

export const MOST_LINE_BYTES: number = 2 ** 20
/** The first bytes of a file, which tell whether it can be text. */
const HEAD_BYTES = 2 ** 16

/**
 * The whole of a file that a person gives for text. @throws InputError when it is empty, packed or of another
 * encoding, or its lines end in CR alone
 */
export function textFile(file: string): Piece {
  const { size } = statsOf(file)
  if (size === 0) throw new InputError(`${file}: expected one sentence a line but it is empty: remove it`)
  const head = headOf(file, HEAD_BYTES)
  refuseOtherKind(head, file)
  const text = head.toString('latin1')
  const count = (ends: RegExp) => text.match(ends)?.length ?? 0
  if (count(/\r(?=[^\n])/g) > count(/\n/g)) {
    throw new InputError(
      `${file}: expected lines that end in LF or CR LF but they end in CR alone: convert it, say with tr '\\r' '\\n'`,
    )
  }
  return { file, from: 0, to: size }
}

/** @throws InputError for a file whose words all stand in one line */
export function refuseOneLine(file: string): void {
  const text = headOf(file, MOST_LINE_BYTES).toString('latin1').trim()
  if (text === '' || text.includes('\n')) return
  throw new InputError(
    `${file}: expected one sentence a line but it is one line: put each sentence on a line of its own`,
  )
}

function headOf(file: string, length: number): Buffer {
  return openedFile(file, (fd) => read(fd, 0, length))
}

/** Bytes `at` … `at` + `length` - 1 of a file, as many as it has. */
export function read(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, length))
  let n = 0
  while (n < length) {
    const more = fs.readSync(fd, bytes, n, length - n, at + n)
    if (more === 0) break
    n += more
  }
  return bytes.subarray(0, n)
}
