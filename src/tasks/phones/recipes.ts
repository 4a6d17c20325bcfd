/** Recipes of phones. */
import cells, { type Cell } from '../../layers/cells.ts'
import { clipNorm } from '../../train/clip.ts'
import { adam } from '../../train/optim.ts'
import { halvingRate } from '../../train/schedule.ts'
import { own, type Recipe, type Recipes } from '../recipe.ts'

export const PHONES_RECIPES: Recipes = { fast, paper }

/** Half as many for gated cells, as in the paper: 250 cells of an LSTM beside 500 units. */
function phoneNet(cell: Cell, hidden: number, std: number): Omit<Recipe, 'name' | 'why' | 'training'> {
  if (cells[cell].gated) return { hidden: hidden / 2, layers: 2 }
  return { hidden, layers: 2, inputStd: std, outputStd: std, ...own(cell, { scale: 0.01 }) }
}

function fast(cell: Cell): Recipe {
  return {
    name: 'fast',
    why:
      'The recurrent matrix starts at 0.01 times the identity, as in the paper for speech: what was heard is soon ' +
      'forgotten. Inputs are normalised and weights keep the size of what passes through them (std 0.1), so that ' +
      'five layers learn as two do. Half the rate after an evaluation of the dev set without a gain of 0.5 %, and ' +
      'the end instead of a seventh time.',
    ...phoneNet(cell, 128, 0.1),
    training: {
      batch: 8,
      iterations: 4000,
      evalEvery: 100,
      optimizer: adam({ lr: 3e-3 }),
      schedule: halvingRate(),
      clip: clipNorm(1),
    },
  }
}

function paper(cell: Cell): Recipe {
  return {
    name: 'paper',
    why:
      'The sizes of Table 4: 500 units a layer and direction, 250 for an LSTM; minibatches of 16. Rate, clip and how ' +
      'long are not in the paper: as in fast, for a corpus as large as TIMIT. Hours on one core.',
    ...phoneNet(cell, 500, 0.06),
    training: {
      batch: 16,
      iterations: 20_000,
      evalEvery: 231,
      optimizer: adam({ lr: 1e-3 }),
      schedule: halvingRate(),
      clip: clipNorm(1),
    },
  }
}
