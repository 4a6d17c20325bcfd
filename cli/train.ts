/** `irnn train`, whatever the task: model and options from flags and recipe, then train() → terminal and run folder. */
import * as path from 'node:path'
import type { Backend, BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { freeName } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { createModel, type Model } from '../src/model/model.ts'
import { grouped, significant } from '../src/numbers.ts'
import { runEvent } from '../src/runs/begin.ts'
import { createRunFolder } from '../src/runs/folder.ts'
import type { RunConfig } from '../src/runs/stored.ts'
import type { RunFolder } from '../src/runs/writer.ts'
import type { Task } from '../src/task.ts'
import { optionsOf, sayingFlags, type TaskDefinition } from '../src/tasks/definition.ts'
import { modelOf, type NetworkFlags } from '../src/tasks/network.ts'
import { NETWORKS } from '../src/tasks/paper.ts'
import { type Recipe, recipeOf } from '../src/tasks/recipe.ts'
import { TASKS } from '../src/tasks/tasks.node.ts'
import { encodeEvent } from '../src/train/events.ts'
import { extras } from '../src/train/extras.ts'
import { probedSequences } from '../src/train/looking.ts'
import { startRun } from '../src/train/loop.ts'
import { optionsFromFlags, type TrainSpec, trainSpec } from '../src/train/options.ts'
import { VERSION } from '../src/version.ts'
import { trainFlags } from './options.ts'
import { createProgress, type Progress, SILENT } from './progress.ts'
import { agree, follow, onEach, onRanks, type Ranks, together } from './ranks.ts'
import { record } from './recording.ts'
import { commandOf } from './repeat.ts'
import { print, say } from './say.ts'
import { stopTogether } from './signals.ts'

/** Flags of `irnn train`: of the network and of the run; those of training are read by their options. */
export interface TrainFlags extends NetworkFlags {
  readonly recipe?: string
  readonly seed: number
  readonly threads?: number
  readonly backend?: BackendName
  readonly checkpointEvery?: number
  readonly pauseAt?: number
  readonly out?: string
  readonly overwrite?: boolean
  readonly json?: boolean
  readonly distributed?: 'mpi'
  readonly rankTimeout?: number
}

/** Trains, writes the run's folder, reports. Returns the exit code. */
export function trainTask(definition: TaskDefinition, flags: TrainFlags): Promise<number> {
  if (flags.overwrite && flags.out === undefined) {
    throw new InputError('--overwrite: expected --out beside it, the folder whose run is replaced: add it')
  }
  return onRanks(flags, (ranks) => trainOn(ranks, definition, flags))
}

async function trainOn(ranks: Ranks, definition: TaskDefinition, flags: TrainFlags): Promise<number> {
  const { seed, json = false } = flags
  const quiet = json || !ranks.first
  const made = await together(ranks, () => network(ranks, definition, flags))
  const { task, files, recipe, spec, backend, model } = made
  const { folder: name, title: what } = definition.called(task, model.spec.rnn)
  const title = `${what}: ${model.spec.rnn.cell}, ${model.spec.rnn.hidden} units`
  const { iterations, batch, softmax } = spec
  const progress = createProgress({ task, iterations, batch, sampled: softmax.kind === 'sampled', quiet })
  const stop = stopTogether(ranks.first ? progress : SILENT, ranks.group)
  try {
    // Everything that can be refused is refused before there is a folder.
    const config = { title, ...configOf(task, recipe, flags, model, spec, backend) }
    const { backend: _, machine: __, ...same } = config
    agree(ranks, model, backend, same)
    const checkpoints = ranks.first ? { every: flags.checkpointEvery } : undefined
    const options = { signal: stop.signal, pauseAt: flags.pauseAt, checkpoints, extras }
    const run = await together(ranks, () => startRun(model, task, spec, options, ranks.group))
    const id = `${name}-seed${seed}`
    const command = repeating(definition, config)
    const begin = runEvent(config, { id, task, model, command, paper: paperOf(definition, task, flags.cell) })
    const folder = await together(ranks, () => {
      if (!ranks.first) return null
      return createRunFolder(flags.out ?? freeName(path.join('runs', id)), config, {
        overwrite: flags.overwrite === true,
        files,
        begin,
        taskFiles: TASKS.flatMap((task) => task.files ?? []),
        say: progress.say,
        owner: process.env.IRNN_OWNER,
      })
    })
    if (folder === null) return await follow(run)
    if (!json) introduce(progress, title, { task, model, recipe, spec, folder, ranks })
    if (json) print(encodeEvent(begin))
    return await record(run, { task, title, model, folder, progress, json, before: [begin], stop })
  } finally {
    stop.release()
    model.dispose()
  }
}

/** What was typed, with all that a later version might decide otherwise. */
function repeating(definition: TaskDefinition, { recipe, seed, model, training, backend }: RunConfig): string {
  const { cell } = (model as Model['spec']).rnn
  const { iterations } = training
  return commandOf(`npx irnn train ${definition.name}`, process.argv.slice(4), trainFlags(definition), {
    ...{ '--recipe': recipe, '--cell': cell, '--seed': seed, '--iterations': iterations, '--backend': backend.name },
  })
}

/** The curve of the paper that shows the same task and cell, as experiments/paper-curves.csv names it. */
function paperOf({ figure }: TaskDefinition, task: Task, cell: string): string | null {
  const name = figure?.(task)
  return name && NETWORKS.some((network) => network === cell) ? `${name}/${cell}` : null
}

/** What a rank makes by itself: the task and a model at its beginning. */
async function network({ first, threads }: Ranks, definition: TaskDefinition, flags: TrainFlags) {
  const { cell, seed, json = false } = flags
  const given = optionsOf(definition.options, flags)
  const recipe = recipeOf(definition, flags.recipe, cell, given)
  const options = { ...recipe.options, ...given, seed }
  const { task, files } = await sayingFlags(definition.options, () =>
    definition.create({ options, flags, say: first ? say : SILENT.say, quiet: json || !first }),
  )
  const spec = trainSpec(optionsFromFlags(recipe.training, flags))
  const backend = await createBackend({ name: flags.backend, threads: flags.threads ?? threads })
  const { normalisation } = task
  const model = createModel(modelOf(recipe, flags, task), { backend, seed, normalisation })
  return { task, files, recipe, spec, backend, model }
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
    version: VERSION,
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

interface Introduced {
  readonly task: Task
  readonly model: Model
  readonly recipe: Recipe
  readonly spec: TrainSpec
  readonly folder: RunFolder
  readonly ranks: Ranks
}

function introduce({ say }: Progress, title: string, { task, model, recipe, spec, folder, ranks }: Introduced): void {
  const { optimizer, clip, softmax, dropout, average } = spec
  const clipping = clip.kind === 'none' ? 'no clip' : `${clip.kind} clip ${clip.limit}`
  say(`${title}, ${grouped(model.weights.length)} weights; ${model.backend.description}${onEach(ranks, spec)}`)
  const besides = [
    ...(average > 0 ? [`average ${average}`] : []),
    ...(dropout > 0 ? [`dropout ${dropout}`] : []),
    ...(softmax.kind === 'sampled' ? [`softmax over ${grouped(softmax.samples)} samples`] : []),
  ]
  const numbers = [`${optimizer.kind} at ${significant(optimizer.lr)}`, clipping, ...besides].join(', ')
  say(
    `recipe ${recipe.name}: ${numbers}, ` +
      `batch ${spec.batch}, ${grouped(spec.iterations)} iterations; writing ${folder.dir}`,
  )
  if (spec.probeEvery > 0 && probedSequences(task, model.spec) === 0) {
    say(`no probes: one would keep more than 64 MB of ${grouped(task.T)} steps; fewer steps or units make room`)
  }
}
