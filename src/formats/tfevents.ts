/**
 * TensorBoard's event file: TFRecords (tensorflow/core/lib/io/record_writer.h: length u64, masked CRC of it, data,
 * masked CRC of that, little-endian) that each hold one Event message (tensorflow/core/util/event.proto and
 * framework/summary.proto, protocol buffers). Of both only what scalars need. A scalar is a float32 there: what is
 * beyond 3.4e38 is Infinity.
 */
import { joined } from '../arrays.ts'
import { InputError, shown } from '../error.ts'
import { bytesField, doubleField, floatField, type Parts, textField, varintField } from './protobufFields.ts'

/** The record that a file begins with. @param wallTime seconds since 1970 */
export function encodeFileVersion(wallTime: number): Uint8Array {
  return record([...doubleField(1, wallTime), ...textField(3, 'brain.Event:2')])
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
  const summary = Object.entries(scalars).flatMap(([tag, value]) =>
    bytesField(1, [...textField(1, tag), ...floatField(2, value)]),
  )
  return record([...doubleField(1, wallTime), ...varintField(2, step), ...bytesField(5, summary)])
}

function record(parts: Parts): Uint8Array {
  const message = joined(Uint8Array, parts)
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
