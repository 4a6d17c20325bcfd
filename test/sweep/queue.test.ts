// A sweep over a queue: workers that die, a Redis that dies or forgets, and every trial comes to the bits that it has
// without. The long versions, with more of everything, are bench/scale/chaos.ts.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { resultLines } from '../../cli/sweep.ts'
import { home, MAIN, run, start } from '../support/command.ts'
import { client, noRedis, startRedis, until } from '../support/redis.ts'

const skip = noRedis
const SWEEP = `
task: adding
options:
  {length: 10, train-size: 50, test-size: 20, hidden: 4, iterations: 400, eval-every: 400, checkpoint-every: 20,
  optimizer: sgd, clip-kind: none}
space: {lr: [0.01, 0.02, 1e9]}
`
const file = path.join(home, 'sweep.yaml')
fs.writeFileSync(file, SWEEP)
const at = (name: string) => path.join(home, name)

function worker(
  url: string,
  name: string,
  ...more: string[]
): { child: ChildProcess; code: Promise<number | null>; said: () => string } {
  const args = [MAIN, 'worker', '--sweep', name, '--lease', '2', '--slots', '1', ...more]
  const child = spawn(process.execPath, args, { cwd: home, env: { ...process.env, IRNN_QUEUE: url } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      said += data
    })
  }
  return { child, code: new Promise((resolve) => child.on('close', resolve)), said: () => said }
}

const trials = (dir: string) => (fs.existsSync(at(`${dir}/trials`)) ? fs.readdirSync(at(`${dir}/trials`)) : [])
const begun = (dir: string) =>
  trials(dir).some((id) => fs.existsSync(at(`${dir}/trials/${id}/checkpoint-last.safetensors`)))

test('a worker killed, Redis killed and emptied: the results of an undisturbed sweep', { skip }, async () => {
  const whole = run('sweep', file, '--dir', 'whole', '--slots', '2')
  const server = await startRedis()
  const sweep = start('sweep', file, '--dir', 'torn', '--queue', server.url)
  await until(() => fs.existsSync(at('torn/sweep.json')))
  const first = worker(server.url, 'torn', '--dir', at('torn'))
  await until(() => begun('torn'))
  first.child.kill('SIGKILL')
  server.child.kill('SIGKILL')
  await sleep(300)
  await server.start()
  const second = worker(server.url, 'torn', '--dir', at('torn'))
  await until(() =>
    fs.readdirSync(at('torn/trials')).some((id) => fs.existsSync(at(`torn/trials/${id}/model.safetensors`))),
  )
  await client(server.port).flushall()
  const { code, err } = await sweep.result
  assert.equal(code, 0, err + second.said())
  assert.match(err, /out of reach.*\n.*there again/)
  second.child.kill('SIGTERM')
  assert.equal(await second.code, 0)
  assert.equal((await whole).code, 0)
  assert.deepEqual(resultLines(at('torn'), { json: true }), resultLines(at('whole'), { json: true }))
  // Nothing is left in Redis but what BullMQ keeps of a queue that somebody waits at.
  const keys = await client(server.port).keys('irnn:torn:t*')
  assert.deepEqual(keys, [])
})

test('without a shared folder, checkpoints and results go through Redis; forged jobs never run', { skip }, async () => {
  const server = await startRedis()
  const redis = client(server.port)
  const sweep = start('sweep', file, '--dir', 'far', '--queue', server.url)
  await until(() => redis.exists('irnn:far:sweep'))
  const { Queue } = await import('bullmq')
  const queue = new Queue('far', { connection: redis, prefix: 'irnn' })
  const config = { task: 'adding', options: { length: 5 }, seed: 1 }
  await queue.add('trial', { id: `t${'0'.repeat(20)}`, config }, { jobId: `t${'0'.repeat(20)}` })
  await queue.add('trial', { id: 'x', config, command: 'rm' }, { jobId: 'x' })
  const first = worker(server.url, 'far', '--checkpoints', 'redis')
  await until(() => redis.keys('irnn:far:checkpoint:*').then(({ length }) => length > 0))
  first.child.kill('SIGTERM')
  assert.equal(await first.code, 0, first.said())
  const second = worker(server.url, 'far', '--checkpoints', 'redis')
  const { code, err } = await sweep.result
  assert.equal(code, 0, err + second.said())
  await until(() => /x.*command: no such option/.test(first.said() + second.said()))
  const said = first.said() + second.said()
  assert.match(said, /job "t0{20}": expected the hash of its configuration, t\w{20}, as its id: it was forged/)
  second.child.kill('SIGTERM')
  await second.code
  assert.deepEqual(resultLines(at('far'), { json: true }), resultLines(at('whole'), { json: true }))
  await queue.close()
})
