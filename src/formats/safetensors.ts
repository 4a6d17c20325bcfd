/**
 * safetensors (https://github.com/huggingface/safetensors, "Format"): 8 bytes of little-endian header length, a JSON header
 * {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__: {string: string}}, then the tensors without holes. Files
 * come from strangers: everything the header says is checked before a byte of data is touched.
 *
 * A file may be larger than any array (V 1,000,000, H 512: 4 GB; Node 20 reads 2 GB at once): it is written from where its
 * tensors lie, and read a part at a time to where they shall be.
 */
import { z } from 'zod'
import type { Floats } from '../backend/backend.ts'
import { checked, InputError, shown } from '../error.ts'

/** Numbers in row-major order, and their shape. */
export interface Tensor {
  readonly shape: readonly number[]
  /** Written as F32 or F64, by its type. */
  readonly data: Floats
}

/** A tensor and its name in a file. */
export interface NamedTensor extends Tensor {
  readonly name: string
}

/** A file's bytes, read where they are wanted. */
export interface Source {
  readonly size: number
  /** Fills `into` with the bytes from `at` on. */
  read(at: number, into: Uint8Array): void
}

/** A tensor that is still in its file. */
export interface StoredTensor {
  readonly dtype: 'F32' | 'F64'
  readonly shape: readonly number[]
  /** Its numbers, in an array of their own or in one of that size, of either precision, that is given. */
  read(into?: Floats): Floats
  /** Its numbers, some at a time; the array is the same each time. */
  parts(): Iterable<Floats>
}

/** What a safetensors file holds. */
export interface Decoded {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: ReadonlyMap<string, string>
}

const HEADER_LIMIT = 100_000_000 // the reference implementation's
const BYTES = { F32: 4, F64: 8 } as const
const WHAT = 'safetensors file'

/**
 * The bytes of a safetensors file. They depend on the content of the arguments only, not on their order.
 * @param metadata strings by name, for the header
 */
