/**
 * The adding problem (Hochreiter & Schmidhuber 1997; here as in Le, Jaitly & Hinton 2015, section 4.1). Two inputs a
 * step: u_t uniform in [0,1), and a mask that is 1 at exactly two steps and 0 elsewhere. Target: the sum of the two
 * marked numbers. Always answering 1 scores Var(U+U) = 1/6 (the paper prints 0.1767).
 *
 * The sets are fixed, but not stored (100,000 sequences of 400 steps are 160 MB): sequence i of a set is drawn from a
 * generator of its own, a function of (seed, set, i), whenever it is wanted. That takes some 3 µs for 150 steps.
 */

import type { Normalisation } from '../../batch.ts'
import { checked, refuseNoObject } from '../../error.ts'
import { rng } from '../../rng.ts'
import * as z from '../../schema.ts'
import { epochOrder, type Fill, inOrder, refusingBatches, streamOf, type Task } from '../../task.ts'

/** Options of the adding problem; `adding` has the defaults. */
export interface AddingOptions {
  /** Steps of every sequence, at least 2. */
  T: number
  /** Sequences to train on, and to test on. */
  train: number
  test: number
  seed: number
  /** false: the marks are anywhere, as in the paper. true: one in each half, as in many later papers. */
  halves: boolean
  /**
   * What models of the task read: `raw`, as in the paper, or `normalised`, shifted and scaled by constants, which
   * `normalisation` then has. Batches are raw in both cases. Default raw.
   */
  inputs: 'raw' | 'normalised'
}

/**
 * u in [0,1) has mean 1/2 and deviation 1/√12: raw, its mean drifts every unit by half an input weight at every step.
 * The mask is 2 of T times 1. It is not scaled by its deviation, some √(2/T), but by 1/7, about right between 50 and
 * 200 steps: a network that is trained on short sequences first must find the same marks on long ones.
 */
const NORMALISATION: Normalisation = {
  mean: Float32Array.of(1 / 2, 0),
  std: Float32Array.of(1 / Math.sqrt(12), 1 / 7),
}

/** The paper's. */
export const ADDING_DEFAULTS: AddingOptions = {
  T: 150,
  train: 100_000,
  test: 10_000,
  seed: 1,
  halves: false,
  inputs: 'raw',
}

const schema: z.Schema<AddingOptions> = z.strictObject({
  T: z.int().min(2),
  train: z
    .int()
    .min(1)
    .max(2 ** 31),
  test: z
    .int()
    .min(1)
    .max(2 ** 31),
  seed: z.int().min(0),
  halves: z.boolean(),
  inputs: z.enum(['raw', 'normalised']),
})

/**
 * The adding problem; by default the paper's, with 150 steps, 100,000 training and 10,000 test sequences, marks
 * anywhere, and seed 1. Batches are x [T,B,2] = (u, mask) and y [B,1].
 * @throws InputError for options that make no sense, T below 2 among them
 */
export function adding(options: Partial<AddingOptions> = {}): Task {
  refuseNoObject('adding problem', options)
  const given = checked(schema, { ...ADDING_DEFAULTS, ...options }, 'adding problem')
  return refusingBatches({
    name: 'adding',
    options: { ...given },
    T: given.T,
    input: { size: 2 },
    head: { kind: 'regression', size: 1, steps: 'last' },
    metric: 'mse',
    ...(given.inputs === 'normalised' && { normalisation: NORMALISATION }),
    baseline: { name: 'always 1', value: 1 / 6 },
    trainSize: given.train,
    testSize: given.test,
    train(B) {
      return streamOf(epochOrder(given.train, given.seed, 'adding/order'), B, filler(given, 'train', B))
    },
    test: (B) => inOrder(given.test, B, filler(given, 'test', B)),
    shortened: (T) => adding({ ...given, T }),
  })
}

/** A function that draws sequences next(), next(), … into one batch of n <= B, always in the same arrays. */
function filler({ T, seed, halves }: AddingOptions, set: string, B: number): Fill {
  const x = new Float32Array(T * B * 2)
  const y = new Float32Array(B)
  const half = T >> 1
  const generator = rng(seed)
  function draw(n: number, b: number): void {
    const first = generator.below(halves ? half : T)
    // Two distinct steps: the second is drawn from the T - 1 that are left.
    let second = halves ? half + generator.below(T - half) : generator.below(T - 1)
    if (!halves && second >= first) second += 1
    for (let t = 0, at = b * 2; t < T; t++, at += n * 2) {
      x[at] = generator.next()
      x[at + 1] = 0
    }
    x[(first * n + b) * 2 + 1] = 1
    x[(second * n + b) * 2 + 1] = 1
    y[b] = x[(first * n + b) * 2]! + x[(second * n + b) * 2]!
  }
  return (n, next) => {
    for (let b = 0; b < n; b++) {
      generator.restart(`adding/${set}/${next()}`)
      draw(n, b)
    }
    return n === B ? { T, B, x, y } : { T, B: n, x: x.subarray(0, T * n * 2), y: y.subarray(0, n) }
  }
}
