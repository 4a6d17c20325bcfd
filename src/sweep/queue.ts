/**
 * A sweep's trials as a queue of BullMQ, which workers on any number of machines take from. The folder stays the truth:
 * the queue can be emptied at any time, and is filled again with what is not over.
 */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import type { Job, JobsOptions, Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { sha256 } from '../disk.node.ts'
import { InputError, shown } from '../error.ts'
import type { Sweep } from './file.ts'
import { CANCEL, isOver, type Outcome, outcomeOf, type SweepFolder, sorted } from './folder.ts'
import { keyOf, takeResult } from './parcel.ts'
import { loadBullmq, PREFIX } from './redis.ts'
import type { Ran } from './run.ts'
import type { Trial } from './trials.ts'

const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/
/** A child that failed is begun again so often, as on one machine; a worker that dies costs none of them. */
const ATTEMPTS = 5
const TRIAL: JobsOptions = { attempts: ATTEMPTS, backoff: { type: 'exponential', delay: 1000 } }
/** Jobs in one message to Redis. */
const AT_ONCE = 1000
const LOOK_MS = 1000
/** Machines that share a folder may see each other's files only after a while. */
const MOST_WAIT_MS = 30_000

export const SWEEP = 'sweep'
/** While it is there, no trial of the sweep is begun; a message of that name stops those that run. */
export const CANCELLED = 'cancelled'

/** @throws InputError unless it can be the name of a queue */
export function checkedName(name: string, what: string): string {
  if (NAME.test(name)) return name
  throw new InputError(`${what}: expected letters, digits, . _ - as the name of a queue but received ${shown(name)}`)
}

/** What tells a sweep from another one of the same name. */
export function fingerprintOf(sweep: Sweep): string {
  return sha256(sorted(sweep))
}

export interface SweepQueue {
  readonly name: string
  readonly redis: Redis
  readonly queue: Queue<Trial>
}

/** @param redis of `connect` */
export async function openQueue(redis: Redis, name: string): Promise<SweepQueue> {
  const { Queue } = await loadBullmq()
  const queue = new Queue<Trial>(name, { connection: redis, prefix: PREFIX })
  queue.on('error', () => {}) // said by the connection
  return { name, redis, queue }
}

/** Puts trials into the queue; those that are there already stay as they are. */
export async function enqueue({ queue }: SweepQueue, trials: readonly Trial[]): Promise<void> {
  for (let at = 0; at < trials.length; at += AT_ONCE) {
    const some = trials.slice(at, at + AT_ONCE)
    await queue.addBulk(some.map((trial) => ({ name: 'trial', data: trial, opts: { ...TRIAL, jobId: trial.id } })))
  }
}

export interface QueuedOptions {
  /** Its signal ends this, and `now` gives it; workers go on, unless the sweep is cancelled. */
  readonly stop: { readonly signal: AbortSignal; now(): void }
  /** As SweepOptions.onEnd. */
  onEnd(ran: Ran, fresh: boolean): void
}

/**
 * Puts all trials that are not over into the queue, and waits until each is over or has failed. A result that comes
 * through Redis is put into the folder.
 * @returns what became of each; of those that are not over, how far they are here
 * @throws InputError when the queue is that of another sweep
 */
export async function runQueued(folder: SweepFolder, to: SweepQueue, { stop, onEnd }: QueuedOptions): Promise<Ran[]> {
  const { dir, sweep, trials } = folder
  await claim(to, sweep)
  await collect(folder, to)
  const rans = new Map(trials.map((trial) => [trial.id, { trial, outcome: outcomeOf(dir, trial) } as Ran]))
  const left = new Map(trials.map((trial) => [trial.id, trial]))
  const settle = (ran: Ran, fresh: boolean) => {
    left.delete(ran.trial.id)
    rans.set(ran.trial.id, ran)
    onEnd(ran, fresh)
  }
  for (const ran of rans.values()) if (isOver(ran.outcome)) settle(ran, false)
  await forget(to, [...left.keys()])
  await enqueue(to, [...left.values()])
  const look = lookerAt(to, folder, left, settle)
  while (left.size > 0 && !stop.signal.aborted) {
    await pause(LOOK_MS, stop.signal)
    if (existsSync(path.join(dir, CANCEL))) await cancelQueued(to)
    if ((await to.redis.exists(keyOf(to.name, CANCELLED))) > 0) stop.now()
    if (!stop.signal.aborted) await look()
  }
  const all = [...rans.values()]
  if (all.every(({ outcome }) => isOver(outcome))) await removeQueue(to, trials)
  return all
}

/** Takes the name, also after the sweep was cancelled. @throws InputError when another sweep has it */
async function claim(to: SweepQueue, sweep: Sweep): Promise<void> {
  const { redis, name } = to
  await redis.set(keyOf(name, SWEEP), fingerprintOf(sweep), 'NX')
  await refuseOtherQueue(to, sweep)
  await redis.del(keyOf(name, CANCELLED))
}

/** @throws InputError when the queue of that name is that of another sweep */
export async function refuseOtherQueue({ redis, name }: SweepQueue, sweep: Sweep): Promise<void> {
  const held = await redis.get(keyOf(name, SWEEP))
  if (held !== null && held !== fingerprintOf(sweep)) {
    throw new InputError(
      `--queue: ${name}: expected no queue of another sweep but there is one, of another folder of that name: ` +
        'end that one with irnn sweep cancel, or give this folder another name',
    )
  }
}

/** Jobs of an earlier time that ended without a result here would else count as done for ever. */
async function forget(to: SweepQueue, ids: readonly string[]): Promise<void> {
  const ended = new Set([...(await idsIn(to, 'failed')), ...(await idsIn(to, 'completed'))])
  for (const id of ids) if (ended.has(id)) await to.queue.remove(id)
}

/** Ids alone: BullMQ's own calls read whole jobs. */
function idsIn({ queue, redis }: SweepQueue, state: 'failed' | 'completed'): Promise<string[]> {
  return redis.zrange(queue.toKey(state), 0, -1)
}

/** Looks once what has become of those that are left, and fills the queue again where it was emptied. */
function lookerAt(
  to: SweepQueue,
  { dir, sweep }: SweepFolder,
  left: ReadonlyMap<string, Trial>,
  settle: (ran: Ran, fresh: boolean) => void,
): () => Promise<void> {
  const { queue, redis, name } = to
  const since = new Map<string, number>()
  const completed = async (trial: Trial) => {
    await takeResult(redis, name, dir, trial)
    const outcome = outcomeOf(dir, trial)
    if (isOver(outcome)) return settle({ trial, outcome }, true)
    const waited = Date.now() - (since.get(trial.id) ?? Date.now())
    if (!since.has(trial.id)) since.set(trial.id, Date.now())
    if (waited > MOST_WAIT_MS) settle({ trial, outcome, message: `a worker has its result, but not in ${dir}` }, true)
  }
  return async () => {
    if ((await redis.get(keyOf(name, SWEEP))) === null) {
      // Emptied by another hand, or Redis began anew without what it held.
      await redis.set(keyOf(name, SWEEP), fingerprintOf(sweep))
      await enqueue(to, [...left.values()])
      return
    }
    for (const id of await idsIn(to, 'completed')) {
      const trial = left.get(id)
      if (trial) await completed(trial)
    }
    for (const id of await idsIn(to, 'failed')) {
      const trial = left.get(id)
      const job = trial && (await queue.getJob(id))
      if (trial && job) settle({ trial, outcome: outcomeOf(dir, trial), message: reasonOf(job) }, true)
    }
  }
}

function reasonOf({ failedReason }: Job): string {
  return (failedReason ?? 'failed').replace(/\s*\n\s*/g, ' ')
}

/** Takes what results came through Redis into the folder. */
export async function collect({ dir, trials }: SweepFolder, from: SweepQueue): Promise<void> {
  const ended = new Set(await idsIn(from, 'completed'))
  for (const trial of trials) if (ended.has(trial.id)) await takeResult(from.redis, from.name, dir, trial)
}

/** Stops whoever runs trials of it, removes what waits, and gives its name back. */
export async function cancelQueued({ queue, redis, name }: SweepQueue): Promise<void> {
  await redis.set(keyOf(name, CANCELLED), '1')
  await redis.publish(keyOf(name, CANCELLED), '')
  await queue.drain(true)
  await redis.del(keyOf(name, SWEEP))
}

/** How many trials are in which state of the queue. */
export async function countsOf({ queue }: SweepQueue): Promise<Readonly<Record<string, number>>> {
  return queue.getJobCounts('waiting', 'active', 'delayed', 'failed', 'completed')
}

async function removeQueue({ queue, redis, name }: SweepQueue, trials: readonly Trial[]): Promise<void> {
  await queue.obliterate({ force: true })
  await redis.del(keyOf(name, SWEEP), keyOf(name, CANCELLED))
  for (let at = 0; at < trials.length; at += AT_ONCE) {
    const ids = trials.slice(at, at + AT_ONCE).map(({ id }) => id)
    await redis.del(...ids.flatMap((id) => [keyOf(name, 'result', id), keyOf(name, 'checkpoint', id)]))
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    stop.addEventListener('abort', done)
  })
}

/** What a job says of a trial that is over. */
export function summaryOf(outcome: Outcome): Readonly<Record<string, unknown>> {
  return outcome.kind === 'done'
    ? { state: outcome.kind, score: outcome.score, sha256: outcome.sha256 }
    : { state: outcome.kind }
}
