/** `irnn train --resume DIR`: a run that was interrupted goes on with what its config.json says, to the same bits. */
import type { Backend, BackendName, InstructionSet } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { isKind } from '../src/data/schema.ts'
import { InputError } from '../src/error.ts'
import type { Given } from '../src/flag.ts'
import { createModel, type Model } from '../src/model/model.ts'
import { loadModel } from '../src/model/modelFile.ts'
import { modelSpec } from '../src/model/spec.ts'
import { grouped } from '../src/numbers.ts'
import { knowsItsEnd } from '../src/runs/checkpoint.ts'
import { type ResumedRun, resumeRunFolder } from '../src/runs/folder.ts'
import { type RunConfig, readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import type { Task } from '../src/task.ts'
import { refuseUnheard, taskNamed } from '../src/tasks/tasks.node.ts'
import { type DoneEvent, encodeEvent, type TrainEvent } from '../src/train/events.ts'
import { extras } from '../src/train/extras.ts'
import { startRun } from '../src/train/loop.ts'
import { MAX_STEP_RECORDS, trainSpec } from '../src/train/options.ts'
import { createProgress, type Progress, SILENT } from './progress.ts'
import { agree, follow, onRanks, type Ranks, shared, together } from './ranks.ts'
import { record, result } from './recording.ts'
import { print, say } from './say.ts'
import { type Stop, stopTogether } from './signals.ts'

/** With the flags that say where data are. */
export interface ResumeFlags extends Given {
  resume: string
  iterations?: number
  threads?: number
  backend?: BackendName
  checkpointEvery?: number
  pauseAt?: number
  json?: boolean
  distributed?: 'mpi'
  rankTimeout?: number
}

/** Returns the exit code; 0 also for a run that is finished already, which is left as it is. */
export function resumeRun(flags: ResumeFlags): Promise<number> {
  return onRanks(flags, (ranks) => resumeOn(ranks, flags))
}

async function resumeOn(ranks: Ranks, flags: ResumeFlags): Promise<number> {
  const { resume: dir, json = false } = flags
  const quiet = json || !ranks.first
  const { stored, task, backend, definition } = await together(ranks, () => reopened(ranks, flags))
  const { config } = stored
  const iterations = flags.iterations ?? config.training.iterations
  const { batch, softmax } = config.training
  const sampled = softmax?.kind === 'sampled' // older runs have no entry for it
  const progress = createProgress({ task, iterations, batch, sampled, quiet })
  const done = finished(stored, iterations)
  if (done) {
    if (ranks.first) print(json ? encodeEvent(done) : `finished: ${result(done, task, dir, stored.events)}`)
    return 0
  }
  const stop = stopTogether(ranks.first ? progress : SILENT, ranks.group)
  try {
    const run = await together(ranks, () => {
      if (!ranks.first) return null
      return resumeRunFolder(stored, {
        load: (source) => loadModel(source, { backend }),
        say: progress.say,
        taskFiles: definition.files,
        owner: process.env.IRNN_OWNER,
        revise: (config, at) => extended(config, at, flags.iterations),
      })
    })
    if (run && !json) introduce(run, progress)
    return await goOn(run, { config, ranks, backend, task, progress, stop, flags })
  } finally {
    stop.release()
  }
}

/** What a rank makes by itself. */
async function reopened(ranks: Ranks, flags: ResumeFlags) {
  const { resume: dir, json = false } = flags
  const stored = readRunFolder(dir)
  const { config } = stored
  if (isKind(config.task.name)) {
    throw new InputError(
      `${dir}: expected a run of irnn train but it is one of irnn fit, which is written when all of it is done: make ` +
        `it anew with irnn fit FILE --out ${dir} --overwrite`,
    )
  }
  if (config.imported) {
    throw new InputError(`${dir}: expected a run of irnn train but its model was imported: there is nothing to resume`)
  }
  const definition = taskNamed(config.task.name)
  refuseUnheard(definition, flags)
  const backend = await sameBackend(config, flags, ranks)
  const { options } = config.task
  const quiet = json || !ranks.first
  const { task } = await definition.open({ options, dir, flags, say: ranks.first ? say : SILENT.say, quiet })
  return { stored, task, backend, definition }
}

interface Means {
  /** As it was stored. */
  readonly config: RunConfig
  readonly ranks: Ranks
  readonly backend: Backend
  readonly task: Task
  readonly progress: Progress
  readonly stop: Stop
  readonly flags: ResumeFlags
}

/** @param run what rank 0 has of the folder; null on the others */
async function goOn(run: ResumedRun<Model> | null, means: Means): Promise<number> {
  const { ranks, backend, task, progress, stop, flags } = means
  const config = run?.config ?? extended(means.config, 0, flags.iterations)
  try {
    const point = shared(ranks, config, run?.checkpoint ?? null, backend)
    const model = point?.model ?? fresh(config, task, backend)
    agree(ranks, model, backend, config)
    const every = flags.checkpointEvery ?? config.checkpointEvery
    const options = {
      signal: stop.signal,
      extras,
      pauseAt: flags.pauseAt,
      checkpoints: run ? { every } : undefined,
      resume: point?.state,
    }
    const training = await together(ranks, () =>
      startRun(model, task, trainSpec(config.training), options, ranks.group),
    )
    if (!run) return await follow(training)
    const title = config.title ?? `${task.name}, T = ${task.T}`
    const json = flags.json === true
    const { folder, events } = run
    const { iteration = 0, seconds = 0 } = point?.state ?? {}
    const begin: TrainEvent = { type: 'resume', iteration, seconds }
    return await record(training, { task, title, model, folder, progress, json, before: events, begin, stop })
  } finally {
    run?.folder.close()
  }
}

/** The model that the run began with. */
function fresh({ model, seed }: RunConfig, { normalisation }: Task, backend: Backend): Model {
  return createModel(modelSpec(model), { backend, seed, normalisation })
}

function introduce({ folder, config, checkpoint }: ResumedRun<Model>, { say }: Progress): void {
  const { iterations } = config.training
  if (!checkpoint) say(`${folder.dir}: no checkpoint yet, so it starts again from the beginning`)
  else say(`${folder.dir}: going on from iteration ${grouped(checkpoint.state.iteration)} of ${grouped(iterations)}`)
}

/** The last record of a run that is finished, given its number of iterations, and has its model; else null. */
function finished(run: StoredRun, iterations: number): DoneEvent | null {
  const last = run.end()
  if (!last || last.stopped) return null
  return last.reason === 'target' || last.reason === 'plateau' || last.iteration >= iterations ? last : null
}

/** More iterations than were planned are welcome where they change nothing before. */
function extended(config: RunConfig, done: number, iterations = config.training.iterations): RunConfig {
  const { training } = config
  if (iterations === training.iterations) return config
  if (knowsItsEnd(training)) {
    throw new InputError(
      `--iterations: expected the ${training.iterations} of the run but received ${iterations}: its ` +
        `${training.schedule.kind} rate falls towards the end, so this would be another run: start that anew`,
    )
  }
  if (iterations <= done) {
    throw new InputError(`--iterations: expected more than the ${done} that are done but received ${iterations}`)
  }
  const stepEvery = Math.max(training.stepEvery, Math.ceil(iterations / MAX_STEP_RECORDS))
  return { ...config, training: { ...training, iterations, stepEvery } }
}

/** Threads may differ: the bits do not depend on them. */
async function sameBackend(
  { backend }: RunConfig,
  { backend: name, threads }: ResumeFlags,
  ranks: Ranks,
): Promise<Backend> {
  if (name !== undefined && name !== backend.name) {
    throw new InputError(
      `--backend: expected ${backend.name}, with which the run was begun, but received ${name}: another one gives ` +
        'other bits: remove it, or start the run anew',
    )
  }
  return createBackend({
    name: backend.name as BackendName,
    threads: threads ?? ranks.threads ?? backend.threads,
    instructionSet: backend.instructionSet as InstructionSet | undefined,
  })
}
