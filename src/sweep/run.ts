/**
 * Trials as children of this process. `runTrial` is all that a launcher of another kind needs; `runSweep` hands it the
 * trials of a folder that are not over, some at a time.
 */
import { existsSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder, namesIn, TEMPORARY } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { longOf } from '../flag.ts'
import { takeOver } from '../runs/fence.ts'
import { lockFolder } from '../runs/lock.ts'
import { CONFIG, METRICS } from '../runs/stored.ts'
import { TASKS, taskNamed } from '../tasks/tasks.node.ts'
import { asha, type Pruner } from './asha.ts'
import { argumentsFor, type ChildOptions, inSlots, runChild, threadsOf } from './children.ts'
import type { Value } from './file.ts'
import { CANCEL, folderOf, isOver, type Outcome, outcomeOf, PAUSE, type SweepFolder } from './folder.ts'
import { holding } from './hold.ts'
import type { Trial, TrialConfig } from './trials.ts'

/** What became of a trial; `message` is the last line of one that has no result, though nobody stopped it. */
export interface Ran {
  readonly trial: Trial
  readonly outcome: Outcome
  readonly message?: string
}

export interface TrialOptions extends ChildOptions {
  readonly threads: number
  readonly pruner?: Pruner | undefined
  /** Begins before it counts as failed; default 5. */
  readonly begins?: number
}

/** Begins of a trial before it counts as failed: a child may be killed by others, for its memory say. */
const MOST_BEGINS = 5
const LOOK_MS = 200
/** A child whose controller was killed saves and ends within an iteration or so. */
const MOST_WAIT_MS = 60_000

/** Runs what is left of a trial, unless it is over. @throws InputError when its folder holds something else */
export async function runTrial(dir: string, trial: Trial, options: TrialOptions): Promise<Ran> {
  const folder = folderOf(dir, trial)
  const { signal, threads, pruner, owner, onEvent, begins: most = MOST_BEGINS } = options
  makeFolder(folder)
  if (owner !== undefined) takeOver(folder, owner)
  for (let begins = 1; ; begins++) {
    await unlocked(folder, signal, owner !== undefined)
    pruner?.caughtUp(folder)
    const before = outcomeOf(dir, trial)
    if (isOver(before) || signal?.aborted) return { trial, outcome: before }
    const words = argumentsFor(folder, argumentsOf(trial.config), sourcesOf(trial.config))
    const pruned = new AbortController()
    const { code, message } = await runChild([...words, '--threads', String(threads)], {
      ...options,
      signal: signal ? AbortSignal.any([signal, pruned.signal]) : pruned.signal,
      onEvent(event) {
        onEvent?.(event)
        if (pruner?.heard(folder, event) === false) pruned.abort()
      },
    })
    const outcome = outcomeOf(dir, trial)
    if (isOver(outcome) || signal?.aborted) return { trial, outcome }
    if (code === 2 || begins >= most) return { trial, outcome, message }
  }
}

/** Waits for a process that still writes the run, so that the next one need not be refused. */
async function unlocked(folder: string, signal: AbortSignal | undefined, fenced: boolean): Promise<void> {
  for (const since = Date.now(); Date.now() - since < MOST_WAIT_MS && !signal?.aborted; await sleep(LOOK_MS)) {
    try {
      const unlock = lockFolder(folder, undefined, fenced)
      try {
        if (!existsSync(join(folder, CONFIG))) removeBeginning(folder)
      } finally {
        unlock()
      }
      return
    } catch (error) {
      if (!(error instanceof InputError)) throw error
    }
  }
}

/** What a run has before its config makes it a run. */
const BEGINNING = [METRICS, ...TASKS.flatMap(({ files = [] }) => files)]

/** What a child left that was killed before it had its config: without a lock beside it, it would be somebody's. */
function removeBeginning(folder: string): void {
  for (const name of namesIn(folder)) {
    if (name.endsWith(TEMPORARY) || BEGINNING.includes(name)) rmSync(join(folder, name), { force: true })
  }
}

