/**
 * `node dist/bench/scale/cost.js [--save]`: what a queue costs. 10,000 trials put into it, again, and the memory of
 * each; then a worker of BullMQ with our settings takes 1,000 that do nothing. `--save` writes results/queue-DATE.json.
 */
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { flagsOf } from '../../cli/sweep.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { sweepOf } from '../../src/sweep/file.ts'
import { enqueue, openQueue } from '../../src/sweep/queue.ts'
import { addressOf, connect, disconnect, loadBullmq, PREFIX } from '../../src/sweep/redis.ts'
import { trialsOf } from '../../src/sweep/trials.ts'
import { commit, machine, today } from '../machine.ts'
import { claimLine } from '../report.ts'
import { hasRedis, startServer } from './server.ts'

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
const TRIALS = 10_000
const TAKEN = 1000

const sweep = sweepOf(
  {
    task: 'adding',
    options: { length: 150, hidden: 100, iterations: 100_000, 'eval-every': 1000, 'clip-kind': 'derivative' },
    space: { lr: { log: [1e-5, 1e-1] }, clip: [1, 10, 100, 1000], cell: ['irnn', 'lstm', 'tanh'] },
    trials: TRIALS,
  },
  'sweep',
  flagsOf,
)

interface Took {
  readonly seconds: number
  /** Of the processors, ours and Redis': what it costs on a machine that is busy with other things. */
  readonly cpuSeconds: number
}

async function timed(redis: Redis, work: () => Promise<unknown>): Promise<Took> {
  const used = async () => {
    const { user, system } = process.cpuUsage()
    const theirs = [...(await redis.info('cpu')).matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)]
    return (user + system) / 1e6 + theirs.reduce((sum, [, seconds]) => sum + Number(seconds), 0)
  }
  const [since, before] = [performance.now(), await used()]
  await work()
  const seconds = (performance.now() - since) / 1000
  return { seconds: rounded(seconds), cpuSeconds: rounded((await used()) - before) }
}

const rounded = (seconds: number) => Number(seconds.toFixed(2))

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } })
  if (!hasRedis()) throw new Error('expected redis-server on the PATH: install it')
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-queue-'))
  const server = await startServer({ dir })
  const redis = await connect(addressOf(server.url), console.error)
  try {
    const trials = trialsOf(sweep)
    const to = await openQueue(redis, 'cost')
    await to.queue.waitUntilReady()
    const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
    const before = await used()
    const enqueued = await timed(redis, () => enqueue(to, trials))
    const bytes = ((await used()) - before) / TRIALS
    const again = await timed(redis, () => enqueue(to, trials))
    const { Worker } = await loadBullmq()
    let left = TAKEN
    const taken = await timed(
      redis,
      () =>
        new Promise<void>((resolve) => {
          const worker = new Worker('cost', async () => ({ state: 'done' }), { connection: redis, prefix: PREFIX })
          worker.on('completed', () => {
            if (--left === 0) resolve(worker.close())
          })
        }),
    )
    const result = {
      ...{ date: today(), commit: commit(), machine: machine(), trials: TRIALS },
      ...{ load: rounded(os.loadavg()[0]!), bytes: Math.round(bytes), enqueued, again },
      ...{ taken: TAKEN, taking: taken, msPerTrial: (1000 * taken.seconds) / TAKEN },
    }
    console.log(result)
    const claims = [
      {
        text: `${TRIALS} trials into the queue in at most 3 s`,
        holds: enqueued.seconds <= 3,
        measured: `${enqueued.seconds} s`,
      },
      { text: 'a trial in at most 2,000 bytes of Redis', holds: bytes <= 2000, measured: `${result.bytes}` },
      {
        text: 'a trial through the queue in at most 2 ms',
        holds: result.msPerTrial <= 2,
        measured: `${result.msPerTrial} ms`,
      },
    ]
    for (const claim of claims) console.log(claimLine(claim))
    if (values.save) writeAtomic(path.join(RESULTS, `queue-${today()}.json`), `${JSON.stringify(result, null, 1)}\n`)
    await to.queue.close()
  } finally {
    await disconnect(redis)
    server.child.kill('SIGKILL')
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

await main()
