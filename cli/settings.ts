/** Flags and recipe → the spec of a model. A flag goes before the recipe. */
import type { BackendName } from '../src/backend/backend.ts'
import type { Given } from '../src/flag.ts'
import { gaussian } from '../src/init.ts'
import cells, { type Cell, type CellOptions } from '../src/layers/cells.ts'
import { cellOptions, refuseOptions } from '../src/model/cellOptions.ts'
import type { ModelInput } from '../src/model/spec.ts'
import type { Task } from '../src/task.ts'
import type { Recipe } from '../src/tasks/recipe.ts'

/**
 * Flags of `irnn train` that a model is made from, and those of the run; those of training are read by their options.
 */
export interface TrainFlags extends Given, CellOptions {
  cell: Cell
  recipe?: string
  hidden?: number
  layers?: number
  embedding?: number
  projection?: number
  bidirectional?: boolean
  std?: number
  inputStd?: number
  outputStd?: number
  seed: number
  threads?: number
  backend?: BackendName
  checkpointEvery?: number
  pauseAt?: number
  out?: string
  overwrite?: boolean
  json?: boolean
}

/** @throws InputError for flags that are not the cell's */
export function modelOf(chosen: Recipe, flags: TrainFlags, task: Task): ModelInput {
  const { cell, hidden = chosen.hidden, layers, bidirectional, projection } = flags
  refuseOptions(cell, flags, (name, only) => `${flagOf(name)}: ${only}, and the cell is ${cell}: remove it`)
  const own = cellOptions([cell]).map(([name]) => [name, flags[name] ?? chosen[name]])
  const inputStd = flags.inputStd ?? flags.std ?? chosen.inputStd
  const outputStd = flags.outputStd ?? flags.std ?? chosen.outputStd
  const rnn = cells[cell].make(hidden, {
    layers: layers ?? chosen.layers,
    bidirectional,
    input: inputStd === undefined ? undefined : gaussian(inputStd),
    ...Object.fromEntries(own),
  })
  const head = { ...task.head, init: outputStd === undefined ? undefined : gaussian(outputStd) }
  return { input: inputOf(task, flags.embedding ?? chosen.embedding ?? hidden), rnn, projection, head }
}

/** forgetBias → --forget-bias, as commander names them. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function inputOf({ input, normalisation }: Task, embedding: number): ModelInput['input'] {
  if ('vocabulary' in input) return { ...input, embedding }
  return normalisation ? { ...input, normalise: true } : input
}
