/**
 * IDX, the format of MNIST and of the sets made in its image (yann.lecun.com/exdb/mnist): two zero bytes, the type of the
 * elements, the number of dimensions, each dimension as a big-endian 32-bit number, then the elements. Only unsigned
 * bytes are read here, and they stay bytes: what is returned is a view of what was given.
 */
import { InputError } from '../error.ts'
import { latin1 } from './latin1.ts'

/** An array of bytes of any shape. */
export interface IdxArray {
  readonly shape: readonly number[]
  /** Row-major, one byte an element. */
  readonly data: Uint8Array
}

/** N pictures and their classes. */
export interface LabelledImages {
  readonly N: number
  readonly rows: number
  readonly columns: number
  /** [N, rows, columns], 0 is background. */
  readonly images: Uint8Array
  /** [N], each 0 … 9. */
  readonly labels: Uint8Array
}

const UBYTE = 0x08
const TYPES: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
}

/**
 * @param what names the bytes in messages: a file
 * @param dimensions how many there must be
 * @throws InputError unless the bytes are IDX of unsigned bytes, whole, with that many dimensions
 */
export function parseIdx(bytes: Uint8Array, what: string, dimensions: number): IdxArray {
  const refuse = (problem: string): never => {
    throw new InputError(
      `${what}: expected IDX data of ${dimensions} dimension${dimensions > 1 ? 's' : ''} but ${problem}`,
    )
  }
  if (isHtml(bytes)) refuse('it is an HTML page, not data: download the file again')
  if (bytes.length < 4) refuse(`it has only ${bytes.length} bytes: download the file again`)
  const [zero, zeroToo, type, D] = bytes as unknown as [number, number, number, number]
  if (zero !== 0 || zeroToo !== 0) {
    refuse(`it starts with the bytes ${[...bytes.subarray(0, 4)].join(' ')}, not with 0 0 ${UBYTE} ${dimensions}`)
  }
  if (type !== UBYTE) refuse(`its elements are ${TYPES[type] ?? `of unknown type ${type}`}, not unsigned bytes`)
  if (D !== dimensions) refuse(`it has ${D}: are images and labels exchanged?`)
  const start = 4 + 4 * D
  if (bytes.length < start) refuse(`it ends inside its header, after ${bytes.length} bytes: download the file again`)
  const header = new DataView(bytes.buffer, bytes.byteOffset, start)
  const shape = Array.from({ length: D }, (_, d) => header.getUint32(4 + 4 * d))
  if (shape.includes(0)) refuse(`its shape is ${shape.join('×')}: it is empty`)
  const size = shape.reduce((product, n) => product * n, 1)
  const held = bytes.length - start
  if (held !== size) {
    const how = held < size ? 'it is cut off' : 'it is too long'
    refuse(`${how}: ${shape.join('×')} elements are ${size} bytes and it holds ${held}: download the file again`)
  }
  return { shape, data: bytes.subarray(start) }
}

/** The bytes of two files that belong together, and their names for messages. */
export interface LabelledFiles {
  readonly images: { readonly bytes: Uint8Array; readonly name: string }
  readonly labels: { readonly bytes: Uint8Array; readonly name: string }
}

/** @throws InputError unless both are whole, count the same number of pictures, and every label is 0 … 9 */
export function parseLabelled({ images, labels }: LabelledFiles): LabelledImages {
  const pictures = parseIdx(images.bytes, images.name, 3)
  const { data, shape } = parseIdx(labels.bytes, labels.name, 1)
  const [N, rows, columns] = pictures.shape as [number, number, number]
  if (shape[0] !== N) {
    throw new InputError(
      `${labels.name}: expected ${N} labels, one for each image of ${images.name}, but received ${shape[0]}: ` +
        'the two are not of one set',
    )
  }
  const bad = data.findIndex((label) => label > 9)
  if (bad >= 0) throw new InputError(`${labels.name}: label ${bad}: expected 0 … 9 but received ${data[bad]}`)
  return { N, rows, columns, images: pictures.data, labels: data }
}

/** Whether this is what servers send in place of a file: text that starts with a tag. */
function isHtml(bytes: Uint8Array): boolean {
  const start = latin1(bytes.subarray(0, 64)).replace(/^ï»¿/, '')
  return /^\s*<[!?a-z]/i.test(start)
}
