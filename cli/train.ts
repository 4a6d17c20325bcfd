/** `irnn train`, whatever the task: model and options from flags and recipe, then train() → terminal and run folder. */
import * as path from 'node:path'
import type { Backend } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { createModel, type Model } from '../src/model/model.ts'
import { createRunFolder, freeFolder, type RunFolder } from '../src/runs/folder.ts'
import type { RunConfig } from '../src/runs/stored.ts'
import type { Task } from '../src/task.ts'
import type { Recipe } from '../src/tasks/recipes.ts'
import { VOCABULARY_FILE } from '../src/tasks/words/load.node.ts'
import { type TrainSpec, train } from '../src/train/loop.ts'
import { createProgress, type Progress } from './progress.ts'
import { record } from './recording.ts'
import { modelOf, type TrainFlags, trainingOf } from './settings.ts'
import { stopOnSignals } from './signals.ts'
import { version } from './version.ts'
import { grouped, significant } from './words.ts'

/** A task to train on, the recipe to start from, and what the run is called. */
export interface Assignment {
  readonly task: Task
  readonly recipe: Recipe
  /** Of its folder under runs/. */
  readonly name: string
  /** For people. */
  readonly title: string
  /** What belongs into its folder, by name. */
  readonly files?: Readonly<Record<string, string>>
}

/** Trains, writes the run's folder, reports. Returns the exit code. */
export async function trainTask({ task, recipe, name, title, files }: Assignment, flags: TrainFlags): Promise<number> {
  const spec = trainingOf(recipe, flags)
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const model = createModel(modelOf(recipe, flags, task), {
    backend,
    seed: flags.seed,
    normalisation: task.normalisation,
  })
  const named = `${title}: ${model.spec.rnn.cell}, ${model.spec.rnn.hidden} units`
  const { iterations, batch, softmax } = spec
  const sampled = softmax.kind === 'sampled'
  const progress = createProgress({ task, iterations, batch, sampled, quiet: flags.json === true })
  const stop = stopOnSignals(progress)
  try {
    // Everything that can be refused is refused before there is a folder.
    const checkpoints = { every: flags.checkpointEvery }
    const run = train(model, task, { ...spec, signal: stop.signal, checkpoints })
    const folder = createRunFolder(
      flags.out ?? freeFolder(path.join('runs', name)),
      { title: named, ...configOf(task, recipe, flags, model, spec, backend) },
      { overwrite: flags.overwrite === true, files, taskFiles: [VOCABULARY_FILE], say: progress.say },
    )
    if (!flags.json) introduce(progress, named, model, recipe, spec, folder)
    return await record(run, { task, title: named, model, folder, progress, json: flags.json === true, stop })
  } finally {
    stop.release()
    model.dispose()
  }
}

function configOf(
  task: Task,
  chosen: Recipe,
  flags: TrainFlags,
  model: Model,
  training: TrainSpec,
  { name, threads, description, instructionSet }: Backend,
): RunConfig {
  return {
    version: version(),
    recipe: chosen.name,
    seed: flags.seed,
    task: { name: task.name, options: task.options },
    model: model.spec,
    training,
    checkpointEvery: flags.checkpointEvery ?? null,
    backend: { name, threads, description, ...(instructionSet && { instructionSet }) },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
}

function introduce(
  { say }: Progress,
  title: string,
  model: Model,
  chosen: Recipe,
  spec: TrainSpec,
  folder: RunFolder,
): void {
  const { optimizer, clip, softmax, dropout } = spec
  const clipping = clip.kind === 'none' ? 'no clip' : `${clip.kind} clip ${clip.limit}`
  say(`${title}, ${grouped(model.weights.length)} weights; ${model.backend.description}`)
  const besides = [
    ...(dropout > 0 ? [`dropout ${dropout}`] : []),
    ...(softmax.kind === 'sampled' ? [`softmax over ${grouped(softmax.samples)} samples`] : []),
  ]
  say(
    `recipe ${chosen.name}: ${[`${optimizer.kind} at ${significant(optimizer.lr)}`, clipping, ...besides].join(', ')}, ` +
      `batch ${spec.batch}, ${grouped(spec.iterations)} iterations; writing ${folder.dir}`,
  )
}
