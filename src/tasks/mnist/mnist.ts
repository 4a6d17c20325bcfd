/**
 * A picture one pixel at a time (Le, Jaitly & Hinton 2015, section 4.2): T = rows · columns steps of one number; after
 * the last one, the question is which of ten classes it was. In scanline order, or permuted: all pictures through one
 * fixed permutation, so that neighbours in space are far apart in time.
 */

import type { Batch } from '../../batch.ts'
import { checked, InputError, refuseUnless, refuseWithout } from '../../error.ts'
import type { LabelledImages } from '../../formats/idx.ts'
import { permutation, rng } from '../../rng.ts'
import * as z from '../../schema.ts'
import {
  epochOrder,
  type Fill,
  inOrder,
  type Order,
  refusingBatches,
  type Stream,
  streamOf,
  type Task,
} from '../../task.ts'
import { refuseOther } from '../definition.ts'
import { NUMPY_92916 } from './permutation92916.ts'

/** Options of pixel-by-pixel images; `mnist` has the defaults. */
export interface MnistOptions {
  order: 'scanline' | 'permuted'
  /**
   * The permutation of `permuted`. 92916 is the one most papers share, numpy's RandomState(92916).permutation(784);
   * every other number seeds one of this package's own generator.
   */
  permutation: number
  /** 'raw': 0 … 255, as the paper must have used; 'unit': 0 … 1. */
  scale: 'raw' | 'unit'
  /** Seeds the order of training, which images are held out, and the shifts. */
  seed: number
  /**
   * So many of the training images, drawn by the seed, are kept out of training: they are the held-out set, which then
   * decides what is best in place of the test set. Default 0: none, and the test set decides.
   */
  heldOut?: number | undefined
  /**
   * Each picture is shown to training moved by a random whole number of pixels from -shift to shift, up or down and
   * left or right, drawn anew each time; what comes in at the edges is 0 (black). In permuted order the picture is
   * moved first, and permuted then. Default 0: as they are. Pictures of evaluations never move.
   */
  shift?: number | undefined
  /** Use the first so many images; of those for training, the first that are not held out. Default: all. */
  trainSize?: number | undefined
  testSize?: number | undefined
  /** How many classes the labels tell apart. Absent: as many as the labels have. A run stores it unless it is 10. */
  classes?: number | undefined
}

/**
 * Small grey pictures and their classes: MNIST, Fashion-MNIST and whatever has their form. They stay bytes: 60,000 of
 * 28×28 are 47 MB, and would be 188 as floats.
 */
export interface MnistData {
  /** 'mnist', or the start of a SHA-256 of all the bytes: what a stored run knows its data by. */
  readonly id: string
  readonly train: LabelledImages
  readonly test: LabelledImages
}

/** Options of the task, and the images and labels that it shows. */
export interface MnistInput extends Partial<MnistOptions> {
  /** What `loadMnist` loads. */
  data: MnistData
}

const size = z.int().min(1).optional()
const schema: z.Schema<MnistOptions> = z.strictObject({
  order: z.enum(['scanline', 'permuted']),
  permutation: z.int().min(0),
  scale: z.enum(['raw', 'unit']),
  seed: z.int().min(0),
  heldOut: z.int().min(0).optional(),
  shift: z.int().min(0).max(64).optional(),
  trainSize: size,
  testSize: size,
  classes: z.int().min(2).max(256).optional(),
})

/**
 * Pixel by pixel; scanline order and pixels of 0 … 1 by default. Batches are the bytes of
 * the images and y [B]; their arrays and the batch itself are filled again by the next call.
 * @throws InputError for options that make no sense, or sizes the digits do not have
 */
