/** Recipes of forecasting: networks and their training, each with its reason. */
import { gru } from '../layers/cells.ts'
import type { ModelInput } from '../model/spec.ts'
import { clipNorm } from '../train/clip.ts'
import { adam } from '../train/optim.ts'
import type { TrainOptions } from '../train/options.ts'
import { cosineRate } from '../train/schedule.ts'

export interface ForecastRecipe {
  readonly name: string
  readonly why: string
  readonly rnn: ModelInput['rnn']
  readonly training: TrainOptions
}

/** One iteration reads so many windows. */
const BATCH = 64

function recipe(name: string, why: string, hidden: number, lr: number, iterations: number): ForecastRecipe {
  const training = {
    batch: BATCH,
    iterations,
    evalEvery: Math.ceil(iterations / 12),
    optimizer: adam({ lr }),
    schedule: cosineRate(),
    clip: clipNorm(1),
  }
  return { name, why, rnn: gru(hidden), training }
}

/** The first is tried with every scaling, the others with the best one. */
export const FORECAST_RECIPES: readonly ForecastRecipe[] = [
  recipe('gru 64', 'a GRU of 64 units, 600 iterations at 3e-3: seconds, and enough for one series', 64, 3e-3, 600),
  recipe('gru 64, longer', 'twice the iterations at a lower rate, where there is more to learn', 64, 2e-3, 1200),
]
