/** Every function that irnn, irnn/node and irnn/speech export, with good arguments, and what calls it with others. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { after } from 'node:test'
import { DiskError } from '../../src/disk.node.ts'
import { InputError } from '../../src/error.ts'
import * as library from '../../src/index.ts'
import * as node from '../../src/node.ts'
import * as speech from '../../src/speech.ts'
import { home } from './command.ts'
import { smallMnist } from './mnist.ts'
import { corpusFiles, riff, samplesOf, writeFiles } from './speech.ts'
import { file, LSTM, SAID } from './stateDicts.ts'

export type Call = (...args: unknown[]) => unknown

const cwd = process.cwd()
process.chdir(home) // for what a string, taken for a path, makes
after(() => process.chdir(cwd))
process.env.IRNN_CACHE = path.join(home, 'cache')

const { adding, adam, createModel, lstm, irnn, classification, regression, constantRate } = library
export const backend = await library.createBackend({ name: 'reference' })
const wasm = await library.wasmModule()
const spec = { input: 2, rnn: lstm(3), head: classification(2) }
export const model = createModel(spec, { backend })
export const own = createModel({ input: 2, rnn: irnn(3), head: regression(1) }, { backend })
export const task = adding({ T: 4, train: 20, test: 5 })
export const training = library.trainSpec({ iterations: 4, evalEvery: 2 })
export const config = {
  version: '1',
  recipe: 'mine',
  seed: 1,
  task: { name: task.name, options: task.options },
  model: own.spec,
  training,
  backend: { name: 'reference', threads: 1, description: 'reference' },
  machine: { node: '', platform: '', arch: '' },
}

fs.writeFileSync('text', 'the cat saw a dog .\na dog ran\n'.repeat(40))
fs.writeFileSync('vocabulary', '<S>\n</S>\n<UNK>\nthe\ncat\n')
writeFiles('timit', corpusFiles(['TRAIN/DR1/FCJF0', 'TEST/DR1/FAKS0', 'TEST/DR1/MDAB0'], 1))
const run = library.train(own, task, training)
export const events: library.TrainEvent[] = []
for await (const event of run) events.push(event)
const halted = library.train(own, task, { ...training, pauseAt: 1 })
await halted.next()
export const state = halted.getState()
await halted.return()

let folders = 0
export function storedRun(): string {
  const dir = `run${folders++}`
  const folder = node.createRunFolder(dir, config)
  for (const event of events) folder.append(event)
  folder.saveCheckpoint('last', own, state)
  folder.saveModel(library.modelParts(own))
  folder.close()
  return dir
}

const images = () => ({ bytes: Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7), name: 'images' })
const labels = () => ({ bytes: Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 3), name: 'labels' })
const words = () => node.openWords({ T: 2 }, { data: 'text' }).data
const corpus = () => node.loadSpeech({ data: 'timit' })
export const sound = () => riff(samplesOf(2000))
const checkpoint = () => Buffer.concat(node.encodeCheckpoint(own, state, config, { count: 0, last: null }))
const tensors = () => [{ name: 'w', shape: [2], data: Float32Array.of(1, 2) }]
const counts = () => new Map(Object.entries({ the: 3, cat: 2 }))

/** Good arguments of every function that has any. */
export const GOOD: Readonly<Record<string, () => unknown[]>> = {
  createBackend: () => [{ name: 'reference' }],
  createBackendSync: () => [{ wasm }],
  wasmBytes: () => [{ instructionSet: 'simd128' }],
  wasmModule: () => [{ instructionSet: 'simd128' }],
  parseIdx: () => [images().bytes, 'images', 3],
  parseLabelled: () => [{ images: images(), labels: labels() }],
  decodeSafetensors: () => [library.encodeSafetensors(tensors())],
  encodeSafetensors: () => [tensors(), { a: 'b' }],
  constant: () => [1],
  gaussian: () => [1],
  glorot: () => [1],
  identity: () => [1],
  orthogonal: () => [1],
  npRnn: () => [],
  randomWalk: () => [],
  uniform: () => [1],
  irnn: () => [3, { inputStd: 1 }],
  relu: () => [3, { layers: 1 }],
  tanh: () => [3, { layers: 1 }],
  lstm: () => [3, { forgetBias: 1 }],
  gru: () => [3, { bidirectional: true }],
  beats: () => ['mse', 1, 2],
  createModel: () => [spec, { backend }],
  importOnnx: () => [library.exportOnnx(model), { backend, spec: { head: { kind: 'classification' } } }],
  describeModel: () => [file(LSTM), { spec: { rnn: { cell: 'lstm' }, ...SAID.spec }, names: { 'fc.': 'head.' } }],
  modelMetadata: () => [library.saveModel(model)],
  loadModel: () => [library.saveModel(model), { backend }],
  modelParts: () => [model],
  read: () => [model, [1, 2, 3, 4]],
  gradientFlow: () => [model, [1, 2, 3, 4], [1], { loss: library.crossEntropy() }],
  connectivity: () => [model, [1, 2, 3, 4], 1, 0],
  exportOnnx: () => [model, { batchFirst: true, probabilities: { members: 1 } }],
  saveModel: () => [model],
  classification: () => [2, { steps: 'every' }],
  modelSpec: () => [spec],
  regression: () => [2, { steps: 'every' }],
  rng: () => [1, 'stream'],
  epochOrder: () => [4, 1, 'order'],
  adding: () => [{ T: 4 }],
  mnist: () => [{ data: smallMnist({ rows: 2, columns: 2 }) }],
  recipeOf: () => [{ name: 'adding', recipes: library.ADDING_RECIPES }, 'fast', 'irnn', { T: 5 }],
  chooseVocabulary: () => [counts(), 2, { size: 5 }],
  formatVocabulary: () => [library.parseVocabulary('<S>\n</S>\n<UNK>\n')],
  parseVocabulary: () => ['<S>\n</S>\n<UNK>\n', 'file'],
  words: () => [{ text: words(), T: 2 }],
  clipDerivative: () => [1],
  clipNorm: () => [1],
  clipValue: () => [1],
  noClip: () => [],
  evaluate: () => [own, task, { batch: 2 }],
  decodeEvent: () => [library.encodeEvent(events[0]!)],
  encodeEvent: () => [{ ...events[0]! }],
  createIteration: () => [own, task, training],
  train: () => [own, task, { iterations: 1, checkpoints: { every: 1 } }],
  adam: () => [{ lr: 1 }],
  adamw: () => [{ lr: 1, weightDecay: 0.1 }],
  growingLengths: () => [{ from: 10 }],
  noCurriculum: () => [],
  crossEntropy: () => [{ weights: [1, 2] }],
  squaredError: () => [],
  pinball: () => [[0.1, 0.9]],
  huber: () => [{ delta: 1 }],
  gaussianNll: () => [],
  ownLoss: () => [{ name: 'mine', compute: () => 0 }],
  muon: () => [{ lr: 1, adam: { lr: 1 } }],
  rmsprop: () => [{ lr: 1 }],
  sgd: () => [{ lr: 1 }],
  trainSpec: () => [{ iterations: 4, optimizer: adam({ lr: 1 }), schedule: constantRate() }],
  constantRate: () => [{ warmup: 1 }],
  cosineRate: () => [{ warmup: 1 }],
  halvingRate: () => [{ most: 1 }],
  stepRate: () => [{ every: 3 }],
  freeName: () => ['name'],
  readingFile: () => ['text', () => 1],
  curve: () => [events, task, 'title'],
  decodeCheckpoint: () => [checkpoint(), config],
  encodeCheckpoint: () => [own, { ...state }, { ...config }, { count: 0, last: null }],
  createRunFolder: () => [`new${folders++}`, { ...config }, { overwrite: true, files: { a: 'b' }, owner: 'mine' }],
  resumeRunFolder: () => [
    node.readRunFolder(storedRun()),
    { load: (file: never) => library.loadModel(file, { backend }), owner: 'mine' },
  ],
  parseRecords: () => [events.map(library.encodeEvent).join('\n')],
  readRecords: () => [path.join(storedRun(), 'metrics.jsonl')],
  readRunFolder: () => [storedRun()],
  loadMnist: () => [{ data: 'digits' }],
  loadSpeech: () => [{ data: 'timit', alignments: [] }],
  openTask: () => [node.readRunFolder(storedRun()), {}],
  openWords: () => [{ T: 2 }, { data: 'text', choice: { size: 6 } }],
  featureStream: () => [() => {}],
  features: () => [samplesOf(500)],
  frameCount: () => [500],
  logMel: () => [samplesOf(500)],
  headerReader: () => ['sound'],
  pcm16: () => [Uint8Array.of(1, 2), true],
  soundStream: () => ['sound', { piped: true }],
  decodeSpeech: () => [sound(), 'sound'],
  phones: () => [{ corpus: corpus(), seed: 1 }],
  speechNormalisation: () => [corpus().train],
  createPhoneScore: () => [{ ...speech.THIRDS }],
  frameStates: () => [[{ start: 0, end: 500, phone: 'aa' }], 3],
}

/** A new export is among them without an edit here, but for its good arguments. */
export const FUNCTIONS = [library, node, speech].flatMap((entry) =>
  Object.entries(entry as Readonly<Record<string, unknown>>).filter(
    ([name, value]) => typeof value === 'function' && /^[a-z]/.test(name),
  ),
) as [string, Call][]

/** What calls threw that is no InputError or DiskError of one line. */
export const failures: string[] = []

/**
 * What a call gives; undefined where it throws, which is a failure unless it is an InputError of one line. A run is
 * asked for its first event.
 */
export async function answers(what: string, call: () => unknown): Promise<unknown> {
  try {
    const value = await call()
    const run = value as Partial<library.Run> | null
    if (typeof run?.return !== 'function' || typeof run.next !== 'function') return value
    await run.next()
    return await run.return()
  } catch (error) {
    const ours = error instanceof InputError || error instanceof DiskError
    if (ours && !error.message.includes('\n')) return undefined
    const frame = /^ +at .*\bsrc\/.*$/m.exec((error as Error)?.stack ?? '')?.[0].trim() ?? ''
    failures.push(`${what}: ${error} ${frame}`)
    return undefined
  }
}
