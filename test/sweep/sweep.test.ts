// A sweep as a command: stopped, killed and gone on with, it comes to what an undisturbed one comes to.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cancelSweep, flagsOf, resultLines, sweepFile, sweepResults, sweepStatus } from '../../cli/sweep.ts'
import { heatOf } from '../../cli/sweepHeat.ts'
import { exportSweep } from '../../cli/sweepPlan.ts'
import { csvOf, tableOf } from '../../cli/sweepTable.ts'
import { InputError } from '../../src/error.ts'
import { argumentsFor } from '../../src/sweep/children.ts'
import { ranked, readSweepFolder } from '../../src/sweep/folder.ts'
import { type Ran, runSweep } from '../../src/sweep/run.ts'
import { trialOf, trialsOf } from '../../src/sweep/trials.ts'
import { home, run, start } from '../support/command.ts'

const SWEEP = `
task: adding
options:
  {length: 10, train-size: 100, test-size: 20, hidden: 4, iterations: 900, eval-every: 300, checkpoint-every: 20,
  optimizer: sgd, clip-kind: none}
space: {lr: [0.01, 0.02, 1e9]}
`
const file = path.join(home, 'sweep.yaml')
fs.writeFileSync(file, SWEEP)

const at = (name: string) => path.join(home, name)

interface Line {
  readonly id: string
  readonly score: number | null
  readonly sha256: string | null
  readonly state: string
}
/** Waits until a trial of the sweep has a checkpoint. */
async function begun(dir: string): Promise<void> {
  const trials = path.join(home, dir, 'trials')
  const has = (id: string) => fs.readdirSync(path.join(trials, id)).some((name) => name.startsWith('checkpoint-last'))
  while (!(fs.existsSync(trials) && fs.readdirSync(trials).some(has))) await sleep(5)
}

/** The process that writes a trial of the sweep. */
function workerIn(dir: string): number {
  const trials = path.join(home, dir, 'trials')
  const locks = fs.readdirSync(trials).map((id) => path.join(trials, id, 'run.lock'))
  return JSON.parse(fs.readFileSync(locks.find((lock) => fs.existsSync(lock))!, 'utf8')).pid
}

/** Waits until a trial of the sweep is at work. */
async function working(dir: string): Promise<void> {
  const trials = path.join(home, dir, 'trials')
  while (!fs.readdirSync(trials).some((id) => fs.existsSync(path.join(trials, id, 'run.lock')))) await sleep(5)
}

test('cancelled, killed and resumed, every result is that of an undisturbed sweep', async () => {
  const whole = await run('sweep', file, '--dir', 'whole', '--slots', '2')
  assert.equal(whole.code, 0, whole.err)
  assert.match(
    whole.out,
    /^best: t[0-9a-f]{20} {2}lr 0\.0[12], seed 1: MSE [\d.]+; irnn sweep results whole has all 3\n$/,
  )
  assert.match(whole.err, /^1\/3 .*; about .* left\n2\/3 .*\n3\/3 .*\n$/)
  assert.match(whole.err, / {2}lr 1000000000, seed 1: diverged/)

  const args = ['sweep', file, '--dir', 'torn', '--slots', '1']
  const first = start(...args)
  await begun('torn')
  await assert.rejects(
    () => sweepFile(file, { dir: at('torn') }),
    /torn: another process writes this run: wait for process \d+ /,
  )
  // It looks for a cancel once a second, and a trial takes less: it stands still until it is told to stop.
  process.kill(workerIn('torn'), 'SIGSTOP')
  cancelSweep(at('torn'))
  const stopped = await first.result
  assert.equal(stopped.code, 75, stopped.err)
  assert.match(stopped.err, /stopped: \d of 3 are left; the same command goes on\n$/)

  const second = start(...args)
  await working('torn')
  second.child.kill('SIGKILL')
  await second.result
  const third = await run(...args)
  assert.equal(third.code, 0, third.err)
  assert.match(third.err, /taking over the lock/)

  const results = resultLines(at('torn'), { json: true })
  assert.deepEqual(results, resultLines(at('whole'), { json: true }))
  const lines = results.map((line) => JSON.parse(line) as Line)
  assert.deepEqual(
    lines.map(({ id }) => id),
    lines.map(({ id }) => id).sort(),
  )
  assert.deepEqual(lines.map(({ state }) => state).sort(), ['diverged', 'done', 'done'])
  for (const { state, score, sha256 } of lines) {
    if (state === 'diverged') assert.deepEqual([score, sha256], [null, null])
    else assert.ok(score! > 0 && /^[0-9a-f]{64}$/.test(sha256!))
  }

  // Over: nothing runs again, for this command would fail.
  const rans: Ran[] = []
  const stop = { signal: new AbortController().signal, now: () => assert.fail() }
  await runSweep(readSweepFolder(at('torn'), flagsOf), {
    command: [process.execPath, '--no-such-option'],
    stop,
    onEnd: (ran, fresh) => fresh || rans.push(ran),
  })
  assert.equal(rans.length, 3)
})

