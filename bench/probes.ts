/**
 * `node dist/bench/probes.js [--save]`: what probes take of a run that has one at every evaluation, as seconds of the
 * same run, so that nothing else that the machine does counts: adding and pixel-by-pixel MNIST by their recipes, on one
 * thread and on all cores. `--save` writes results/probes-DATE.json.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../src/disk.node.ts'
import {
  ADDING_RECIPES,
  adding,
  createBackend,
  createModel,
  extras,
  MNIST_RECIPES,
  mnist,
  recipeOf,
  type Task,
  train,
} from '../src/index.ts'
import type { Cell } from '../src/layers/cells.ts'
import { loadMnist } from '../src/tasks/mnist/load.node.ts'
import { modelOf } from '../src/tasks/network.ts'
import { commit, machine, today } from './machine.ts'
import { claimLine } from './report.ts'

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url))
/** Share of a run that its probes may take. */
const MOST = 0.005

interface Measured {
  readonly run: string
  readonly threads: number
  readonly iterations: number
  readonly probes: number
  /** Of the run without them, and of a probe at the median. */
  readonly seconds: number
  readonly probeMs: number
  readonly share: number
}

const TASKS = {
  adding: { recipes: ADDING_RECIPES, make: () => adding({ inputs: 'normalised' }), evaluations: 6 },
  mnist: { recipes: MNIST_RECIPES, make: async () => mnist({ data: await loadMnist() }), evaluations: 2 },
}

async function measure(name: keyof typeof TASKS, cell: Cell, threads: number | undefined): Promise<Measured> {
  const { recipes, make, evaluations } = TASKS[name]
  const task: Task = await make()
  const recipe = recipeOf({ name, recipes }, undefined, cell, task.options as Record<string, number>)
  const backend = await createBackend({ name: 'native', threads })
  const model = createModel(modelOf(recipe, { cell }, task), { backend, seed: 1, normalisation: task.normalisation })
  const { evalEvery = 500, curriculum: _, ...training } = recipe.training
  const iterations = evaluations * evalEvery
  const probes: number[] = []
  const began = performance.now()
  let before = began
  // A probe follows the record of the same iteration: between the two there is nothing else.
  const given = { ...training, iterations, evalEvery, stepEvery: evalEvery, probeEvery: evalEvery, extras }
  for await (const { type } of train(model, task, given)) {
    const now = performance.now()
    if (type === 'probe') probes.push(now - before)
    before = performance.now()
  }
  const taken = probes.slice(1).reduce((sum, one) => sum + one, 0) // the first is before the run, and code is cold
  const seconds = (before - began - probes[0]! - taken) / 1000
  const sorted = probes.slice(1).toSorted((a, b) => a - b)
  const result = { run: `${name}, ${cell}`, threads: backend.threads, iterations, probes: sorted.length }
  model.dispose()
  backend.dispose()
  const rounded = (value: number) => Number(value.toPrecision(3))
  const share = rounded(taken / 1000 / seconds)
  return { ...result, seconds: rounded(seconds), probeMs: rounded(sorted[sorted.length >> 1]!), share }
}

const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } })
const measured: Measured[] = []
for (const [name, cell] of [
  ['adding', 'irnn'],
  ['adding', 'gru'],
  ['mnist', 'irnn'],
] as const) {
  for (const threads of [1, undefined]) measured.push(await measure(name, cell, threads))
}
const claims = measured.map(({ run, threads, share, probeMs, probes, seconds }) => ({
  text: `${run}, ${threads === 1 ? 'one thread' : `${threads} threads`}: probes at evaluations take at most 0.5 %`,
  holds: share <= MOST,
  measured: `${(100 * share).toFixed(2)} %, ${probes} of ${probeMs} ms in ${seconds} s`,
}))
console.log(claims.map(claimLine).join('\n'))
if (claims.some(({ holds }) => !holds)) process.exitCode = 1
if (values.save) {
  const about = { date: today(), commit: commit(), machine: machine() }
  const lines = measured.map((one) => `  ${JSON.stringify(one)}`).join(',\n')
  const text = JSON.stringify({ ...about, claims, measured: [] }, null, 1).replace(
    '"measured": []',
    `"measured": [\n${lines}\n ]`,
  )
  writeAtomic(join(RESULTS, `probes-${about.date}.json`), `${text}\n`)
}
