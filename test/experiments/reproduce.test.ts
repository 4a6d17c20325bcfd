// A small experiment from nothing to figure and page: run, kept, paused and gone on with, collected, drawn.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FIGURES } from '../../cli/figures.ts'
import { explained, reaches } from '../../experiments/claims.ts'
import { collect, type Results, readResults, writeResults } from '../../experiments/collect.ts'
import { figure } from '../../experiments/draw.ts'
import { type Experiment, type ExperimentRun, seeds } from '../../experiments/experiment.ts'
import { EXPERIMENTS } from '../../experiments/known.ts'
import { page } from '../../experiments/page.ts'
import { doJobs, jobsOf, type Outcome, reproduce } from '../../experiments/reproduce.ts'
import { InputError } from '../../src/error.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const command = [process.execPath, MAIN]
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-reproduce-'))
after(() => fs.rmSync(home, { recursive: true }))
const tiny = { length: 10, trainSize: 200, testSize: 50, hidden: 8, evalEvery: 20, iterations: 60, seed: 1 }

function run(name: string, cell: ExperimentRun['cell'], flags: ExperimentRun['flags'] = {}): ExperimentRun {
  return { name, label: cell, task: 'adding', cell, recipe: 'fast', flags: { ...tiny, ...flags }, note: 'tiny <&>' }
}

const SMALL: Experiment = {
  name: 'small',
  title: 'Small & quick',
  metric: 'mse',
  panels: [
    {
      title: 'T = 10',
      paper: { figure: 'adding-150', cells: ['irnn', 'lstm'] },
      runs: ['one', 'two', 'wild'],
      x: 'iterations',
      y: { title: 'MSE', domain: [0, 1] },
    },
  ],
  tables: [{ title: 'Table <1>', columns: ['cell', 'ours'], rows: [['irnn & co', { run: 'one' }]] }],
  runs: [run('one', 'irnn'), run('two', 'lstm'), run('wild', 'relu', { optimizer: 'sgd', lr: 1e9, clipKind: 'none' })],
  claims: [
    reaches('one', 100, 'a low bar'),
    explained(reaches('one', 1e-9, 'a bar too high'), 'because <we> ask too much'),
    reaches('two', 1e-9, 'the other run'),
  ],
}

const kinds = (outcomes: ReadonlyMap<string, Outcome>) =>
  Object.fromEntries([...outcomes].map(([name, { kind }]) => [name, kind]))
const holds = ({ claims }: Results) => claims.map((claim) => claim.holds)
const empty: Results = { figure: 'small', runs: [], claims: [] }