test('a trial whose process was killed before it had its config begins anew', async () => {
  const dir = at('killed')
  fs.cpSync(at('whole'), dir, { recursive: true })
  const [id] = fs.readdirSync(path.join(dir, 'trials'))
  const folder = path.join(dir, 'trials', id!)
  for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name))
  for (const name of ['metrics.jsonl', 'config.json.tmp']) fs.writeFileSync(path.join(folder, name), '{')
  const { code, err } = await run('sweep', file, '--dir', 'killed')
  assert.equal(code, 0, err)
  assert.deepEqual(resultLines(dir, { json: true }), resultLines(at('whole'), { json: true }))
})

test('a trial with a checkpoint goes on from it, one without begins anew', () => {
  const fresh = ['train', 'adding']
  const dir = at('trial')
  assert.deepEqual(argumentsFor(dir, fresh), [...fresh, '--out', dir])
  fs.mkdirSync(dir)
  fs.writeFileSync(path.join(dir, 'config.json'), '')
  assert.deepEqual(argumentsFor(dir, fresh), [...fresh, '--out', dir, '--overwrite'])
  fs.writeFileSync(path.join(dir, 'checkpoint-last.safetensors'), '')
  assert.deepEqual(argumentsFor(dir, fresh, ['--data=x']), ['train', '--resume', dir, '--data=x'])
})

test('a journal of Optuna has the study and each trial that is over', async () => {
  assert.equal(exportSweep(path.join(home, 'whole'), path.join(home, 'o.log')), 0)
  const lines = fs.readFileSync(path.join(home, 'o.log'), 'utf8').trimEnd().split('\n')
  const [study, ...trials] = lines.map((line) => JSON.parse(line))
  assert.deepEqual(study, { worker_id: 'irnn', op_code: 0, study_name: 'whole', directions: [1] })
  const range = '{"name":"FloatDistribution","attributes":{"step":null,"low":0.01,"high":1000000000,"log":true}}'
  assert.deepEqual(
    trials.map(({ state, params, distributions }) => [state, params.lr, distributions.lr]),
    [
      [1, 0.01, range],
      [1, 0.02, range],
      [3, 1e9, range],
    ],
  )
  assert.deepEqual(Object.keys(trials[0].intermediate_values), ['300', '600', '900'])
  assert.equal(trials[0].value, trials[0].intermediate_values[900])
  assert.equal(trials[2].value, null)
})

test('a table has the options that differ; CSV quotes what must be', () => {
  const trial = (name: string, lr: number) => trialOf({ task: 'words', options: { lr, batch: 4, data: name }, seed: 1 })
  const rans: Ran[] = [
    {
      trial: trial('a,"b"', 0.1),
      outcome: { kind: 'done', score: 0.98765, measure: 'accuracy', sha256: 'x', iteration: 9, seconds: 1, test: null },
    },
    { trial: trial('c', 0.2), outcome: { kind: 'waiting' } },
  ]
  const ids = rans.map(({ trial }) => trial.id)
  assert.deepEqual(tableOf(rans), [
    `accuracy  data   lr   id`,
    `98.77 %   a,"b"  0.1  ${ids[0]}`,
    `waiting   c      0.2  ${ids[1]}`,
  ])
  assert.deepEqual(csvOf(rans), [
    'accuracy,data,lr,id,state',
    `0.98765,"a,""b""",0.1,${ids[0]},done`,
    `,c,0.2,${ids[1]},waiting`,
  ])
  assert.deepEqual(ranked([rans[1]!, rans[0]!]), rans)
})

