/** `irnn train adding`: flags and recipe → task, model, options; then train() → terminal and run folder. No numerics. */
import * as path from 'node:path'
import type { Backend, BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { type Clip, type ClipKind, noClip } from '../src/clip.ts'
import { InputError } from '../src/error.ts'
import { type DoneEvent, encodeEvent, type TrainEvent } from '../src/events.ts'
import { gaussian } from '../src/init.ts'
import { createModel, type Model, saveModel } from '../src/model.ts'
import { adam, type OptimizerKind, type OptimizerSpec, rmsprop, sgd } from '../src/optim.ts'
import { curve } from '../src/runs/curve.ts'
import { createRunFolder, freeFolder, type RunFolder } from '../src/runs/folder.ts'
import { type Recipe, recipe } from '../src/runs/recipes.ts'
import { constantRate, cosineRate, type Schedule, stepRate } from '../src/schedule.ts'
import { type Cell, gru, irnn, lstm, type ModelInput, relu, tanh } from '../src/spec.ts'
import { adding } from '../src/tasks/adding.ts'
import type { Task } from '../src/tasks/task.ts'
import { type TrainSpec, train, trainSpec } from '../src/train.ts'
import { createProgress, type Progress } from './progress.ts'
import { stopOnSignals } from './signals.ts'
import { version } from './version.ts'
import { duration, grouped, scored, significant } from './words.ts'

/** Flags of `irnn train` that every task has. */
export interface TrainFlags {
  cell: Cell
  recipe?: string
  hidden?: number
  layers?: number
  bidirectional?: boolean
  scale?: number
  std?: number
  forgetBias?: number
  optimizer?: OptimizerKind
  lr?: number
  momentum?: number
  schedule?: 'constant' | 'cosine' | 'steps'
  decayEvery?: number
  warmup?: number
  clip?: number
  clipKind?: ClipKind
  loss?: 'mean' | 'sum'
  batch?: number
  iterations?: number
  evalEvery?: number
  target?: number
  seed: number
  threads?: number
  backend?: BackendName
  out?: string
  overwrite?: boolean
  json?: boolean
}

export interface AddingFlags extends TrainFlags {
  length: number
  halves?: boolean
  trainSize: number
  testSize: number
}

/** Runs `irnn train adding`. Returns the exit code. */
export async function trainAdding(flags: AddingFlags): Promise<number> {
  const { length: T, halves = false, trainSize, testSize, seed, cell } = flags
  const task = adding({ T, halves, train: trainSize, test: testSize, seed })
  const chosen = recipe('adding', flags.recipe, cell, T)
  return trainTask(task, chosen, flags, `adding-${cell}-T${T}-seed${seed}`)
}

async function trainTask(task: Task, chosen: Recipe, flags: TrainFlags, name: string): Promise<number> {
  const spec = trainSpec(trainingOf(chosen, flags))
  const backend = await createBackend({ name: flags.backend, threads: flags.threads })
  const model = createModel(modelOf(chosen, flags, task), { backend, seed: flags.seed })
  const progress = createProgress({ task, iterations: spec.iterations, quiet: flags.json === true })
  const stop = stopOnSignals(progress)
  try {
    // Everything that can be refused is refused before there is a folder.
    const events = train(model, task, { ...spec, signal: stop.signal })
    const folder = createRunFolder(
      flags.out ?? freeFolder(path.join('runs', name)),
      configOf(task, chosen, flags, model, spec, backend),
      { overwrite: flags.overwrite === true },
    )
    if (!flags.json) introduce(progress, task, model, chosen, spec, folder)
    const done = await record(events, { task, model, folder, progress, json: flags.json === true })
    if (!flags.json) process.stdout.write(`${result(done, task, folder)}\n`)
    return done.stopped ? stop.exitCode() : 0
  } finally {
    stop.release()
    model.dispose()
  }
}

interface Recording {
  readonly task: Task
  readonly model: Model
  readonly folder: RunFolder
  readonly progress: Progress
  readonly json: boolean
}

/** Events to terminal and folder; in the end the model, and whatever happens the curve so far. */
async function record(
  events: AsyncIterable<TrainEvent>,
  { task, model, folder, progress, json }: Recording,
): Promise<DoneEvent> {
  const seen: TrainEvent[] = []
  let done: DoneEvent | undefined
  try {
    for await (const event of events) {
      if (event.type === 'done') {
        done = event
        // Before the line that says so.
        folder.saveModel(saveModel(model))
      }
      seen.push(event)
      folder.append(event)
      if (json) process.stdout.write(`${encodeEvent(event)}\n`)
      progress.show(event)
    }
  } finally {
    progress.clear()
    folder.saveCurve(curve(seen, task, title(task, model)))
    folder.close()
  }
  return done!
}

function trainingOf({ training }: Recipe, flags: TrainFlags): TrainSpec {
  return trainSpec({
    ...training,
    iterations: flags.iterations ?? training.iterations,
    batch: flags.batch ?? training.batch,
    evalEvery: flags.evalEvery ?? training.evalEvery,
    optimizer: optimizerOf(training.optimizer!, flags),
    schedule: scheduleOf(training.schedule!, flags),
    clip: clipOf(training.clip!, flags),
    reduction: flags.loss ?? training.reduction,
    target: flags.target ?? training.target,
  })
}

function optimizerOf(base: OptimizerSpec, { optimizer, lr, momentum }: TrainFlags): OptimizerSpec {
  const make = { sgd, rmsprop, adam }[optimizer ?? base.kind]
  const chosen: OptimizerSpec = optimizer === undefined || optimizer === base.kind ? base : make()
  // Momentum of another optimiser than sgd is refused by the check of the options, which names it.
  return { ...chosen, ...(lr !== undefined && { lr }), ...(momentum !== undefined && { momentum }) } as OptimizerSpec
}

function scheduleOf(base: Schedule, { schedule = base.kind, decayEvery, warmup = base.warmup }: TrainFlags): Schedule {
  if (schedule === 'constant') return constantRate({ warmup })
  if (schedule === 'cosine') return cosineRate({ warmup })
  return stepRate({ every: decayEvery ?? 10_000, warmup })
}

function clipOf(base: Clip, { clip, clipKind }: TrainFlags): Clip {
  const kind = clipKind ?? (base.kind === 'none' && clip !== undefined ? 'norm' : base.kind)
  return kind === 'none' ? noClip() : { kind, limit: clip ?? (base.kind === 'none' ? 1 : base.limit) }
}

function modelOf(chosen: Recipe, flags: TrainFlags, task: Task): ModelInput {
  const { cell, hidden = chosen.hidden, layers, bidirectional, scale, forgetBias } = flags
  if (cell !== 'irnn' && scale !== undefined) {
    throw new InputError(`--scale: only an irnn starts from an identity, and the cell is ${cell}: remove it`)
  }
  if (cell !== 'lstm' && forgetBias !== undefined) {
    throw new InputError(`--forget-bias: only an lstm has a forget gate, and the cell is ${cell}: remove it`)
  }
  const std = flags.std ?? (cell === 'irnn' ? chosen.std : undefined)
  const weights = std === undefined ? undefined : gaussian(std)
  const stack = { layers, bidirectional, input: weights }
  const make = {
    irnn: () => irnn(hidden, { ...stack, scale: scale ?? 1 }),
    lstm: () => lstm(hidden, { ...stack, forgetBias: forgetBias ?? chosen.forgetBias ?? 1 }),
    relu: () => relu(hidden, stack),
    tanh: () => tanh(hidden, stack),
    gru: () => gru(hidden, stack),
  }
  return { input: task.input as { size: number }, rnn: make[cell](), head: { ...task.head, init: weights } }
}

function configOf(task: Task, chosen: Recipe, flags: TrainFlags, model: Model, training: TrainSpec, backend: Backend) {
  const { name, threads, description } = backend
  return {
    version: version(),
    recipe: chosen.name,
    seed: flags.seed,
    task: { name: task.name, options: task.options },
    model: model.spec,
    training,
    backend: { name, threads, description },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
}

function title(task: Task, { spec }: Model): string {
  return `${task.name}, T = ${task.T}: ${spec.rnn.cell}, ${spec.rnn.hidden} units`
}

function introduce(
  { say }: Progress,
  task: Task,
  model: Model,
  chosen: Recipe,
  spec: TrainSpec,
  folder: RunFolder,
): void {
  const { optimizer, clip } = spec
  const clipping = clip.kind === 'none' ? 'no clip' : `${clip.kind} clip ${clip.limit}`
  say(`${title(task, model)}, ${grouped(model.weights.length)} weights; ${model.backend.description}`)
  say(
    `recipe ${chosen.name}: ${optimizer.kind} at ${significant(optimizer.lr)}, ${clipping}, batch ${spec.batch}, ` +
      `${grouped(spec.iterations)} iterations; writing ${folder.dir}`,
  )
}

function result(done: DoneEvent, task: Task, { dir }: RunFolder): string {
  const how = { iterations: '', target: ', target reached', stopped: ', stopped' }[done.reason]
  const score = done.test ? scored(done.test, task) : 'not evaluated'
  return `${score} after ${grouped(done.iteration)} iterations in ${duration(done.seconds)}${how}; ${dir}`
}
