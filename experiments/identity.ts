/**
 * Whether a stored run is the one that an experiment asks for: recipe, network, training and options of the task as
 * `irnn train` would make them now, each compared with what the run recorded when it began.
 */
import { isDeepStrictEqual } from 'node:util'
import { initWord } from '../src/init.ts'
import { type ModelSpec, modelSpec } from '../src/model/spec.ts'
import type { StoredRun } from '../src/runs/stored.ts'
import { optionsOf } from '../src/tasks/definition.ts'
import { modelOf, type NetworkFlags, type NetworkTask } from '../src/tasks/network.ts'
import { type Recipe, recipeOf } from '../src/tasks/recipe.ts'
import { taskNamed } from '../src/tasks/tasks.node.ts'
import { mayChange, optionsFromFlags, type TrainSpec, trainSpec } from '../src/train/options.ts'
import type { ExperimentRun, RunResult } from './experiment.ts'

/** What tells one run from another, as config.json and results have it. */
export type Identity = Pick<RunResult, 'recipe' | 'seed'> & Pick<StoredRun['config'], 'task' | 'model' | 'training'>

/** What it is, what the experiment wants of it, and what the run has. */
type Pair = readonly [what: string, wanted: unknown, held: unknown]

/** What an experiment's run is before any data: its recipe, and its flags as the command reads them. */
export interface Planned {
  readonly recipe: Recipe
  readonly flags: NetworkFlags
  /** Options of the task, from recipe and flags. */
  readonly options: Readonly<Record<string, unknown>>
  readonly training: TrainSpec
}

export function planned(run: ExperimentRun): Planned {
  const definition = taskNamed(run.task)
  const { recurrent, ...rest } = run.flags
  const read = typeof recurrent === 'string' ? { recurrent: initWord.read(recurrent, '--recurrent') } : {}
  const flags: NetworkFlags = { cell: run.cell, ...rest, ...read }
  const given = optionsOf(definition.options, flags)
  const recipe = recipeOf(definition, run.recipe, run.cell, given)
  const training = trainSpec(optionsFromFlags(recipe.training, flags))
  return { recipe, flags, options: { ...recipe.options, ...given }, training }
}

/** false: the experiment asks for another run by now. */
export function isOf(run: ExperimentRun, result: RunResult): boolean {
  return difference(run, result as RunResult & Identity) === null
}

/** In what a stored run is not the experiment's; null if it is. */
export function difference(run: ExperimentRun, { recipe, seed, task, model, training }: Identity): string | null {
  const plan = planned(run)
  const pairs: Pair[] = [
    ['task', run.task, task.name],
    ['recipe', run.recipe, recipe],
    ['--seed', run.flags.seed ?? 1, seed],
    // A task stores neither what is 0 nor what is false, or it does: both say the same.
    ...Object.entries(plan.options).map(
      ([name, wanted]): Pair => [name, wanted || undefined, task.options[name] || undefined],
    ),
    ...networkPairs(plan, model as ModelSpec),
    ...trainingPairs(plan.training, training, embeddingOf(model as ModelSpec) !== undefined),
  ]
  for (const [what, wanted, held] of pairs) {
    if (isDeepStrictEqual(wanted, held)) continue
    return `${what} ${JSON.stringify(wanted)}, but it holds one with ${JSON.stringify(held)}`
  }
  return null
}

/** The network, but for what depends on data: widths of input and output, and whether inputs are normalised. */
function networkPairs({ recipe, flags }: Planned, held: ModelSpec): Pair[] {
  const { cell, hidden, ...heldRnn } = held.rnn
  if (cell !== flags.cell) return [['cell', flags.cell, cell]]
  const nothing = { mean: new Float32Array(0), std: new Float32Array(0) }
  const task: NetworkTask = {
    input: held.input,
    head: held.head,
    ...('normalise' in held.input && { normalisation: nothing }),
  }
  const { input, rnn, projection, head } = modelSpec(modelOf(recipe, flags, task))
  const { cell: _, hidden: units, ...rest } = rnn
  return [
    ['--hidden', units, hidden],
    ...Object.entries(rest).map(
      ([name, wanted]): Pair => [name, wanted, (heldRnn as Readonly<Record<string, unknown>>)[name]],
    ),
    ['--embedding', 'embedding' in input ? input.embedding : undefined, embeddingOf(held)],
    ['--projection', projection, held.projection],
    ['--output-std', head.init, held.head.init],
  ]
}

function embeddingOf({ input }: ModelSpec): number | undefined {
  return 'embedding' in input ? input.embedding : undefined
}

/**
 * What decides the numbers of a run: how often it is evaluated does only where its rate depends on it. Where the rate
 * is constant a run goes the same way however long it was to be: a shorter one is a partial result. A run from before
 * there was an option went as its default says; one that stored no seed of training drew nothing by it. How tables are
 * updated matters where there is one.
 */
function trainingPairs(wanted: TrainSpec, held: TrainSpec, hasTable: boolean): Pair[] {
  const complete = trainSpec(held)
  const mayBeShort = wanted.schedule.kind === 'constant' && held.iterations < wanted.iterations
  const looks = wanted.schedule.kind === 'halving' ? [] : ['evalEvery', 'evalBatch']
  const names = (Object.keys(wanted) as (keyof TrainSpec)[]).filter(
    (name) => !mayChange(name) && !looks.includes(name) && (hasTable || name !== 'tables'),
  )
  return [
    ['--iterations', mayBeShort ? held.iterations : wanted.iterations, held.iterations],
    ...names.flatMap((name): Pair[] => {
      if (held[name] !== undefined) return [[`training ${name}`, wanted[name], held[name]]]
      return name === 'seed' ? [] : [[`training ${name}`, wanted[name], complete[name]]]
    }),
  ]
}