test('a heat table has the best score of each cell, the best cell outlined', () => {
  const sweep = {
    task: 'adding',
    options: {},
    space: { lr: [0.1, 0.2], clip: [1, 10] },
    trials: null,
    seed: 1,
    seeds: [1, 2],
  }
  const scores = [0.5, 0.4, 0.3, 0.001, Number.NaN, 0.6, 0.7, 0.8]
  const rans = trialsOf(sweep).map((trial, i): Ran => {
    const done = { score: scores[i]!, measure: 'mse', sha256: '', iteration: 1, seconds: 1, test: null } as const
    if (i >= 6) return { trial, outcome: { kind: 'diverged', iteration: 1, seconds: 1 } }
    return { trial, outcome: { kind: 'done', ...done } }
  })
  const svg = heatOf(sweep, rans)
  assert.match(svg, /<title>adding: MSE by lr and clip, best of 2 \(seed\)<\/title>/)
  const cells = [...svg.matchAll(/<rect x="(\d+)" y="(\d+)"[^>]*fill="([^"]+)"([^>]*)\/><text[^>]*>([^<]*)</g)]
  assert.deepEqual(
    cells.map(([, , , fill, rest, words]) => [words, fill === 'none', /stroke-width="2"/.test(rest!)]),
    [
      ['0.4', false, false],
      ['0.6', false, false],
      ['0.001', false, true],
      ['diverged', true, false],
    ],
  )
  const opacity = cells.slice(0, 3).map(([cell]) => Number(/fill-opacity="([\d.]+)"/.exec(cell)![1]))
  assert.ok(opacity[2]! > opacity[0]! && opacity[0]! > opacity[1]!, `${opacity}`)
  assert.throws(() => heatOf({ ...sweep, trials: 2 }, rans), /--svg: expected a grid but its trials were drawn/)
})

test('bad input of the command is said in one line', async () => {
  fs.writeFileSync(path.join(home, 'other.yaml'), SWEEP.replace('0.02', '0.03'))
  fs.writeFileSync(path.join(home, 'bias.yaml'), 'task: adding\nspace: {forget-bias: [1]}')
  fs.writeFileSync(path.join(home, 'half.yaml'), 'task: adding\nspace: {hidden: {uniform: [1, 9]}}\ntrials: 2')
  fs.mkdirSync(path.join(home, 'full'))
  fs.writeFileSync(path.join(home, 'full', 'x'), '')
  const begin = (name: string, dir?: string) => sweepFile(at(name), dir === undefined ? {} : { dir: at(dir) })
  const bad: readonly (readonly [() => unknown, RegExp])[] = [
    [() => begin('other.yaml', 'whole'), /whole: expected the sweep of the file but it holds one with another space/],
    [() => begin('other.yaml', 'full'), /full: expected a new or empty folder but it holds other files/],
    [() => begin('other.yaml'), /^sweep: expected --dir <dir> but received nothing: add it/],
    [() => begin('bias.yaml', 'new'), /bias.yaml: --forget-bias: .*the cell is irnn: remove it/],
    [() => begin('half.yaml', 'new'), /half.yaml: --hidden: expected a whole number >= 1 but received "\d\.\d+"/],
    [() => begin('none.yaml', 'new'), /none.yaml: cannot be read: there is no such file/],
    [() => sweepStatus(at('full'), {}), /full: expected the folder of a sweep but it has no sweep.json/],
    [() => sweepResults(at('whole'), { csv: true, json: true }), /expected --csv or --json but received both/],
  ]
  for (const [work, message] of bad) {
    await assert.rejects(
      async () => work(),
      (error) => error instanceof InputError && message.test(error.message),
      `${message}`,
    )
  }
  assert.equal(fs.existsSync(at('new')), false)
  assert.deepEqual(fs.readdirSync(at('full')), ['x'])
})
