/**
 * Models of PyTorch here, and back: 384 state dicts of nn.RNN, LSTM and GRU as PyTorch writes them, loaded by
 * `loadModel`, answer as PyTorch does; what irnn then saves, loaded by the Python of docs/from-pytorch.md, answers with
 * the same bits. `node dist/bench/pytorch.js [--python python3] [--save]`, after `pip install torch safetensors
 * keras`: two minutes of a core; --save writes results/pytorch-DATE.json.
 */
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { availableBackends, createEngine } from '../src/backend/choose.ts'
import { describeModel, loadModel, type Model, type SpecParts, saveModel } from '../src/index.ts'
import type { Cell } from '../src/layers/cells.ts'
import { today } from './machine.ts'

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))
/** PyTorch computes in float32 too: the last bits of sums differ. */
const TOLERANCE = 1e-6

interface Answers {
  readonly logits: number[]
  readonly output: number[]
  readonly h: number[]
  readonly c?: number[]
}

interface Case {
  readonly name: string
  readonly cell: Cell
  readonly layers: number
  readonly bidirectional: boolean
  readonly steps: 'last' | 'every'
  readonly tokens: boolean
  readonly lengths: number[] | null
  readonly T: number
  readonly B: number
  readonly H: number
  readonly K: number
  readonly x: number[]
  readonly float32: Answers
  readonly float64: Answers
}

/** How far answers are off at most, of each kind. */
interface Off {
  float32: number
  float64: number
  steps: number
}

/** How far an answer is off at most: absolute below 1, relative above. */
function off(actual: ArrayLike<number>, expected: readonly number[], counts: (i: number) => boolean = () => true) {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (const [i, value] of expected.entries()) {
    if (counts(i)) most = Math.max(most, Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value)))
  }
  return most
}

/** The answers of one model, at once and step by step, against PyTorch's. */
function compared(model: Model, golden: Case): Off {
  const { T, B, K, x, tokens, lengths, bidirectional, steps, float32, float64 } = golden
  const { logits, output, state } = model.forward({
    T,
    B,
    ...(tokens ? { tokens: x } : { x }),
    ...(lengths && { lengths }),
  })
  // A head at padded steps is of no account.
  const counts = (i: number) =>
    !lengths || steps === 'last' || Math.floor(i / (B * K)) < lengths[Math.floor(i / K) % B]!
  const all = (expected: Answers) =>
    Math.max(
      off(logits, expected.logits, counts),
      off(output, expected.output),
      off(state.h, expected.h),
      expected.c ? off(state.c!, expected.c) : 0,
    )
  const found: Off = { float32: all(float32), float64: all(float64), steps: 0 }
  if (bidirectional || lengths) return found
  const stepper = model.stepper({ B })
  const width = x.length / T
  for (let t = 0; t < T; t++) {
    const answered = stepper.step(x.slice(t * width, (t + 1) * width))
    const expected = steps === 'every' ? float64.logits.slice(t * B * K, (t + 1) * B * K) : float64.logits
    if (steps === 'every' || t === T - 1) found.steps = Math.max(found.steps, off(answered, expected))
  }
  found.steps = Math.max(found.steps, off(stepper.getState().h, float64.h))
  stepper.dispose()
  return found
}

/** @throws if shapes and names did not say what the model is */
function refuseOther(file: Uint8Array, spec: SpecParts, golden: Case): void {
  const { left, spec: found } = describeModel(file, { spec })
  const { cell, layers, hidden, bidirectional } = found.rnn
  const is = [cell, layers, hidden, bidirectional, found.head.size, left.length].join()
  const wanted = [golden.cell, golden.layers, golden.H, golden.bidirectional, golden.K, 0].join()
  if (is !== wanted) throw new Error(`model ${golden.name}: expected ${wanted} but found ${is}`)
}

/** Leaves what irnn saves of each model in the folder, for the way back. */
async function onAllBackends(folder: string, cases: readonly Case[]): Promise<Record<string, Off>> {
  const table: Record<string, Off> = {}
  for (const options of await availableBackends()) {
    const backend = await createEngine({ ...options, ...(options.name !== 'reference' && { threads: 1 }) })
    const worst: Off = { float32: 0, float64: 0, steps: 0 }
    for (const golden of cases) {
      const file = fs.readFileSync(path.join(folder, `${golden.name}.safetensors`))
      const spec: SpecParts = { rnn: { cell: golden.cell }, head: { kind: 'regression', steps: golden.steps } }
      refuseOther(file, spec, golden)
      const model = loadModel(file, { backend, spec })
      const found = compared(model, golden)
      for (const kind of ['float32', 'float64', 'steps'] as const) worst[kind] = Math.max(worst[kind], found[kind])
      if (options.name === 'native')
        fs.writeFileSync(path.join(folder, `${golden.name}-back.safetensors`), saveModel(model))
      model.dispose()
    }
    const label = [options.name, options.instructionSet].filter(Boolean).join(' ')
    const short = (n: number) => Number(n.toPrecision(2))
    table[label] = { float32: short(worst.float32), float64: short(worst.float64), steps: short(worst.steps) }
    backend.dispose()
  }
  return table
}

/** Models of Keras, which docs/from-pytorch.md says how to save. */
async function ofKeras(folder: string): Promise<{ version: string; models: number; off: number }> {
  inPython('keras')
  const { keras, cases } = JSON.parse(fs.readFileSync(path.join(folder, 'keras.json'), 'utf8')) as {
    keras: string
    cases: (Pick<Case, 'name' | 'cell' | 'steps' | 'T' | 'B' | 'x'> & { logits: number[] })[]
  }
  const backend = await createEngine({ name: 'native', threads: 1 })
  let most = 0
  for (const { name, cell, steps, T, B, x, logits } of cases) {
    const spec: SpecParts = { rnn: { cell }, head: { kind: 'regression', steps } }
    const model = loadModel(fs.readFileSync(path.join(folder, `${name}.safetensors`)), { backend, spec })
    most = Math.max(most, off(model.forward({ T, B, x }).logits, logits))
  }
  backend.dispose()
  return { version: keras, models: cases.length, off: Number(most.toPrecision(2)) }
}

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' }, save: { type: 'boolean' } } })
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-pytorch-'))
const inPython = (what: string) =>
  execFileSync(values.python, [path.join(BENCH, 'pytorch.py'), what, folder], { encoding: 'utf8' })
try {
  inPython('make')
  const { torch, cases } = JSON.parse(fs.readFileSync(path.join(folder, 'cases.json'), 'utf8')) as {
    torch: string
    cases: Case[]
  }
  const table = await onAllBackends(folder, cases)
  const keras = await ofKeras(folder)
  const { apart } = JSON.parse(inPython('back')) as { apart: number }
  const result = { torch, models: cases.length, off: table, back: apart, keras }
  console.log(JSON.stringify(result, null, 2))
  const most = Math.max(...Object.values(table).flatMap((row) => Object.values(row) as number[]))
  console.log(`${cases.length} models of PyTorch ${torch}: off by ${most} at most; back in PyTorch by ${apart}`)
  if (values.save) {
    fs.writeFileSync(path.join(BENCH, 'results', `pytorch-${today()}.json`), `${JSON.stringify(result, null, 2)}\n`)
  }
  console.log(`${keras.models} models of Keras ${keras.version}: off by ${keras.off} at most`)
  process.exitCode = most <= TOLERANCE && apart === 0 && keras.off <= TOLERANCE ? 0 : 1
} finally {
  fs.rmSync(folder, { recursive: true })
}
