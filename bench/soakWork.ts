/**
 * What a soak does over and over: one round makes, uses and gives back everything that the library has which holds
 * memory, handles or threads. A round is seeded by its number modulo ROUNDS, and returns a checksum of all numbers that
 * it saw: the same round has the same numbers for ever, however long the process has lived.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  adding,
  type Backend,
  type BackendOptions,
  type Cell,
  chooseVocabulary,
  createBackend,
  createModel,
  evaluate,
  InputError,
  loadModel,
  type Model,
  type ModelInput,
  mnist,
  modelParts,
  type RunState,
  rng,
  saveModel,
  type Task,
  train,
  trainSpec,
  words,
} from '../src/index.ts'
import cells from '../src/layers/cells.ts'
import { createRunFolder, curve, type RunConfig, type RunFolder, readRunFolder, resumeRunFolder } from '../src/node.ts'
import { featureStream, soundStream } from '../src/speech.ts'

const [H, B, ITERATIONS] = [12, 8, 30]
const CELLS = Object.keys(cells) as Cell[]
const TASKS: readonly Task[] = [adding({ T: 20, train: 60, test: 20 }), digits(), text()]

/** After so many rounds the same begin again: every cell with every task. */
export const ROUNDS: number = CELLS.length * TASKS.length

/** Where a soak works: its backend, how another of the kind is made, a folder for runs. */
export interface Place {
  readonly backend: Backend
  readonly options: BackendOptions
  readonly dir: string
}

/** Numbers that must be the same every time. */
type Numbers = ArrayLike<number>

/** Returns a checksum of the numbers of round `n`. */
export async function round(n: number, place: Place): Promise<string> {
  const seed = n % ROUNDS
  const cell = CELLS[seed % CELLS.length]!
  const task = TASKS[Math.floor(seed / CELLS.length)]!
  const hash = createHash('sha256')
  const pieces = [
    () => trained(place, task, cell),
    () => planned(place.backend, cell, seed),
    () => streamed(place.backend, cell, seed),
    () => heard(seed),
    () => refused(place.backend, cell),
    () => onAnother(place, cell, n),
  ]
  for (const piece of pieces) for (const numbers of await piece()) hash.update(Float64Array.from(numbers))
  return hash.digest('hex')
}

function spec(cell: Cell, { input, head }: Pick<Task, 'input' | 'head'>): ModelInput {
  return {
    input: 'size' in input ? input.size : { vocabulary: input.vocabulary, embedding: 5 },
    rnn: { cell, hidden: H },
    head,
  }
}

