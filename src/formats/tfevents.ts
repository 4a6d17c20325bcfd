/**
 * TensorBoard's event file: TFRecords (tensorflow/core/lib/io/record_writer.h: length u64, masked CRC of it, data,
 * masked CRC of that, little-endian) that each hold one Event message (tensorflow/core/util/event.proto and
 * framework/summary.proto, protocol buffers). Of both only what scalars need. A scalar is a float32 there: what is
 * beyond 3.4e38 is Infinity.
 */
import { InputError, shown } from '../error.ts'

/** The record that a file begins with. @param wallTime seconds since 1970 */
export function encodeFileVersion(wallTime: number): Uint8Array {
  return record([...double(1, wallTime), ...text(3, 'brain.Event:2')])
}

/**
 * Scalars of one step, by tag.
 * @param wallTime seconds since 1970
 * @throws InputError unless the step is a whole number >= 0
 */
export function encodeScalars(wallTime: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new InputError(`events: step: expected a whole number >= 0 but received ${shown(step)}`)
  }
  const summary = Object.entries(scalars).flatMap(([tag, value]) => bytes(1, [...text(1, tag), ...float(2, value)]))
  return record([...double(1, wallTime), ...varint((2 << 3) | VARINT), ...varint(step), ...bytes(5, summary)])
}

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

function double(field: number, value: number): number[] {
  return [(field << 3) | FIXED64, ...new Uint8Array(little(8, (view) => view.setFloat64(0, value, true)))]
}

function float(field: number, value: number): number[] {
  return [(field << 3) | FIXED32, ...new Uint8Array(little(4, (view) => view.setFloat32(0, value, true)))]
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)])
}

function bytes(field: number, content: readonly number[]): number[] {
  return [(field << 3) | LENGTH_DELIMITED, ...varint(content.length), ...content]
}

/** Seven bits a byte, lowest first; division, since `>>` would cut at 32 bits. */
function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  return [...out, rest]
}

function little(size: number, write: (view: DataView) => void): ArrayBuffer {
  const buffer = new ArrayBuffer(size)
  write(new DataView(buffer))
  return buffer
}

function record(message: readonly number[]): Uint8Array {
  const n = message.length
  const out = new Uint8Array(8 + 4 + n + 4)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(n), true)
  view.setUint32(8, masked(crc32c(out.subarray(0, 8))), true)
  out.set(message, 12)
  view.setUint32(12 + n, masked(crc32c(out.subarray(12, 12 + n))), true)
  return out
}

/** The whole records that a file begins with, up to the first whose checksums do not fit. */
export function wholeRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const records: Uint8Array[] = []
  for (let at = 0; at + 16 <= file.length; ) {
    const n = Number(view.getBigUint64(at, true))
    const end = at + 12 + n + 4
    if (end > file.length || view.getUint32(at + 8, true) !== masked(crc32c(file.subarray(at, at + 8)))) break
    if (view.getUint32(end - 4, true) !== masked(crc32c(file.subarray(at + 12, end - 4)))) break
    records.push(file.subarray(at, end))
    at = end
  }
  return records
}

/** A CRC of data that holds CRCs is weak: it is turned and shifted (tensorflow/core/lib/hash/crc32c.h). */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}
