/**
 * `node dist/bench/scale/mpi.js [--quick] [--save]`: what ranks of Open MPI gain and cost on this machine, two ranks of
 * one thread each beside one of one thread, everything in turn and as ratios. Wants a quiet machine of two cores;
 * `--quick` only shows that it runs. `--save` writes results/mpi-DATE.json.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../../src/disk.node.ts'
import { commit, machine, today } from '../machine.ts'
import { timing } from '../measure.ts'

const RANK = fileURLToPath(new URL('mpiRank.js', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
const ENV = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }
const ROUNDS = 5

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
})
const { quick } = values

function onRanks<T>(ranks: number, ...args: (string | number)[]): T {
  const [what, ...rest] = args
  const program = [process.execPath, RANK, what, quick ? 'quick' : 'whole', ...rest].map(String)
  const text = execFileSync('mpirun', ['--oversubscribe', '--bind-to', 'none', '-n', String(ranks), ...program], {
    env: ENV,
    encoding: 'utf8',
  })
  return JSON.parse(text) as T
}

/** A claim: what was seen, and the most or least that it may be. */
interface Bar {
  readonly what: string
  readonly seen: number
  readonly bar: string
  readonly holds: boolean
}
const bars: Bar[] = []
function atMost(what: string, seen: number, most: number): void {
  bars.push({ what, seen, bar: `at most ${most}`, holds: seen <= most })
}
function atLeast(what: string, seen: number, least: number): void {
  bars.push({ what, seen, bar: `at least ${least}`, holds: seen >= least })
}

const sums = onRanks<{ floats: number; tree: number; allreduce: number }[]>(2, 'sums')
for (const [i, { floats, tree, allreduce }] of sums.entries()) {
  atMost(`sum of ${floats} floats on 2 ranks, ours over MPI_Allreduce`, tree / allreduce, i === 0 ? 1.3 : 1)
}
const rows = onRanks<{ sparse: number; dense: number }>(2, 'rows')
atMost('sum of 700 rows of 10,000 by 512, as rows over as a table', rows.sparse / rows.dense, 1 / 5)

const networks = [
  ['words, full', 1.7],
  ['words, sampled', 1.7],
  ['words, sampled, sgd', 1.7],
  ['pixel mnist', 1.6],
] as const
const training = networks.map(([name, least]) => {
  const times = { plain: [] as number[], one: [] as number[], two: [] as number[] }
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    const of = (ranks: number, shards: number) =>
      onRanks<{ milliseconds: number }>(ranks, 'training', name, shards).milliseconds
    times.plain.push(of(1, 1))
    times.one.push(of(1, 2))
    times.two.push(of(2, 2))
  }
  const [plain, one, two] = [times.plain, times.one, times.two].map((all) => timing(all).median) as [
    number,
    number,
    number,
  ]
  atLeast(`${name}: iterations/s of 2 ranks over 1 rank, --shards 2`, one / two, least)
  return { name, plain, one, two, gain: one / two, gainOverWhole: plain / two, overhead: one / plain - 1 }
})

for (const { name, plain, one, two, overhead } of training) {
  const ms = [plain, one, two].map((time) => time.toFixed(1))
  console.log(
    `${name}: ${ms[0]} ms whole, ${ms[1]} in two parts (${(100 * overhead).toFixed(0)} %), ${ms[2]} on 2 ranks`,
  )
}
for (const { what, seen, bar, holds } of bars)
  console.log(`${holds ? 'holds' : 'FAILS'}: ${what}: ${seen.toFixed(2)}, ${bar}`)
if (values.save) {
  const result = { date: today(), commit: commit(), machine: machine(), sums, rows, training, bars }
  writeAtomic(`${RESULTS}mpi-${result.date}.json`, `${JSON.stringify(result, null, 2)}\n`)
}
process.exitCode = bars.every(({ holds }) => holds) ? 0 : 1