/** A run in a folder, with records and checkpoints: left in the middle, gone on with, read back and scored. */
async function trained({ backend, dir }: Place, task: Task, cell: Cell): Promise<Numbers[]> {
  const training = trainSpec({ iterations: ITERATIONS, evalEvery: 10, stepEvery: 5, batch: B })
  const where = join(dir, 'run')
  const model = createModel(spec(cell, task), { backend, seed: 1 })
  const { name, threads, description } = backend
  const config: RunConfig = {
    version: 'soak',
    recipe: 'soak',
    seed: 1,
    task: { name: task.name, options: task.options },
    model: model.spec,
    training,
    backend: { name, threads, description },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
  const folder = createRunFolder(where, config, { overwrite: true })
  await recorded({ model, task, folder, until: ITERATIONS / 2 })
  model.dispose()
  const again = resumeRunFolder(readRunFolder(where), { load: (source) => loadModel(source, { backend }) })
  const { model: loaded, state } = again.checkpoint!
  await recorded({ model: loaded, task, folder: again.folder, until: ITERATIONS, from: state })
  using stored = readRunFolder(where).readModel('final', (source) => loadModel(source, { backend }))
  const { loss } = await evaluate(stored, task, { batch: 7 })
  const numbers = [Array.from(stored.weights), [loss]]
  loaded.dispose()
  return numbers
}

interface Recorded {
  readonly model: Model
  readonly task: Task
  readonly folder: RunFolder
  /** The iteration after which the run is left, or at which it ends. */
  readonly until: number
  readonly from?: RunState
}

async function recorded({ model, task, folder, until, from }: Recorded): Promise<void> {
  const options = { iterations: ITERATIONS, evalEvery: 10, stepEvery: 5, batch: B, checkpoints: { every: 7 } }
  const run = train(model, task, { ...options, resume: from })
  const seen = []
  for await (const event of run) {
    if (event.type === 'checkpoint') folder.saveCheckpoint('last', model, run.getState())
    else folder.append(event)
    if (event.type === 'eval') folder.saveCheckpoint('best', model, run.getState())
    seen.push(event)
    if (event.iteration >= until && until < ITERATIONS) break
  }
  if (until === ITERATIONS) folder.saveModel(modelParts(model))
  folder.saveCurve(curve(seen, task, 'soak'))
  folder.close()
}

/** Plans of many sizes, with and without lengths, forward and backward; and a model through its file. */
function planned(backend: Backend, cell: Cell, seed: number): Numbers[] {
  const numbers: Numbers[] = []
  const generator = rng(seed, 'soak/plans')
  const bidirectional = seed % 2 === 1
  const rnn = { cell, hidden: H, layers: 2, bidirectional }
  using model = createModel({ input: 3, rnn, head: { kind: 'classification', size: 4 } }, { backend, seed })
  for (let i = 0; i < 5; i++) {
    const [T, rows] = [1 + generator.below(60), 1 + generator.below(40)]
    const x = Float32Array.from({ length: T * rows * 3 }, () => generator.normal())
    const y = Int32Array.from({ length: rows }, () => generator.below(4))
    const lengths = Int32Array.from({ length: rows }, () => 1 + generator.below(T))
    const batch = { T, B: rows, x, y, ...(i % 2 === 1 && { lengths }) }
    using plan = model.plan({ T, B: rows, inputGradient: true, activationCheckpointing: i === 2 && !bidirectional })
    plan.forward(batch)
    plan.loss(batch, { reduction: 'mean', gradient: true })
    plan.backward(batch)
    numbers.push(Array.from(plan.logits), Array.from(plan.gradients.dense), Array.from(plan.inputGradient!))
    using same = loadModel(saveModel(model), { backend })
    numbers.push(same.forward(batch).logits)
  }
  return numbers
}

/** A model step by step, by a stepper and by itself. */
function streamed(backend: Backend, cell: Cell, seed: number): Numbers[] {
  using model = createModel(
    { input: 2, rnn: { cell, hidden: H }, head: { kind: 'regression', size: 1, steps: 'every' } },
    { backend, seed },
  )
  using stepper = model.stepper({ B: 3 })
  const x = Float32Array.from([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])
  for (let t = 0; t < 1000; t++) {
    if (t % 50 === 0) stepper.resetState() // a ReLU recurrence of random weights may grow for ever
    stepper.step(x)
  }
  const state = stepper.getState()
  stepper.resetState()
  stepper.setState(state)
  return [Array.from(stepper.step(x)), model.step(x, state).logits]
}

/** Two seconds of sound through a pipe become features. */
function heard(seed: number): Numbers[] {
  const generator = rng(seed, 'soak/sound')
  const rows: number[] = []
  const features = featureStream((row) => rows.push(row[0]!, row[119]!))
  const sound = soundStream('soak', { piped: true })
  const bytes = Buffer.alloc(44 + 64_000)
  bytes.write('RIFF    WAVEfmt ', 'latin1')
  bytes.set([16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0x3e, 0, 0, 0, 0x7d, 0, 0, 2, 0, 16, 0], 16)
  bytes.write('data', 36, 'latin1')
  for (const at of [4, 40]) bytes.writeUInt32LE(0x7ffff000, at)
  for (let i = 44; i < bytes.length; i += 2) bytes.writeInt16LE(generator.below(20_000) - 10_000, i)
  for (let at = 0; at < bytes.length; at += 1001) features.push(sound.push(bytes.subarray(at, at + 1001)))
  sound.end()
  features.end()
  return [rows]
}

/** What is refused leaves nothing behind. */
function refused(backend: Backend, cell: Cell): Numbers[] {
  using model = createModel(spec(cell, TASKS[0]!), { backend })
  const file = saveModel(model)
  const wrong: (() => unknown)[] = [
    () => createModel({ ...spec(cell, TASKS[0]!), rnn: { cell, hidden: 0 } }, { backend }),
    () => loadModel(file.subarray(0, file.length - 4), { backend }),
    () => model.forward({ T: 2, B: 1, x: [1, 2, 3, Number.NaN] }),
    () => model.forward({ T: 3, B: 9, x: [1] }),
    () => model.stepper({ B: 0.5 }),
    () => model.plan({ T: 5, B: 2, activationCheckpointing: 7 as never }),
    () => train(model, TASKS[0]!, { iterations: -1 }),
  ]
  for (const call of wrong) {
    try {
      call()
    } catch (error) {
      if (error instanceof InputError) continue
      throw error
    }
    throw new Error(`expected an InputError from ${call}`)
  }
  return []
}

/** Another backend, which lives as long as one request; every eighth is dropped, for the collector to find. */
async function onAnother({ options }: Place, cell: Cell, n: number): Promise<Numbers[]> {
  const backend = await createBackend(options)
  const model = createModel(spec(cell, TASKS[0]!), { backend, seed: n % ROUNDS })
  const { logits } = model.forward({ T: 40, B: 32, x: new Float32Array(40 * 32 * 2).fill(0.1) })
  if (n % 8 === 7) return [logits]
  model.dispose()
  backend.dispose()
  return [logits]
}

/** Pictures of 6 by 6 bytes, of three classes. */
function digits(): Task {
  const generator = rng(1, 'soak/digits')
  const images = (N: number) => ({
    N,
    rows: 6,
    columns: 6,
    images: Uint8Array.from({ length: 36 * N }, () => generator.below(256)),
    labels: Uint8Array.from({ length: N }, (_, i) => i % 3),
    classes: 3,
  })
  return mnist({ data: { id: 'soak', train: images(40), test: images(15) } })
}

/** Sentences of 4 words out of nine. */
function text(): Task {
  const generator = rng(1, 'soak/text')
  const counts = new Map(Array.from({ length: 9 }, (_, i) => [`word${i}`, 90 - i]))
  const vocabulary = chooseVocabulary(counts, 60)
  const tokens = (sentences: number) => {
    const sentence = () => [0, 0, 0, 0].map(() => vocabulary.idOf(`word${generator.below(9)}`)).concat(vocabulary.end)
    const block = { tokens: Int32Array.from(Array.from({ length: sentences }, sentence).flat()), documents: [0] }
    return { blocks: 1, load: () => block }
  }
  const sets = { train: tokens(60), heldOut: tokens(10), test: tokens(10) }
  return words({ T: 5, text: { corpus: 'soak', vocabularyId: 'soak', vocabulary, ...sets } })
}
