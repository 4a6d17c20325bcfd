/** Flags and recipe → the spec of a model. A flag goes before the recipe. */
import type { BackendName } from '../src/backend/backend.ts'
import { InputError } from '../src/error.ts'
import type { Given } from '../src/flag.ts'
import { gaussian } from '../src/model/init.ts'
import { type Cell, gru, irnn, lstm, type ModelInput, relu, tanh } from '../src/model/spec.ts'
import type { Task } from '../src/task.ts'
import type { Recipe } from '../src/tasks/recipe.ts'

/**
 * Flags of `irnn train` that a model is made from, and those of the run; those of training are read by their options.
 */
export interface TrainFlags extends Given {
  cell: Cell
  recipe?: string
  hidden?: number
  layers?: number
  embedding?: number
  projection?: number
  bidirectional?: boolean
  scale?: number
  std?: number
  inputStd?: number
  outputStd?: number
  forgetBias?: number
  seed: number
  threads?: number
  backend?: BackendName
  checkpointEvery?: number
  out?: string
  overwrite?: boolean
  json?: boolean
}

/** @throws InputError for flags that are not the cell's */
export function modelOf(chosen: Recipe, flags: TrainFlags, task: Task): ModelInput {
  const { cell, hidden = chosen.hidden, layers, bidirectional, projection, scale, forgetBias } = flags
  if (cell !== 'irnn' && scale !== undefined) {
    throw new InputError(`--scale: only an irnn starts from an identity, and the cell is ${cell}: remove it`)
  }
  if (cell !== 'lstm' && forgetBias !== undefined) {
    throw new InputError(`--forget-bias: only an lstm has a forget gate, and the cell is ${cell}: remove it`)
  }
  const inputStd = flags.inputStd ?? flags.std ?? chosen.inputStd
  const outputStd = flags.outputStd ?? flags.std ?? chosen.outputStd
  const stack = {
    layers: layers ?? chosen.layers,
    bidirectional,
    input: inputStd === undefined ? undefined : gaussian(inputStd),
  }
  const make = {
    irnn: () => irnn(hidden, { ...stack, scale: scale ?? chosen.scale ?? 1 }),
    lstm: () => lstm(hidden, { ...stack, forgetBias: forgetBias ?? chosen.forgetBias ?? 1 }),
    relu: () => relu(hidden, stack),
    tanh: () => tanh(hidden, stack),
    gru: () => gru(hidden, stack),
  }
  const head = { ...task.head, init: outputStd === undefined ? undefined : gaussian(outputStd) }
  return { input: inputOf(task, flags.embedding ?? chosen.embedding ?? hidden), rnn: make[cell](), projection, head }
}

function inputOf({ input, normalisation }: Task, embedding: number): ModelInput['input'] {
  if ('vocabulary' in input) return { ...input, embedding }
  return normalisation ? { ...input, normalise: true } : input
}
