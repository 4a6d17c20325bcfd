/**
 * safetensors (https://github.com/huggingface/safetensors, "Format"): 8 bytes of little-endian header length, a JSON header
 * {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__: {string: string}}, then the tensors without holes. Files
 * come from strangers: everything the header says is checked before a byte of data is touched.
 */
import { z } from 'zod'
import type { Floats } from '../backend/backend.ts'
import { checked, InputError, shown } from '../error.ts'

export interface Tensor {
  readonly shape: readonly number[]
  /** Written as F32 or F64, by its type. */
  readonly data: Floats
}

export interface NamedTensor extends Tensor {
  readonly name: string
}

export interface Decoded {
  readonly tensors: ReadonlyMap<string, Tensor & { readonly dtype: 'F32' | 'F64' }>
  readonly metadata: ReadonlyMap<string, string>
}

const HEADER_LIMIT = 100_000_000 // the reference implementation's
const BYTES = { F32: 4, F64: 8 } as const
const WHAT = 'safetensors file'

/** A file that depends on its arguments' content only, not on their order: F64 first (alignment), then by name. */
export function encode(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
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
  const header = new TextEncoder().encode(text)
  const length = Math.ceil(header.length / 8) * 8 // data on an 8-byte boundary, the rest spaces
  const file = new Uint8Array(8 + length + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true)
  file.fill(0x20, 8, 8 + length).set(header, 8)
  let at = 8 + length
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}

/** @throws InputError naming what is wrong with the file */
export function decode(bytes: Uint8Array): Decoded {
  const { header, dataStart } = readHeader(bytes)
  const data = bytes.subarray(dataStart)
  const { __metadata__, ...rest } = header
  const spans = Object.entries(rest).map(([name, entry]) => checkedSpan(name, entry, data.length))
  checkCover(spans, data.length)
  const tensors = new Map<string, Tensor & { dtype: 'F32' | 'F64' }>()
  for (const { name, dtype, shape, begin, end } of spans) {
    // A copy: aligned, and the file may be dropped. Not data.slice(): a Node Buffer's is a view.
    const own = new Uint8Array(data.subarray(begin, end)).buffer
    tensors.set(name, { dtype, shape, data: dtype === 'F32' ? new Float32Array(own) : new Float64Array(own) })
  }
  const metadata = __metadata__ === undefined ? {} : checked(metadataSchema, __metadata__, `${WHAT}: __metadata__`)
  return { tensors, metadata: new Map(Object.entries(metadata)) }
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

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8)
    throw new InputError(`${WHAT}: expected at least 8 bytes but received ${bytes.length}: it is cut off`)
  const declared = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (declared > BigInt(Math.min(bytes.length - 8, HEADER_LIMIT))) {
    throw new InputError(
      `${WHAT}: expected a header within its ${bytes.length} bytes but it says ${declared}: it is cut off or no safetensors file`,
    )
  }
  const dataStart = 8 + Number(declared)
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart))
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
