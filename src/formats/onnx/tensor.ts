/** ONNX's TensorProto: numbers as raw bytes, or in fields of their kind. */
import { InputError, shown } from '../../error.ts'
import { bfloat16Bits, float16Bits } from '../half.ts'
import type { Message } from '../protobuf.ts'
import { bytesField, type Parts, textField, varintField } from '../protobufFields.ts'
import { type OnnxTensor, TENSOR_TYPES, type TensorData, type TensorType } from './model.ts'

const DIMS = 1
const DATA_TYPE = 2
const SEGMENT = 3
const FLOAT_DATA = 4
const INT32_DATA = 5
const INT64_DATA = 7
const NAME = 8
const RAW_DATA = 9
const DOUBLE_DATA = 10
const EXTERNAL_DATA = 13
const DATA_LOCATION = 14

/** The most dimensions of a tensor, and the most numbers: far above any real one. */
export const MOST_DIMENSIONS = 32
const MOST_SIZE = 2 ** 31 - 1

interface Kind {
  /** The field that has its numbers where they are not raw. */
  readonly field: number
  /** Bytes of a raw number. */
  readonly size: number
  /** Numbers of bytes, which begin at a multiple of 8, or of a list. */
  readonly ofBytes: (bytes: ArrayBuffer) => TensorData
  readonly ofList: (list: number[]) => TensorData
}

const widened = (halves: ArrayLike<number>, bitsOf: (half: number) => number): Float32Array =>
  new Float32Array(Uint32Array.from(halves, bitsOf).buffer)

const KINDS: Readonly<Record<TensorType, Kind>> = {
  float32: whole(FLOAT_DATA, Float32Array),
  float64: whole(DOUBLE_DATA, Float64Array),
  float16: half(float16Bits),
  bfloat16: half(bfloat16Bits),
  int64: { field: INT64_DATA, size: 8, ofBytes: (bytes) => new BigInt64Array(bytes), ofList: () => nothing() },
  int32: whole(INT32_DATA, Int32Array),
  int16: whole(INT32_DATA, Int16Array),
  int8: whole(INT32_DATA, Int8Array),
  uint16: whole(INT32_DATA, Uint16Array),
  uint8: whole(INT32_DATA, Uint8Array),
  bool: whole(INT32_DATA, Uint8Array),
}

interface TypedArray {
  readonly BYTES_PER_ELEMENT: number
  new (bytes: ArrayBuffer): TensorData
  from(list: number[]): TensorData
}

function whole(field: number, Type: TypedArray): Kind {
  const size = Type.BYTES_PER_ELEMENT
  return { field, size, ofBytes: (bytes) => new Type(bytes), ofList: (list) => Type.from(list) }
}

function half(bitsOf: (half: number) => number): Kind {
  const ofList = (list: ArrayLike<number>) => widened(list, (half) => bitsOf(half & 0xffff))
  return { field: INT32_DATA, size: 2, ofBytes: (bytes) => ofList(new Uint16Array(bytes)), ofList }
}

function nothing(): never {
  throw new Error('int64 is read as 64 bits')
}

const TYPE_NAMES = new Map(Object.entries(TENSOR_TYPES).map(([name, number]) => [number as number, name as TensorType]))

/** The type of a number in a file. @throws InputError for one that is not read */
export function tensorType(number: number, what: string): TensorType {
  const type = TYPE_NAMES.get(number)
  if (type !== undefined) return type
  throw new InputError(
    `${what}: expected numbers of ${[...TYPE_NAMES.values()].join(', ')} but received ONNX's data type ${number}, ` +
      'which is not read',
  )
}

/** A tensor's name. */
export function tensorName(message: Message): string {
  return message.text(NAME)
}

/**
 * A tensor's numbers, copied.
 * @throws InputError for numbers in another file, for kinds that are not read, and for a shape of another size
 */
export function tensorOf(message: Message): OnnxTensor {
  const { what } = message
  const [place] = externalOf(message)
  if (place !== undefined || message.int(DATA_LOCATION) !== 0) {
    throw new InputError(
      `${what}: expected its numbers in the file but they are in another, ${shown(place ?? '')}, which is not read: ` +
        'save the model as one file',
    )
  }
  if (message.has(SEGMENT)) throw new InputError(`${what}: expected all of it but it is a segment: save it whole`)
  const type = tensorType(message.int(DATA_TYPE), what)
  const kind = KINDS[type]
  const shape = shapeOf(message)
  const n = elements(shape)
  const data = dataOf(message, kind, n, shape)
  return { type, shape, data }
}

function dataOf(message: Message, kind: Kind, n: number, shape: readonly number[]): TensorData {
  const { what } = message
  const raw = message.rawBytes(RAW_DATA)
  const others = [FLOAT_DATA, INT32_DATA, INT64_DATA, DOUBLE_DATA].filter((field) => message.has(field))
  const own = raw ? [] : [kind.field]
  const stray = others.find((field) => !own.includes(field))
  if (stray !== undefined) {
    throw new InputError(`${what}: expected its numbers once, of its own kind, but field ${stray} is there as well`)
  }
  if (raw) {
    if (raw.length !== n * kind.size) {
      throw new InputError(
        `${what}: expected ${n * kind.size} bytes for [${shape}] but received ${raw.length}: it is damaged`,
      )
    }
    return kind.ofBytes(raw.slice().buffer)
  }
  const data = listed(message, kind, n)
  if (data.length === n) return data
  throw new InputError(`${what}: expected ${n} numbers for [${shape}] but received ${data.length}: it is damaged`)
}

function listed(message: Message, { field, ofList }: Kind, most: number): TensorData {
  if (field === FLOAT_DATA) return message.floats(field, most)
  if (field === DOUBLE_DATA) return message.doubles(field, most)
  if (field === INT64_DATA) return message.bigints(field, most)
  return ofList(message.ints(field, most))
}

function shapeOf(message: Message): number[] {
  const shape = message.ints(DIMS, MOST_DIMENSIONS)
  const bad = shape.find((size) => !(size >= 0 && size <= MOST_SIZE))
  if (bad !== undefined) {
    throw new InputError(`${message.what}: expected sizes of 0 … ${MOST_SIZE} but its shape is [${shape}]`)
  }
  const n = elements(shape)
  if (n <= MOST_SIZE) return shape
  throw new InputError(
    `${message.what}: expected at most ${MOST_SIZE} numbers but its shape, [${shape}], has ${n}: it is damaged`,
  )
}

/** Where numbers that are not in the file shall be: at most one path. */
function externalOf(message: Message): string[] {
  const places: string[] = []
  let entries = 0
  for (const entry of message.messages(EXTERNAL_DATA, () => `${message.what}: external data`)) {
    entries++
    if (entry.text(1) === 'location') places.push(entry.text(2))
  }
  return entries > 0 ? [places[0] ?? ''] : []
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** @throws InputError unless it is what `tensorOf` reads back */
export function encodeTensor({ type, shape, data }: OnnxTensor, name = ''): Parts {
  const kind = KINDS[type]
  if (data.BYTES_PER_ELEMENT !== kind.size || data.length !== elements(shape)) {
    const came = `${data.length} numbers of ${data.BYTES_PER_ELEMENT} bytes`
    throw new InputError(
      `ONNX: tensor ${shown(name)}: expected ${elements(shape)} of ${type} for [${shape}] but received ${came}`,
    )
  }
  return [
    ...shape.flatMap((size) => varintField(DIMS, size)),
    ...varintField(DATA_TYPE, TENSOR_TYPES[type]),
    ...(name === '' ? [] : textField(NAME, name)),
    ...bytesField(RAW_DATA, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  ]
}
