// Ranks of Open MPI: the same model on any number of them, through signals and kills; what is wrong is said once.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { disagreement } from '../../cli/ranks.ts'
import { refuseBareSrun } from '../../src/distributed/launched.node.ts'
import { rng } from '../../src/rng.ts'
import { home, run } from '../support/command.ts'
import { noMpi, type Program, processesOf, startRanks } from '../support/ranks.ts'
import { refused } from '../support/refused.ts'

const generator = rng(1)
const sentence = () => Array.from({ length: 8 }, () => `w${generator.below(1 + generator.below(200))}`).join(' ')
fs.writeFileSync(path.join(home, 'text.txt'), Array.from({ length: 400 }, () => `${sentence()}\n`).join(''))

// All that depends on parts: rows of tables, candidates, dropout, states that are carried, several minibatches.
const WORDS = (
  'train words --data text.txt --cell lstm --length 5 --hidden 8 --batch 16 --shards 4 --samples 20 --dropout 0.2 ' +
  '--average 0.9 --accumulate 2 --iterations 90000 --eval-every 400 --checkpoint-every 5'
).split(' ')
const ADDING = (
  'train adding --length 30 --hidden 8 --train-size 100 --test-size 10 --batch 8 ' +
  '--iterations 90000 --distributed mpi'
).split(' ')
const MPI = ['--distributed', 'mpi']

const inHome = (...names: string[]) => path.join(home, ...names)
const sha256 = (dir: string) =>
  createHash('sha256')
    .update(fs.readFileSync(inHome(dir, 'model.safetensors')))
    .digest('hex')

/** Records of a run, without what differs from one to the next: times, and where it was stopped. */
function records(dir: string): string[] {
  const lines = fs.readFileSync(inHome(dir, 'metrics.jsonl'), 'utf8').trim().split('\n')
  return lines
    .map((line) => JSON.parse(line, (name, value) => (/seconds|^ms$|PerSecond/.test(name) ? undefined : value)))
    .filter(({ type }) => type === 'eval' || type === 'step')
    .map((record) => JSON.stringify(record))
}

/** Waits until processes are over, three seconds at most: what nobody waits for stays as a zombie. */
async function gone(processes: readonly number[]): Promise<void> {
  const lives = (id: number) => spawnSync('kill', ['-0', String(id)]).status === 0
  for (let i = 0; i < 30 && processes.some(lives); i++) await setTimeout(100)
}

/** Waits for so many records of steps; returns the iteration of the last. There is a checkpoint before each. */
async function reached(dir: string, steps: number): Promise<number> {
  for (let i = 0; i < 3000; i++) {
    await setTimeout(20)
    const file = inHome(dir, 'metrics.jsonl')
    if (!fs.existsSync(file)) continue
    const found = [...fs.readFileSync(file, 'utf8').matchAll(/"type":"step","iteration":(\d+)/g)]
    if (found.length >= steps) return Number(found.at(-1)![1])
  }
  throw new Error(`${dir}: no record of a step`)
}

test('stopped on 4, killed on 2, ended on 1: the model and the records of one process', { skip: noMpi }, async () => {
  const stopped = startRanks([4, ...WORDS, ...MPI, '--out', 'parts'])
  await reached('parts', 1)
  stopped.child.kill('SIGUSR2')
  const { code, lines } = await stopped.result
  assert.deepEqual([code, lines], [75, []])

  const resume = ['train', '--resume', 'parts', '--data', 'text.txt']
  const killed = startRanks([2, ...resume, ...MPI])
  const before = (await reached('parts', 1)) + 10
  while ((await reached('parts', 1)) < before);
  const ranks = processesOf(killed)
  process.kill(ranks.at(-1)!, 'SIGKILL')
  const began = performance.now()
  assert.notEqual((await killed.result).code, 0)
  assert.ok(performance.now() - began < 4000)
  await gone(ranks) // mpirun does not wait for the last

  const end = String((await reached('parts', 1)) + 12)
  const whole = run(...WORDS, '--out', 'whole', '--pause-at', end)
  const ended = await run(...resume, '--pause-at', end)
  assert.equal(ended.code, 0, ended.err)
  assert.equal((await whole).code, 0)
  assert.equal(sha256('parts'), sha256('whole'))
  assert.deepEqual(records('parts'), records('whole'))
  assert.equal(JSON.parse(fs.readFileSync(inHome('parts', 'config.json'), 'utf8')).training.shards, 4)
})

