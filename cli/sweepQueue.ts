/** The queue of a sweep: where it is, as flags or the environment say, and a connection for as long as it is needed. */
import * as path from 'node:path'
import { InputError } from '../src/error.ts'
import type { Flag } from '../src/flag.ts'
import { checkedName, openQueue, type SweepQueue } from '../src/sweep/queue.ts'
import { type Address, addressOf, connect, disconnect } from '../src/sweep/redis.ts'
import { say } from './say.ts'

export interface QueueFlags {
  readonly queue?: string
  readonly queueCa?: string
}

/** How many trials are in which state of the queue. */
export type QueueCounts = Readonly<Record<string, number>>

export const QUEUE_FLAGS: readonly Flag[] = [
  {
    flag: '--queue <url>',
    help: 'Redis from which workers take trials: redis://host:port, rediss:// with TLS (default: $IRNN_QUEUE)',
  },
  { flag: '--queue-ca <file>', help: 'of rediss://: the certificate of who vouches for the server, PEM' },
]

/** undefined: there is none. @throws InputError for what is no address */
export function queueFrom({ queue, queueCa }: QueueFlags): Address | undefined {
  const text = queue ?? (process.env.IRNN_QUEUE || undefined)
  if (text !== undefined) return addressOf(text, queueCa)
  if (queueCa === undefined) return undefined
  throw new InputError('--queue-ca: expected --queue beside it, or IRNN_QUEUE, but there is none: add it')
}

/** What workers decide, or one machine alone can. @throws InputError */
export function refuseBeside(flags: QueueFlags & { readonly slots?: number; readonly prune?: string }): void {
  if (queueFrom(flags) === undefined) return
  if (flags.slots !== undefined) {
    throw new InputError('--slots: with a queue, workers have slots: remove it, and give it to irnn worker')
  }
  if (flags.prune !== undefined) {
    throw new InputError('--prune: with a queue, no machine sees all trials: remove it, or the queue')
  }
}

/** What does not go with a sampler. @throws InputError */
export function refuseBesideSampler(flags: QueueFlags & { readonly prune?: string }): void {
  const why = 'a sampler is told of each trial when it is over, on one machine: remove it'
  if (flags.prune !== undefined) throw new InputError(`--prune: ${why}`)
  if (queueFrom(flags) !== undefined) throw new InputError(`--queue, or IRNN_QUEUE: ${why}`)
}

/** Does some work with the queue of a sweep, or without one. It has the name of the sweep's folder. */
export async function withQueue<T>(
  dir: string,
  flags: QueueFlags,
  work: (queue?: SweepQueue) => T | Promise<T>,
): Promise<T> {
  const address = queueFrom(flags)
  if (address === undefined) return work()
  const name = checkedName(path.basename(path.resolve(dir)), dir)
  const redis = await connect(address, say)
  try {
    const queue = await openQueue(redis, name)
    try {
      return await work(queue)
    } finally {
      await queue.queue.close()
    }
  } finally {
    await disconnect(redis)
  }
}
