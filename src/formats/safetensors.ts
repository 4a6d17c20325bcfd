/**
 * safetensors (https://github.com/huggingface/safetensors, "Format"): 8 bytes of little-endian header length, a JSON
 * header (safetensorsHeader.ts), then the tensors without holes. Files come from strangers: everything the header says
 * is checked before a byte of data is touched. What is written is checked as well, so that every file that is written
 * can be read.
 *
 * A file may be larger than any array (V 1,000,000, H 512: 4 GB; Node 20 reads 2 GB at once): it is written from where
 * its tensors lie, and read a part at a time to where they shall be.
 */
import type { Floats } from '../backend/backend.ts'
import { InputError, shown } from '../error.ts'
import { bfloat16Bits, float16Bits } from './half.ts'
import { type Dtype, elements, HEADER_LIMIT, isMalformed, parseHeader, type Span, WHAT } from './safetensorsHeader.ts'

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
  /**
   * Numbers of F64 are read as float64; those of F32, F16 and BF16 as float32, without a loss; no other kind is read.
   */
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /**
   * Its numbers, in an array of their own or in one of that size, of either precision, that is given.
   * @throws InputError for another kind of numbers, an array of another size, or a number that float32 cannot hold
   */
  read(into?: Floats): Floats
  /** Its numbers, some at a time; the array is the same each time. @throws InputError for another kind of numbers */
  parts(): Iterable<Floats>
}

/** What a safetensors file holds. */
export interface Decoded {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: ReadonlyMap<string, string>
}

/**
 * The bytes of a safetensors file. They depend on the content of the arguments only, not on their order.
 * @param metadata strings by name, for the header
 * @throws InputError as encodeParts does
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
 * A file in parts, to be written one after the other: the header, then views of the tensors' own memory. It depends on
 * its arguments' content only, not on their order: F64 first (alignment), then by name.
 * @throws InputError for what no reader would read back: numbers that are not float32 or float64, a shape of another
 * size, a name that is there twice or is none, metadata that is not text, a header of more than 100 MB
 */
