/** What a file is by its first bytes. */
import { latin1 } from './latin1.ts'

/** Kinds of files that are read elsewhere, or not at all; `text` is anything else. */
export type FileKind = 'text' | 'gzip' | 'parquet' | 'npy' | 'zip' | 'other'

export interface Magic {
  readonly kind: FileKind
  /** What to call it in a message, and what to do about it; of `zip` and `other`. */
  readonly what: string
  readonly remedy: string
}

const TABLE: readonly [start: string, kind: FileKind, what: string, remedy: string][] = [
  ['\x1f\x8b', 'gzip', 'gzip', ''],
  ['PAR1', 'parquet', 'Parquet', ''],
  ['\x93NUMPY', 'npy', 'NPY', ''],
  ['PK\x03\x04', 'zip', 'a zip archive', 'unpack it'],
  ['PK\x05\x06', 'zip', 'an empty zip archive', 'unpack it'],
  ['ARROW1', 'other', 'an Arrow file', 'save it as Parquet or CSV'],
  ['\xff\xff\xff\xff', 'other', 'an Arrow stream', 'save it as Parquet or CSV'],
  ['ORC', 'other', 'an ORC file', 'save it as Parquet or CSV'],
  ['Obj\x01', 'other', 'an Avro file', 'save it as Parquet or CSV'],
  ['\xd0\xcf\x11\xe0', 'other', 'an old Excel workbook', 'save it as CSV'],
  ['\x89HDF', 'other', 'an HDF5 file', 'save it as Parquet or CSV'],
  ['SQLite format 3\0', 'other', 'an SQLite database', 'save the table as CSV'],
  ['\x28\xb5\x2f\xfd', 'other', 'packed by zstd', 'unpack it, e.g. unzstd FILE'],
  ['BZh', 'other', 'packed by bzip2', 'unpack it, e.g. bunzip2 FILE'],
  ['\xfd7zXZ', 'other', 'packed by xz', 'unpack it, e.g. unxz FILE'],
  ['7z\xbc\xaf', 'other', 'a 7z archive', 'unpack it'],
  ['%PDF', 'other', 'a PDF', 'save the table as CSV'],
  ['\x89PNG', 'other', 'a picture', 'give a table'],
  ['\x7fELF', 'other', 'a program', 'give a table'],
  ['\xff\xfe', 'other', 'UTF-16', 'save it as UTF-8'],
  ['\xfe\xff', 'other', 'UTF-16', 'save it as UTF-8'],
  ['RDX', 'other', 'data of R', 'save the table as CSV'],
]

/** @param head the first bytes, 512 or as many as there are */
export function magicOf(head: Uint8Array): Magic {
  const start = latin1(head.subarray(0, 512))
  for (const [bytes, kind, what, remedy] of TABLE) {
    if (![...bytes].every((byte, i) => head[i] === byte.charCodeAt(0))) continue
    return kind === 'zip' && /xl\/|\[Content_Types\]/.test(start)
      ? { kind: 'other', what: 'an Excel workbook', remedy: 'save it as CSV' }
      : { kind, what, remedy }
  }
  if (/^(ï»¿)?\s*<(!doctype|html|\?xml)/i.test(start)) {
    return { kind: 'other', what: 'a page of HTML or XML, not a table', remedy: 'download the file itself' }
  }
  return { kind: 'text', what: 'text', remedy: '' }
}
