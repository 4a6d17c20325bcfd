/** A program for Node: a run with its folder, stopped half-way, resumed and read back. */
import * as path from 'node:path'
import {
  adam,
  adding,
  createBackend,
  createModel,
  irnn,
  loadModel,
  type Model,
  modelParts,
  regression,
  train,
  trainSpec,
} from 'irnn'
import {
  type FittedRun,
  fit,
  forecasting,
  type LabelRun,
  openRun,
  openTable,
  parseSchema,
  type RecordOf,
  type StreamState,
  saveFit,
} from 'irnn/data'
import { createRunFolder, curve, openTask, type RunConfig, readRunFolder, resumeRunFolder } from 'irnn/node'
import { main } from './anywhere.mjs'

const backend = await createBackend({ name: 'wasm', threads: 1 })
const task = adding({ T: 10, train: 100, test: 20 })
const training = trainSpec({ iterations: 40, evalEvery: 20, optimizer: adam({ lr: 0.01 }) })
const fresh = (): Model => createModel({ input: 2, rnn: irnn(8), head: regression(1) }, { backend, seed: 1 })
const dir = path.join(process.argv[2]!, 'run')
const { name, threads, description } = backend
const config: RunConfig = {
  version: '0.1.0',
  recipe: 'mine',
  seed: 1,
  task: { name: task.name, options: task.options },
  model: fresh().spec,
  training,
  backend: { name, threads, description },
  machine: { node: process.version, platform: process.platform, arch: process.arch },
}

const first = createRunFolder(dir, config)
const model = fresh()
const controller = new AbortController()
const run = train(model, task, { ...training, checkpoints: { every: 20 }, signal: controller.signal })
for await (const event of run) {
  first.append(event)
  if (event.type !== 'checkpoint') continue
  first.saveCheckpoint('last', model, run.getState())
  controller.abort()
}
first.close()

const stored = readRunFolder(dir)
const { folder, checkpoint } = resumeRunFolder(stored, { load: (source) => loadModel(source, { backend }) })
const again = checkpoint!.model
for await (const event of train(again, await openTask(stored), { ...training, resume: checkpoint!.state }))
  folder.append(event)
folder.saveModel(modelParts(again))
folder.saveCurve(curve(readRunFolder(dir).events, task, 'adding'))
folder.close()

const whole = fresh()
for await (const _ of train(whole, task, training));
const same = readRunFolder(dir).readModel('final', (source) => loadModel(source, { backend }))
const equal = Buffer.from(same.weights.buffer, same.weights.byteOffset, same.weights.byteLength).equals(
  Buffer.from(whole.weights.buffer, whole.weights.byteOffset, whole.weights.byteLength),
)
/** Steps of a forecast by a run that was fitted, saved and opened again. */
async function forecast(): Promise<number> {
  const rows = Array.from({ length: 90 }, (_, i) => ({ day: new Date(86_400_000 * i), sales: 10 + (i % 7) }))
  const work = forecasting(await openTable(rows), { target: 'sales', horizon: 2, window: 8 })
  parseSchema(work.schema)
  const folder = path.join(process.argv[2]!, 'fit')
  for await (const event of fit(work, { backend, trials: 1, iterations: 4 })) {
    if (event.type === 'result') saveFit(event.fitted, folder, { version: '0.1.0' })
  }
  const run: FittedRun = openRun(folder, { backend })
  const { steps } = await run.predict(rows)
  run.dispose()
  return typed(folder, rows, steps[0]!.point)
}

/** What the compiler has to know of records; a whole schema does as well. */
const schema = {
  kind: 'forecast',
  time: { column: 'day' },
  series: null,
  targets: ['sales'],
  known: [],
  past: [],
} as const
type Sale = RecordOf<typeof schema>

/** How many steps a stream of typed records forecasts, if they are those of `predict`. */
async function typed(folder: string, sales: readonly Sale[], expected: number): Promise<number> {
  const run = openRun(folder, { backend, schema })
  const stream = run.stream()
  for (const sale of sales) stream.push(sale)
  const state: StreamState = JSON.parse(JSON.stringify(stream.state()))
  const { steps } = await run.stream({ state }).forecast()
  // @ts-expect-error: a column is missing
  const missing = () => stream.push({ day: '2015-01-01' })
  // @ts-expect-error: there is no such column
  const unknown = () => stream.push({ day: '2015-01-01', sales: 1, sold: 2 })
  // @ts-expect-error: a target is a number, or null
  const other = () => run.predict([{ day: '2015-01-01', sales: 'many' }])
  void [missing, unknown, other]
  run.dispose()
  return steps[0]!.point === expected ? steps.length : -1
}

const LABELS = {
  kind: 'label',
  id: 'machine',
  time: null,
  inputs: [
    { name: 'reading', type: 'number' },
    { name: 'colour', type: 'category' },
    { name: 'open', type: 'flag' },
  ],
} as const

/** Typed, and never run. */
export function label(folder: string): string {
  const run: LabelRun<RecordOf<typeof LABELS>> = openRun(folder, { backend, schema: LABELS })
  // @ts-expect-error: a number is no text
  void (() => run.stream().push({ machine: 7, reading: '1', colour: 'red', open: true }))
  return run.stream().push({ machine: 7, reading: null, colour: 'red', open: true }).label
}

const numbers = { equal, iteration: checkpoint!.state.iteration, forecast: await forecast() }
process.stdout.write(`${JSON.stringify(numbers)}\n${await main()}\n`)
