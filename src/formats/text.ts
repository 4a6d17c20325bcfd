/** Files that are given for text and are none: packed ones, documents, other encodings. Their first bytes tell. */
import { InputError } from '../error.ts'

interface Kind {
  /** Bytes that it has, one a character, and where. Default: at the beginning. */
  readonly has: string
  readonly at?: number
  readonly what: string
  /** How it becomes text. */
  readonly remedy: string
}

const ZIP = { what: 'a zip archive, as .docx and .epub are too', remedy: 'unpack it with unzip' }
const UTF32 = { what: 'UTF-32', remedy: 'convert it with iconv -f UTF-32 -t UTF-8' }
const UTF16 = { what: 'UTF-16', remedy: 'convert it with iconv -f UTF-16 -t UTF-8' }

const KINDS: readonly Kind[] = [
  { has: '\x1f\x8b', what: 'packed by gzip', remedy: 'unpack it with gunzip' },
  { has: '\x1f\x9d', what: 'packed by compress', remedy: 'unpack it with uncompress' },
  { has: '1AY&SY', at: 4, what: 'packed by bzip2', remedy: 'unpack it with bunzip2' },
  { has: '\xfd7zXZ\0', what: 'packed by xz', remedy: 'unpack it with unxz' },
  { has: '\x28\xb5\x2f\xfd', what: 'packed by zstd', remedy: 'unpack it with unzstd' },
  { has: '\x04\x22\x4d\x18', what: 'packed by lz4', remedy: 'unpack it with unlz4' },
  { has: 'PK\x03\x04', ...ZIP },
  { has: 'PK\x05\x06', ...ZIP },
  { has: '7z\xbc\xaf\x27\x1c', what: 'a 7-Zip archive', remedy: 'unpack it with 7z x' },
  { has: 'Rar!\x1a\x07', what: 'a RAR archive', remedy: 'unpack it with unrar x' },
  { has: 'ustar', at: 257, what: 'a tar archive', remedy: 'unpack it with tar -xf' },
  { has: '%PDF-', what: 'a PDF', remedy: 'write it as text, say with pdftotext' },
  { has: '\xff\xfe\0\0', ...UTF32 },
  { has: '\0\0\xfe\xff', ...UTF32 },
  { has: '\xff\xfe', ...UTF16 },
  { has: '\xfe\xff', ...UTF16 },
]

/** As many first bytes as tell a kind. */
const HEAD = 512

/**
 * @param bytes a file, or its beginning
 * @param what names it in messages
 * @throws InputError for files that are packed, or of another encoding than UTF-8 and say so
 */
export function refuseOtherKind(bytes: Uint8Array, what: string): void {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD))
  const kind = KINDS.find(({ has, at = 0 }) => head.startsWith(has, at))
  if (kind) throw new InputError(`${what}: expected text in UTF-8 but it is ${kind.what}: ${kind.remedy}`)
}
