/** Recipes of the adding problem. */
import type { Given } from '../../flag.ts'
import type { Cell } from '../../layers/cells.ts'
import { clipNorm } from '../../train/clip.ts'
import { adam, sgd } from '../../train/optim.ts'
import { constantRate, cosineRate } from '../../train/schedule.ts'
import { LENGTHS, TABLE_1, type Tuned } from '../paper.ts'
import { irnnStd, type Recipe, type Recipes } from '../recipe.ts'

/** Recipes of the adding problem, `fast` (the default) and `paper`, for `recipeOf`. */
export const ADDING_RECIPES: Recipes = { fast, paper }

function fast(cell: Cell): Recipe {
  return {
    name: 'fast',
    why:
      'The paper takes 495,000 iterations of SGD to an MSE of 0.1, here 1,000 to 3,000 do: Adam, and weights of ' +
      'ordinary ' +
      'size (std 0.1, not 0.001). The norm clip survives the spikes on the way, the cosine ends the noise. Stops ' +
      'early ' +
      'at a test MSE of 0.0005 (--target 0: never). Made for T = 150; at T = 400 it diverges within 100 iterations.',
    hidden: 100,
    ...irnnStd(cell, 0.1),
    training: {
      batch: 16,
      iterations: 8000,
      evalEvery: 1000,
      target: 5e-4,
      optimizer: adam({ lr: 1e-3 }),
      schedule: cosineRate(),
      clip: clipNorm(1),
    },
  }
}

/** Cells that the table does not list have the numbers of the irnn; tanh is listed for 150 steps alone. */
function paper(cell: Cell, options: Given): Recipe {
  const T = Number(options.T ?? LENGTHS[0])
  const listed = LENGTHS.findLast((length) => T >= length) ?? LENGTHS[0]
  const row: { readonly [cell in Cell]?: Tuned } = TABLE_1[listed]
  const { lr, clip, forgetBias } = (row[cell] ?? row.irnn)!
  return {
    name: 'paper',
    why:
      'SGD at a fixed rate, batch 16, weights of std 0.001, rate and clip from Table 1 for the cell and length; the ' +
      'paper does not say what it clips, read here as the norm of the gradient. Minutes to hours, not seconds.',
    hidden: 100,
    ...irnnStd(cell, 0.001),
    ...(forgetBias !== undefined && { forgetBias }),
    training: {
      batch: 16,
      iterations: 1_000_000,
      evalEvery: 10_000,
      optimizer: sgd({ lr }),
      schedule: constantRate(),
      clip: clipNorm(clip),
    },
  }
}
