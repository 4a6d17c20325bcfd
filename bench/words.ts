/**
 * Words a second of a language model, 20 rows of 20 words, 512 units: the full softmax over 10,000 words for three
 * cells, and 8,192 samples of vocabularies up to a million; beside the machine's peak, with the memory they take, and
 * claims about both. `node dist/bench/words.js [--under COMMAND] [--save]`: each point is a process of its own, started
 * by COMMAND where one is given (`taskset -c 1`); --save writes results/words-DATE.json.
 *
 * An iteration is all of one: candidates, forward, loss, backward, clip by norm, SGD. Where others use the machine too,
 * processor time says what a quiet one would do: shares and costs are of that, and words/s of both.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEngine } from '../src/backend/choose.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { type Cell, classification, createModel, irnn, lstm, type ModelInput, rng, sgd, tanh } from '../src/index.ts'
import { clipGradients, clipNorm } from '../src/train/clip.ts'
import { logUniform } from '../src/train/logUniform.ts'
import { createOptimizer } from '../src/train/optim.ts'
import { commit, machine, today } from './machine.ts'
import { peak } from './measure.ts'

const [T, B, H, SAMPLES] = [20, 20, 512, 8192]
const BENCHMARK = 793_471 // words of the one-billion-word benchmark's vocabulary
const MOST = 1_000_000
/**
 * The least share of the peak that the full softmax shall reach, and the most that a word may cost beyond one of a
 * small vocabulary.
 */
const SHARE = 0.6
const GROWTH = 1.1
const MOST_GIB = 8

interface Point {
  readonly cell: Cell
  readonly V: number
  /** 0: the full softmax. */
  readonly samples: number
  readonly threads: number
}

interface Measured extends Point {
  /** Milliseconds of an iteration: what passed, and processor time of all threads. The fastest of each. */
  readonly ms: number
  readonly processor: number
  /**
   * GFLOP/s of the dense work in processor time, a thread; and of nothing but multiply-adds, measured in turn with it.
   */
  readonly gflops: number
  readonly peak: number
  /** GiB resident at most, all of the process. */
  readonly memory: number
}

const POINTS: readonly Point[] = [
  ...(['lstm', 'irnn', 'tanh'] as const).flatMap((cell) =>
    [1, 2].map((threads) => ({ cell, V: 10_000, samples: 0, threads })),
  ),
  ...[10_000, 100_000, BENCHMARK, MOST].map((V) => ({ cell: 'lstm' as const, V, samples: SAMPLES, threads: 1 })),
  { cell: 'lstm', V: BENCHMARK, samples: SAMPLES, threads: 2 },
]

function spec({ cell, V }: Point): ModelInput {
  const rnn = { lstm: () => lstm(H), irnn: () => irnn(H, { scale: 0.5 }), tanh: () => tanh(H) }[
    cell as 'lstm' | 'irnn' | 'tanh'
  ]()
  return {
    input: { vocabulary: V, embedding: H },
    rnn,
    head: classification(V, { steps: 'every', init: { kind: 'uniform', bound: 0.05 } }),
  }
}

/**
 * Floating-point operations of an iteration: gates over embedding and h, and the classes that take part; once forward,
 * twice back.
 */
function work({ cell, V, samples }: Point): number {
  return 6 * T * B * H * ((cell === 'lstm' ? 8 : 2) * H + (samples || V))
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const SECONDS = 6

async function measure(point: Point): Promise<Measured> {
  const { V, samples, threads } = point
  const backend = await createEngine({ name: 'native', threads })
  const alone = await createEngine({ name: 'native', threads: 1 })
  const model = createModel(spec(point), { backend })
  const sampled = samples > 0 ? { sampled: { samples, sampler: logUniform(V, rng(1)) } } : {}
  const plan = model.plan({ T, B, logits: false, ...sampled })
  const optimizer = createOptimizer(sgd({ lr: 0.01 }), backend, model.weights, plan.gradients)
  const generator = rng(2, 'bench/words')
  // As often as Zipf's law has them: what a minibatch touches of the tables is as in text.
  const words = () =>
    Int32Array.from({ length: T * B }, () =>
      Math.min(V - 1, Math.floor(Math.exp(generator.next() * Math.log(V + 1))) - 1),
    )
  const norm = { norm: 0, clipped: false }
  const best = { ms: Number.POSITIVE_INFINITY, processor: Number.POSITIVE_INFINITY, peak: 0 }
  const end = performance.now() + 1000 * SECONDS
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    best.peak = Math.max(best.peak, peak(alone)) // in between, so that both meet the same machine
    const batch = { T, B, tokens: words(), y: words() }
    const [start, before] = [performance.now(), processorMs()]
    plan.forward(batch)
    plan.loss(batch, { reduction: 'mean', gradient: true })
    plan.backward(batch)
    clipGradients(clipNorm(1), backend, plan.gradients, norm)
    optimizer.update(0.01)
    best.processor = Math.min(best.processor, processorMs() - before)
    best.ms = Math.min(best.ms, performance.now() - start)
  }
  const memory = process.resourceUsage().maxRSS / 2 ** 20
  return { ...point, ...best, gflops: work(point) / best.processor / 1e6, memory }
}