export function encode(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const parts = encodeParts(tensors, metadata)
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/**
 * A file in parts, to be written one after the other: the header, then views of the tensors' own memory. It depends on its
 * arguments' content only, not on their order: F64 first (alignment), then by name.
 */
export function encodeParts(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const sorted = [...tensors].sort(
    (a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1),
  )
  let end = 0
  const entries = sorted.map(({ name, shape, data }) => {
    const begin = end
    end += data.byteLength
    const entry = { dtype: dtypeOf(data), shape, data_offsets: [begin, end] }
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`
  })
  const pairs = Object.keys(metadata)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`)
  const text = `{${[...(pairs.length > 0 ? [`"__metadata__":{${pairs.join(',')}}`] : []), ...entries].join(',')}}`
  const json = new TextEncoder().encode(text)
  const length = Math.ceil(json.length / 8) * 8 // data on an 8-byte boundary, the rest spaces
  const header = new Uint8Array(8 + length)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.fill(0x20, 8).set(json, 8)
  return [header, ...sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

/** What a file holds; its tensors are read when they are asked for. @throws InputError naming what is wrong with the file */
export function decode(file: FileBytes): Decoded {
  const source = sourceOf(file)
  const { header, dataStart } = readHeader(source)
  const available = source.size - dataStart
  const { __metadata__, ...rest } = header
  const spans = Object.entries(rest).map(([name, entry]) => checkedSpan(name, entry, available))
  checkCover(spans, available)
  const tensors = new Map(spans.map((span) => [span.name, storedTensor(source, dataStart, span)]))
  const metadata = __metadata__ === undefined ? {} : checked(metadataSchema, __metadata__, `${WHAT}: __metadata__`)
  return { tensors, metadata: new Map(Object.entries(metadata)) }
}

/** A file: its bytes, of this realm or another, or a source that reads them where they are wanted. */
export type FileBytes = ArrayBufferLike | ArrayBufferView | Source

/** Bytes in memory as a source; a source as it is. @throws InputError for anything else */
export function sourceOf(file: FileBytes): Source {
  const bytes = bytesOf(file)
  if (bytes) return { size: bytes.length, read: (at, into) => into.set(bytes.subarray(at, at + into.length)) }
  const { size, read } = (file ?? {}) as Partial<Source>
  if (typeof size === 'number' && typeof read === 'function') return file as Source
  throw new InputError(
    `${WHAT}: expected its bytes, a Uint8Array or an ArrayBuffer, but received ${shown(file)}: read the file first`,
  )
}

/** A view of bytes, of this realm or another; null if it is none. */
function bytesOf(file: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  const isBuffer = /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(file))
  return isBuffer ? new Uint8Array(file as ArrayBufferLike) : null
}

/** Numbers of a tensor that are read at a time. */
const PART = 2 ** 20

function storedTensor(source: Source, dataStart: number, { dtype, shape, begin, end }: Span): StoredTensor {
  const n = (end - begin) / BYTES[dtype]
  const array = (n: number): Floats => (dtype === 'F32' ? new Float32Array(n) : new Float64Array(n))
  function* parts(): Iterable<Floats> {
    const part = array(Math.min(n, PART))
    for (let at = 0; at < n; at += PART) {
      const length = Math.min(PART, n - at)
      source.read(dataStart + begin + at * BYTES[dtype], new Uint8Array(part.buffer, 0, length * BYTES[dtype]))
      yield part.subarray(0, length)
    }
  }
  return {
    dtype,
    shape,
    parts,
    read(into = array(n)) {
      let at = 0
      for (const part of parts()) {
        into.set(part, at)
        at += part.length
      }
      return into
    },
  }
}

const metadataSchema = z.record(z.string(), z.string())
const entrySchema = z.strictObject({
  dtype: z.enum(['F32', 'F64']),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})

interface Span {
  readonly name: string
  readonly dtype: 'F32' | 'F64'
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

function readHeader(source: Source): { header: Record<string, unknown>; dataStart: number } {
  const { size } = source
  if (size < 8) throw new InputError(`${WHAT}: expected at least 8 bytes but received ${size}: it is cut off`)
  const first = new Uint8Array(8)
  source.read(0, first)
  const declared = new DataView(first.buffer).getBigUint64(0, true)
  if (declared > BigInt(Math.min(size - 8, HEADER_LIMIT))) {
    throw new InputError(
      `${WHAT}: expected a header within its ${size} bytes but it says ${declared}: it is cut off or no safetensors file`,
    )
  }
  const dataStart = 8 + Number(declared)
  const json = new Uint8Array(dataStart - 8)
  source.read(8, json)
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
    header = JSON.parse(text)
  } catch {
    throw new InputError(
      `${WHAT}: expected a header in JSON but it does not parse: it is damaged or no safetensors file`,
    )
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw new InputError(`${WHAT}: expected the header to be an object but received ${shown(header)}`)
  }
  const twice = repeatedKey(text)
  if (twice !== null)
    throw new InputError(`${WHAT}: the name ${shown(twice)} occurs twice in its header: names must be unique`)
  return { header: header as Record<string, unknown>, dataStart }
}

function checkedSpan(name: string, entry: unknown, available: number): Span {
  const what = `${WHAT}: tensor ${shown(name)}`
  const { dtype, shape, data_offsets } = checked(entrySchema, entry, what)
  const [begin, end] = data_offsets
  if (begin > end || end > available) {
    throw new InputError(
      `${what}: expected offsets within ${available} bytes of data but received [${begin}, ${end}]: it is cut off or damaged`,
    )
  }
  const size = shape.reduce((product, n) => product * n, BYTES[dtype])
  if (size !== end - begin) {
    throw new InputError(`${what}: expected ${size} bytes for ${dtype} [${shape}] but its offsets hold ${end - begin}`)
  }
  return { name, dtype, shape, begin, end }
}

/** The tensors must tile the data: an overlap is an attack or a defect, a hole a place to hide things. */
function checkCover(spans: readonly Span[], available: number): void {
  let reached = 0
  for (const { name, begin, end } of [...spans].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached) {
      const fault = begin < reached ? 'overlaps the one before it' : 'leaves a hole before it'
      throw new InputError(
        `${WHAT}: tensor ${shown(name)} ${fault}: expected it to begin at ${reached} but received ${begin}`,
      )
    }
    reached = end
  }
  if (reached !== available) {
    throw new InputError(`${WHAT}: expected ${reached} bytes of data, as its header says, but received ${available}`)
  }
}

/** The first key that occurs twice in one object of valid JSON, which JSON.parse would pass over in silence; else null. */
function repeatedKey(text: string): string | null {
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') open.push(new Set())
    else if (text[i] === '}') open.pop()
    else if (text[i] === '"') {
      const start = i++
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      let next = i + 1
      while (/\s/.test(text[next] ?? '')) next++
      if (text[next] !== ':') continue // a value
      const key = JSON.parse(text.slice(start, i + 1)) as string
      if (open.at(-1)!.has(key)) return key
      open.at(-1)!.add(key)
    }
  }
  return null
}

function dtypeOf(data: Floats): 'F32' | 'F64' {
  return data instanceof Float64Array ? 'F64' : 'F32'
}