export function mnist(input: MnistInput): Task {
  refuseWithout('mnist', input, 'data', ['train', 'test'])
  const { data, ...options } = input
  const defaults = { order: 'scanline', permutation: 92916, scale: 'unit', seed: 1 }
  const given = checked(schema, { ...defaults, ...options }, 'mnist')
  for (const set of ['train', 'test'] as const) refuseNoImages(`mnist: data: ${set}`, data[set])
  const T = data.train.rows * data.train.columns
  if (data.test.rows * data.test.columns !== T) {
    throw new InputError(
      `mnist: expected test images of ${T} pixels, as for training, but received ${shape(data.test)}`,
    )
  }
  const permuted = pixelOrder(given, T)
  const classes = classesOf(given.classes, data)
  const { held, kept } = split(given, data.train.N)
  const trainSize = within('trainSize', given.trainSize, data.train.N, held.length)
  const testSize = within('testSize', given.testSize, data.test.N)
  const { permutation, classes: _given, heldOut: _held, shift = 0, ...rest } = given
  const stored = {
    digits: data.id,
    ...rest,
    // Runs from before there were these options do not have them either.
    ...(held.length > 0 && { heldOut: held.length }),
    ...(shift > 0 && { shift }),
    ...(given.order === 'permuted' && { permutation }),
    ...(classes !== 10 && { classes }),
  }
  const still = (set: LabelledImages, size: number, B: number, among: Int32Array | null = null) =>
    inOrder(size, B, filler(standing(set, permuted), given.scale, B, among))
  let moving: Pictures | undefined
  return refusingBatches({
    name: 'mnist',
    options: Object.fromEntries(Object.entries(stored).filter((entry) => entry[1] !== undefined)) as Task['options'],
    T,
    input: { size: 1 },
    head: { kind: 'classification', size: classes, steps: 'last' },
    metric: 'accuracy',
    baseline: { name: 'chance', value: 1 / classes },
    trainSize,
    testSize,
    train(B) {
      const order = epochOrder(trainSize, given.seed, 'pixels/order')
      if (shift === 0) return streamOf(order, B, filler(standing(data.train, permuted), given.scale, B, kept))
      moving ??= framed(data.train, shift, permuted)
      return shiftedStream(order, B, moving, { ...given, shift, among: kept })
    },
    test: (B) => still(data.test, testSize, B),
    ...(held.length > 0 && { heldOut: (B) => still(data.train, held.length, B, held) }),
  })
}

/** The task of a stored run. @throws InputError when the data are others: a score on them would mean nothing */
export function reopenMnist({ digits, ...options }: Task['options'], data: MnistData): Task {
  refuseOther('mnist: expected the digits', digits, data.id, 'give --data DIR with the same files')
  // A run that does not say how many classes there are was made with ten.
  return mnist({ classes: 10, ...options, data })
}

/** Which of T pixels is shown at each step. @throws InputError where there is no such permutation of T */
export function pixelOrder(
  { order, permutation: seed }: Pick<MnistOptions, 'order' | 'permutation'>,
  T: number,
): Int32Array {
  if (order === 'scanline') return Int32Array.from({ length: T }, (_, t) => t)
  if (seed !== 92916) return permutation(T, rng(seed, 'pixels/permutation'))
  if (T === NUMPY_92916.length) return Int32Array.from(NUMPY_92916)
  throw new InputError(`mnist: permutation: 92916 is for 784 pixels and these images have ${T}: choose another number`)
}

/** The training images that are held out, and those that are left, in their order; `kept` null: all. */
function split({ heldOut = 0, seed }: MnistOptions, N: number): { held: Int32Array; kept: Int32Array | null } {
  if (heldOut === 0) return { held: new Int32Array(0), kept: null }
  if (heldOut >= N) {
    throw new InputError(`mnist: heldOut: expected fewer than the ${N} training images but received ${heldOut}`)
  }
  const drawn = permutation(N, rng(seed, 'mnist/held-out'))
  return { held: drawn.slice(0, heldOut).sort(), kept: drawn.slice(heldOut).sort() }
}

/** @throws InputError unless the sizes of labelled images are whole numbers */
function refuseNoImages(what: string, images: LabelledImages): void {
  for (const name of ['N', 'rows', 'columns', 'classes'] as const) {
    refuseUnless(Number.isSafeInteger(images[name]), `${what}: ${name}`, 'a whole number', images[name])
  }
}

function classesOf(wanted: number | undefined, { train, test }: MnistData): number {
  const held = Math.max(train.classes, test.classes)
  if (wanted === undefined && held < 2) {
    throw new InputError('mnist: expected two classes or more but every label is 0: give the labels of the set')
  }
  if (wanted !== undefined && wanted < held) {
    throw new InputError(`mnist: classes: expected at least ${held}, as the labels say, but received ${wanted}`)
  }
  return wanted ?? held
}

