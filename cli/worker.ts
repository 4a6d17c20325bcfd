/** `irnn worker`: runs trials of a sweep that another machine has put into a queue. */
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { InputError } from '../src/error.ts'
import { type Flag, oneOf, positive, whole } from '../src/flag.ts'
import { readSweepFolder } from '../src/sweep/folder.ts'
import { checkedName } from '../src/sweep/queue.ts'
import { connect, disconnect } from '../src/sweep/redis.ts'
import { work } from '../src/sweep/worker.ts'
import { withFlags } from './options.ts'
import { say } from './say.ts'
import { stopOnSignals } from './signals.ts'
import { flagsOf, MAIN, spoken } from './sweep.ts'
import { QUEUE_FLAGS, type QueueFlags, queueFrom } from './sweepQueue.ts'

export interface WorkerFlags extends QueueFlags {
  readonly sweep: string
  readonly slots?: number
  readonly dir?: string
  readonly data?: string
  readonly checkpoints?: 'redis'
  readonly lease: number
  readonly idle?: number
}

const FLAGS: readonly Flag[] = [
  ...QUEUE_FLAGS,
  { flag: '--sweep <name>', required: true, help: "the sweep's name: that of its folder, without those above" },
  { flag: '--slots <N>', value: whole(), help: 'trials at a time, at the lowest priority (default: one a core)' },
  { flag: '--dir <dir>', help: 'folder of the sweep, where machines share it (default: results go through Redis)' },
  { flag: '--data <dir>', help: 'folder below which data lie that trials may name (default: they may name none)' },
  {
    flag: '--checkpoints <where>',
    value: oneOf('redis'),
    help: 'without --dir: keep checkpoints in Redis, so that another worker goes on from them',
  },
  {
    flag: '--lease <s>',
    value: positive,
    default: 30,
    help: 'seconds without a word after which a worker loses its trials to another one',
  },
  { flag: '--idle <s>', value: positive, help: 'end after so many seconds without a trial (default: wait for ever)' },
]

/** Returns the exit code: 0 when it was stopped, for its trials are in the queue again. */
export async function runWorker(flags: WorkerFlags): Promise<number> {
  const { sweep, slots = availableParallelism(), dir, data, checkpoints, lease, idle } = flags
  const address = queueFrom(flags)
  if (address === undefined)
    throw new InputError('worker: expected --queue <url>, or IRNN_QUEUE, but received none: add it')
  const name = checkedName(sweep, '--sweep')
  if (dir !== undefined) {
    if (checkpoints !== undefined) {
      throw new InputError('--checkpoints: expected no --dir beside it, for checkpoints lie there: remove one')
    }
    readSweepFolder(dir, flagsOf)
  }
  const redis = await connect(address, say)
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'saving the trials')
  try {
    say(`worker of ${name} at ${address.shown}, ${slots} at a time`)
    await work({
      redis,
      name,
      slots,
      command: [process.execPath, MAIN],
      dir,
      data,
      checkpoints: checkpoints !== undefined,
      lease,
      idle,
      stop,
      flagsOf,
      say,
      onEnd: (ran) => say(spoken(ran, [])),
    })
    return 0
  } finally {
    stop.release()
    await disconnect(redis)
  }
}

/** @param finish takes the exit code */
export function workerCommand(program: Command, finish: (code: number) => void): void {
  const worker = program.command('worker').description('run trials of a sweep that are in a queue: docs/scale.md')
  withFlags(worker, FLAGS).action(async (flags: WorkerFlags) => finish(await runWorker(flags)))
}
