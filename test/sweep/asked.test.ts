// Trials that a sampler asks for: a program that speaks as Optuna's does stands for it, and Optuna itself where it is.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { flagsOf, folderFrom, resultLines, sweepFile } from '../../cli/sweep.ts'
import { InputError } from '../../src/error.ts'
import { openSampler } from '../../src/sweep/asked.ts'
import { askedTrials } from '../../src/sweep/askedFile.ts'
import { sweepOf } from '../../src/sweep/file.ts'
import { beginSweep, type Outcome } from '../../src/sweep/folder.ts'
import { home } from '../support/command.ts'

const at = (name: string) => path.join(home, name)
const SWEEP = {
  task: 'adding',
  options: { length: 5, 'train-size': 20, 'test-size': 10, iterations: 5, 'clip-kind': 'none' },
  space: { lr: { log: [0.001, 0.1] }, hidden: { whole: [2, 9] }, cell: ['irnn', 'gru'] },
  trials: 4,
  seed: 3,
  sampler: 'optuna',
}
const sweep = sweepOf(SWEEP, 'sweep', flagsOf)
const file = at('sweep.json')
fs.writeFileSync(file, JSON.stringify(SWEEP))

/** What it asks for follows from what it was told. */
const SAMPLER = `#!${process.execPath}
const lines = require('node:readline').createInterface({ input: process.stdin })
let [n, sum, space] = [0, 0, null]
lines.on('line', (line) => {
  const message = JSON.parse(line)
  if (space === null) {
    space = message.space
    console.log('{}')
  } else if (message.ask) console.log(JSON.stringify({ lr: 0.01 + n++ / 100 + sum / 1e3, hidden: 2, cell: 'gru' }))
  else sum += message.value ?? 1
})
`
fs.writeFileSync(at('sampler.cjs'), SAMPLER, { mode: 0o755 })
const skip = process.platform === 'win32' && 'Windows runs no file by its first line'

const came = (score: number): Outcome => ({
  kind: 'done',
  score,
  measure: 'mse',
  sha256: '',
  iteration: 1,
  seconds: 1,
  test: null,
})

test('a sampler that is opened again is where it was, and asks first for what has not ended', { skip }, async () => {
  beginSweep(folderFrom(file, at('asked')), flagsOf, () => {})()
  const open = () => openSampler(at('asked'), sweep, at('sampler.cjs'))
  const first = await open()
  const [a, b] = [(await first.next())!, (await first.next())!]
  await first.tell(b.n, came(5))
  const c = (await first.next())!
  assert.deepEqual(
    [a, b, c].map(({ n, trial }) => [n, trial.config.options.lr]),
    [
      [0, 0.01],
      [1, 0.02],
      [2, 0.035],
    ],
  )
  first.close()
  const second = await open()
  assert.deepEqual(await second.next(), a)
  await second.tell(a.n, { kind: 'diverged', iteration: 1, seconds: 1 })
  assert.deepEqual(await second.next(), c)
  await second.tell(c.n, came(7))
  const d = (await second.next())!
  assert.deepEqual([d.n, d.trial.config.options.lr], [3, 0.053])
  assert.equal(await second.next(), undefined)
  second.close()
  assert.deepEqual(
    askedTrials(at('asked'), sweep).map(({ id }) => id),
    [a, b, c, d].map(({ trial }) => trial.id),
  )
  const lines = fs.readFileSync(at('asked/asked.jsonl'), 'utf8')
  fs.writeFileSync(at('asked/asked.jsonl'), lines.replace('0.02', '0.9'))
  await assert.rejects(open, /asked: expected the Optuna that this sweep was begun with but it asks for other trials/)
  fs.writeFileSync(at('asked/asked.jsonl'), '{"asked":{"lr":[1]}}\n')
  await assert.rejects(open, (error) => error instanceof InputError && /asked\.jsonl: line 1: /.test(error.message))
  fs.writeFileSync(at('asked/asked.jsonl'), '{"ask')
  await assert.rejects(open, /asked\.jsonl: expected JSON: name another --dir, and begin anew/)
})

test('what cannot be sampled is refused, and no folder is made', async () => {
  const refused = (change: object, message: RegExp) =>
    assert.throws(() => sweepOf({ ...SWEEP, ...change }, 'sweep', flagsOf), message)
  refused({ trials: null, space: { hidden: [1] } }, /sampler: expected trials, how many are to be drawn: add it/)
  refused({ seeds: [1, 2] }, /sampler: expected one seed but received 2/)
  refused({ sampler: 'other' }, /sampler/)
  await assert.rejects(() => sweepFile(file, { dir: at('new'), prune: 'asha' }), /--prune: a sampler is told/)
  await assert.rejects(() => sweepFile(file, { dir: at('new'), queue: 'redis://h' }), /IRNN_QUEUE: a sampler is told/)
  process.env.IRNN_PYTHON = at('no-such-python')
  await assert.rejects(() => sweepFile(file, { dir: at('new') }), /expected a Python with Optuna but .*: pip install/)
  assert.equal(fs.existsSync(at('new')), false)
})

const python = process.env.IRNN_TEST_PYTHON ?? 'python3'
const none = spawnSync(python, ['-c', 'import optuna']).status !== 0 && `${python} has no Optuna`

test('a sweep that Optuna draws', { skip: none }, async () => {
  process.env.IRNN_PYTHON = python
  assert.equal(await sweepFile(file, { dir: at('drawn'), slots: 1 }), 0)
  const lines = resultLines(at('drawn'), { json: true }).map((line) => JSON.parse(line))
  assert.ok(lines.length >= 2 && lines.every(({ state, score }) => state === 'done' && score > 0))
})
