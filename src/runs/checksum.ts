/**
 * The checksum of a checkpoint, which stands in the file itself: the SHA-256 of all of it with zeros in the place of
 * the sum.
 */
import { createHash } from 'node:crypto'
import { InputError } from '../error.ts'
import { type Decoded, decode, type NamedTensor, type Source } from '../formats/safetensors.ts'

const MARK = '"sha256":"'
/** What the metadata `sha256` is before the sum is known. */
export const NO_SUM = '0'.repeat(64)
/** The mark is among the first bytes of a file. */
const HEAD = 2 ** 20
/** Bytes that are read and hashed at a time. */
const PART = 2 ** 24

/** Puts the sum into the header, the first of a file's parts. */
export function writeSum(parts: readonly Uint8Array[]): void {
  const hash = createHash('sha256')
  for (const part of parts) for (let i = 0; i < part.length; i += PART) hash.update(part.subarray(i, i + PART))
  const header = parts[0]!
  header.set(Buffer.from(hash.digest('hex'), 'latin1'), sumPosition(header))
}

export interface Held {
  readonly metadata: Decoded['metadata']
  readonly arrays: readonly NamedTensor[]
  readonly source: Source
}

/**
 * The file's header and tensors, read in their order. @throws InputError when its checksum does not fit, above all else
 */
export function readOnce(file: Source): Held {
  try {
    const pieces: Piece[] = []
    const hash = createHash('sha256')
    let sum = ''
    let header = true
    const counted: Source = {
      size: file.size,
      read(at, into) {
        file.read(at, into)
        if (!header) return void hash.update(into)
        pieces.push({ at, bytes: into.slice() })
        const mark = sumPosition(into)
        if (mark >= 0) sum = Buffer.from(into).toString('latin1', mark, mark + NO_SUM.length)
        hash.update(withoutSum(into, mark))
      },
    }
    const { tensors, metadata } = decode(counted)
    header = false
    let at = pieces.reduce((total, { bytes }) => total + bytes.length, 0)
    const arrays: NamedTensor[] = []
    for (const [name, tensor] of tensors) {
      const data = tensor.read()
      arrays.push({ name, shape: tensor.shape, data })
      pieces.push({ at, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) })
      at += data.byteLength
    }
    if (hash.digest('hex') !== sum) refuseDamaged(file)
    return { metadata, arrays, source: { size: file.size, read: (from, into) => copyPieces(pieces, from, into) } }
  } catch (error) {
    refuseDamaged(file) // whatever else is wrong is a consequence
    throw error
  }
}

interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

function copyPieces(pieces: readonly Piece[], from: number, into: Uint8Array): void {
  for (const { at, bytes } of pieces) {
    const start = Math.max(from, at)
    const end = Math.min(from + into.length, at + bytes.length)
    if (start < end) into.set(bytes.subarray(start - at, end - at), start - from)
  }
}

function withoutSum(bytes: Uint8Array, mark: number): Uint8Array {
  if (mark < 0) return bytes
  const zeroed = Buffer.from(bytes)
  zeroed.write(NO_SUM, mark, 'latin1')
  return zeroed
}

/**
 * Where the checksum stands: quotes inside other metadata are escaped, so the mark cannot occur before. -1: nowhere.
 */
function sumPosition(bytes: Uint8Array): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(MARK)
  return at < 0 ? -1 : at + MARK.length
}

/**
 * The sum is the SHA-256 of the file with zeros in its place, in hexadecimal.
 * @throws InputError when a bit is not what was written; it begins with `what`, a file, where that is given
 */
export function refuseDamaged(source: Source, what?: string): void {
  const refuse = (how: string) => new InputError(`${what === undefined ? '' : `${what}: `}damaged: ${how}`)
  const { size } = source
  const head = Buffer.alloc(Math.min(size, HEAD))
  source.read(0, head)
  const at = sumPosition(head)
  if (at < 0) throw refuse('it has no checksum: it was cut off, or is no checkpoint')
  const stored = head.toString('latin1', at, at + NO_SUM.length)
  head.write(NO_SUM, at, 'latin1')
  if (stored !== sumOf(source, head)) throw refuse('its checksum does not fit: it was cut off or changed')
}

/** SHA-256 of a file in hexadecimal, of one that begins with `head` instead where that is given. */
export function sumOf(source: Source, head: Uint8Array = new Uint8Array(0)): string {
  const { size } = source
  const hash = createHash('sha256').update(head)
  const part = new Uint8Array(Math.min(PART, size - head.length))
  for (let from = head.length; from < size; from += PART) {
    const bytes = part.subarray(0, Math.min(PART, size - from))
    source.read(from, bytes)
    hash.update(bytes)
  }
  return hash.digest('hex')
}