export function encodeParts(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  refuseTensors(tensors)
  refuseMetadata(metadata)
  const sorted = [...tensors].sort(
    (a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1),
  )
  let end = 0
  const entries = sorted.map(({ name, shape, data }) => {
    const begin = end
    end += data.byteLength
    const entry = { dtype: floatsOf(data), shape, data_offsets: [begin, end] }
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`
  })
  const pairs = Object.keys(metadata)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`)
  const text = `{${[...(pairs.length > 0 ? [`"__metadata__":{${pairs.join(',')}}`] : []), ...entries].join(',')}}`
  const json = new TextEncoder().encode(text)
  const length = Math.ceil(json.length / 8) * 8 // data on an 8-byte boundary, the rest spaces
  if (length > HEADER_LIMIT) {
    throw new InputError(
      `${WHAT}: expected names and metadata of at most ${HEADER_LIMIT} bytes but received ${length}: readers refuse it`,
    )
  }
  const header = new Uint8Array(8 + length)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.fill(0x20, 8).set(json, 8)
  return [header, ...sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

/**
 * By its tag, which arrays of another realm (an iframe, a test runner) have as well, though they are instances of none
 * here.
 */
function floatsOf(data: unknown): 'F32' | 'F64' | null {
  const tag = ArrayBuffer.isView(data) && (data as Partial<Floats>)[Symbol.toStringTag]
  return tag === 'Float32Array' ? 'F32' : tag === 'Float64Array' ? 'F64' : null
}

function refuseTensors(tensors: readonly NamedTensor[]): void {
  if (!Array.isArray(tensors)) {
    throw new InputError(`${WHAT}: expected an array of tensors, {name, shape, data}, but received ${shown(tensors)}`)
  }
  const names = new Set<string>()
  for (const { name, shape, data } of Array.from(
    tensors,
    (tensor: Partial<NamedTensor> | null | undefined) => tensor ?? {},
  )) {
    if (typeof name !== 'string' || name === '__metadata__' || isMalformed(name)) {
      throw new InputError(
        `${WHAT}: expected a name of Unicode text, not __metadata__, for each tensor but received ${shown(name)}: rename it`,
      )
    }
    const what = `${WHAT}: tensor ${shown(name)}`
    if (names.has(name)) throw new InputError(`${what}: it is given twice: names must be unique: rename one`)
    names.add(name)
    if (!floatsOf(data)) {
      throw new InputError(
        `${what}: expected data as a Float32Array or Float64Array but received ${shown(data)}: convert it, ` +
          'e.g. Float64Array.from(data)',
      )
    }
    const sizes: unknown[] = Array.isArray(shape) ? Array.from(shape) : [shape]
    const bad = sizes.findIndex((n) => !Number.isSafeInteger(n) || (n as number) < 0)
    if (!Array.isArray(shape) || bad >= 0) {
      throw new InputError(`${what}: shape: expected whole numbers >= 0 but received ${shown(sizes[Math.max(bad, 0)])}`)
    }
    if (elements(shape) !== data!.length) {
      throw new InputError(`${what}: expected ${elements(shape)} numbers for [${shape}] but received ${data!.length}`)
    }
  }
}

function refuseMetadata(metadata: Readonly<Record<string, string>>): void {
  if (Object.prototype.toString.call(metadata) !== '[object Object]') {
    throw new InputError(
      `${WHAT}: metadata: expected an object of strings but received ${shown(metadata)}: of a Map take Object.fromEntries(map)`,
    )
  }
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string' && !isMalformed(key + value)) continue
    throw new InputError(
      `${WHAT}: metadata ${shown(key)}: expected Unicode text but received ${shown(value)}: write it as text, e.g. ` +
        'JSON.stringify(value)',
    )
  }
}

/**
 * What a file holds; its tensors are read when they are asked for.
 * @throws InputError naming what is wrong with the file
 */
export function decode(file: FileBytes): Decoded {
  const source = sourceOf(file)
  const { size } = source
  if (size < 8) throw new InputError(`${WHAT}: expected at least 8 bytes but received ${size}: it is cut off`)
  const first = new Uint8Array(8)
  source.read(0, first)
  const declared = new DataView(first.buffer).getBigUint64(0, true)
  if (declared > BigInt(Math.min(size - 8, HEADER_LIMIT))) {
    const other = otherKind(first)
    if (other) throw new InputError(`${WHAT}: expected safetensors but it is ${other}`)
    throw new InputError(
      `${WHAT}: expected a header within its ${size} bytes but it says ${declared}: it is cut off or no safetensors file`,
    )
  }
  const dataStart = 8 + Number(declared)
  const json = new Uint8Array(dataStart - 8)
  source.read(8, json)
  const { spans, metadata } = parseHeader(json, size - dataStart)
  return { tensors: new Map(spans.map((span) => [span.name, storedTensor(source, dataStart, span)])), metadata }
}

const TORCH = "in Python, from safetensors.torch import save_file; save_file(torch.load(FILE), 'model.safetensors')"

/** Other files that hold weights, by their first bytes, and what to do about them. Those of Python may run code. */
const OTHER_KINDS: readonly [begins: string, kind: string][] = [
  ['PK', `a zip file, as torch.save writes: save the state dict as safetensors: ${TORCH}`],
  ['\x80\x02', `a pickle, as torch.save wrote before 1.6: save the state dict as safetensors: ${TORCH}`],
  ['\x89HDF', 'HDF5, as Keras writes: save the weights as safetensors, as docs/from-pytorch.md says'],
]

function otherKind(first: Uint8Array): string | undefined {
  // ONNX begins with its version, 3 … 14, in a field of the number 1; a length has zeros at its end.
  const isVersion = first[0] === 8 && first[1]! >= 3 && first[1]! <= 14 && first.subarray(4).some((byte) => byte !== 0)
  if (isVersion) return 'an ONNX file: take importOnnx, or irnn import'
  const begins = String.fromCharCode(...first)
  return OTHER_KINDS.find(([start]) => begins.startsWith(start))?.[1]
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

const WIDENED: Partial<Record<Dtype, (half: number) => number>> = { F16: float16Bits, BF16: bfloat16Bits }

function storedTensor(source: Source, dataStart: number, { name, dtype, shape, begin }: Span): StoredTensor {
  const what = `${WHAT}: tensor ${shown(name)}`
  const n = elements(shape)
  const widened = WIDENED[dtype]
  const array = (n: number): Floats => {
    if (dtype === 'F64') return new Float64Array(n)
    if (dtype === 'F32' || widened) return new Float32Array(n)
    throw new InputError(`${what}: expected numbers of F64, F32, F16 or BF16 but it has ${dtype}, which is not read`)
  }
  function* parts(): Iterable<Floats> {
    const part = array(Math.min(n, PART))
    const stored = widened ? new Uint16Array(part.length) : part
    const size = stored.BYTES_PER_ELEMENT
    for (let at = 0; at < n; at += PART) {
      const length = Math.min(PART, n - at)
      source.read(dataStart + begin + at * size, new Uint8Array(stored.buffer, 0, length * size))
      if (widened) {
        const bits = new Uint32Array(part.buffer)
        for (let i = 0; i < length; i++) bits[i] = widened(stored[i]!)
      }
      yield part.subarray(0, length)
    }
  }
  const read = (into: Floats = array(n)): Floats => {
    if (!floatsOf(into) || into.length !== n) {
      const came = floatsOf(into) ? into.length : shown(into)
      throw new InputError(`${what}: expected an array of ${n} floats to read into but received ${came}`)
    }
    const narrower = dtype === 'F64' && floatsOf(into) === 'F32'
    let at = 0
    for (const part of parts()) {
      into.set(part, at)
      if (narrower) refuseTooLarge(part, into.subarray(at), what, at)
      at += part.length
    }
    return into
  }
  return { dtype, shape, parts, read }
}

/** Infinity and NaN in a file are what they are; a finite number must not become one of them. */
function refuseTooLarge(given: Floats, held: Floats, what: string, from: number): void {
  const bad = given.findIndex((value, i) => Number.isFinite(value) && !Number.isFinite(held[i]))
  if (bad < 0) return
  throw new InputError(
    `${what}: number ${from + bad}: expected at most 3.4e38, as float32 has, but received ${given[bad]}`,
  )
}