function line({ cell, V, samples, threads, ms, processor, gflops, peak, memory }: Measured): string {
  const n = (value: number) => Math.round(value).toLocaleString('en-US')
  const what = samples > 0 ? `${n(samples)} samples of ${n(V)} words` : `full softmax over ${n(V)} words`
  const speed = `${n((1000 * T * B) / ms)} words/s (by processor time ${n((1000 * T * B * threads) / processor)})`
  return `${cell}, ${what}, ${threads} thread${threads > 1 ? 's' : ''}: ${speed}, ${((100 * gflops) / peak).toFixed(1)} % of the peak, ${memory.toFixed(2)} GiB`
}

interface Verdict {
  readonly text: string
  readonly holds: boolean
  readonly measured: string
}

function claims(rows: readonly Measured[]): Verdict[] {
  const shares = rows.filter(({ samples }) => samples === 0).map(({ gflops, peak }) => gflops / peak)
  const sampled = rows.filter(({ samples, threads }) => samples > 0 && threads === 1)
  const cost = (V: number) => sampled.find((row) => row.V === V)!.processor
  const growth = cost(BENCHMARK) / cost(100_000)
  const most = sampled.find(({ V }) => V === MOST)!.memory
  return [
    {
      text: `The full softmax over 10,000 words reaches ${100 * SHARE} % of the peak, with every cell, on one thread and two`,
      holds: shares.every((share) => share >= SHARE),
      measured: shares.map((share) => `${(100 * share).toFixed(1)} %`).join(', '),
    },
    {
      text: `A word of ${BENCHMARK.toLocaleString('en-US')} costs what one of 100,000 does, at the same samples`,
      holds: growth <= GROWTH,
      measured: `${growth.toFixed(2)} times; one of 10,000, whose tables lie in the cache, costs ${(cost(10_000) / cost(100_000)).toFixed(2)} times as much`,
    },
    {
      text: `A million words of 512 units train with SGD in less than ${MOST_GIB} GiB`,
      holds: most < MOST_GIB,
      measured: `${most.toFixed(2)} GiB`,
    },
  ]
}

function measureAll(under: readonly string[], save: boolean): void {
  const rows = POINTS.map((point) => {
    const [command, ...args] = [
      ...under,
      process.execPath,
      fileURLToPath(import.meta.url),
      '--point',
      JSON.stringify(point),
    ]
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    const row = JSON.parse(stdout) as Measured
    console.log(line(row))
    return row
  })
  const verdicts = claims(rows)
  for (const { text, holds, measured } of verdicts)
    console.log(`${holds ? 'held  ' : 'FAILED'}  ${text}\n        ${measured}`)
  if (!save) return
  const file = fileURLToPath(new URL(`../../bench/results/words-${today()}.json`, import.meta.url))
  const result = { date: today(), commit: commit(), machine: machine(), T, B, H, rows, claims: verdicts }
  writeAtomic(file, `${JSON.stringify(result, null, 1)}\n`)
}

const { values } = parseArgs({
  options: { point: { type: 'string' }, under: { type: 'string' }, save: { type: 'boolean', default: false } },
})
if (values.point !== undefined) console.log(JSON.stringify(await measure(JSON.parse(values.point))))
else measureAll(values.under?.split(' ') ?? [], values.save)
