/** Recipes of the next word. */
import cells, { type Cell } from '../../layers/cells.ts'
import { clipNorm } from '../../train/clip.ts'
import { adam, sgd } from '../../train/optim.ts'
import { constantRate, cosineRate } from '../../train/schedule.ts'
import { own, type Recipe, type Recipes } from '../recipe.ts'

/** Recipes of the next word, `fast` (the default) and `paper`, for `recipeOf`. */
export const WORDS_RECIPES: Recipes = { fast, paper }

/** Weights of an ordinary size: from std 0.001, or 0.05, these networks are slow to begin, a tanh above all. */
function wordsStd(cell: Cell): Pick<Recipe, 'inputStd' | 'outputStd'> {
  return cells[cell].gated ? {} : { inputStd: 0.1, outputStd: 0.1 }
}

/**
 * A plain cell has twice the units and a linear layer before the softmax, as the paper's 1024 units have beside its
 * lstm of 512: of ReLU units one in eight is not 0, too few for a softmax to read. Half the identity, for states grow
 * over a text that never ends: .1 to .9 are alike, 1 is behind (experiments/LOG.md).
 */
function fast(cell: Cell): Recipe {
  const { gated } = cells[cell]
  return {
    name: 'fast',
    why:
      'Three epochs of Brown: an lstm of 200 units is at a test perplexity of 101 after 5 minutes on one core, where ' +
      'a Kneser-Ney trigram has 139. Plain cells have 256 units and a linear layer of 128; an irnn starts at half ' +
      'the identity. Adam, whose rate falls to nothing; weights of std 0.1 but for gated cells.',
    ...(gated ? { hidden: 200 } : { hidden: 256, projection: 128, embedding: 128 }),
    ...own(cell, { scale: 0.5 }),
    ...wordsStd(cell),
    training: {
      batch: 20,
      iterations: 8200,
      evalEvery: 1370,
      evalBatch: 20,
      optimizer: adam({ lr: gated ? 2e-3 : 3e-3 }),
      schedule: cosineRate(),
      clip: clipNorm(1),
    },
  }
}

function paper(cell: Cell): Recipe {
  return {
    name: 'paper',
    why:
      "Plain SGD at a fixed rate, as in all of the paper; of what it leaves open, a summed loss, the grid's largest " +
      'rate and a ' +
      'norm clip of 10. For its networks add --hidden 512, --layers 4, or --hidden 1024 --projection 512. Days, on ' +
      'the benchmark.',
    hidden: 512,
    ...wordsStd(cell),
    training: {
      batch: 20,
      iterations: 1_000_000,
      evalEvery: 10_000,
      evalBatch: 20,
      optimizer: sgd({ lr: 0.1 }),
      schedule: constantRate(),
      clip: clipNorm(10),
      reduction: 'sum',
    },
  }
}
