// Runs on disks that are full or cannot be written, as people meet them: child processes and file systems of their own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeEvent } from '../../src/train/events.ts'
import { but, RUN, SHORT } from '../support/adding.ts'
import { home, MAIN, run, start } from '../support/command.ts'

const at = (...names: string[]) => path.join(home, ...names)
const last = (text: string) => text.trimEnd().split('\n').at(-1)!

/** Runs `work` in a file system of so many kilobytes, where this user may mount one; else it returns false. */
async function onSmallDisk(kilobytes: number, work: (dir: string) => Promise<void>): Promise<boolean> {
  const dir = fs.mkdtempSync(at('disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', dir]).status === 0
  if (!mounted) return false
  try {
    await work(dir)
  } finally {
    spawnSync('umount', [dir])
  }
  return true
}

test('a full disk is said once, ends nothing, and costs no good checkpoint', async (context) => {
  const possible = await onSmallDisk(160, async (disk) => {
    const dir = path.join(disk, 'run')
    const { child, result } = start(...but(RUN, '--iterations', '1000000'), '--out', dir, '--json')
    const saved = path.join(dir, 'checkpoint-last.safetensors')
    while (!fs.existsSync(saved)) await delay(20)
    // tmpfs is written in whole pages: this leaves none.
    const ballast = path.join(disk, 'ballast')
    assert.throws(() => fs.writeFileSync(ballast, new Uint8Array(200_000)), { code: 'ENOSPC' })
    await delay(300)
    child.kill('SIGINT')
    const { code, err } = await result
    assert.equal(code, 1, err)
    const full = err
      .split('\n')
      .filter((line) => /cannot be written: the disk is full; going on, and trying/.test(line))
    assert.ok(full.length >= 1 && full.length <= 5, err)
    assert.equal(new Set(full).size, full.length, 'each file once')
    fs.rmSync(ballast)
    const { child: next, result: second } = start('train', '--resume', dir, '--json')
    next.stdout!.once('data', () => next.kill('SIGINT'))
    const resumed = await second
    assert.equal(resumed.code, 130, resumed.err)
    const got = decodeEvent(last(resumed.out))
    const { iteration } = got
    const steps = fs.readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8').trimEnd().split('\n').map(decodeEvent)
    const covered = steps.filter((event) => event.type === 'step')
    assert.equal(
      covered.reduce((sum, event) => sum + event.window, 0),
      iteration,
      'no gap and nothing twice',
    )
  })
  if (!possible) context.skip('needs the right to mount a file system')
})

test('a read-only folder is said to be one', async (context) => {
  const possible = await onSmallDisk(500, async (disk) => {
    const dir = path.join(disk, 'run')
    const { child, result } = start(...RUN, '--out', dir, '--json')
    child.stdout!.once('data', () => child.kill('SIGINT'))
    await result
    spawnSync('mount', ['-o', 'remount,ro', disk])
    for (const args of [
      ['train', '--resume', dir],
      [...SHORT, '--out', path.join(disk, 'other')],
    ]) {
      const { code, err } = await run(...args)
      assert.equal(code, 2)
      assert.match(err, /cannot be written: the file system is read-only\n$/)
    }
  })
  if (!possible) context.skip('needs the right to mount a file system')
})

test('no room for the model in the end: exit 1, and the run goes on once there is room', async (context) => {
  const possible = await onSmallDisk(48, async (disk) => {
    const dir = path.join(disk, 'run')
    const flags = '--length 10 --hidden 8 --iterations 400 --eval-every 100 --train-size 200 --test-size 50 --batch 4'
    const args = ['train', 'adding', ...flags.split(' '), '--checkpoint-every', '5', '--threads', '1', '--target', '0']
    const starved = await run(...args, '--out', dir)
    assert.equal(starved.code, 1, starved.err)
    assert.equal(fs.existsSync(path.join(dir, 'model.safetensors')), false)
    assert.equal(spawnSync('mount', ['-o', 'remount,size=10M', disk]).status, 0)
    for (const ending of [/^test MSE .* after 400 iterations/, /^finished: test MSE /]) {
      const { code, out, err } = await run('train', '--resume', dir)
      assert.equal(code, 0, err)
      assert.match(out, ending)
    }
    assert.equal((await run(...args, '--out', 'roomy')).code, 0)
    const model = (of: string) => fs.readFileSync(path.join(of, 'model.safetensors'))
    assert.deepEqual(model(dir), model(at('roomy')))
  })
  if (!possible) context.skip('needs the right to mount a file system')
})

test('--json into a full device: the run is saved and unlocked, one line says why, and it goes on', async (context) => {
  if (!fs.existsSync('/dev/full')) return context.skip('there is no /dev/full')
  const full = fs.openSync('/dev/full', 'w')
  const { status: code, stderr } = spawnSync(process.execPath, [MAIN, ...RUN, '--json', '--out', 'unheard'], {
    cwd: home,
    stdio: ['ignore', full, 'pipe'],
  })
  fs.closeSync(full)
  const err = String(stderr)
  assert.match(err, /^irnn: standard output: cannot be written: .*\n$/)
  const held = fs.readdirSync(at('unheard'))
  assert.ok(held.includes('model.safetensors') && !held.includes('run.lock'), held.join())
  const resumed = await run('train', '--resume', 'unheard')
  assert.deepEqual([code, resumed.code], [1, 0], resumed.err)
  assert.equal((await run(...RUN, '--out', 'heard')).code, 0)
  const model = (of: string) => fs.readFileSync(at(of, 'model.safetensors'))
  assert.deepEqual(model('unheard'), model('heard'))
})
