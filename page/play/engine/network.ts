/** Settings → task, model and training, by what `irnn train` makes them with: the same settings give the same bits. */
import type { Backend, Model, Task, TrainSpec } from '../../../src/index.ts'
import {
  ADDING_RECIPES,
  adding,
  createModel,
  InputError,
  type LabelledImages,
  MNIST_RECIPES,
  type MnistData,
  mnist,
  recipeOf,
  trainSpec,
} from '../../../src/index.ts'
import { modelOf, type NetworkFlags } from '../../../src/tasks/network.ts'
import { optionsFromFlags } from '../../../src/train/options.ts'
import { DIGITS, flagsOf, type NetSettings, PIXELS, TEST } from '../settings.ts'

/** What trains. */
export interface Network {
  readonly task: Task
  readonly model: Model
  readonly spec: TrainSpec
}

const TASKS = {
  adding: { name: 'adding', recipes: ADDING_RECIPES },
  mnist: { name: 'mnist', recipes: MNIST_RECIPES },
}
/** More than a tab does: a rate that is constant does not depend on it. */
const ENDLESS = 100_000_000

/** How to train under these settings. */
export function specOf(net: NetSettings): TrainSpec {
  const recipe = recipeOf(TASKS[net.task], undefined, net.cell)
  const options = optionsFromFlags(recipe.training, { ...flagsOf(net), iterations: ENDLESS })
  return trainSpec({ ...options, evalEvery: ENDLESS, stepEvery: undefined })
}

/** @param digits for the task of digits. @throws InputError where there are none */
export function createNetwork(backend: Backend, net: NetSettings, digits: MnistData | null): Network {
  const { task: name, T, inputs, cell, seed } = net
  const recipe = recipeOf(TASKS[name], undefined, cell)
  if (name === 'mnist' && digits === null) throw new InputError('mnist: expected the digits, but they are not loaded')
  const task =
    name === 'adding'
      ? adding({ T, inputs, test: TEST, seed })
      : mnist({ scale: 'unit', seed, data: digits!, trainSize: DIGITS, testSize: TEST })
  const flags = { cell, hidden: net.H } as NetworkFlags
  const model = createModel(modelOf(recipe, flags, task), { backend, seed, normalisation: task.normalisation })
  return { task, model, spec: specOf(net) }
}

/** Bytes of a page's file of digits: training images and labels, test images and labels. */
export function digitsOf(bytes: Uint8Array, counts: { train: number; test: number }): MnistData {
  const expected = (counts.train + counts.test) * (PIXELS + 1)
  if (bytes.length !== expected) {
    throw new InputError(`digits: expected a file of ${expected} bytes but it has ${bytes.length}: reload the page`)
  }
  let at = 0
  const take = (n: number) => {
    at += n
    return bytes.subarray(at - n, at)
  }
  const set = (N: number): LabelledImages => ({
    N,
    rows: 28,
    columns: 28,
    classes: 10,
    images: take(N * PIXELS),
    labels: take(N),
  })
  return { id: 'mnist', train: set(counts.train), test: set(counts.test) }
}
