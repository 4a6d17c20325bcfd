/**
 * A picture one pixel at a time (Le, Jaitly & Hinton 2015, section 4.2): T = rows · columns steps of one number; after
 * the last one, the question is which of ten classes it was. In scanline order, or permuted: all pictures through one
 * fixed permutation, so that neighbours in space are far apart in time.
 */
import { z } from 'zod'
import type { Batch } from '../../batch.ts'
import { checked, InputError, refuseWithout } from '../../error.ts'
import type { LabelledImages } from '../../formats/idx.ts'
import { permutation, rng } from '../../rng.ts'
import { epochOrder, type Fill, inOrder, streamOf, type Task } from '../../task.ts'
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
  /** Seeds the order of training. */
  seed: number
  /** Use the first so many images. Default: all. */
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
const schema: z.ZodType<MnistOptions> = z.strictObject({
  order: z.enum(['scanline', 'permuted']),
  permutation: z.int().min(0),
  scale: z.enum(['raw', 'unit']),
  seed: z.int().min(0),
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
  const T = data.train.rows * data.train.columns
  if (data.test.rows * data.test.columns !== T) {
    throw new InputError(
      `mnist: expected test images of ${T} pixels, as for training, but received ${shape(data.test)}`,
    )
  }
  const order = pixelOrder(given, T)
  const classes = classesOf(given.classes, data)
  const trainSize = within('trainSize', given.trainSize, data.train.N)
  const testSize = within('testSize', given.testSize, data.test.N)
  const { permutation, classes: _given, ...rest } = given
  const stored = {
    digits: data.id,
    ...rest,
    ...(given.order === 'permuted' && { permutation }),
    ...(classes !== 10 && { classes }),
  }
  return {
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
      if (B > trainSize) {
        throw new InputError(`batch: expected at most the ${trainSize} training images but received ${B}`)
      }
      return streamOf(epochOrder(trainSize, given.seed, 'pixels/order'), B, filler(data.train, order, given.scale, B))
    },
    test: (B) => inOrder(testSize, B, filler(data.test, order, given.scale, B)),
  }
}

/** The task of a stored run. @throws InputError when the data are others: a score on them would mean nothing */
export function reopenMnist({ digits, ...options }: Task['options'], data: MnistData): Task {
  refuseOther('mnist: expected the digits', digits, data.id, 'give --data DIR with the same files')
  // A run that does not say how many classes there are was made with ten.
  return mnist({ classes: 10, ...options, data })
}

/** Which pixel is shown at each step; null: one after the other. */
function pixelOrder({ order, permutation: seed }: MnistOptions, T: number): Int32Array | null {
  if (order === 'scanline') return null
  if (seed !== 92916) return permutation(T, rng(seed, 'pixels/permutation'))
  if (T === NUMPY_92916.length) return Int32Array.from(NUMPY_92916)
  throw new InputError(`mnist: permutation: 92916 is for 784 pixels and these images have ${T}: choose another number`)
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

function within(what: string, wanted: number | undefined, held: number): number {
  if (wanted === undefined || wanted <= held) return wanted ?? held
  throw new InputError(`mnist: ${what}: expected at most the ${held} images there are but received ${wanted}`)
}

function shape({ rows, columns }: LabelledImages): string {
  return `${rows}×${columns}`
}

/**
 * A function that shows images next(), next(), … side by side in one batch of n <= B; the pixels stay where they are.
 */
function filler(
  { images, labels }: LabelledImages,
  permuted: Int32Array | null,
  scale: 'raw' | 'unit',
  B: number,
): Fill {
  const T = images.length / labels.length
  // Rounded to float32, byte · (1/255) is byte / 255 for all 256 of them.
  const factor = scale === 'raw' ? 1 : 1 / 255
  const value = Float32Array.from({ length: 256 }, (_, byte) => byte * factor)
  const order = permuted ?? Int32Array.from({ length: T }, (_, t) => t)
  const y = new Int32Array(B)
  const starts = new Int32Array(B)
  const full: Batch = { T, B, bytes: { bytes: images, starts, order, value }, y }
  return (n, next) => {
    for (let b = 0; b < n; b++) {
      const i = next()
      starts[b] = i * T
      y[b] = labels[i]!
    }
    if (n === B) return full
    return { T, B: n, bytes: { ...full.bytes!, starts: starts.subarray(0, n) }, y: y.subarray(0, n) }
  }
}
