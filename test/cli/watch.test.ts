// A run in the terminal: one picture, lines in a pipe, and what is said of what is no run.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { boardOf } from '../../cli/board.ts'
import type { RunConfig } from '../../src/runs/stored.ts'
import type { TrainEvent } from '../../src/train/events.ts'
import { home, run, start } from '../support/command.ts'

const RUNS = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))

test('one picture of a run of 0.1.0, and of one without records; nothing is written', async () => {
  const dir = path.join(home, 'adding')
  fs.cpSync(path.join(RUNS, 'adding'), dir, { recursive: true })
  const before = fs.readdirSync(dir)
  const { code, out, err } = await run('watch', 'adding', '--once')
  assert.deepEqual([code, err], [0, ''])
  const lines = out.trimEnd().split('\n')
  assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 100), out)
  assert.match(
    out,
    /^adding, T = 200: irnn, 20 units\nstopped, 31 %: 28 of 90 iterations {2}in 0.1 s\nnot evaluated yet\n/,
  )
  assert.match(out, /\ntraining loss, log, to iteration 28\n +7.45 ┤ +⠘⡄\n/)
  assert.deepEqual(fs.readdirSync(dir), before)

  fs.writeFileSync(path.join(dir, 'metrics.jsonl'), '')
  const empty = await run('watch', 'adding', '--once')
  assert.match(empty.out, /not running, not finished, 0 %: 0 of 90 iterations\nnot evaluated yet\n/)
  fs.writeFileSync(path.join(dir, 'metrics.jsonl'), 'no\n{"type":"step","iteration":1\n{"type":"__proto__"}\n')
  const torn = await run('watch', 'adding', '--once')
  assert.equal(torn.code, 0)
  assert.match(torn.err, /^adding\/metrics.jsonl: line 1: expected one JSON object/)
})

test('how far the gradient travels, how much weights move, and which units live', () => {
  const config = { title: 'a', task: { name: 'adding' }, training: { iterations: 10 } } as unknown as RunConfig
  const spread = { mean: 1, min: 1, max: 1 }
  const rest = { seconds: 1, window: 1, clippedShare: null, liveShare: 0.5, lr: 0.1, iterationsPerSecond: 9 }
  const step: TrainEvent = { type: 'step', iteration: 1, loss: spread, gradNorm: spread, ...rest, updateRatio: 0.00123 }
  const flow = [Number.NEGATIVE_INFINITY, -6, -4, 0]
  const curves = { flow, flowLow: flow, flowHigh: flow, hNorm: flow, activeT: flow }
  const probe: TrainEvent = {
    type: 'probe',
    iteration: 1,
    seconds: 1,
    T: 4,
    every: 1,
    decades: -6,
    verdict: 'vanishes',
    rho: 1,
    ...curves,
  }
  const board = (...events: TrainEvent[]) =>
    boardOf({ config, events, running: true }, { columns: 120, rows: 24 }).join('\n')
  assert.match(
    board({ ...step, aliveUnits: 0.25 }, probe),
    /\nupdate 0\.00123 of the weights, 25 % of units alive {3}▁▃█ the gradient vanishes by 6 decades on its way/,
  )
  assert.match(board({ ...step, saturatedShare: 0.4 }), /\nupdate 0\.00123 of the weights, 40 % of states saturated$/)
  assert.doesNotMatch(board({ ...step, updateRatio: undefined } as unknown as TrainEvent), /update|alive/)
})

test('in a pipe a line for each evaluation, until the run is over', async () => {
  const TINY = '--length 8 --train-size 50 --test-size 20 --hidden 4 --batch 2 --eval-every 40'.split(' ')
  const training = start('train', 'adding', ...TINY, '--iterations', '1000000', '--out', 'long')
  const file = path.join(home, 'long', 'metrics.jsonl')
  const isThere = () => fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('"eval"')
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 20))
  const watching = start('watch', 'long')
  let lines = 0
  watching.child.stdout!.on('data', (data) => {
    lines += String(data).split('\n').length - 1
    if (lines === 2) training.child.kill('SIGTERM')
  })
  const { code, out } = await watching.result
  assert.equal((await training.result).code, 143)
  assert.equal(code, 0)
  const said = out.trimEnd().split('\n')
  assert.ok(said.length >= 2)
  assert.match(said[0]!, /running, \d+ %: [\d,]+ of 1,000,000 iterations {2}[\d,]+ it\/s, .* left {2}test MSE/)
  assert.match(said.at(-1)!, /stopped/)
})

test('what is no run, and an option that there is not', async () => {
  fs.mkdirSync(path.join(home, 'empty'))
  const [none, gone, wrong] = await Promise.all([
    run('watch', 'empty'),
    run('watch', 'gone', '--once'),
    run('watch', 'adding', '--onec'),
  ])
  for (const { code } of [none, gone, wrong]) assert.equal(code, 2)
  assert.match(none.err, /^irnn: empty: expected the folder of a run but it has no config.json\n$/)
  assert.match(wrong.err, /^irnn: watch: "--onec": no such option; did you mean --once\?\n$/)
})