/** Every element is closed, in order; nothing is fetched from anywhere. */
function selfContained(text: string): void {
  const open: string[] = []
  for (const [, close, name, self] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^<>]*?(\/?)>/gi)) {
    if (/^(meta|br)$/.test(name!)) continue
    if (close) assert.equal(open.pop(), name)
    else if (!self) open.push(name!)
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(text, /NaN|Infinity|undefined|&(?!amp;|lt;|gt;|quot;)/)
  const bare = text.replaceAll('http://www.w3.org/2000/svg', '')
  assert.doesNotMatch(bare, /https?:|\/\/[a-z]|src=|href=|url\(|@import|<script|<link/i)
}

test('the help of reproduce names every experiment', () => {
  assert.deepEqual(
    FIGURES,
    EXPERIMENTS.map(({ name }) => name),
  )
})

test('runs, keeps what is done, collects, draws', async () => {
  const runs = path.join(home, 'runs')
  const out = path.join(home, 'results')
  const heard: number[] = []
  const first = await reproduce(SMALL, {
    command,
    runs,
    only: ['one'],
    onEvent: (_, event) => heard.push(event.iteration),
  })
  assert.deepEqual(kinds(first), { one: 'done' })
  assert.equal(heard.at(-1), 60)
  const part = collect(SMALL, runs, empty)
  assert.deepEqual(holds(part), [true, false, null])
  selfContained(page(SMALL, part))
  assert.match(page(SMALL, part), /<h2>Table &lt;1&gt;<\/h2>[\s\S]*irnn &amp; co<\/td><td class="number">[\d.]+<\/td>/)
  assert.match(page(SMALL, part), /lstm \(not run\)/)
  assert.match(page(SMALL, part), /<h3>a bar too high<\/h3>\n<p class="why">because &lt;we&gt; ask too much<\/p>/)

  const all = await reproduce(SMALL, { command, runs })
  assert.deepEqual(kinds(all), { one: 'kept', two: 'done', wild: 'diverged' })
  const results = collect(SMALL, runs, part)
  assert.deepEqual(holds(results), [true, false, false])
  const [one] = results.runs
  assert.equal(one!.iteration, 60)
  assert.equal(one!.ended, 'iterations')
  assert.deepEqual(
    one!.points.map(([iteration]) => iteration),
    [20, 40, 60],
  )
  assert.equal(one!.final!.value, one!.points.at(-1)![1])
  assert.ok(one!.machine.cpu && one!.machine.node)
  assert.match(one!.command, /^irnn train adding --cell irnn --recipe fast --length 10 --train-size 200 /)
  assert.equal(results.runs[2]!.ended, 'diverged')

  writeResults(out, SMALL, results)
  assert.deepEqual(readResults(out, SMALL), JSON.parse(JSON.stringify(results)))
  const text = page(SMALL, results)
  selfContained(text)
  selfContained(figure(SMALL, results.runs))
  assert.match(text, /prefers-color-scheme: dark/)
  assert.match(text, /<td class="verdict yes">holds<\/td><td>a low bar/)
  assert.match(text, /<td class="verdict no">fails<\/td><td>a bar too high/)

  // A clone has results and no folders: they stay, and what is run again takes its place.
  const stale = { ...results.runs[1]!, date: '2001-01-01' }
  const kept = collect(SMALL, path.join(home, 'nowhere'), { ...results, runs: [one!, stale] })
  assert.deepEqual(kept.runs, [one, stale])
  const changed = { ...stale, training: { ...stale.training, batch: 3 } }
  const dropped = collect(SMALL, path.join(home, 'nowhere'), { ...results, runs: [one!, changed] })
  assert.deepEqual(dropped.runs, [one], 'a result of another batch is no evidence for this run')
  const same = collect(SMALL, runs, { ...results, runs: [one!, stale] })
  assert.equal(same.runs[1]!.date, '2001-01-01', 'the same result keeps its date')
  const other = collect(SMALL, runs, { ...results, runs: [{ ...stale, seconds: 1e6 }] })
  assert.notEqual(other.runs[1]!.date, '2001-01-01')
})

test('a budget pauses a run at that iteration, and the next call goes on to the same results', async () => {
  const runs = path.join(home, 'paused')
  const long: Experiment = { ...SMALL, runs: [run('one', 'irnn', { iterations: 2000, evalEvery: 100 })], claims: [] }
  const first = await reproduce(long, { command, runs, budget: 0.01 })
  assert.deepEqual(first.get('one'), { kind: 'paused', message: 'at 20 of 2,000 iterations' })
  const at = () => collect(long, runs, empty).runs.map(({ ended, iteration }) => [ended, iteration])
  assert.deepEqual(at(), [['stopped', 20]])
  for (const [budget, iteration, kind] of [
    [20, 20, 'kept'],
    [7, 20, 'kept'],
    [21, 21, 'paused'],
    [100, 100, 'paused'], // an evaluation is there
    [150, 150, 'paused'],
  ] as const) {
    assert.deepEqual(kinds(await reproduce(long, { command, runs, budget })), { one: kind }, String(budget))
    assert.deepEqual(at(), [['stopped', iteration]])
  }
  assert.deepEqual(kinds(await reproduce(long, { command, runs })), { one: 'done' })
  const straight = path.join(home, 'straight')
  await reproduce(long, { command, runs: straight })
  const [whole] = collect(long, straight, empty).runs
  const [resumed] = collect(long, runs, empty).runs
  assert.deepEqual(resumed!.points, whole!.points)
})

test('the signal pauses all runs; a run that cannot start fails alone', async () => {
  const runs = path.join(home, 'stopped')
  const controller = new AbortController()
  const long: Experiment = {
    ...SMALL,
    runs: [run('bad', 'tanh', { scale: 1 }), run('one', 'irnn', { iterations: 1_000_000 })],
  }
  const outcomes = await reproduce(long, {
    command,
    runs,
    jobs: 1,
    signal: controller.signal,
    onEvent: () => controller.abort(),
  })
  assert.deepEqual(kinds(outcomes), { bad: 'failed', one: 'paused' })
  assert.match(outcomes.get('bad')!.message, /--scale: only an irnn/)
})

test('a folder with another run is refused before anything runs, as are unknown names', async () => {
  const runs = path.join(home, 'runs')
  const other: Experiment = { ...SMALL, runs: [run('two', 'lstm', { seed: 2 }), run('new', 'irnn')] }
  await assert.rejects(reproduce(other, { command, runs }), (error: Error) => {
    return (
      error instanceof InputError && /two: expected the run two, --seed 2, but it holds one with 1/.test(error.message)
    )
  })
  assert.ok(!fs.existsSync(path.join(runs, 'new')))
  await assert.rejects(
    reproduce(SMALL, { command, runs, only: ['three'] }),
    /--only: expected runs of small \(one, two, wild\)/,
  )
  fs.writeFileSync(path.join(home, 'small.json'), '{"figure": "large", "runs": []}')
  assert.throws(() => readResults(home, SMALL), /expected the results of small/)
})

test('all at once: the shortest first, by group, and results of other data refused', async () => {
  const runs = path.join(home, 'groups')
  const group = seeds(run('g', 'irnn', { iterations: 40 }), [1, 2])
  const two: Experiment = { ...SMALL, panels: [], tables: [], runs: [run('long', 'irnn'), ...group], claims: [] }
  const ends: string[] = []
  const outcomes = await doJobs(jobsOf(two, { runs }), { command, jobs: 1, onEnd: ({ run }) => ends.push(run.name) })
  assert.deepEqual(ends, ['g-seed1', 'g-seed2', 'long'])
  assert.ok([...outcomes.values()].every(({ kind }) => kind === 'done'))
  assert.deepEqual(
    jobsOf(two, { runs, only: ['g'] }).map((job) => job.run.name),
    ['g-seed1', 'g-seed2'],
  )
  const results = collect(two, runs, empty)
  assert.deepEqual(
    results.runs.map(({ seed }) => seed),
    [1, 1, 2],
  )
  const file = path.join(runs, 'g-seed2', 'config.json')
  const config = JSON.parse(fs.readFileSync(file, 'utf8'))
  fs.writeFileSync(
    file,
    JSON.stringify({ ...config, task: { ...config.task, options: { ...config.task.options, corpus: 'x' } } }),
  )
  assert.throws(() => collect(two, runs, empty), /g-seed2: expected a run of the data , as long, but received x/)
})

test('processes stand still while the pause file is there, and can be stopped meanwhile', async () => {
  const runs = path.join(home, 'held')
  const pauseFile = path.join(home, 'pause')
  const controller = new AbortController()
  const long: Experiment = { ...SMALL, runs: [run('one', 'irnn', { iterations: 1_000_000 })], claims: [] }
  let last = 0
  const going = reproduce(long, {
    command,
    runs,
    pauseFile,
    signal: controller.signal,
    onEvent(_, event) {
      last = performance.now()
      if (event.type === 'eval' && !fs.existsSync(pauseFile)) fs.writeFileSync(pauseFile, '')
    },
  })
  while (!fs.existsSync(pauseFile)) await sleep(20)
  await sleep(2500) // it looks every second
  assert.ok(performance.now() - last > 1000, 'it stands still')
  controller.abort()
  assert.deepEqual(kinds(await going), { one: 'paused' })
  fs.rmSync(pauseFile)
})

test('every experiment draws with nothing run', () => {
  for (const one of EXPERIMENTS) {
    const nothing = collect(one, path.join(home, 'nowhere'), { figure: one.name, runs: [], claims: [] })
    selfContained(page(one, nothing))
    selfContained(figure(one, nothing.runs))
  }
})

test('the command: collects into a folder, and says what is wrong in a line', async () => {
  fs.mkdirSync(path.join(home, 'none'))
  const start = (line: string) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile(process.execPath, [MAIN, ...line.split(' ')], { cwd: home }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      )
    })
  const drawn = await start('reproduce adding --collect --runs none --out drawn')
  assert.equal(drawn.code, 0, drawn.err)
  assert.equal(
    drawn.out.match(/^not run {2}/gm)!.length,
    EXPERIMENTS.find(({ name }) => name === 'adding')!.claims.length,
  )
  assert.deepEqual(fs.readdirSync(path.join(home, 'drawn')).toSorted(), ['adding.html', 'adding.json', 'adding.svg'])
  const all = await start('reproduce all --collect --runs none --out drawn')
  assert.equal(all.code, 0, all.err)
  assert.match(all.out, /The adding problem \(Figure 2\): Of \d+ claims 0 hold, 0 fail, for \d+ the runs/)
  const index = fs.readFileSync(path.join(home, 'drawn', 'index.html'), 'utf8')
  for (const { name } of EXPERIMENTS) {
    assert.ok(index.includes(`<a href="${name}.html">`) && index.includes(`<img src="${name}.svg"`))
    assert.ok(fs.existsSync(path.join(home, 'drawn', `${name}.html`)))
  }
  const before = fs.readdirSync(home)
  const wrong: [string, RegExp][] = [
    [
      'reproduce figure-9',
      /expected one of pixel-mnist, permuted-mnist, adding, timit, words, all but received "figure-9"/,
    ],
    ['reproduce adding --only irnn-7', /--only: expected runs of adding \(fast-150, /],
    ['reproduce adding --budget 1.5', /expected a share above 0 and at most 1, or a whole number of iterations/],
    ['reproduce adding --collect --runs nowhere', /nowhere: expected a folder of runs/],
    ['reproduce adding --data digits', /--data: adding makes its own data: remove it/],
    ['reproduce all --only irnn-150', /--only: expected one figure beside it but received all/],
    ['reproduce all --hours 0', /expected a number > 0 but/],
    ['reproduce', /reproduce: expected <figure> but received nothing/],
  ]
  await Promise.all(
    wrong.map(async ([line, pattern]) => {
      const { code, out, err } = await start(line)
      assert.equal(code, 2, err)
      assert.equal(out, '')
      assert.match(err, pattern)
      assert.equal(err.trim().split('\n').length, 1)
    }),
  )
  assert.deepEqual(fs.readdirSync(home), before)
})
