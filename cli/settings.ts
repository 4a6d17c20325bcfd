/** Flags and recipe → the spec of a model and the options of its training. A flag goes before the recipe. */
import type { BackendName } from '../src/backend/backend.ts'
import { InputError } from '../src/error.ts'
import { gaussian } from '../src/init.ts'
import cells, { type Cell, type CellOptions } from '../src/layers/cells.ts'
import { cellOptions, refuseOptions } from '../src/model/cellOptions.ts'
import type { ModelInput } from '../src/model/spec.ts'
import type { Task } from '../src/task.ts'
import type { Recipe } from '../src/tasks/recipes.ts'
import { CLIP_KINDS, type Clip, type ClipKind, noClip } from '../src/train/clip.ts'
import { type TrainSpec, trainSpec } from '../src/train/loop.ts'
import { adam, type Muon, muon, type OptimizerKind, type OptimizerSpec, rmsprop, sgd } from '../src/train/optim.ts'
import { constantRate, cosineRate, halvingRate, type Schedule, stepRate } from '../src/train/schedule.ts'

/** Flags of `irnn train` that a model or its training is made from; --samples and --dropout are of words alone. */
export interface TrainFlags extends CellOptions {
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
  optimizer?: OptimizerKind
  lr?: number
  momentum?: number
  weightDecay?: number
  schedule?: Schedule['kind']
  decayEvery?: number
  halvings?: number
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
  checkpointEvery?: number
  onCollapse?: 'continue' | 'stop'
  activationCheckpointing?: boolean
  samples?: number
  dropout?: number
  out?: string
  overwrite?: boolean
  json?: boolean
}

/** @throws InputError for options that make no sense together */
export function trainingOf({ training }: Recipe, flags: TrainFlags): TrainSpec {
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
    onCollapse: flags.onCollapse ?? training.onCollapse,
    activationCheckpointing: flags.activationCheckpointing,
    softmax: flags.samples === undefined ? training.softmax : { kind: 'sampled', samples: flags.samples },
    dropout: flags.dropout ?? training.dropout,
    seed: flags.seed,
  })
}

function optimizerOf(base: OptimizerSpec, { optimizer, lr, momentum, weightDecay }: TrainFlags): OptimizerSpec {
  const make = { sgd, rmsprop, adam, muon }[optimizer ?? base.kind]
  const chosen: OptimizerSpec = optimizer === undefined || optimizer === base.kind ? base : make()
  const { kind } = chosen
  if (momentum !== undefined) refuseUnless('--momentum', ['sgd', 'muon'], '--optimizer', kind)
  if (weightDecay !== undefined) refuseUnless('--weight-decay', ['muon'], '--optimizer', kind)
  const rate = lr === undefined ? {} : chosen.kind === 'muon' ? muonRates(chosen, lr) : { lr }
  const more = { ...(momentum !== undefined && { momentum }), ...(weightDecay !== undefined && { weightDecay }) }
  return { ...chosen, ...rate, ...more } as OptimizerSpec
}

/** Adam's share of the rate stays what it was. */
function muonRates({ lr: before, adam: rest }: Muon, lr: number): Pick<Muon, 'lr' | 'adam'> {
  return { lr, adam: { ...rest, lr: (rest.lr * lr) / before } }
}

/** @throws InputError for a flag that nothing would hear */
function refuseUnless(flag: string, kinds: readonly string[], choice: string, chosen: string): void {
  if (kinds.includes(chosen)) return
  throw new InputError(
    `${flag}: expected ${choice} ${kinds.join(' or ')}, to which it belongs, but it is ${chosen}: remove it, or give that`,
  )
}

function scheduleOf(base: Schedule, flags: TrainFlags): Schedule {
  const { schedule = base.kind, decayEvery, halvings, warmup = base.warmup } = flags
  if (decayEvery !== undefined) refuseUnless('--decay-every', ['steps'], '--schedule', schedule)
  if (halvings !== undefined) refuseUnless('--halvings', ['halving'], '--schedule', schedule)
  if (schedule === 'constant') return constantRate({ warmup })
  if (schedule === 'cosine') return cosineRate({ warmup })
  if (schedule === 'steps') return stepRate({ every: decayEvery ?? 10_000, warmup })
  const { kind: _, ...halving } = base.kind === 'halving' ? base : halvingRate()
  return halvingRate({ ...halving, warmup, ...(halvings !== undefined && { most: halvings }) })
}

const LIMITED = CLIP_KINDS.filter((kind) => kind !== 'none')

function clipOf(base: Clip, { clip, clipKind }: TrainFlags): Clip {
  const kind = clipKind ?? (base.kind === 'none' && clip !== undefined ? 'norm' : base.kind)
  if (clip !== undefined) refuseUnless('--clip', LIMITED, '--clip-kind', kind)
  return kind === 'none' ? noClip() : { kind, limit: clip ?? (base.kind === 'none' ? 1 : base.limit) }
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
