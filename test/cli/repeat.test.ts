// The command of a run line makes the run again, and says nothing of the machine.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { commandOf } from '../../cli/repeat.ts'
import { alertLine } from '../../src/figures/alerts.ts'
import { decodeEvent, type TrainEvent } from '../../src/train/events.ts'
import { SHORT } from '../support/adding.ts'
import { home, run } from '../support/command.ts'
import { records } from '../support/recorded.ts'

const read = (...names: string[]) => fs.readFileSync(path.join(home, ...names))
const eventsOf = (dir: string) => String(read(dir, 'metrics.jsonl')).trimEnd().split('\n').map(decodeEvent)

test('what was typed, without what is its own, and without paths', () => {
  const flags = [
    '--out <dir>',
    '--json',
    '--data <dir>',
    '--alignments <files>',
    '--lr <rate>',
    '--halves',
    '--frozen <names>',
  ]
  const words = [
    '--out',
    '/home/me/x',
    '--json',
    '--data=/home/me/data',
    '--alignments',
    'a b',
    '--halves',
    '--lr',
    '.1',
  ]
  assert.equal(
    commandOf(
      'npx irnn train adding',
      [...words, 'a.csv', '--frozen', "it's, two"],
      flags.map((flag) => ({ flag, help: '' })),
      { '--seed': 3 },
    ),
    "npx irnn train adding --seed 3 --data DIR --alignments FILES --halves --lr .1 --frozen 'it'\\''s, two'",
  )
})

test('a run says which it is, and its command gives the same bits', async () => {
  const words = [...SHORT, '--probe-every', '30']
  assert.equal((await run(...words, '--out', 'one', '--json')).code, 0)
  const [begin] = eventsOf('one')
  assert.ok(begin?.type === 'run')
  const { id, task, T, B, cell, H, iterations, seed, paper, config } = begin
  assert.deepEqual(
    [id, task, T, B, cell, H, iterations, seed, paper],
    ['adding-irnn-T12-seed1', 'adding', 12, 16, 'irnn', 16, 60, 1, null],
  )
  assert.deepEqual(config, JSON.parse(String(read('one', 'config.json'))))
  assert.ok(!JSON.stringify(begin).includes(home))
  const command = begin.command!
  assert.match(
    command,
    /^npx irnn train adding --recipe fast --cell irnn --seed 1 --iterations 60 --backend \w+ --length 12 /,
  )
  assert.doesNotMatch(command, /--(out|json|threads|checkpoint-every)/)
  assert.equal((await run(...command.split(' ').slice(2), '--out', 'two')).code, 0)
  assert.deepEqual(read('two', 'model.safetensors'), read('one', 'model.safetensors'))
  assert.deepEqual(records(path.join(home, 'two')).slice(1), records(path.join(home, 'one')).slice(1))
})

test('stopped at a probe and resumed: one resume line, and else the records of a run that never was', async () => {
  const words = [...SHORT, '--probe-every', '30', '--out', 'paused', '--pause-at', '30']
  assert.equal((await run(...words)).code, 0)
  const { code, out } = await run('train', '--resume', 'paused', '--json')
  assert.equal(code, 0)
  const first = decodeEvent(out.slice(0, out.indexOf('\n')))
  assert.deepEqual([first.type, first.iteration], ['resume', 30])
  const resumed = eventsOf('paused').filter(({ type }) => type === 'resume')
  assert.deepEqual(resumed, [first])
  const config = ({ config: _, ...rest }: { config?: unknown }) => rest // it says how it was made to pause
  assert.deepEqual(records(path.join(home, 'paused')).map(config), records(path.join(home, 'one')).map(config))
})

test('a rate a hundred times too high: an alert when it is seen, with a remedy', async () => {
  const words = [
    ...SHORT,
    '--optimizer',
    'sgd',
    '--lr',
    '100',
    '--clip-kind',
    'none',
    '--recipe',
    'paper',
    '--out',
    'wild',
  ]
  const { err } = await run(...words)
  const events = eventsOf('wild')
  const at = events.findIndex(({ type }) => type === 'alert')
  const alert = events[at] as Extract<TrainEvent, { type: 'alert' }>
  assert.equal(events[at - 1]!.type, alert.found)
  assert.equal(events[at - 1]!.iteration, alert.iteration)
  assert.match(
    alertLine(alert),
    /^iteration \d+: (loss or gradient not finite|training explodes|the loss jumps).*: lower the learning rate/,
  )
  assert.ok(err.includes('collapse at iteration') || err.includes(alertLine(alert)), err)
})
