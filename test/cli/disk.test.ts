// Runs on disks that are full or cannot be written, as people meet them: child processes and file systems of their own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeEvent } from '../../src/train/events.ts'
import { RUN, SHORT } from '../support/adding.ts'
import { home, run, start } from '../support/command.ts'

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
    const { child, result } = start(...RUN, '--iterations', '1000000', '--out', dir, '--json')
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