function argumentsOf({ task, options, seed }: TrialConfig): string[] {
  return ['train', task, ...flagsFor(Object.entries(options)), `--seed=${seed}`]
}

/** A run's folder does not say where its data are. */
function sourcesOf({ task, options }: TrialConfig): string[] {
  const sources = taskNamed(task).sources.filter(({ once }) => !once)
  return flagsFor(Object.entries(options).filter(([name]) => sources.some((flag) => longOf(flag) === `--${name}`)))
}

/** With `=`, for a value may begin with a dash. */
function flagsFor(options: readonly (readonly [string, Value])[]): string[] {
  return options.flatMap(([name, value]) => {
    if (value === false) return []
    return [value === true ? `--${name}` : `--${name}=${value}`]
  })
}

export interface SweepOptions {
  /** How to start the command: executable and first arguments. */
  readonly command: readonly string[]
  /** Stops trials that are not worth it. */
  readonly prune?: boolean
  /** Trials at a time; default the number of cores. */
  readonly slots?: number | undefined
  /** Its signal ends the sweep, and `now` gives it; each trial then saves where it is. */
  readonly stop: { readonly signal: AbortSignal; now(): void }
  /** Hears of each trial that is over or has failed: first those that were over before, `fresh` false. */
  onEnd(ran: Ran, fresh: boolean): void
}

/**
 * Runs all trials that are not over. Files in the folder steer it: `pause` holds all trials while it is there, `cancel`
 * stops them as `stop` does.
 * @returns what became of each; of those that were stopped, how far they are
 * @throws InputError when a folder of a trial holds something else
 */
export async function runSweep({ dir, trials }: SweepFolder, options: SweepOptions): Promise<Ran[]> {
  const { command, slots = availableParallelism(), stop, prune = false, onEnd } = options
  const all = trials.map((trial): Ran => ({ trial, outcome: outcomeOf(dir, trial) }))
  const rans = new Map(all.map((ran) => [ran.trial, ran]))
  for (const ran of all) if (isOver(ran.outcome)) onEnd(ran, false)
  // What was begun first: a sweep that is stopped often would else have many halves.
  const left = all.filter(({ outcome }) => !isOver(outcome)).sort((a, b) => rank(a) - rank(b))
  const threads = threadsOf(Math.min(slots, left.length))
  const pruner = prune ? asha(trials.map((trial) => folderOf(dir, trial))) : undefined
  await steered(dir, stop, (take) =>
    inSlots(left, slots, stop.signal, async ({ trial }) => {
      const ran = await runTrial(dir, trial, { command, signal: stop.signal, take, threads, pruner })
      rans.set(trial, ran)
      if (isOver(ran.outcome) || ran.message !== undefined) onEnd(ran, true)
    }),
  )
  return [...rans.values()]
}

/** Runs one trial, whoever runs the others. @throws InputError when its folder holds something else */
export function runAlone(
  dir: string,
  trial: Trial,
  { command, stop }: Pick<SweepOptions, 'command' | 'stop'>,
): Promise<Ran> {
  const { signal } = stop
  return steered(dir, stop, (take) => runTrial(dir, trial, { command, signal, take, threads: threadsOf(1) }))
}

/** Work that the files `pause` and `cancel` in the folder steer. */
export async function steered<T>(
  dir: string,
  stop: SweepOptions['stop'],
  work: (take: ChildOptions['take']) => Promise<T>,
): Promise<T> {
  const hold = holding(join(dir, PAUSE))
  const look = () => existsSync(join(dir, CANCEL)) && stop.now()
  const looking = setInterval(look, 5 * LOOK_MS)
  look()
  try {
    return await work(hold.take)
  } catch (error) {
    stop.now()
    throw error
  } finally {
    clearInterval(looking)
    hold.release()
  }
}

function rank({ outcome }: Ran): number {
  return outcome.kind === 'begun' ? 0 : 1
}
