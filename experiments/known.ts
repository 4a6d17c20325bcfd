/** The experiments by name. */
import { didYouMean, InputError, shown } from '../src/error.ts'
import { addingExperiment } from './adding.ts'
import type { Experiment } from './experiment.ts'
import { permutedMnistExperiment } from './permuted-mnist.ts'
import { pixelMnistExperiment } from './pixel-mnist.ts'
import { timitExperiment } from './timit.ts'
import { wordsExperiment } from './words.ts'

export const EXPERIMENTS: readonly Experiment[] = [
  pixelMnistExperiment,
  permutedMnistExperiment,
  addingExperiment,
  timitExperiment,
  wordsExperiment,
]

/** @throws InputError when there is none of that name */
export function experiment(name: string): Experiment {
  const found = EXPERIMENTS.find((one) => one.name === name)
  if (found) return found
  const names = [...EXPERIMENTS.map((one) => one.name), 'all']
  throw new InputError(
    `reproduce: expected one of ${names.join(', ')} but received ${shown(name)}${didYouMean(name, names)}`,
  )
}
