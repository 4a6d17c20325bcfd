/**
 * A worker: takes trials of a sweep out of its queue and runs each as a process. BullMQ gives every job to somebody
 * until it is over, to two at once if need be; that it ends once, with the right bits, is the doing of the run's
 * folder.
 */
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { InputError } from '../error.ts'
import type { TrainEvent } from '../train/events.ts'
import { type ChildOptions, threadsOf } from './children.ts'
import { folderOf, isOver, PAUSE, readSweepFolder } from './folder.ts'
import { holding } from './hold.ts'
import { type JobChecks, trialOfJob } from './job.ts'
import { keyOf, send, unpack } from './parcel.ts'
import { CANCELLED, fingerprintOf, SWEEP, summaryOf } from './queue.ts'
import { loadBullmq, PREFIX } from './redis.ts'
import { type Ran, runTrial } from './run.ts'
import type { Trial } from './trials.ts'

export interface WorkOptions extends JobChecks {
  readonly redis: Redis
  /** Name of the sweep. */
  readonly name: string
  /** Trials at a time. */
  readonly slots: number
  /** How to start the command: executable and first arguments. */
  readonly command: readonly string[]
  /** The folder of the sweep, which this machine shares; undefined: results go through Redis. */
  readonly dir: string | undefined
  /** Whether checkpoints go through Redis, too, so that another worker goes on from them. */
  readonly checkpoints: boolean
  /** Seconds without a word to Redis after which a trial is given to another worker. */
  readonly lease: number
  /** Seconds without a trial after which the worker ends; undefined: it waits for ever. */
  readonly idle: number | undefined
  /** Its signal ends the worker: each trial saves where it is and goes back into the queue. */
  readonly stop: { readonly signal: AbortSignal; now(): void }
  say(line: string): void
  /** Hears of each trial that is over or has failed. */
  onEnd(ran: Ran): void
}

/** Why a trial is stopped before it is over. */
type Why = 'stop' | 'lease' | 'cancel'
/** Starts of a trial, whatever became of its worker, before it counts as failed: it may be what kills them. */
const MOST_STARTS = 50
/** Losses of a worker that cost nothing. The default, 1, would make a trial fail at the second. */
const MOST_LOSSES = 1000
const CHECKS_PER_LEASE = 6
const LOOK_MS = 1000
const PROGRESS_MS = 10_000

interface Running {
  /** When Redis last confirmed its lease. */
  renewed: number
  stop(why: Why): void
}

/** Works until it is stopped. @throws InputError when its folder is that of another sweep */
export async function work(options: WorkOptions): Promise<void> {
  const { redis, name, slots, lease, idle, stop, say } = options
  const { Worker, UnrecoverableError, WaitingError } = await loadBullmq()
  const running = new Map<string, Running>()
  const place = placeOf(options)
  let failure: unknown
  let active = Date.now()
  const handle = async (job: Job<Trial>, token = ''): Promise<unknown> => {
    active = Date.now()
    try {
      const ended = await runJob(job, accepted(job, options), token, options, place, running)
      if (ended.why === undefined) return summaryOf(ended.ran.outcome)
      if (ended.why === 'cancel') throw new UnrecoverableError('cancelled')
      await job.moveToWait(token)
      throw new WaitingError()
    } catch (error) {
      if (error instanceof WrongFolder) {
        failure = error
        stop.now()
        await job.moveToWait(token)
        throw new WaitingError()
      }
      // Of this machine, a full disk say, and not of the trial: others may do better.
      if (!(error instanceof Refused)) throw error
      say(error.message)
      throw new UnrecoverableError(error.message)
    } finally {
      active = Date.now()
    }
  }
  const worker = new Worker<Trial>(name, handle, {
    connection: redis,
    prefix: PREFIX,
    concurrency: slots,
    lockDuration: lease * 1000,
    stalledInterval: (lease * 1000) / CHECKS_PER_LEASE,
    maxStalledCount: MOST_LOSSES,
    maxStartedAttempts: MOST_STARTS,
  })
  worker.on('error', () => {}) // the connection says so
  const release = guard(worker, running, options, () => {
    if (idle !== undefined && running.size === 0 && Date.now() - active > idle * 1000) stop.now()
  })
  try {
    await aborted(stop.signal)
    for (const trial of running.values()) trial.stop('stop')
    await worker.close()
  } finally {
    await release()
    place.release()
  }
  if (failure !== undefined) throw failure
}

