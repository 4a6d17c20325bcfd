/** NPY, the format of NumPy's arrays (numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
import { InputError } from '../error.ts'
import { float16Bits } from './half.ts'
import { latin1 } from './latin1.ts'

/** An array; its elements are in C order (the last index moves first), however the file had them. */
export interface NpyArray {
  readonly shape: readonly number[]
  /** Numbers; NaN is a number as any other. Of moments milliseconds since 1970, NaN for NaT. */
  readonly data: Float64Array | Float32Array | readonly string[]
  readonly kind: 'number' | 'boolean' | 'text' | 'time'
}

type Read = (view: DataView, at: number, little: boolean) => number

const bits = new DataView(new ArrayBuffer(4))

const NUMBERS: Readonly<Record<string, Read>> = {
  b1: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) =>
    view.getInt32(at + (little ? 4 : 0), little) * 2 ** 32 + view.getUint32(at + (little ? 0 : 4), little),
  u8: (view, at, little) =>
    view.getUint32(at + (little ? 4 : 0), little) * 2 ** 32 + view.getUint32(at + (little ? 0 : 4), little),
  f2: (view, at, little) => {
    bits.setUint32(0, float16Bits(view.getUint16(at, little)))
    return bits.getFloat32(0)
  },
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
}

/** Milliseconds of the units of datetime64. */
const UNITS: Readonly<Record<string, number>> = {
  W: 604_800_000,
  D: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
}

/** Bytes that a header may have; NumPy's own limit is 10,000. */
const LONGEST_HEADER = 2 ** 16
const MOST_DIMENSIONS = 32

/**
 * @param what names the bytes in messages
 * @throws InputError for what is damaged, cut off, or holds objects, records, complex numbers
 */
export function parseNpy(what: string, bytes: Uint8Array): NpyArray {
  const refuse = (problem: string): never => {
    throw new InputError(`${what}: expected an array of NumPy but ${problem}`)
  }
  if (bytes.length < 10 || latin1(bytes.subarray(1, 6)) !== 'NUMPY') refuse('it is no NPY file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const long = bytes[6]! >= 2
  if (bytes[6]! < 1 || bytes[6]! > 3) refuse(`it is of version ${bytes[6]}, which is not known`)
  const start = long ? 12 : 10
  const length = long && bytes.length >= 12 ? view.getUint32(8, true) : view.getUint16(8, true)
  if (length > LONGEST_HEADER || start + length > bytes.length)
    refuse(`its header of ${length} bytes is cut off or damaged`)
  const { type, size, fortran, shape } = parseHeader(latin1(bytes.subarray(start, start + length)), refuse)
  const elements = shape.reduce((product, n) => product * n, 1)
  const held = bytes.length - start - length
  if (!Number.isSafeInteger(elements) || elements * size !== held) {
    refuse(
      `${shape.join('×') || 'one'} elements of ${size} bytes are not the ${held} that it holds: copy or write it again`,
    )
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset + start + length, held)
  const places = fortran && shape.length > 1 ? placesOf(shape) : undefined
  return { shape, ...elementsOf(type, size, data, elements, places, refuse) }
}

interface Header {
  /** As NumPy writes it: byte order, kind, size, unit. */
  readonly type: string
  /** Of an element, in bytes. */
  readonly size: number
  readonly fortran: boolean
  readonly shape: readonly number[]
}

const DESCR = /'descr': *'([<>|=][a-zA-Z]\d*(?:\[\w+\])?)'/
const ORDER = /'fortran_order': *(True|False)/
const SHAPE = /'shape': *\(([\d, ]*)\)/

function parseHeader(text: string, refuse: (problem: string) => never): Header {
  const [descr, order, sizes] = [DESCR.exec(text), ORDER.exec(text), SHAPE.exec(text)]
  if (/'descr': *\[/.test(text)) refuse('it holds records: save each field as an array, or the table as CSV')
  if (!descr || !order || !sizes) return refuse('its header does not say descr, fortran_order and shape')
  const shape = sizes[1]!
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number)
  if (shape.length > MOST_DIMENSIONS || !shape.every(Number.isSafeInteger)) refuse('its shape is damaged')
  const type = descr[1]!
  const count = Number(/\d+/.exec(type)?.[0] ?? 0)
  const size = type[1] === 'U' ? 4 * count : count
  if (size === 0) refuse(type[1] === 'O' ? 'it holds objects of Python: save numbers or words' : `its type is ${type}`)
  return { type, size, fortran: order[1] === 'True', shape }
}

/** Where element k in C order lies in Fortran's order. */
function placesOf(shape: readonly number[]): Float64Array {
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((product, n) => product * n, 1))
  const places = new Float64Array(shape.reduce((product, n) => product * n, 1))
  const index = shape.map(() => 0)
  let place = 0
  for (let k = 0; k < places.length; k++) {
    places[k] = place
    for (let d = shape.length - 1; d >= 0; d--) {
      place += strides[d]!
      if (++index[d]! < shape[d]!) break
      place -= strides[d]! * shape[d]!
      index[d] = 0
    }
  }
  return places
}

function elementsOf(
  type: string,
  size: number,
  view: DataView,
  elements: number,
  places: Float64Array | undefined,
  refuse: (problem: string) => never,
): Pick<NpyArray, 'data' | 'kind'> {
  const little = type[0] !== '>'
  const at = (k: number) => size * (places ? places[k]! : k)
  if (type[1] === 'U' || type[1] === 'S') {
    const read = type[1] === 'U' ? codePoints : characters
    return { kind: 'text', data: Array.from({ length: elements }, (_, k) => read(view, at(k), size, little)) }
  }
  const unit = type[1] === 'M' ? UNITS[/\[(\w+)\]/.exec(type)?.[1] ?? ''] : undefined
  const read = unit !== undefined ? NUMBERS.i8 : NUMBERS[type.slice(1)]
  if (read === undefined) return refuse(`its type is ${type}: save it as float64, or as words`)
  const data = type.slice(1) === 'f4' ? new Float32Array(elements) : new Float64Array(elements)
  const whole = /^[iu]8$/.test(type.slice(1))
  for (let k = 0; k < elements; k++) {
    const value = read(view, at(k), little)
    if (whole && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      refuse(`element ${k} is about ${value}, which float64 cannot hold exactly: save it as float64 or as words`)
    }
    data[k] = unit === undefined ? value : value === -(2 ** 63) ? Number.NaN : Math.floor(value * unit)
  }
  return { kind: unit !== undefined ? 'time' : type[1] === 'b' ? 'boolean' : 'number', data }
}

/** UTF-32, filled up with zeros. */
function codePoints(view: DataView, at: number, size: number, little: boolean): string {
  let text = ''
  for (let i = 0; i < size; i += 4) {
    const point = view.getUint32(at + i, little)
    if (point === 0) break
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'
  }
  return text
}

function characters(view: DataView, at: number, size: number): string {
  return latin1(new Uint8Array(view.buffer, view.byteOffset + at, size)).replace(/\0+$/, '')
}