test('a rank that is frozen ends all, with 75', { skip: noMpi }, async () => {
  const job = startRanks([2, ...ADDING, '--shards', 2, '--rank-timeout', 3, '--checkpoint-every', 5, '--out', 'frozen'])
  await reached('frozen', 1)
  process.kill(processesOf(job)[1]!, 'SIGSTOP')
  const began = performance.now()
  const { code, lines } = await job.result
  assert.equal(code, 75)
  assert.match(lines[0]!, /^irnn: expected the other ranks within 3 s but one did not come, .*: go on with irnn train/)
  assert.ok(performance.now() - began < 8000)
})

test('what does not fit is said once, and there is no folder', { skip: noMpi }, async () => {
  const cases: [Program[], RegExp][] = [
    [
      [[3, ...ADDING, '--shards', 4]],
      /^irnn: shards: expected a number of parts that 3 ranks divide .*: start 2 ranks$/,
    ],
    [
      [
        [1, ...ADDING, '--shards', 4, '--backend', 'wasm'],
        [1, ...ADDING, '--shards', 4, '--backend', 'reference'],
      ],
      /^irnn: rank 1: backend: expected wasm .*, as on rank 0, but received reference: .*use machines of one kind/,
    ],
    [
      [
        [1, ...ADDING, '--shards', 4, '--lr', 0.1],
        [1, ...ADDING, '--shards', 4, '--lr', 0.2],
      ],
      /^irnn: rank 1: training optimizer lr: expected 0.1, as on rank 0, but received 0.2: start all ranks with the/,
    ],
  ]
  const results = await Promise.all(
    cases.map(async ([programs, message]) => {
      const { code, lines } = await startRanks(...programs.map((program) => [...program, '--out', 'none'])).result
      assert.equal(lines.length, 1, lines.join('\n'))
      assert.match(lines[0]!, message)
      return code
    }),
  )
  assert.deepEqual(results, [2, 2, 2])
  assert.equal(fs.existsSync(inHome('none')), false)
})

test('versions of irnn that differ are refused', () => {
  assert.equal(disagreement([{ version: '1' }, { version: '1' }]), null)
  assert.match(
    disagreement([{ version: '1' }, { version: '1' }, { version: '2' }])!.message,
    /^rank 2: version: expected 1, as on rank 0, but received 2: install the same irnn on all machines$/,
  )
})

test('srun that does not tell its tasks of each other is refused; mpirun within it is not', () => {
  const bare = { SLURM_STEP_ID: '0', SLURM_STEP_NUM_TASKS: '4' }
  refused(() => refuseBareSrun(bare), /^mpi: expected srun --mpi=pmix but srun was called without it/)
  refuseBareSrun({ ...bare, PMIX_RANK: '1' })
  refuseBareSrun({ ...bare, OMPI_COMM_WORLD_RANK: '1' })
  refuseBareSrun({ ...bare, SLURM_STEP_NUM_TASKS: '1' })
})

test('without an MPI it is said how to get one; options of ranks want ranks', async () => {
  const before = { MPICXX: process.env.MPICXX, IRNN_CACHE: process.env.IRNN_CACHE }
  Object.assign(process.env, { MPICXX: 'no-such-wrapper', IRNN_CACHE: inHome('empty') })
  try {
    const results = await Promise.all([
      run('mpi', 'build'),
      run(...ADDING),
      run('train', 'adding', '--rank-timeout', '3'),
    ])
    assert.deepEqual(
      results.map(({ code }) => code),
      [2, 2, 2],
    )
    for (const { err } of results.slice(0, 2)) {
      assert.match(
        err,
        /^irnn: mpi: expected the compiler wrapper no-such-wrapper of MPI but cannot call it: install Open/,
      )
    }
    assert.match(results[2]!.err, /^irnn: --rank-timeout: expected --distributed mpi beside it: add it\n$/)
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
})
