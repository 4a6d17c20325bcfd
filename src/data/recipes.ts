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

/** The recipes of a search, by what they are for. */
export interface ForecastRecipes {
  /** Of every scaling: which one is better is seen long before it is learnt to the end. */
  readonly look: ForecastRecipe
  /** Of the best scaling, where the look was still getting better. */
  readonly longer: ForecastRecipe
  /** Of the best scaling, where the look was best in its first half: what came after was learnt by heart. */
  readonly gentler: ForecastRecipe
}

/** One iteration reads so many windows. Fewer are noisier, and more iterations of them better for their time. */
const BATCH = 16

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

export const FORECAST_RECIPES: ForecastRecipes = {
  look: recipe('gru 64', 'a GRU of 64 units, 600 iterations at 3e-3: half a second for one series', 64, 3e-3, 600),
  longer: recipe(
    'gru 64, longer',
    'four times the iterations at a lower rate, where there is more to learn',
    64,
    2e-3,
    2400,
  ),
  gentler: recipe(
    'gru 64, gentler',
    'twice the iterations at a third of the rate, where there is little',
    64,
    1e-3,
    1200,
  ),
}
