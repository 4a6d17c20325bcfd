// The script of a job array does what Slurm asks of it: bash runs it, with a scontrol that writes down what it hears.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { rangesOf } from '../../src/sweep/slurm.ts'
import { home, run } from '../support/command.ts'

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
  const plan = await run('sweep', 'plan', "it's a", '--file', 'a.yaml', '--slurm', '--slots', '2')
  assert.equal(plan.code, 0, plan.err)
  assert.match(plan.out, /^#!\/bin\/bash\n[\s\S]+--array=0-2%2\n/)
  const script = path.join(home, 'a.sh')
  fs.writeFileSync(script, plan.out)
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
  const trials = path.join(home, "it's a", 'trials')
  const records = () =>
    fs.existsSync(trials) && fs.readdirSync(trials).some((id) => fs.existsSync(path.join(trials, id, 'metrics.jsonl')))
  while (!records()) await sleep(5)
  first.child.kill('SIGTERM')
  assert.equal(await first.code, 75)
  assert.equal(fs.readFileSync(path.join(home, 'heard'), 'utf8'), 'requeue 77_1\n')
  assert.equal(await task().code, 0)
  assert.match((await run('sweep', 'plan', "it's a", '--slurm')).out, /--array=0,2\n/)
  const bad = await run('sweep', 'run', '--dir', "it's a", '--index', '3')
  assert.deepEqual([bad.code, bad.err], [2, 'irnn: --index: expected 0 to 2 but received 3\n'])
})
