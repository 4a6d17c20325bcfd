/** Flags and recipe → the spec of a model. A flag goes before the recipe. */
import { InputError } from '../error.ts'
import type { Given } from '../flag.ts'
import { gaussian, type Init } from '../init.ts'
import cells, { type Cell, type CellOptions } from '../layers/cells.ts'
import { cellOptions, refuseOptions } from '../model/cellOptions.ts'
import type { ModelInput } from '../model/spec.ts'
import type { Task } from '../task.ts'
import type { Recipe } from './recipe.ts'

/** Flags of `irnn train` that a model is made from; without one, the recipe decides. */
export interface NetworkFlags extends Given, CellOptions {
  readonly cell: Cell
  readonly hidden?: number
  readonly layers?: number
  readonly embedding?: number
  /** 0: none, whatever the recipe has. */
  readonly projection?: number
  readonly bidirectional?: boolean
  readonly recurrent?: Init
  readonly std?: number
  readonly inputStd?: number
  readonly outputStd?: number
}

/** What of a task its model depends on. */
export type NetworkTask = Pick<Task, 'input' | 'head' | 'normalisation'>

/** @throws InputError for flags that are not the cell's */
export function modelOf(chosen: Recipe, flags: NetworkFlags, task: NetworkTask): ModelInput {
  const { cell, hidden = chosen.hidden, layers, bidirectional, projection = chosen.projection } = flags
  refuseOptions(cell, flags, (name, only) => `${flagOf(name)}: ${only}, and the cell is ${cell}: remove it`)
  if (flags.recurrent !== undefined && flags.scale !== undefined) {
    throw new InputError('--scale: expected --scale or --recurrent but received both: remove one')
  }
  const own = cellOptions([cell]).map(([name]) => [name, flags[name] ?? chosen[name]])
  const inputStd = flags.inputStd ?? flags.std ?? chosen.inputStd
  const outputStd = flags.outputStd ?? flags.std ?? chosen.outputStd
  const rnn = cells[cell].make(hidden, {
    layers: layers ?? chosen.layers,
    bidirectional,
    recurrent: flags.recurrent ?? (flags.scale === undefined ? chosen.recurrent : undefined),
    input: inputStd === undefined ? undefined : gaussian(inputStd),
    ...Object.fromEntries(own),
  })
  const head = { ...task.head, init: outputStd === undefined ? undefined : gaussian(outputStd) }
  const input = inputOf(task, flags.embedding ?? chosen.embedding ?? hidden)
  return { input, rnn, projection: projection === 0 ? undefined : projection, head }
}

/** forgetBias → --forget-bias, as commander names them. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function inputOf({ input, normalisation }: NetworkTask, embedding: number): ModelInput['input'] {
  if ('vocabulary' in input) return { ...input, embedding }
  return normalisation ? { ...input, normalise: true } : input
}
