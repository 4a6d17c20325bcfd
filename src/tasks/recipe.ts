/**
 * Recipes: named sets of hyper-parameters that make a task work, each with its reason. What a person says beside a
 * recipe goes before it. They are pure, so that a page can import those of a task (src/tasks/<task>/recipes.ts).
 */
import { didYouMean, InputError, refuseNoObject, refuseNoText, refuseUnless, shown } from '../error.ts'
import type { Given } from '../flag.ts'
import type { Init } from '../init.ts'
import cells, { type Cell, type CellOptions } from '../layers/cells.ts'
import type { TrainOptions } from '../train/options.ts'

/** A named set of hyper-parameters; options of the cell stand beside the others. */
export interface Recipe extends CellOptions {
  readonly name: string
  /** What it is and why, for the help. */
  readonly why: string
  /** Hidden units. */
  readonly hidden: number
  /** Of tasks of tokens: width of the embedding; absent: as many as hidden units. */
  readonly embedding?: number
  /** Recurrent layers, default 1. */
  readonly layers?: number
  /** Units of a linear layer between the recurrent ones and the output; absent: there is none. */
  readonly projection?: number
  /** Initialiser of the recurrent matrices; absent: the cell's default. */
  readonly recurrent?: Init
  /** Standard deviations of the input and output weights; absent: the cell's default. */
  readonly inputStd?: number
  readonly outputStd?: number
  /** Options of the task that go with it. */
  readonly options?: Readonly<Record<string, string | number | boolean>>
  readonly training: TrainOptions
}

/** By name, the first one the default. A recipe may depend on the cell and on options of the task. */
export type Recipes = Readonly<Record<string, (cell: Cell, options: Given) => Recipe>>

/** @throws InputError for a name that the task does not have */
export function recipeOf(
  definition: { readonly name: string; readonly recipes: Recipes },
  name: string | undefined,
  cell: Cell,
  options: Given = {},
): Recipe {
  refuseNoObject('recipeOf', definition)
  refuseNoObject('recipeOf: options', options)
  const { name: task, recipes } = definition
  refuseNoText('recipeOf: name', task)
  refuseNoObject('recipeOf: recipes', recipes)
  if (typeof cell !== 'string' || !Object.hasOwn(cells, cell)) {
    const known = Object.keys(cells)
    throw new InputError(
      `recipeOf: cell: expected one of ${known.join(', ')} but received ${shown(cell)}${didYouMean(cell, known)}`,
    )
  }
  for (const [name, value] of Object.entries(options)) {
    const isOption = /^(string|number|boolean|undefined)$/.test(typeof value)
    refuseUnless(isOption, `recipeOf: options: ${name}`, 'a string, a number or a boolean', value)
  }
  const names = Object.keys(recipes)
  const chosen = name ?? names[0]
  if (typeof chosen === 'string' && typeof recipes[chosen] === 'function') return recipes[chosen](cell, options)
  throw new InputError(
    `recipe: expected one of ${names.join(', ')} for ${task} but received ${shown(chosen)}${didYouMean(chosen, names)}`,
  )
}

/** Those of these options that the cell has. */
export function own(cell: Cell, options: CellOptions): CellOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name in cells[cell].options))
}

/** Whether the recurrent matrix starts as a multiple of the identity: an irnn's does. */
export function startsAsIdentity(cell: Cell): boolean {
  return cells[cell].init.recurrent.kind === 'identity'
}

/** Weights of one standard deviation, for an irnn; the other cells start as they do everywhere. */
export function irnnStd(cell: Cell, std: number): Pick<Recipe, 'inputStd' | 'outputStd'> {
  return startsAsIdentity(cell) ? { inputStd: std, outputStd: std } : {}
}