function within(what: string, wanted: number | undefined, all: number, heldOut = 0): number {
  const left = all - heldOut
  if (wanted === undefined || wanted <= left) return wanted ?? left
  const which = heldOut > 0 ? `${left} of ${all} images that are not held out` : `${all} images there are`
  throw new InputError(`mnist: ${what}: expected at most the ${which} but received ${wanted}`)
}

function shape({ rows, columns }: LabelledImages): string {
  return `${rows}×${columns}`
}

/** Images as bytes that stay where they are. Pixel t of picture i is bytes[i · size + order[t]], if it is not moved. */
interface Pictures {
  readonly bytes: Uint8Array
  readonly labels: Uint8Array
  /** Bytes from one picture to the next. */
  readonly size: number
  /** Bytes from one row of a picture to the next. */
  readonly width: number
  readonly order: Int32Array
}

function standing({ images, labels, columns }: LabelledImages, order: Int32Array): Pictures {
  return { bytes: images, labels, size: order.length, width: columns, order }
}

/**
 * The images, each in a black frame of `shift` pixels: 61 MB for the 60,000 of MNIST and 2. Read from as many rows and
 * columns further on, from the corner of the frame, it is a picture moved up and to the left.
 */
function framed({ images, labels, rows, columns }: LabelledImages, shift: number, permuted: Int32Array): Pictures {
  const width = columns + 2 * shift
  const size = width * (rows + 2 * shift)
  const bytes = new Uint8Array(labels.length * size)
  for (let row = 0; row < labels.length * rows; row++) {
    const i = Math.floor(row / rows)
    const at = i * size + (shift + (row % rows)) * width + shift
    bytes.set(images.subarray(row * columns, (row + 1) * columns), at)
  }
  const order = permuted.map((pixel) => Math.floor(pixel / columns) * width + (pixel % columns))
  return { bytes, labels, size, width, order }
}

/**
 * A function that shows images next(), next(), … side by side in one batch of n <= B; the pixels stay where they are.
 * @param among numbers of the images that it chooses from; null: all
 * @param move how many bytes further on the next picture is read
 */
function filler(
  { bytes, labels, size, order }: Pictures,
  scale: 'raw' | 'unit',
  B: number,
  among: Int32Array | null,
  move: () => number = () => 0,
): Fill {
  // Rounded to float32, byte · (1/255) is byte / 255 for all 256 of them.
  const factor = scale === 'raw' ? 1 : 1 / 255
  const value = Float32Array.from({ length: 256 }, (_, byte) => byte * factor)
  const y = new Int32Array(B)
  const starts = new Int32Array(B)
  const full: Batch = { T: order.length, B, bytes: { bytes, starts, order, value }, y }
  return (n, next) => {
    for (let b = 0; b < n; b++) {
      const i = among ? among[next()]! : next()
      starts[b] = i * size + move()
      y[b] = labels[i]!
    }
    if (n === B) return full
    return { ...full, B: n, bytes: { ...full.bytes!, starts: starts.subarray(0, n) }, y: y.subarray(0, n) }
  }
}

/** Pictures of an order, each moved. Its state is that of the order and of the generator of the shifts. */
function shiftedStream(
  order: Order,
  B: number,
  pictures: Pictures,
  { seed, scale, shift, among }: { seed: number; scale: 'raw' | 'unit'; shift: number; among: Int32Array | null },
): Stream {
  const generator = rng(seed, 'mnist/shift')
  // From the corner of the frame; a picture that is not moved begins at `shift`.
  const pixels = () => generator.below(2 * shift + 1)
  const stream = streamOf(
    order,
    B,
    filler(pictures, scale, B, among, () => pixels() * pictures.width + pixels()),
  )
  return {
    next: stream.next,
    get epoch() {
      return stream.epoch
    },
    getState: () => ({ ...stream.getState(), shift: generator.getState() }),
    setState({ shift: words, ...state }) {
      const before = stream.getState()
      stream.setState(state)
      try {
        generator.setState(words as number[])
      } catch (error) {
        stream.setState(before)
        throw error
      }
    },
  }
}
