/**
 * IDX, the format of MNIST and of the sets made in its image (yann.lecun.com/exdb/mnist): two zero bytes, the type of
 * the elements, the number of dimensions, each dimension as a big-endian 32-bit number, then the elements. Only
 * unsigned bytes are read here, and they stay bytes: what is returned is a view of what was given.
 */
import { bytesOf } from '../arrays.ts'
import { InputError, refuseNoObject, refuseNoText, refuseUnless } from '../error.ts'
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
  /** [N], each 0 … classes - 1. */
  readonly labels: Uint8Array
  /** One more than the largest label: 10 of MNIST; 27 of EMNIST's letters, whose labels begin at 1. */
  readonly classes: number
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
 * @param given the bytes of a file
 * @param what names them in messages
 * @param dimensions how many there must be; otherwise any number
 * @throws InputError unless the bytes are IDX of unsigned bytes, whole, with that many dimensions
 */
export function parseIdx(given: Uint8Array, what: string, dimensions?: number): IdxArray {
  refuseNoText('name of the IDX data', what)
  const bytes = bytesOf(what, given)
  const isCount = dimensions === undefined || typeof dimensions === 'number'
  refuseUnless(isCount, `${what}: dimensions`, 'a number', dimensions)
  const wanted = dimensions === undefined ? '' : ` of ${dimensions} dimension${dimensions === 1 ? '' : 's'}`
  const refuse = (problem: string): never => {
    throw new InputError(`${what}: expected IDX data${wanted} but ${problem}`)
  }
  if (isHtml(bytes)) refuse('it is an HTML page, not data: download the file again')
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) refuse('it is packed by gzip: unpack it, e.g. gunzip FILE.gz')
  if (bytes.length < 4) refuse(`it has only ${bytes.length} bytes: download the file again`)
  const [zero, zeroToo, type, D] = bytes as unknown as [number, number, number, number]
  if (zero !== 0 || zeroToo !== 0) {
    refuse(
      `it starts with the bytes ${[...bytes.subarray(0, 4)].join(' ')}, not with 0 0 ${UBYTE} ${dimensions ?? 'N'}`,
    )
  }
  if (type !== UBYTE) refuse(`its elements are ${TYPES[type] ?? `of unknown type ${type}`}, not unsigned bytes`)
  if (dimensions !== undefined && D !== dimensions) refuse(`it has ${D}`)
  if (D === 0) refuse('it has no dimensions')
  const start = 4 + 4 * D
  if (bytes.length < start) refuse(`it ends inside its header, after ${bytes.length} bytes: download the file again`)
  const header = new DataView(bytes.buffer, bytes.byteOffset, start)
  const shape = Array.from({ length: D }, (_, d) => header.getUint32(4 + 4 * d))
  if (shape.includes(0)) refuse(`its shape is ${sizes(shape)}: it is empty`)
  const size = shape.reduce((product, n) => product * n, 1)
  const held = bytes.length - start
  if (held !== size) {
    const how = held < size ? 'it is cut off' : 'it is too long'
    refuse(`${how}: ${sizes(shape)} elements are ${size} bytes and it holds ${held}: download the file again`)
  }
  return { shape, data: bytes.subarray(start) }
}

/** The bytes of two files that belong together, and their names for messages. */
export interface LabelledFiles {
  readonly images: { readonly bytes: Uint8Array; readonly name: string }
  readonly labels: { readonly bytes: Uint8Array; readonly name: string }
}

/**
 * Pictures [N, rows, columns], or in another shape that says the same: [N, columns] of one row, [N, rows, columns, 1]
 * and [N, 1, rows, columns] of one colour. Labels [N] or [N, 1], of any range from 0 on.
 * @throws InputError unless both are whole, of such shapes, and count the same number of pictures
 */
export function parseLabelled(files: LabelledFiles): LabelledImages {
  refuseNoObject('parseLabelled', files)
  const { images, labels } = files
  refuseNoObject('images', images)
  refuseNoObject('labels', labels)
  const pictures = parseIdx(images.bytes, images.name)
  const { data, shape } = parseIdx(labels.bytes, labels.name)
  const [N, rows, columns] = pictureShape(pictures.shape, images.name)
  if (shape.length > 2 || (shape[1] ?? 1) !== 1) {
    const why = shape.length === 2 ? 'give the number of its class' : 'are images and labels exchanged?'
    throw new InputError(`${labels.name}: expected one label for each image but its shape is ${sizes(shape)}: ${why}`)
  }
  if (shape[0] !== N) {
    throw new InputError(
      `${labels.name}: expected ${N} labels, one for each image of ${images.name}, but received ${shape[0]}: ` +
        'the two are not of one set',
    )
  }
  const classes = 1 + data.reduce((most, label) => Math.max(most, label), 0)
  return { N, rows, columns, images: pictures.data, labels: data, classes }
}

function pictureShape(shape: readonly number[], what: string): [N: number, rows: number, columns: number] {
  const [N, a, b, c] = shape as [number, number, number, number]
  if (shape.length === 2) return [N, 1, a]
  if (shape.length === 3) return [N, a, b]
  if (shape.length === 4 && c === 1) return [N, a, b]
  if (shape.length === 4 && a === 1) return [N, b, c]
  const remedy =
    shape.length === 1 ? 'are images and labels exchanged?' : 'convert them to pictures of one grey value a pixel'
  throw new InputError(`${what}: expected images, N × rows × columns, but its shape is ${sizes(shape)}: ${remedy}`)
}

function sizes(shape: readonly number[]): string {
  return shape.slice(0, 8).join('×') + (shape.length > 8 ? '×…' : '')
}

/** Whether this is what servers send in place of a file: text that starts with a tag. */
function isHtml(bytes: Uint8Array): boolean {
  const start = latin1(bytes.subarray(0, 64)).replace(/^ï»¿/, '')
  return /^\s*<[!?a-z]/i.test(start)
}
