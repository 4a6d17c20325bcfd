/**
 * A picture one pixel at a time (Le, Jaitly & Hinton 2015, section 4.2): T = rows · columns steps of one number, and after
 * the last of them, which of ten classes was it? In scanline order, or permuted: all pictures through one fixed
 * permutation, so that neighbours in space are far apart in time.
 */
import { z } from 'zod'
import type { Batch } from '../../batch.ts'
import { checked, InputError } from '../../error.ts'
import type { LabelledImages } from '../../formats/idx.ts'
import { permutation, rng } from '../../rng.ts'
import { epochOrder, type Task } from '../../task.ts'
import type { Digits } from './digits.ts'
import { NUMPY_92916 } from './permutation92916.ts'

/** Options of pixel-by-pixel images; `pixels` has the defaults. */
export interface PixelOptions {
  order: 'scanline' | 'permuted'
  /**
   * The permutation of `permuted`. 92916 is the one most papers share, numpy's RandomState(92916).permutation(784); every
   * other number seeds one of this package's own generator.
   */
  permutation: number
  /** 'raw': 0 … 255, as the paper must have used; 'unit': 0 … 1. */
  scale: 'raw' | 'unit'
  /** Of the order of training. */
  seed: number
  /** How many to use, the first ones; absent: all. */
  trainSize?: number | undefined
  testSize?: number | undefined
}

/** Options of a stored run also say which digits they were. */
export interface PixelInput extends Partial<PixelOptions> {
  digits: Digits
}

const size = z.int().min(1).optional()
const schema: z.ZodType<PixelOptions> = z.strictObject({
  order: z.enum(['scanline', 'permuted']),
  permutation: z.int().min(0),
  scale: z.enum(['raw', 'unit']),
  seed: z.int().min(0),
  trainSize: size,
  testSize: size,
})

/**
 * Pixel by pixel; scanline order and pixels of 0 … 1 by default. Batches are the bytes of
 * the images and y [B]; their arrays and the batch itself are filled again by the next call.
 * @throws InputError for options that make no sense, or sizes the digits do not have
 */
export function pixels({ digits, ...options }: PixelInput): Task {
  const defaults = { order: 'scanline', permutation: 92916, scale: 'unit', seed: 1 }
  const given = checked(schema, { ...defaults, ...options }, 'pixels')
  const T = digits.train.rows * digits.train.columns
  if (digits.test.rows * digits.test.columns !== T) {
    throw new InputError(
      `digits: expected test images of ${T} pixels, as for training, but received ${shape(digits.test)}`,
    )
  }
  const order = pixelOrder(given, T)
  const trainSize = within('trainSize', given.trainSize, digits.train.N)
  const testSize = within('testSize', given.testSize, digits.test.N)
  const { permutation, ...rest } = given
  const stored = { digits: digits.id, ...rest, ...(given.order === 'permuted' && { permutation }) }
  return {
    name: 'mnist',
    options: Object.fromEntries(Object.entries(stored).filter((entry) => entry[1] !== undefined)) as Task['options'],
    T,
    input: { size: 1 },
    head: { kind: 'classification', size: 10, steps: 'last' },
    metric: 'accuracy',
    baseline: { name: 'chance', value: 0.1 },
    trainSize,
    testSize,
    train(B) {
      if (B > trainSize) {
        throw new InputError(`batch: expected at most the ${trainSize} training images but received ${B}`)
      }
      const examples = epochOrder(trainSize, given.seed, 'pixels/order')
      const fill = filler(digits.train, order, given.scale, B)
      return {
        next: () => fill(B, examples.next),
        get epoch() {
          return examples.epoch
        },
        getState: examples.getState,
        setState: examples.setState,
      }
    },
    *test(B) {
      const fill = filler(digits.test, order, given.scale, B)
      let i = 0
      while (i < testSize) yield fill(Math.min(B, testSize - i), () => i++)
    },
  }
}

/** Which pixel is shown at each step; null: one after the other. */
function pixelOrder({ order, permutation: seed }: PixelOptions, T: number): Int32Array | null {
  if (order === 'scanline') return null
  if (seed !== 92916) return permutation(T, rng(seed, 'pixels/permutation'))
  if (T === NUMPY_92916.length) return Int32Array.from(NUMPY_92916)
  throw new InputError(`pixels: permutation: 92916 is for 784 pixels and these images have ${T}: choose another number`)
}

function within(what: string, wanted: number | undefined, held: number): number {
  if (wanted === undefined || wanted <= held) return wanted ?? held
  throw new InputError(`pixels: ${what}: expected at most the ${held} images there are but received ${wanted}`)
}

function shape({ rows, columns }: LabelledImages): string {
  return `${rows}×${columns}`
}

/** A function that shows images next(), next(), … side by side in one batch of n <= B; the pixels stay where they are. */
function filler(
  { images, labels }: LabelledImages,
  permuted: Int32Array | null,
  scale: 'raw' | 'unit',
  B: number,
): (n: number, next: () => number) => Batch {
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
