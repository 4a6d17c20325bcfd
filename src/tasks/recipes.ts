/**
 * Recipes: named sets of hyper-parameters that make a task work, each with its reason. What a person says beside a recipe
 * goes before it.
 */

import { InputError, shown } from '../error.ts'
import cells, { type Cell, type CellOptions } from '../layers/cells.ts'
import { clipDerivative, clipNorm } from '../train/clip.ts'
import type { TrainOptions } from '../train/loop.ts'
import { adam, muon, sgd } from '../train/optim.ts'
import { constantRate, cosineRate, halvingRate } from '../train/schedule.ts'

export interface Recipe extends CellOptions {
  readonly name: string
  /** What it is and why, for the help. */
  readonly why: string
  /** Hidden units. */
  readonly hidden: number
  /** words: width of the embedding; absent: as many as hidden units. */
  readonly embedding?: number
  /** Recurrent layers, default 1. */
  readonly layers?: number
  /** Standard deviations of the input and output weights; absent: the cell's default. */
  readonly inputStd?: number
  readonly outputStd?: number
  /** mnist: 0 … 255 or 0 … 1. */
  readonly pixels?: 'raw' | 'unit'
  readonly training: TrainOptions
}

/** What of a task a recipe may depend on. */
export interface Variant {
  /** adding: steps. Default 150. */
  readonly T?: number | undefined
  /** mnist. Default false. */
  readonly permuted?: boolean | undefined
}

type RecipeFor = (cell: Cell, variant: Variant) => Recipe

/** By task and name; the first of a task is its default. */
const RECIPES: Readonly<Record<string, Readonly<Record<string, RecipeFor>>>> = {
  adding: { fast: addingFast, paper: addingPaper },
  mnist: { fast: mnistFast, paper: mnistPaper },
  phones: { fast: phonesFast, paper: phonesPaper },
  words: { fast: wordsFast, paper: wordsPaper },
}

/** Names of a task's recipes, the default first; none for a task that has no recipes. */
export function recipeNames(task: string): string[] {
  return Object.keys(RECIPES[task] ?? {})
}

/** @throws InputError for a name that the task has not */
export function recipe(task: string, name: string | undefined, cell: Cell, variant: Variant = {}): Recipe {
  const names = recipeNames(task)
  const chosen = name ?? names[0]!
  if (!names.includes(chosen)) {
    throw new InputError(`recipe: expected one of ${names.join(', ')} for ${task} but received ${shown(chosen)}`)
  }
  return RECIPES[task]![chosen]!(cell, variant)
}

/** Those of these options that the cell has. */
function own(cell: Cell, options: CellOptions): CellOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name in cells[cell].options))
}

/** Whether the recurrent matrix starts as a multiple of the identity: an irnn's does. */
function startsAsIdentity(cell: Cell): boolean {
  return cells[cell].init.recurrent.kind === 'identity'
}

/** Weights of one standard deviation, for an irnn; the other cells start as they do everywhere. */
function irnnStd(cell: Cell, std: number): Pick<Recipe, 'inputStd' | 'outputStd'> {
  return startsAsIdentity(cell) ? { inputStd: std, outputStd: std } : {}
}

