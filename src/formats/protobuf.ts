/**
 * The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding): a message is fields, each a
 * number and a value, which is a varint, 8 bytes, a length and as many bytes, or 4 bytes. Files come from strangers: a
 * message is checked from end to end before one of its fields is asked for. protobufFields.ts writes them.
 */
import { InputError } from '../error.ts'

export const VARINT = 0
export const FIXED64 = 1
export const DELIMITED = 2
export const FIXED32 = 5
const KINDS: Readonly<Record<number, string>> = {
  [VARINT]: 'a varint',
  [FIXED64]: '8 bytes',
  [DELIMITED]: 'a length and bytes',
  [FIXED32]: '4 bytes',
}

/** Fields of one message: a real one has far fewer, and each costs more memory than its 2 bytes in a hostile file. */
const MOST_FIELDS = 1_000_000
/** Numbers of a list that stands in a message, but for those of tensors. */
const MOST_NUMBERS = 1_000_000

/** A value: its kind, and the place of its bytes. */
interface Place {
  readonly kind: number
  readonly start: number
  readonly end: number
}

/** A message that is read. Of fields that nobody asks for only the form is checked. */
export class Message {
  private readonly bytes: Uint8Array
  private readonly fields = new Map<number, Place[]>()
  /** What it is called in errors. */
  what: string

