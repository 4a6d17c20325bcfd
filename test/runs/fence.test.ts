// A run that another process takes over: the first ends without writing more, the second comes to the same bits.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sha256 } from '../../src/disk.node.ts'
import { FencedError, OWNER, refuseFenced, takeOver } from '../../src/runs/fence.ts'
import { lockFolder } from '../../src/runs/lock.ts'
import { home, MAIN, run } from '../support/command.ts'

const SIZES = ['--length', '10', '--train-size', '100', '--test-size', '20', '--hidden', '4', '--eval-every', '1000']
const TRAIN = ['train', 'adding', ...SIZES, '--iterations', '600', '--checkpoint-every', '10']
const ended = (dir: string) => sha256(fs.readFileSync(path.join(dir, 'model.safetensors')))

function owned(owner: string, ...args: string[]): { code: Promise<number | null>; said: () => string } {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, IRNN_OWNER: owner } })
  let said = ''
  child.stderr.on('data', (data) => {
    said += data
  })
  return { code: new Promise((resolve) => child.on('close', resolve)), said: () => said }
}

test('the one before ends with 77 and leaves the run whole, and the next one ends it', async () => {
  const whole = path.join(home, 'whole')
  assert.equal((await run(...TRAIN, '--out', whole)).code, 0)
  const dir = path.join(home, 'taken')
  fs.mkdirSync(dir)
  takeOver(dir, 'first')
  const first = owned('first', ...TRAIN, '--out', dir)
  while (!fs.existsSync(path.join(dir, 'checkpoint-last.safetensors'))) await sleep(2)
  takeOver(dir, 'second')
  assert.equal(await first.code, 77)
  assert.match(first.said(), /irnn: .*taken: another process has taken this run over: it goes on there\n$/)
  assert.deepEqual(
    [fs.existsSync(path.join(dir, 'run.lock')), fs.existsSync(path.join(dir, 'curve.svg'))],
    [false, false],
  )
  assert.equal(await owned('first', 'train', '--resume', dir).code, 77)
  const second = owned('second', 'train', '--resume', dir)
  assert.equal(await second.code, 0, second.said())
  assert.match(second.said(), /going on from iteration \d/)
  assert.equal(ended(dir), ended(whole))
})

test('without a token nobody is asked, and no file is no refusal', () => {
  const dir = path.join(home, 'asked')
  fs.mkdirSync(dir)
  refuseFenced(dir, 'a')
  takeOver(dir, 'b')
  assert.equal(fs.readFileSync(path.join(dir, OWNER), 'utf8'), 'b')
  refuseFenced(dir, undefined)
  refuseFenced(dir, 'b')
  assert.throws(() => refuseFenced(dir, 'a'), FencedError)
})

test('the lock of another machine gives way only to who has a token', () => {
  const dir = path.join(home, 'elsewhere')
  fs.mkdirSync(dir)
  fs.writeFileSync(
    path.join(dir, 'run.lock'),
    '{"host":"no such machine","pid":1,"started":null,"space":null,"id":"x"}',
  )
  assert.throws(() => lockFolder(dir), /process 1 on no such machine writes this run: if it is gone, remove run\.lock/)
  const lines: string[] = []
  lockFolder(dir, (line) => lines.push(line), true)()
  assert.match(lines.join('\n'), /taking over the lock of process 1, which is gone/)
})