function addingFast(cell: Cell): Recipe {
  return {
    name: 'fast',
    why:
      'The paper takes 495,000 iterations of SGD to an MSE of 0.1, here 1,000 to 3,000 do: Adam, and weights of ordinary ' +
      'size (std 0.1, not 0.001). The norm clip survives the spikes on the way, the cosine ends the noise. Stops early ' +
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

/** Rows of a table of the paper by cell: learning rate, clip and, of an LSTM, forget bias. */
type PaperTable = { readonly [cell in Cell]?: readonly [lr: number, clip: number, forgetBias?: number] }

/** The paper's Table 1 by length. It lists tanh for T = 150 only; cells that it does not have are treated as the irnn. */
const PAPER_ADDING = {
  150: { irnn: [0.01, 100], lstm: [0.01, 10, 1] },
  200: { irnn: [0.01, 1], lstm: [0.001, 100, 4] },
  300: { irnn: [0.01, 10], lstm: [0.01, 1, 4] },
  400: { irnn: [0.01, 1], lstm: [0.01, 100, 10] },
} as const

function addingPaper(cell: Cell, { T = 150 }: Variant): Recipe {
  const table: PaperTable = PAPER_ADDING[([400, 300, 200, 150] as const).find((length) => T >= length) ?? 150]
  const [lr, limit, forgetBias] = (table[cell] ?? table.irnn)!
  return {
    name: 'paper',
    why:
      'SGD at a fixed rate, batch 16, weights of std 0.001, rate and clip from Table 1 for the cell and length; the paper ' +
      'does not say what it clips, read here as the norm of the gradient. Minutes to hours, not seconds.',
    hidden: 100,
    ...irnnStd(cell, 0.001),
    ...(forgetBias !== undefined && { forgetBias }),
    training: {
      batch: 16,
      iterations: 1_000_000,
      evalEvery: 10_000,
      optimizer: sgd({ lr }),
      schedule: constantRate(),
      clip: clipNorm(limit),
    },
  }
}

function mnistFast(cell: Cell, { permuted = false }: Variant): Recipe {
  const { gated, activation } = cells[cell]
  // Not for relu, whose random recurrent matrix is no identity: from std 1 its gradients reach 1e12 within 60 iterations.
  const ordinary = !gated && (activation === 'tanh' || startsAsIdentity(cell))
  return {
    name: 'fast',
    why:
      'Input weights of ordinary size (std 1, not 0.001), an identity a hair below one, and a rate that falls to nothing. Muon ' +
      'for the recurrent matrix: through 784 steps a few directions of the gradient drown all others, and Muon steps as far in ' +
      'each, and a pull back to the identity, which keeps it from learning by heart. Adam for the rest, and one that soon forgets ' +
      '(beta2 0.9): gradients come in spikes.',
    hidden: 100,
    ...(ordinary && { inputStd: 1, outputStd: 0.06 }),
    ...own(cell, { scale: 0.999 }),
    pixels: 'unit',
    training: {
      batch: 32,
      ...(permuted ? { iterations: 150_000, evalEvery: 7500 } : { iterations: 40_000, evalEvery: 2500 }),
      optimizer: muon({ lr: 3e-4, weightDecay: 1 / 3, adam: { lr: permuted ? 3e-4 : 1e-4, beta2: 0.9 } }),
      schedule: cosineRate(),
      clip: clipNorm(1),
    },
  }
}

/** The paper's Table 2. Gated cells that it does not have are treated as the lstm, others as tanh. */
const PAPER_SCANLINE: PaperTable = { irnn: [1e-8, 1], relu: [1e-8, 10], tanh: [1e-8, 10], lstm: [0.01, 1] }
const PAPER_PERMUTED: PaperTable = { irnn: [1e-9, 1], relu: [1e-6, 10], tanh: [1e-8, 1], lstm: [0.01, 1] }

function mnistPaper(cell: Cell, { permuted = false }: Variant): Recipe {
  const table = permuted ? PAPER_PERMUTED : PAPER_SCANLINE
  const [lr, limit] = (table[cell] ?? (cells[cell].gated ? table.lstm : table.tanh))!
  return {
    name: 'paper',
    why:
      'SGD at a fixed rate, batch 16, rate and clip from Table 2 for the cell and order. What the paper leaves open is read ' +
      'as what tracks its curve: raw pixels, gradients summed over the batch, the clip on every derivative inside ' +
      'back-propagation, weights of std 0.01 for an irnn. An hour and more, not minutes.',
    hidden: 100,
    // The others keep the paper's 0.001: permuted, a relu from 0.01 is at NaN in two iterations, from 0.001 in one seed of four.
    ...irnnStd(cell, 0.01),
    ...own(cell, { scale: 1, forgetBias: 1 }),
    pixels: 'raw',
    training: {
      batch: 16,
      iterations: 1_000_000,
      evalEvery: 5000,
      optimizer: sgd({ lr }),
      schedule: constantRate(),
      clip: clipDerivative(limit),
      reduction: 'sum',
    },
  }
}

/** Half as many for gated cells, as in the paper: 250 cells of an LSTM beside 500 units. */
function phoneNet(cell: Cell, hidden: number, std: number): Omit<Recipe, 'name' | 'why' | 'training'> {
  if (cells[cell].gated) return { hidden: hidden / 2, layers: 2 }
  return { hidden, layers: 2, inputStd: std, outputStd: std, ...own(cell, { scale: 0.01 }) }
}

function phonesFast(cell: Cell): Recipe {
  return {
    name: 'fast',
    why:
      'The recurrent matrix starts at 0.01 times the identity, as in the paper for speech: what was heard is soon forgotten. ' +
      'Inputs are normalised and weights keep the size of what passes through them (std 0.1), so that five layers learn as ' +
      'two do. Half the rate after an evaluation of the dev set without a gain of 0.5 %, and the end instead of a seventh time.',
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

function phonesPaper(cell: Cell): Recipe {
  return {
    name: 'paper',
    why:
      'The sizes of Table 4: 500 units a layer and direction, 250 for an LSTM; minibatches of 16. Rate, clip and how long are ' +
      'not in the paper: as in fast, for a corpus as large as TIMIT. Hours on one core.',
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

/** Weights of an ordinary size: from std 0.001, or 0.05, these networks are slow to begin, a tanh above all. */
function wordsStd(cell: Cell): Pick<Recipe, 'inputStd' | 'outputStd'> {
  return cells[cell].gated ? {} : { inputStd: 0.1, outputStd: 0.1 }
}

function wordsFast(cell: Cell): Recipe {
  return {
    name: 'fast',
    why:
      'Three epochs of Brown: an lstm of 200 units is at a test perplexity of 101 after 5 minutes on one core, where a ' +
      'Kneser-Ney trigram has 139. Adam, whose rate falls to nothing; weights of std 0.1 but for gated cells.',
    hidden: 200,
    ...wordsStd(cell),
    training: {
      batch: 20,
      iterations: 8200,
      evalEvery: 1370,
      evalBatch: 20,
      optimizer: adam({ lr: 2e-3 }),
      schedule: cosineRate(),
      clip: clipNorm(1),
    },
  }
}

function wordsPaper(cell: Cell): Recipe {
  return {
    name: 'paper',
    why:
      "Plain SGD at a fixed rate, as in all of the paper; of what it leaves open, a summed loss, the grid's largest rate and a " +
      'norm clip of 10. For its networks add --hidden 512, --layers 4, or --hidden 1024 --projection 512. Days, on the benchmark.',
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