  /** @throws InputError unless its bytes are fields from end to end */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.what = what
    let count = 0
    for (let at = 0; at < bytes.length; ) {
      const tag = this.varint(at, bytes.length)
      const number = Number(tag.value >> 3n)
      if (number < 1 || number > 2 ** 29 - 1) throw this.damaged(`field number ${number} at byte ${at}`)
      const place = this.valueAt(Number(tag.value & 7n), tag.end, number)
      if (++count > MOST_FIELDS) {
        throw new InputError(`${what}: expected at most ${MOST_FIELDS} fields but it has more: it is no real model`)
      }
      const places = this.fields.get(number)
      if (places) places.push(place)
      else this.fields.set(number, [place])
      at = place.end
    }
  }

  private valueAt(kind: number, at: number, number: number): Place {
    let start = at
    let end: number
    if (kind === VARINT) end = this.varint(at, this.bytes.length).end
    else if (kind === FIXED64) end = at + 8
    else if (kind === FIXED32) end = at + 4
    else if (kind === DELIMITED) {
      const length = this.varint(at, this.bytes.length)
      start = length.end
      end = start + Number(length.value)
    } else throw this.damaged(`field ${number} of the unknown kind ${kind}`)
    if (end <= this.bytes.length) return { kind, start, end }
    const left = Math.max(0, this.bytes.length - start)
    throw new InputError(
      `${this.what}: expected ${end - start} bytes of field ${number} but there are ${left}: it is cut off or damaged`,
    )
  }

  private damaged(found: string): InputError {
    return new InputError(`${this.what}: expected fields of a protocol buffer but found ${found}: it is damaged`)
  }

  /** The unsigned varint at `at`, at most 10 bytes for 64 bits. */
  private varint(at: number, limit: number): { value: bigint; end: number } {
    const { bytes } = this
    const first = bytes[at]
    if (first !== undefined && first < 128 && at < limit) return { value: BigInt(first), end: at + 1 }
    let value = 0n
    for (let n = 0; n < 10; n++) {
      if (at + n >= limit) {
        throw new InputError(`${this.what}: expected a varint at byte ${at} but it is cut off`)
      }
      const byte = bytes[at + n]!
      value |= BigInt(byte & 127) << BigInt(7 * n)
      if (byte < 128) {
        if (value >> 64n === 0n) return { value, end: at + n + 1 }
        break
      }
    }
    throw this.damaged(`a varint of more than 64 bits at byte ${at}`)
  }

  /** The same message under another name, for errors. */
  called(what: string): Message {
    this.what = what
    return this
  }

  /** Whether the field is there. */
  has(number: number): boolean {
    return this.fields.has(number)
  }

  private places(number: number, kinds: readonly number[]): readonly Place[] {
    const places = this.fields.get(number) ?? []
    for (const { kind } of places) {
      if (kinds.includes(kind)) continue
      const expected = kinds.map((one) => KINDS[one]).join(' or ')
      throw new InputError(
        `${this.what}: field ${number}: expected ${expected} but received ${KINDS[kind]}: it is damaged`,
      )
    }
    return places
  }

  private place(number: number, kind: number): Place | undefined {
    const places = this.places(number, [kind])
    if (places.length < 2) return places[0]
    throw new InputError(
      `${this.what}: field ${number}: expected it once but received it ${places.length} times: it is damaged`,
    )
  }

  private content({ start, end }: Place): Uint8Array {
    return this.bytes.subarray(start, end)
  }

  private textOf(place: Place, number: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.content(place))
    } catch {
      throw new InputError(`${this.what}: field ${number}: expected text in UTF-8 but it is none: it is damaged`)
    }
  }

  /** Bytes, a view; null if the field is not there. */
  rawBytes(number: number): Uint8Array | null {
    const place = this.place(number, DELIMITED)
    return place ? this.content(place) : null
  }

  /** Empty if the field is not there. */
  text(number: number): string {
    const place = this.place(number, DELIMITED)
    return place ? this.textOf(place, number) : ''
  }

  texts(number: number): string[] {
    return this.places(number, [DELIMITED]).map((place) => this.textOf(place, number))
  }

  message(number: number, what: string): Message | null {
    const content = this.rawBytes(number)
    return content && new Message(content, what)
  }

  /** @param what names message n */
  *messages(number: number, what: (n: number) => string): Generator<Message> {
    for (const [n, place] of this.places(number, [DELIMITED]).entries()) yield new Message(this.content(place), what(n))
  }

  /** A signed number of 64 bits; 0 if the field is not there. Beyond 2^53 it is rounded. */
  int(number: number): number {
    const place = this.place(number, VARINT)
    return place ? Number(BigInt.asIntN(64, this.varint(place.start, place.end).value)) : 0
  }

  /** Signed numbers of 64 bits, packed or not. Beyond 2^53 they are rounded. */
  ints(number: number, most: number = MOST_NUMBERS): number[] {
    return Array.from(this.bigints(number, most), Number)
  }

  /** Numbers of 64 bits, packed or not. @throws InputError for more than `most` */
  bigints(number: number, most: number): BigInt64Array {
    const places = this.places(number, [VARINT, DELIMITED])
    let count = 0
    for (const { start, end } of places) for (let at = start; at < end; at++) if (this.bytes[at]! < 128) count++
    this.refuseMore(number, count, most)
    const all = new BigInt64Array(count)
    let n = 0
    for (const { start, end } of places) {
      for (let at = start; at < end; ) {
        const { value, end: next } = this.varint(at, end)
        all[n++] = BigInt.asIntN(64, value)
        at = next
      }
    }
    return all
  }

  /** 0 if the field is not there. */
  float(number: number): number {
    const place = this.place(number, FIXED32)
    return place ? this.view(place).getFloat32(0, true) : 0
  }

  /** Numbers of 32 bits, packed or not. @throws InputError for more than `most` */
  floats(number: number, most: number = MOST_NUMBERS): Float32Array {
    return new Float32Array(this.fixed(number, FIXED32, 4, most).buffer)
  }

  /** Numbers of 64 bits, packed or not. @throws InputError for more than `most` */
  doubles(number: number, most: number = MOST_NUMBERS): Float64Array {
    return new Float64Array(this.fixed(number, FIXED64, 8, most).buffer)
  }

  /** The bytes of numbers of `size` bytes each, one after the other. */
  private fixed(number: number, kind: number, size: number, most: number): Uint8Array {
    const places = this.places(number, [kind, DELIMITED])
    const total = places.reduce((sum, { start, end }) => sum + end - start, 0)
    const odd = places.find(({ start, end }) => (end - start) % size !== 0)
    if (odd) {
      throw new InputError(
        `${this.what}: field ${number}: expected numbers of ${size} bytes but received ${odd.end - odd.start} bytes: ` +
          'it is damaged',
      )
    }
    this.refuseMore(number, total / size, most)
    const all = new Uint8Array(total)
    let at = 0
    for (const place of places) {
      all.set(this.content(place), at)
      at += place.end - place.start
    }
    return all
  }

  private refuseMore(number: number, count: number, most: number): void {
    if (count <= most) return
    throw new InputError(
      `${this.what}: field ${number}: expected at most ${most} numbers but received ${count}: it is damaged`,
    )
  }

  private view({ start }: Place): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + start)
  }
}
