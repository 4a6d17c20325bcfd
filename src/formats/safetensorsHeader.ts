/**
 * The header of a safetensors file: a JSON object {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__:
 * {string: string}}. Everything that it says is checked here, before a byte of data is touched.
 */

import { checked, InputError, shown } from '../error.ts'
import * as z from '../schema.ts'

/** What a header may be long, the reference implementation's limit. */
export const HEADER_LIMIT = 100_000_000
export const WHAT = 'safetensors file'

/** Bits of one number of each kind that the format knows (safetensors 0.8). */
const BITS = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  BOOL: 8,
  C64: 64,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
} as const
export type Dtype = keyof typeof BITS

/** Where the numbers of a tensor lie. */
export interface Span {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Bytes from the start of the data, the end not included. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly spans: readonly Span[]
  readonly metadata: ReadonlyMap<string, string>
}

/** How many numbers a tensor of this shape has. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1)
}

/** Whether text has half of a surrogate pair alone: UTF-8 cannot hold it, and other readers refuse the file. */
export function isMalformed(text: string): boolean {
  return /\p{Surrogate}/u.test(text)
}

/**
 * @param json the header's bytes
 * @param available how many bytes of data follow it
 * @throws InputError naming what is wrong
 */
export function parseHeader(json: Uint8Array, available: number): Header {
  let text: string
  let header: unknown
  try {
    text = utf8(json)
    header = JSON.parse(text)
  } catch {
    throw new InputError(
      `${WHAT}: expected a header in JSON but it does not parse: it is damaged or no safetensors file`,
    )
  }
  if (!isObject(header)) {
    throw new InputError(`${WHAT}: expected the header to be an object but received ${shown(header)}`)
  }
  refuseRepeatedKeys(text)
  const spans: Span[] = []
  let metadata: ReadonlyMap<string, string> = new Map()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = metadataOf(entry)
    else spans.push(checkedSpan(name, entry, available))
  }
  checkCover(spans, available)
  return { spans, metadata }
}

/** UTF-8 as text, also in an audio worklet, which has no TextDecoder. @throws Error where it is none */
function utf8(bytes: Uint8Array): string {
  if (typeof TextDecoder !== 'undefined')
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function metadataOf(entry: unknown): Map<string, string> {
  const what = `${WHAT}: __metadata__`
  if (!isObject(entry)) throw new InputError(`${what}: expected an object of strings but received ${shown(entry)}`)
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string')
      throw new InputError(`${what}: ${shown(key)}: expected a string but received ${shown(value)}`)
    if (isMalformed(key + value)) {
      throw new InputError(`${what}: ${shown(key)}: expected Unicode text but half of a surrogate pair is missing`)
    }
  }
  return new Map(Object.entries(entry as Record<string, string>))
}

const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(BITS) as Dtype[]),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})

function checkedSpan(name: string, entry: unknown, available: number): Span {
  const what = `${WHAT}: tensor ${shown(name)}`
  if (isMalformed(name)) {
    throw new InputError(`${what}: expected a name of Unicode text but half of a surrogate pair is missing`)
  }
  const { dtype, shape, data_offsets } = checked(entrySchema, entry, what)
  const [begin, end] = data_offsets
  if (begin > end || end > available) {
    throw new InputError(
      `${what}: expected offsets within ${available} bytes of data but received [${begin}, ${end}]: it is cut off or damaged`,
    )
  }
  const size = (elements(shape) * BITS[dtype]) / 8
  if (size !== end - begin) {
    const sizes = shape.slice(0, 8).join(',') + (shape.length > 8 ? ',…' : '')
    throw new InputError(`${what}: expected ${size} bytes for ${dtype} [${sizes}] but its offsets hold ${end - begin}`)
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

/**
 * Refuses a key that is twice in one object of valid JSON, which JSON.parse would pass over in silence, and objects
 * that are deeper than tensors and their fields: a header of 100 MB that is nothing but braces would take 50 times its
 * size here.
 */
function refuseRepeatedKeys(text: string): void {
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') {
      open.push(new Set())
      if (open.length > 2) throw new InputError(`${WHAT}: expected tensors in its header but it nests deeper than that`)
    } else if (text[i] === '}') open.pop()
    else if (text[i] === '"') {
      const start = i++
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      let next = i + 1
      while (/\s/.test(text[next] ?? '')) next++
      if (text[next] !== ':') continue // a value
      const key = JSON.parse(text.slice(start, i + 1)) as string
      if (open.at(-1)!.has(key)) {
        throw new InputError(`${WHAT}: the name ${shown(key)} occurs twice in its header: names must be unique`)
      }
      open.at(-1)!.add(key)
    }
  }
}
