/**
 * Speed of one training iteration (forward, loss, backward, clip, update) beside the peak this machine has when it does
 * nothing but multiply and add. Prints a table; `--save` also writes bench/results/DATE.json.
 *
 * Work is counted dense. The machine may be shared: peak and iteration are timed in turn, many times, the fastest of each counts, and the figure to
 * quote is their ratio.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { clipGradients, clipNorm } from '../src/clip.ts'
import {
  adam, type Backend, type BackendOptions, type Batch, classification, createBackend, createModel, gru, irnn, lstm, type Model, 
  type RnnInput,regression, rng,
} from '../src/index.ts'
import { createOptimizer } from '../src/optim.ts'

interface Shape {
  readonly name: string
  readonly B: number
  readonly T: number
  readonly I: number
  readonly rnn: RnnInput
  readonly gates: number
  readonly classes: number
}

const small = { scale: 0.999, inputStd: 0.1 }
/** The paper's networks: pixel MNIST (S1, with 64 rows S4), adding (S2), their LSTM and GRU (S3, S3g), a language model's layer (S5). */
const SHAPES: readonly Shape[] = [
  { name: 'S1 ReLU', B: 16, T: 784, I: 1, rnn: irnn(100, small), gates: 1, classes: 10 },
  { name: 'S2 ReLU', B: 16, T: 150, I: 2, rnn: irnn(100, small), gates: 1, classes: 0 },
  { name: 'S3 LSTM', B: 16, T: 784, I: 1, rnn: lstm(100), gates: 4, classes: 10 },
  { name: 'S3 GRU', B: 16, T: 784, I: 1, rnn: gru(100), gates: 3, classes: 10 },
  { name: 'S4 ReLU', B: 64, T: 784, I: 1, rnn: irnn(100, small), gates: 1, classes: 10 },
  { name: 'S5 ReLU', B: 20, T: 20, I: 512, rnn: irnn(512, { scale: 0.5, inputStd: 0.02 }), gates: 1, classes: 10 },
]

interface Row {
  readonly shape: string
  readonly backend: string
  readonly threads: number
  readonly ms: number
  readonly gflops: number
  readonly peakGflops: number
  readonly share: number
}

/** Dense multiply-adds of forward, dx of h and weight gradient, twice each (multiply, add): the paper's networks without I and K. */
const work = ({ B, T, I, rnn, gates }: Shape): number => {
  const H = rnn.hidden
  return 2 * B * T * gates * H * (3 * H + 2 * I)
}

function batchOf({ B, T, I, classes }: Shape): Batch {
  const r = rng(1, 'bench')
  const x = Float32Array.from({ length: T * B * I }, () => r.next())
  const y = classes > 0 ? Int32Array.from({ length: B }, () => r.below(classes)) : Float32Array.from({ length: B }, () => r.next())
  return { T, B, x, y }
}

/** One iteration of training, as the loop in src/train.ts does it. */
function iteration(model: Model, batch: Batch): () => void {
  const { backend, weights, gradients } = model
  const plan = model.plan({ T: batch.T, B: batch.B })
  const optimizer = createOptimizer(adam({ lr: 1e-6 }), backend, weights.length)
  const clip = clipNorm(1)
  const result = { norm: 0, clipped: false }
  return () => {
    plan.forward(batch)
    plan.loss(batch, { reduction: 'mean', gradient: true })
    gradients.fill(0)
    plan.backward(batch)
    clipGradients(clip, backend, gradients, result)
    optimizer.update(weights, gradients, 1e-6)
  }
}

function milliseconds(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

/** GFLOP/s of nothing but multiply-adds, on as many threads as the backend has. */
function peak(backend: Backend): number {
  const rounds = 400_000
  let flops = 0
  const ms = milliseconds(() => {
    flops = backend.fma_peak(backend.threads, rounds)
  })
  return flops / ms / 1e6
}

function measure(shape: Shape, backend: Backend, seconds: number): Row {
  const model = createModel(
    { input: shape.I, rnn: shape.rnn, head: shape.classes > 0 ? classification(shape.classes) : regression(1) },
    { backend, seed: 1 },
  )
  const run = iteration(model, batchOf(shape))
  for (let i = 0; i < 3; i++) run()
  let best = Number.POSITIVE_INFINITY
  let top = 0
  const end = performance.now() + 1000 * seconds
  for (let n = 0; n < 5 || performance.now() < end; n++) {
    top = Math.max(top, peak(backend))
    for (let i = 0; i < 5; i++) best = Math.min(best, milliseconds(run))
  }
  const gflops = work(shape) / best / 1e6
  return { shape: shape.name, backend: backend.description, threads: backend.threads, ms: best, gflops, peakGflops: top, share: gflops / top }
}

const { values } = parseArgs({
  options: { save: { type: 'boolean', default: false }, seconds: { type: 'string', default: '2' }, only: { type: 'string', default: '' } },
})
const backends: BackendOptions[] = [
  { name: 'native', threads: 1 },
  ...(availableParallelism() > 1 ? [{ name: 'native' as const, threads: 2 }] : []),
  { name: 'wasm' },
]
const rows: Row[] = []
console.log('one training iteration: forward, loss, backward, clip, Adam; (B, T, I, H)')
console.log('GFLOP/s of the dense work: a ReLU network leaves out the units that are 0, so its share of the peak may pass 100 %')
for (const options of backends) {
  const backend = await createBackend(options).catch((error: Error) => console.log(error.message))
  for (const shape of backend ? SHAPES : []) {
    if (!shape.name.includes(values.only)) continue
    const row = measure(shape, backend!, Number(values.seconds))
    rows.push(row)
    const size = `(${shape.B}, ${shape.T}, ${shape.I}, ${shape.rnn.hidden})`
    console.log(
      `${shape.name.padEnd(8)} ${size.padEnd(20)} ${row.backend.padEnd(28)} ${row.ms.toFixed(2).padStart(8)} ms ` +
        `${row.gflops.toFixed(0).padStart(4)} GFLOP/s, ${(100 * row.share).toFixed(0)} % of ${row.peakGflops.toFixed(0)} measured`,
    )
  }
}
if (values.save) {
  const date = new Date().toISOString().slice(0, 10)
  const file = new URL(`../../bench/results/${date}.json`, import.meta.url)
  mkdirSync(new URL('.', file), { recursive: true })
  const machine = { cpu: cpus()[0]!.model, cores: availableParallelism(), node: process.version }
  writeFileSync(file, `${JSON.stringify({ date, machine, rows }, null, 2)}\n`)
}
