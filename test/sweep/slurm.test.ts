// The script of a job array does what Slurm asks of it: bash runs it, with a scontrol that writes down what it hears.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { flagsOf, folderFrom } from '../../cli/sweep.ts'
import { runIndex } from '../../cli/sweepPlan.ts'
import { beginSweep, readSweepFolder } from '../../src/sweep/folder.ts'
import { rangesOf, slurmScript } from '../../src/sweep/slurm.ts'
import { home, MAIN } from '../support/command.ts'

const skip = spawnSync('bash', ['--version']).status !== 0 && 'there is no bash'

test('indices as Slurm writes them', () => {
  assert.equal(rangesOf([0, 1, 2, 5, 7, 8]), '0-2,5,7-8')
  assert.equal(rangesOf([3]), '3')
})

test('a task runs its trial, is put back when its time is over, and is no longer in the next script', {
  skip,
}, async () => {
  const text =
    'task: adding\noptions: {length: 30, train-size: 100, test-size: 20, iterations: 4000, eval-every: 4000}\n'
  fs.writeFileSync(path.join(home, 'a.yaml'), `${text}space: {hidden: [4, 5, 6]}`)
  const dir = path.join(home, "it's a")
  beginSweep(folderFrom(path.join(home, 'a.yaml'), dir), flagsOf, () => {})()
  const plan = (slots?: number) =>
    slurmScript(readSweepFolder(dir, flagsOf), { command: [process.execPath, MAIN], slots })!
  assert.match(plan(2), /^#!\/bin\/bash\n[\s\S]+--array=0-2%2\n/)
  const script = path.join(home, 'a.sh')
  fs.writeFileSync(script, plan())
  const bin = path.join(home, 'bin')
  fs.mkdirSync(bin)
  fs.writeFileSync(path.join(bin, 'scontrol'), `#!/bin/sh\necho "$@" >> "${home}/heard"\n`, { mode: 0o755 })
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    SLURM_ARRAY_JOB_ID: '77',
    SLURM_ARRAY_TASK_ID: '1',
  }
  const task = () => {
    const child = spawn('bash', [script], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    return { child, code: new Promise((resolve) => child.on('close', resolve)) }
  }
  const first = task()
  const trials = path.join(dir, 'trials')
  const records = () =>
    fs.existsSync(trials) && fs.readdirSync(trials).some((id) => fs.existsSync(path.join(trials, id, 'metrics.jsonl')))
  while (!records()) await sleep(5)
  first.child.kill('SIGTERM')
  assert.equal(await first.code, 75)
  assert.equal(fs.readFileSync(path.join(home, 'heard'), 'utf8'), 'requeue 77_1\n')
  assert.equal(await task().code, 0)
  assert.match(plan(), /--array=0,2\n/)
  await assert.rejects(() => runIndex(dir, 3), /^InputError: --index: expected 0 to 2 but received 3$/)
})
