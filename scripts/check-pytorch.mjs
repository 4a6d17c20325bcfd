// Models of PyTorch here, and back: 384 state dicts of nn.RNN, LSTM and GRU as PyTorch writes them, loaded by loadModel,
// answer as PyTorch does; what irnn then saves, loaded by the Python of docs/from-pytorch.md, answers as before.
//
//     pip install torch safetensors
//     node scripts/check-pytorch.mjs [python3] [--save]
//
// --save writes the table into bench/results/.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { availableBackends } from '../dist/src/backend/choose.js'
import { createBackend, describeModel, loadModel, saveModel } from '../dist/src/index.js'

const ROOT = new URL('..', import.meta.url).pathname
const args = process.argv.slice(2)
const python = args.find((word) => !word.startsWith('--')) ?? 'python3'
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-pytorch-'))
const inPython = (what) =>
  execFileSync(python, [path.join(ROOT, 'scripts', 'check-pytorch.py'), what, folder], { encoding: 'utf8' })

/** How far an answer is off at most: absolute below 1, relative above. */
function off(actual, expected, counts = () => true) {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < expected.length; i++) {
    if (counts(i)) most = Math.max(most, Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i])))
  }
  return most
}

/** A head at padded steps is of no account. */
function counting({ steps, lengths, B, K }) {
  if (!lengths || steps === 'last') return () => true
  return (i) => Math.floor(i / (B * K)) < lengths[Math.floor(i / K) % B]
}

function said({ cell, steps }) {
  return { spec: { rnn: { cell }, head: { kind: 'regression', steps } } }
}

/** The answers of one model, at once and step by step, against PyTorch's. */
function compared(model, golden) {
  const { T, B, x, tokens, lengths, bidirectional, steps, K, float32, float64 } = golden
  const batch = { T, B, ...(tokens ? { tokens: x } : { x }), ...(lengths && { lengths }) }
  const { logits, output, state } = model.forward(batch)
  const counts = counting(golden)
  const all = (expected) =>
    Math.max(
      off(logits, expected.logits, counts),
      off(output, expected.output),
      off(state.h, expected.h),
      expected.c ? off(state.c, expected.c) : 0,
    )
  const rows = { float32: all(float32), float64: all(float64), steps: 0 }
  if (bidirectional || lengths) return rows
  const stepper = model.stepper({ B })
  const width = x.length / T
  for (let t = 0; t < T; t++) {
    const answered = stepper.step(x.slice(t * width, (t + 1) * width))
    const expected = steps === 'every' ? float64.logits.slice(t * B * K, (t + 1) * B * K) : float64.logits
    if (steps === 'every' || t === T - 1) rows.steps = Math.max(rows.steps, off(answered, expected))
  }
  rows.steps = Math.max(rows.steps, off(stepper.getState().h, float64.h))
  stepper.dispose()
  return rows
}

try {
  inPython('make')
  const { torch, cases } = JSON.parse(fs.readFileSync(path.join(folder, 'cases.json'), 'utf8'))
  const table = {}
  for (const options of await availableBackends()) {
    const backend = await createBackend({ ...options, ...(options.name !== 'reference' && { threads: 1 }) })
    const worst = { float32: 0, float64: 0, steps: 0 }
    for (const golden of cases) {
      const file = fs.readFileSync(path.join(folder, `${golden.name}.safetensors`))
      const { spec, left } = describeModel(file, said(golden))
      const { cell, layers, hidden, bidirectional } = spec.rnn
      const found = [cell, layers, hidden, bidirectional, spec.head.size, left.length].join()
      const made = [golden.cell, golden.layers, golden.H, golden.bidirectional, golden.K, 0].join()
      if (found !== made) throw new Error(`model ${golden.name}: expected ${made} but found ${found}`)
      const model = loadModel(file, { backend, ...said(golden) })
      for (const [name, value] of Object.entries(compared(model, golden))) worst[name] = Math.max(worst[name], value)
      if (options.name === 'native')
        fs.writeFileSync(path.join(folder, `${golden.name}-back.safetensors`), saveModel(model))
      model.dispose()
    }
    const label = [options.name, options.instructionSet].filter(Boolean).join(' ')
    table[label] = Object.fromEntries(
      Object.entries(worst).map(([name, value]) => [name, Number(value.toPrecision(2))]),
    )
    backend.dispose()
  }
  const { apart } = JSON.parse(inPython('back'))
  const result = { torch, models: cases.length, off: table, back: apart }
  console.log(JSON.stringify(result, null, 2))
  const most = Math.max(...Object.values(table).flatMap((row) => Object.values(row)))
  console.log(`${cases.length} models of PyTorch ${torch}: off by ${most} at most; back in PyTorch by ${apart}`)
  if (args.includes('--save')) {
    const date = new Date().toISOString().slice(0, 10)
    fs.writeFileSync(
      path.join(ROOT, 'bench', 'results', `pytorch-${date}.json`),
      `${JSON.stringify(result, null, 2)}\n`,
    )
  }
  process.exitCode = most <= 1e-6 && apart === 0 ? 0 : 1
} finally {
  fs.rmSync(folder, { recursive: true })
}
