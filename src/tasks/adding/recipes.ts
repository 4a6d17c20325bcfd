/** Recipes of the adding problem. */
import type { Given } from '../../flag.ts'
import cells, { type Cell } from '../../layers/cells.ts'
import { clipNorm } from '../../train/clip.ts'
import { growingLengths, lengthsOf } from '../../train/curriculum.ts'
import { adam, muon, sgd } from '../../train/optim.ts'
import { constantRate, cosineRate } from '../../train/schedule.ts'
import { LENGTHS, TABLE_1, type Tuned } from '../paper.ts'
import { irnnStd, type Recipe, type Recipes } from '../recipe.ts'

/** Recipes of the adding problem, `fast` (the default) and `paper`, for `recipeOf`. */
export const ADDING_RECIPES: Recipes = { fast, paper }

/** Iterations at the whole length; before them come those of the stages of shorter sequences. */
const AT_LENGTH = 2000

function fast(cell: Cell, options: Given): Recipe {
  const T = Number(options.T ?? LENGTHS[0])
  const curriculum = growingLengths()
  const iterations = curriculum.iterations * (lengthsOf(curriculum, T).length - 1) + AT_LENGTH
  return {
    name: 'fast',
    why:
      'The paper takes 495,000 iterations of SGD to an MSE of 0.1 at 150 steps; here some 2,000 do, at any ' +
      'length from 150 to 2,000. Three things make it so. Inputs are normalised by constants: raw, the mean ' +
      'of u drifts every unit at every step. Muon steps equally far in each direction of state space, and ' +
      'its rate is at most 0.5 / T: it bounds how much a step changes what T steps do, which for Adam at ' +
      '0.001 is a factor of 1e16 at T = 400. And training begins on sequences of 100 steps and doubles them ' +
      'every 200 iterations (--curriculum none: not); the test set is the whole length throughout. The ' +
      'cosine ends the noise.',
    hidden: 100,
    ...irnnStd(cell, 0.1),
    options: { inputs: 'normalised' },
    training: {
      batch: 16,
      iterations,
      evalEvery: T > 500 ? 2000 : 500, // at 1,000 steps one takes as long as 130 iterations
      // A gated cell has bounded states. With Muon a gru is at 0.154 after as many iterations, with Adam at 0.0005.
      optimizer: cells[cell].gated
        ? adam({ lr: 1e-3, beta2: 0.9 })
        : muon({ lr: 1e-3, perSequence: 0.5, adam: { lr: 3e-4, beta2: 0.9 } }),
      curriculum,
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
