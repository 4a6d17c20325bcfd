/** Fields of protocol buffers, written. */
import { InputError, shown } from '../error.ts'
import { DELIMITED, FIXED32, FIXED64, VARINT } from './protobuf.ts'

/** A field, or a message, that is written: its bytes in parts, one after the other. Parts may be views. */
export type Parts = readonly Uint8Array[]

/** @param value a whole number; below 0 it takes 10 bytes, as int64 does */
export function varintField(field: number, value: number | bigint): Parts {
  return [Uint8Array.from([...tagOf(field, VARINT), ...varint(value)])]
}

/** A float32. */
export function floatField(field: number, value: number): Parts {
  return [Uint8Array.from([...tagOf(field, FIXED32), ...new Uint8Array(Float32Array.of(value).buffer)])]
}

/** A float64. */
export function doubleField(field: number, value: number): Parts {
  return [Uint8Array.from([...tagOf(field, FIXED64), ...new Uint8Array(Float64Array.of(value).buffer)])]
}

export function textField(field: number, value: string): Parts {
  return bytesField(field, [new TextEncoder().encode(value)])
}

/** Bytes, or a message. */
export function bytesField(field: number, content: Parts): Parts {
  return [Uint8Array.from([...tagOf(field, DELIMITED), ...varint(sizeOf(content))]), ...content]
}

export function sizeOf(parts: Parts): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

function tagOf(field: number, kind: number): number[] {
  return varint(field * 8 + kind)
}

/** Seven bits a byte, lowest first. */
function varint(value: number | bigint): number[] {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new InputError(`protocol buffer: expected a whole number but received ${shown(value)}`)
  }
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return [...out, Number(rest)]
}
