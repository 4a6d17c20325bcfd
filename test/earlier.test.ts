/**
 * Runs and models of 0.1.0 go on to the same bits: runs of the four tasks that were stopped half way, models of the
 * five cells, whole runs from their seeds. test/fixtures/make-runs.mjs made them, and the hashes, with 0.1.0.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  createModel,
  decodeSafetensors,
  loadModel,
  type ModelInput,
  type Task,
  type TrainOptions,
  train,
} from '../src/index.ts'
import { openTask } from '../src/tasks/open.node.ts'
import { backends, type Named } from './support/backends.ts'
import { run as command, home } from './support/command.ts'

/** By the label of a backend: "native avx512". */
type ByBackend<T> = Readonly<Record<string, T>>

interface End {
  /** SHA-256 of names, shapes and numbers in model.safetensors, and of the file. */
  readonly weights: string
  readonly file: string
  /** The last evaluation, without its time. */
  readonly score: object
}

interface Stored {
  /** What process.arch was: the native instruction set "baseline" of another one rounds in other places. */
  readonly arch: string
  readonly runs: Readonly<Record<string, { readonly resume: readonly string[]; readonly ends: ByBackend<End> }>>
  readonly models: Readonly<Record<string, { readonly batch: BatchAsJson; readonly logits: ByBackend<number[]> }>>
}

interface BatchAsJson {
  readonly T: number
  readonly B: number
  readonly x?: number[]
  readonly tokens?: number[]
  readonly lengths?: number[]
}

/** What config.json of a run says, and SHA-256 of its last weights. */
interface Whole {
  readonly seed: number
  readonly task: { readonly name: string; readonly options: object }
  readonly model: ModelInput
  readonly training: TrainOptions & { readonly iterations: number }
  readonly weights: ByBackend<string>
}

const FIXTURES = fileURLToPath(new URL('../../test/fixtures', import.meta.url))
const RUNS = path.join(FIXTURES, 'runs-0.1.0')
const SPEECH = path.join(RUNS, 'speech')
const stored: Stored = readJson(path.join(RUNS, 'expected.json'))
const whole: Readonly<Record<string, Whole>> = readJson(path.join(FIXTURES, 'hashes-0.1.0.json')).runs
process.env.IRNN_CACHE = path.join(home, 'cache')

for (const label of Object.keys(stored.runs.adding!.ends)) {
  const { named, skip } = find(label)
  describe(label, { skip, concurrency: 2 }, () => {
    for (const [name, { resume, ends }] of Object.entries(stored.runs)) {
      test(`a run of ${name} that was stopped half way ends as it would have then`, async () => {
        assert.deepEqual(await endOf(name, resume, named!), ends[label])
      })
    }
    for (const [cell, { batch, logits }] of Object.entries(stored.models)) {
      test(`the logits of a model file, ${cell}, are what they were`, () => {
        const model = loadModel(fs.readFileSync(path.join(RUNS, `${cell}.safetensors`)), { backend: named!.backend })
        assert.deepEqual(Array.from(model.forward(batchOf(batch)).logits), logits[label])
        model.dispose()
      })
    }
    for (const [name, run] of Object.entries(whole)) {
      test(`a whole run, ${run.task.name}, seed ${run.seed}, ends with the weights it ended with`, async () => {
        assert.equal(await weightsOf(name, run, named!), run.weights[label])
      })
    }
  })
}

/** Plain wasm runs everywhere, and its bits are the same everywhere. */
function find(label: string): { named: Named | undefined; skip: string | false } {
  const named = backends.find((backend) => backend.label === label)
  if (label === 'wasm simd128') return { named, skip: false }
  if (named === undefined) return { named, skip: `this machine has no ${label}` }
  const elsewhere = named.backend.name === 'native' && process.arch !== stored.arch
  return { named, skip: elsewhere && `recorded on ${stored.arch}, and this is ${process.arch}` }
}

/** What a copy of a run's folder holds when it has gone on, on a backend that it need not have begun with. */
async function endOf(name: string, resume: readonly string[], { label, backend }: Named): Promise<End> {
  const dir = path.join(home, `${name} ${label}`)
  fs.cpSync(path.join(RUNS, name), dir, { recursive: true })
  const config = readJson(path.join(dir, 'config.json'))
  const { instructionSet } = backend
  if (config.backend.instructionSet !== instructionSet) {
    const revised = { ...config, backend: { ...config.backend, name: backend.name, instructionSet } }
    fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify(revised))
  }
  const data = resume.map((word) => (word === 'speech' ? SPEECH : word))
  const { code, err } = await command('train', '--resume', dir, ...data, '--json')
  assert.equal(code, 0, err)
  const lines = fs.readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
  const { seconds: _, ...score } = lines.map((line) => JSON.parse(line)).findLast(({ type }) => type === 'eval')
  const file = fs.readFileSync(path.join(dir, 'model.safetensors'))
  const tensors = [...decodeSafetensors(file).tensors]
  const parts = tensors.flatMap(([tensor, { shape, read }]) => [`${tensor} ${shape}\n`, bytesOf(read())])
  return { weights: sha256(...parts), file: sha256(file), score }
}

const tasks = new Map<string, Promise<Task>>()

/** SHA-256 of what a run from its seed ends with. */
async function weightsOf(name: string, run: Whole, { backend }: Named): Promise<string> {
  const { seed, model: spec, training } = run
  if (!tasks.has(name)) tasks.set(name, taskOf(run))
  const task = await tasks.get(name)!
  const model = createModel(spec, { backend, seed, normalisation: task.normalisation })
  for await (const { type, iteration } of train(model, task, { ...training, evalEvery: training.iterations })) {
    if (type === 'step' && iteration === training.iterations) break // before it is evaluated, which takes as long
  }
  const hash = sha256(bytesOf(model.weights))
  model.dispose()
  return hash
}

/** All runs of words have the vocabulary of the one that was stopped. */
function taskOf({ task: { name, options } }: Whole): Promise<Task> {
  return openTask(name, options, { data: name === 'phones' ? SPEECH : undefined, dir: path.join(RUNS, name) })
}

function batchOf({ T, B, x, tokens, lengths }: BatchAsJson) {
  return {
    T,
    B,
    ...(x && { x: Float32Array.from(x) }),
    ...(tokens && { tokens: Int32Array.from(tokens) }),
    ...(lengths && { lengths: Int32Array.from(lengths) }),
  }
}

function readJson(file: string) {
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function sha256(...parts: (string | Uint8Array)[]): string {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')
}
