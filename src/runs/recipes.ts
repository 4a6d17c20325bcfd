/**
 * Recipes: named sets of hyper-parameters that make a task work, each with its reason. What a person says beside a recipe
 * goes before it.
 */
import { clipDerivative, clipNorm } from '../clip.ts'
import { InputError, shown } from '../error.ts'
import { adam, sgd } from '../optim.ts'
import { constantRate, cosineRate } from '../schedule.ts'
import type { Cell } from '../spec.ts'
import type { TrainOptions } from '../train.ts'

export interface Recipe {
  readonly name: string
  /** What it is and why, for the help. */
  readonly why: string
  /** Hidden units. */
  readonly hidden: number
  /** Standard deviation of the input and output weights of an irnn. */
  readonly std: number
  readonly forgetBias?: number
  readonly training: TrainOptions
}

type RecipeFor = (cell: Cell, T: number) => Recipe

/** By task and name; the first of a task is its default. */
const RECIPES: Readonly<Record<string, Readonly<Record<string, RecipeFor>>>> = {
  adding: { fast: addingFast, paper: addingPaper },
}

export function recipeNames(task: string): string[] {
  return Object.keys(RECIPES[task] ?? {})
}

/** @throws InputError for a name that the task has not */
export function recipe(task: string, name: string | undefined, cell: Cell, T: number): Recipe {
  const names = recipeNames(task)
  const chosen = name ?? names[0]!
  if (!names.includes(chosen)) {
    throw new InputError(`recipe: expected one of ${names.join(', ')} for ${task} but received ${shown(chosen)}`)
  }
  return RECIPES[task]![chosen]!(cell, T)
}

function addingFast(): Recipe {
  return {
    name: 'fast',
    why:
      'The paper takes 495,000 iterations of SGD to an MSE of 0.1, here 1,000 to 3,000 do: Adam, and weights of ordinary ' +
      'size (std 0.1, not 0.001). The norm clip survives the spikes on the way, the cosine ends the noise. Stops early ' +
      'at a test MSE of 0.0005 (--target 0: never). Made for T = 150; at T = 400 it diverges within 100 iterations.',
    hidden: 100,
    std: 0.1,
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

/** Learning rate, clip and forget bias of the paper's Table 1 by cell and length; tanh is listed for T = 150 only. */
const PAPER_LSTM: Readonly<Record<number, readonly [number, number, number]>> = {
  150: [0.01, 10, 1],
  200: [0.001, 100, 4],
  300: [0.01, 1, 4],
  400: [0.01, 100, 10],
}
const PAPER_IRNN: Readonly<Record<number, readonly [number, number]>> = {
  150: [0.01, 100],
  200: [0.01, 1],
  300: [0.01, 10],
  400: [0.01, 1],
}

function addingPaper(cell: Cell, T: number): Recipe {
  const listed = [400, 300, 200, 150].find((length) => T >= length) ?? 150
  const [lr, limit, forgetBias] = cell === 'lstm' ? PAPER_LSTM[listed]! : [...PAPER_IRNN[listed]!, undefined]
  return {
    name: 'paper',
    why:
      'SGD at a fixed rate, batch 16, weights of std 0.001, rate and clip from Table 1 for the cell and length; the paper ' +
      'does not say what it clips, read here as the derivatives inside back-propagation. Hours, not seconds.',
    hidden: 100,
    std: 0.001,
    ...(forgetBias !== undefined && { forgetBias }),
    training: {
      batch: 16,
      iterations: 1_000_000,
      evalEvery: 10_000,
      optimizer: sgd({ lr }),
      schedule: constantRate(),
      clip: clipDerivative(limit),
    },
  }
}
