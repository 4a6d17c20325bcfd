/** Flags of what an update is of: recorded, shown by info, and resumed to the same bits. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { home, run } from '../support/command.ts'

const TINY = '--length 10 --train-size 200 --test-size 20 --hidden 6 --batch 4 --eval-every 10 --schedule constant'
const UPDATES = '--optimizer adamw --weight-decay 0.1 --accumulate 3 --frozen head,rnn.bias_ih_l0'
const train = (dir: string, iterations: number) =>
  run('train', 'adding', ...`${TINY} ${UPDATES} --iterations ${iterations} --out ${dir}`.split(' '))
const file = (dir: string, name: string) => fs.readFileSync(path.join(home, dir, name))

test('a run with accumulated gradients, decay and frozen parameters goes on to the same bits', async () => {
  for (const [dir, iterations] of [
    ['whole', 20],
    ['half', 10],
  ] as const) {
    const { code, err } = await train(dir, iterations)
    assert.equal(code, 0, err)
  }
  const { training } = JSON.parse(String(file('half', 'config.json')))
  const { optimizer, accumulate, frozen, tables, loss } = training
  assert.deepEqual([optimizer.kind, optimizer.weightDecay, accumulate, tables, loss], ['adamw', 0.1, 3, 'auto', null])
  assert.deepEqual(frozen, ['head', 'rnn.bias_ih_l0'])
  const { code, err } = await run('train', '--resume', 'half', '--iterations', '20')
  assert.equal(code, 0, err)
  assert.ok(file('half', 'model.safetensors').equals(file('whole', 'model.safetensors')))
  const info = await run('info', 'half')
  const shown = info.out.split('\n').filter((line) => line.endsWith(', frozen'))
  assert.deepEqual(
    shown.map((line) => line.split(' ')[0]),
    ['rnn.bias_ih_l0', 'head.weight', 'head.bias'],
  )
})

test('a name that no parameter has is refused in one line', async () => {
  const { code, err } = await run(
    'train',
    'adding',
    ...`${TINY} --iterations 1 --frozen embedding --out none`.split(' '),
  )
  assert.equal(code, 2)
  assert.match(
    err,
    /training: frozen: expected names of parameters, or their beginnings, but received "embedding": there/,
  )
  assert.ok(!fs.existsSync(path.join(home, 'none')))
})
