/**
 * `node dist/bench/wasm.js [--only A,B] [--seconds N] [--save]`: what share of its own peak WebAssembly reaches on one
 * thread, plain and with relaxed SIMD, and the instructions a multiply-add in V8's code (wasmLoops.ts). --save writes
 * results/wasm-DATE.json.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { WasmInstructionSet } from '../src/backend/backend.ts'
import { availableBackends, createEngine } from '../src/backend/choose.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { commit, machine, today } from './machine.ts'
import { measureEngine, trainingRow, truth } from './ours.ts'
import { randomProblem, SHAPES } from './problems.ts'
import type { Row } from './results.ts'
import { type Loop, loopsOf, perMultiplyAdd } from './wasmLoops.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Trained S1 leaves out zeros, and S6 is no recurrence. */
const MEASURED = SHAPES.filter(({ name, cell }) => name !== 'S1 trained' && cell !== 'softmax')

const { values } = parseArgs({
  options: { only: { type: 'string' }, seconds: { type: 'string' }, save: { type: 'boolean', default: false } },
})
const shapes = MEASURED.filter(({ name }) => (values.only ?? name).split(',').includes(name))
const seconds = Number(values.seconds ?? 3)
if (shapes.length === 0 || !(seconds > 0) || (values.save && values.only !== undefined)) {
  const names = MEASURED.map(({ name }) => name).join(', ')
  console.error(`expected --only with some of ${names}, and no --save, and --seconds above 0`)
  process.exitCode = 2
} else {
  await measure()
}

async function measure(): Promise<void> {
  const sets: { set: WasmInstructionSet; rows: Row[]; loops: Loop[] }[] = []
  for (const { name, instructionSet } of await availableBackends()) {
    if (name !== 'wasm') continue
    const set = instructionSet as WasmInstructionSet
    const loops = compiled(set)
    const [least, median, most] = perMultiplyAdd(loops).map((ratio) => ratio.toFixed(2))
    if (loops.length === 0) console.log(`${set}: no instructions counted: expected V8 for x64 with AVX`)
    else console.log(`${set}: ${median} instructions a multiply-add, ${least} to ${most} in ${loops.length} loops`)
    sets.push({ set, rows: await rowsOf(set), loops })
  }
  if (!values.save) return
  const result = { date: today(), commit: commit(), machine: machine(), v8: process.versions.v8, sets }
  writeAtomic(`${ROOT}bench/results/wasm-${result.date}.json`, `${JSON.stringify(result, null, 1)}\n`)
}

async function rowsOf(instructionSet: WasmInstructionSet): Promise<Row[]> {
  const backend = await createEngine({ name: 'wasm', instructionSet, threads: 1 })
  const measured = { backend, engine: measureEngine(backend) }
  const rows: Row[] = []
  for (const shape of shapes) {
    const problem = await randomProblem(shape)
    const row = trainingRow(measured, { problem, truth: truth(problem, measured), seconds })
    if (row.failed !== undefined) throw new Error(`${shape.name}: ${row.failed}`)
    const share = ((100 * row.gflops!) / row.peak!).toFixed(1)
    console.log(
      `${instructionSet.padEnd(13)} ${shape.name.padEnd(9)} ${row.ms!.best.toFixed(2)} ms, ${share} % of the peak`,
    )
    rows.push(row)
  }
  return rows
}

/** V8 prints what it compiles; all at once and at its best, so nothing has to run. */
function compiled(set: WasmInstructionSet): Loop[] {
  const program = `new WebAssembly.Module(require('fs').readFileSync(process.argv[1]))`
  const flags = ['--experimental-wasm-relaxed-simd', '--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code']
  const args = ['-e', program, `${ROOT}build/irnn-${set}.wasm`]
  const listing = (flags: string[]) =>
    execFileSync(process.execPath, [...flags, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  try {
    return loopsOf(listing(flags))
  } catch {
    return loopsOf(listing(flags.slice(1))) // a newer V8 has relaxed SIMD without a flag
  }
}
