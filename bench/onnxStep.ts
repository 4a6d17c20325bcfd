/**
 * `node dist/bench/onnxStep.js [--deps DIR] [--save]`: a time step of one sequence, I 8, H 64, one output: over our
 * stepper, and in onnxruntime for Node and for Python on the file that `exportOnnx` makes of the same model, each with
 * the state that the step before gave, one thread. The last answers must agree. Runtimes are looked for in DIR, or in
 * $IRNN_ONNX, as scripts/check-onnx.mjs does; one that is missing is a line. `--save` writes
 * results/onnx-step-DATE.json.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../src/disk.node.ts'
import { createBackend, createModel, exportOnnx, type Model, regression, rng } from '../src/index.ts'
import { commit, machine, today } from './machine.ts'
import { type Timing, timing } from './measure.ts'
import type { Machine } from './results.ts'

const CELLS = ['irnn', 'gru', 'lstm'] as const
const I = 8
const H = 64
/** Of a round, which is short enough for a busy machine, and rounds; the fastest counts. */
const STEPS = 200
const ROUNDS = 300
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

type Cell = (typeof CELLS)[number]
interface Row {
  readonly cell: Cell
  readonly runtime: string
  readonly version: string
  /** Microseconds a step. */
  readonly step: Timing
}

/** What `--save` writes. */
export interface OnnxSteps {
  readonly date: string
  readonly commit: string
  readonly machine: Machine
  readonly I: number
  readonly H: number
  readonly steps: number
  readonly rows: readonly Row[]
}

/** What is used of onnxruntime-node, which is no dependency. */
interface OrtTensor {
  readonly data: Float32Array
}
type Feeds = Record<string, OrtTensor>
interface Ort {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor
  readonly InferenceSession: {
    create(file: Uint8Array, options: object): Promise<{ run(feeds: Feeds): Promise<Feeds> }>
  }
}

const { values: flags } = parseArgs({ options: { deps: { type: 'string' }, save: { type: 'boolean' } } })
const deps = flags.deps ?? process.env.IRNN_ONNX ?? ''
const generator = rng(1, 'steps')
const x = Float32Array.from({ length: STEPS * I }, () => generator.normal())

function refuseOther(what: string, logit: number, expected: number): void {
  if (Math.abs(logit - expected) <= 1e-4 * Math.max(1, Math.abs(expected))) return
  throw new Error(`${what}: the last step gave ${logit}, and ours ${expected}`)
}

function stepper(model: Model): { step: Timing; last: number } {
  using stepper = model.stepper()
  const times: number[] = []
  let last = 0
  const inputs = Array.from({ length: STEPS }, (_, t) => x.subarray(t * I, (t + 1) * I))
  for (let round = 0; round < ROUNDS; round++) {
    stepper.resetState()
    const start = performance.now()
    for (const input of inputs) last = stepper.step(input)[0]!
    times.push(((performance.now() - start) / STEPS) * 1000)
  }
  return { step: timing(times), last }
}

async function inNode(ort: Ort, file: Uint8Array, cell: Cell): Promise<{ step: Timing; last: number }> {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const session = await ort.InferenceSession.create(file, options)
  const zero = () => new ort.Tensor('float32', new Float32Array(H), [1, 1, H])
  const inputs = Array.from({ length: STEPS }, (_, t) => {
    return new ort.Tensor('float32', x.slice(t * I, (t + 1) * I), [1, 1, I])
  })
  const times: number[] = []
  let last = 0
  for (let round = 0; round < ROUNDS; round++) {
    const feeds: Feeds = { h0: zero(), ...(cell === 'lstm' && { c0: zero() }) }
    const start = performance.now()
    for (const input of inputs) {
      const { logits, hn, cn } = await session.run({ ...feeds, x: input })
      feeds.h0 = hn!
      if (cn) feeds.c0 = cn
      last = logits!.data[0]!
    }
    times.push(((performance.now() - start) / STEPS) * 1000)
  }
  return { step: timing(times), last }
}

interface InPython {
  readonly version: string
  /** Times and last logit by cell. */
  readonly of: ReadonlyMap<string, { readonly times: readonly number[]; readonly last: number }>
}

/** Null without Python's onnxruntime. */
function inPython(files: ReadonlyMap<Cell, Uint8Array>): InPython | null {
  const python = join(deps, 'venv/bin/python')
  if (!existsSync(python)) return null
  const folder = mkdtempSync(join(tmpdir(), 'irnn-onnx-'))
  try {
    writeFileSync(join(folder, 'x.bin'), x)
    for (const [cell, file] of files) writeFileSync(join(folder, `${cell}.onnx`), file)
    const program = join(ROOT, 'bench/rivals/onnx_step.py')
    const out = execFileSync(python, [program, folder, String(ROUNDS), ...files.keys()], { encoding: 'utf8' })
    const [{ version }, ...rows] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    return { version, of: new Map(rows.map(({ name, times, logits }) => [name, { times, last: logits[0] }])) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function missing(what: string, install: string): void {
  console.log(`${what}: not there. In ${deps || 'the folder of --deps'}: ${install}`)
}

const backend = await createBackend({ name: 'native', threads: 1 })
const rows: Row[] = []
const own = new Map<Cell, number>()
const files = new Map<Cell, Uint8Array>()
for (const cell of CELLS) {
  const model = createModel({ input: I, rnn: { cell, hidden: H }, head: regression(1) }, { backend, seed: 1 })
  files.set(cell, exportOnnx(model, { lengths: false }))
  const { step, last } = stepper(model)
  own.set(cell, last)
  rows.push({ cell, runtime: 'irnn', version: backend.description, step })
  model.dispose()
}
if (existsSync(join(deps, 'node_modules/onnxruntime-node'))) {
  const required = createRequire(join(deps, 'package.json'))
  const { version } = required('onnxruntime-node/package.json') as { version: string }
  for (const [cell, file] of files) {
    const { step, last } = await inNode(required('onnxruntime-node') as Ort, file, cell)
    refuseOther(`onnxruntime-node, ${cell}`, last, own.get(cell)!)
    rows.push({ cell, runtime: 'onnxruntime-node', version, step })
  }
} else missing('onnxruntime-node', 'npm install --ignore-scripts onnxruntime-node')
const python = inPython(files)
if (python) {
  for (const [cell, { times, last }] of python.of) {
    refuseOther(`onnxruntime for Python, ${cell}`, last, own.get(cell as Cell)!)
    rows.push({ cell: cell as Cell, runtime: 'onnxruntime (Python)', version: python.version, step: timing(times) })
  }
} else missing('onnxruntime for Python', 'python3 -m venv venv && venv/bin/pip install onnxruntime')
for (const { cell, runtime, step } of rows) {
  const fastest = `${step.best.toFixed(2).padStart(7)} µs a step`
  console.log(`${runtime.padEnd(22)} ${cell.padEnd(5)} ${fastest}, median ${step.median.toFixed(2)}`)
}
if (flags.save) {
  const file = join(ROOT, `bench/results/onnx-step-${today()}.json`)
  const result: OnnxSteps = { date: today(), commit: commit(), machine: machine(), I, H, steps: STEPS, rows }
  writeAtomic(file, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`${file} is written`)
}
process.exit()