/** Stops trials whose lease is over, or whose sweep was cancelled. Returns what ends that. */
function guard(
  worker: Worker,
  running: ReadonlyMap<string, Running>,
  { redis, name, lease }: WorkOptions,
  everySecond: () => void,
): () => Promise<void> {
  worker.on('locksRenewed', ({ jobIds }) => {
    for (const id of jobIds) {
      const trial = running.get(id)
      if (trial) trial.renewed = Date.now()
    }
  })
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) running.get(id)?.stop('lease')
  })
  const timer = setInterval(() => {
    everySecond()
    // Where Redis is out of reach, nobody says that the lease is gone: another worker may have the trial by now.
    for (const trial of running.values()) if (Date.now() - trial.renewed > lease * 1000) trial.stop('lease')
  }, LOOK_MS)
  const channel = keyOf(name, CANCELLED)
  const hearing = redis.duplicate()
  hearing.on('error', () => {})
  hearing.on('message', () => {
    for (const trial of running.values()) trial.stop('cancel')
  })
  void hearing.subscribe(channel).catch(() => {})
  return async () => {
    clearInterval(timer)
    hearing.disconnect()
  }
}

/** Where trials of this worker have their folders. */
interface Place {
  readonly dir: string
  /** Whether it is the folder of the sweep. */
  readonly shared: boolean
  take: ChildOptions['take']
  release(): void
}

function placeOf({ dir }: WorkOptions): Place {
  if (dir === undefined) {
    const own = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-worker-'))
    const release = () => fs.rmSync(own, { recursive: true, force: true })
    return { dir: own, shared: false, take() {}, release }
  }
  const hold = holding(path.join(dir, PAUSE))
  return { dir, shared: true, take: hold.take, release: hold.release }
}

class WrongFolder extends InputError {}
class Refused extends InputError {}

/** @throws Refused for what is no trial */
function accepted(job: Job, options: WorkOptions): Trial {
  try {
    return trialOfJob(job.id ?? '', job.data, options)
  } catch (error) {
    throw error instanceof InputError ? new Refused(error.message) : error
  }
}

interface Ended {
  readonly ran: Ran
  /** Why it was stopped before it was over. */
  readonly why?: Why | undefined
}

/** @throws Error with the last line of one that failed, and is tried again */
async function runJob(
  job: Job<Trial>,
  trial: Trial,
  token: string,
  options: WorkOptions,
  place: Place,
  running: Map<string, Running>,
): Promise<Ended> {
  const { redis, name, command, slots, checkpoints, stop, onEnd } = options
  const { id } = trial
  await refuseOtherSweep(options)
  const ending = new AbortController()
  let why: Why | undefined
  const end = (reason: Why) => {
    why ??= reason
    ending.abort()
  }
  if ((await redis.exists(keyOf(name, CANCELLED))) > 0) end('cancel')
  if (stop.signal.aborted) end('stop')
  running.set(id, { renewed: Date.now(), stop: end })
  const { dir, shared } = place
  try {
    if (!shared && !(await unpack(redis, name, 'result', dir, trial))) {
      await unpack(redis, name, 'checkpoint', dir, trial)
    }
    const report = reporterOf(job)
    const sender = checkpoints ? senderOf(() => send(redis, name, 'checkpoint', dir, trial)) : undefined
    const ran = await runTrial(dir, trial, {
      command,
      signal: ending.signal,
      take: place.take,
      threads: threadsOf(slots),
      owner: `${token}.${job.attemptsStarted}`,
      begins: 1, // the queue begins it again, here or elsewhere
      onEvent(event) {
        report(event)
        if (event.type === 'checkpoint') sender?.again()
      },
    })
    await sender?.ended()
    const over = isOver(ran.outcome)
    if (over && !shared) await send(redis, name, 'result', dir, trial)
    if (!over && checkpoints && ran.outcome.kind === 'begun') await send(redis, name, 'checkpoint', dir, trial)
    if (over || ran.message !== undefined) onEnd(ran)
    if (!over && why === undefined) throw new Error(ran.message ?? 'ended without a result')
    return { ran, why: over ? undefined : why }
  } finally {
    running.delete(id)
    if (!shared) fs.rmSync(folderOf(dir, trial), { recursive: true, force: true })
  }
}

/** Before anything is written there. @throws WrongFolder */
async function refuseOtherSweep({ redis, name, dir, flagsOf }: WorkOptions): Promise<void> {
  if (dir === undefined) return
  const queued = await redis.get(keyOf(name, SWEEP))
  if (queued === null || queued === fingerprintOf(readSweepFolder(dir, flagsOf).sweep)) return
  throw new WrongFolder(`${dir}: expected the folder of the sweep ${name} but it holds another one: name another --dir`)
}

/** Says how far a job is, once in ten seconds at most. */
function reporterOf(job: Job<Trial>): (event: TrainEvent) => void {
  let last = Date.now()
  return (event) => {
    if (event.type !== 'step' || Date.now() - last < PROGRESS_MS) return
    last = Date.now()
    job.updateProgress({ iteration: event.iteration }).catch(() => {})
  }
}

/** Sends again and again, never two at a time; what failed is sent with the next one. */
function senderOf(work: () => Promise<void>): { again(): void; ended(): Promise<void> } {
  let sending: Promise<void> | undefined
  return {
    again() {
      sending ??= work()
        .catch(() => {})
        .finally(() => {
          sending = undefined
        })
    },
    ended: async () => sending,
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
