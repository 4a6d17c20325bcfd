/**
 * Runs as processes of their own: one that fails takes no other with it. Several at a time, each at the lowest
 * priority, so that other work goes before. A child does not outlive this process: Linux kills it with its parent,
 * where setpriv is there to ask for that. Elsewhere it ends by itself, and saves, soon after whoever reads its events
 * has died: its next line cannot be written (cli/signals.ts).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { availableParallelism, constants, setPriority } from 'node:os'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { BEST, LAST, PREVIOUS } from '../runs/checkpoint.ts'
import { CONFIG } from '../runs/stored.ts'
import { decodeEvent, type TrainEvent } from '../train/events.ts'

/** Threads of each of `workers` children. They do not change a run's result: those that no other needs are free. */
export function threadsOf(workers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / Math.max(1, workers)))
}

/** Does the work of all, in their order, at most `slots` at a time; begins none after the signal. */
export async function inSlots<T>(
  waiting: T[],
  slots: number,
  signal: AbortSignal | undefined,
  work: (next: T) => Promise<void>,
): Promise<void> {
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined && !signal?.aborted; next = waiting.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: Math.min(slots, waiting.length) }, worker))
}

/**
 * Arguments of `irnn` for what is left of the run in `dir`; `fresh` are those of a new one, without its folder, and
 * `again` those that one which goes on needs beside its folder.
 */
export function argumentsFor(dir: string, fresh: readonly string[], again: readonly string[] = []): string[] {
  const has = [LAST, PREVIOUS, BEST].some((name) => existsSync(path.join(dir, name)))
  if (has) return ['train', '--resume', dir, ...again]
  // Begun, and ended before there was a checkpoint: from the start again.
  const replacing = existsSync(path.join(dir, CONFIG)) ? ['--overwrite'] : []
  return [...fresh, '--out', dir, ...replacing]
}

export interface ChildOptions {
  /** How to start the command: executable and first arguments. */
  readonly command: readonly string[]
  /** Pauses the run, which saves where it is. */
  readonly signal?: AbortSignal | undefined
  /** Is given the process when it has begun. */
  take(child: ChildProcess): void
  onEvent?(event: TrainEvent): unknown
  /** Its token, where others may take the run over (src/runs/fence.ts). */
  readonly owner?: string | undefined
}

export interface Ended {
  /** null: by a signal. */
  readonly code: number | null
  /** The last line of what it had to say. */
  readonly message: string
}

/** `irnn` with these arguments and `--json`, until it has ended. @throws Error when it cannot be started */
export async function runChild(
  args: readonly string[],
  { command, signal, take, onEvent, owner }: ChildOptions,
): Promise<Ended> {
  const [program, ...words] = [...dying(), ...command, ...args, '--json']
  // A group of its own: Ctrl-C in the terminal reaches this process only, which passes it on once.
  const child = spawn(program!, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, IRNN_QUEUE: undefined, IRNN_OWNER: owner }, // a queue's address has its password
  })
  take(child)
  lowerPriority(child)
  const pause = () => {
    child.kill('SIGINT')
    if (process.platform !== 'win32') child.kill('SIGCONT') // one that is held hears nothing
  }
  signal?.addEventListener('abort', pause, { once: true })
  const said: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventOf(line)
    if (event) onEvent?.(event)
  })
  const code = await ended(child)
  signal?.removeEventListener('abort', pause)
  return { code, message: said.at(-1) ?? `ended with code ${code}` }
}

let prefix: readonly string[] | undefined

/**
 * What makes a command die with this process, put before it: setpriv (util-linux) asks the kernel for that signal, and
 * becomes the command. Nothing where it is not there, or is another one that knows no such option (busybox).
 */
function dying(): readonly string[] {
  if (prefix) return prefix
  const words = ['setpriv', '--pdeathsig', 'KILL']
  const has = process.platform === 'linux' && spawnSync(words[0]!, [...words.slice(1), 'true']).status === 0
  prefix = has ? words : []
  return prefix
}

/**
 * The lowest priority. A child with a session of its own is a group to Linux, which shares the cores out among groups
 * first: the priority of its processes counts only among themselves, that of the group lies in /proc.
 */
function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
    writeFileSync(`/proc/${pid}/autogroup`, String(constants.priority.PRIORITY_LOW))
  } catch {} // it has ended already, which is said elsewhere, or the system has no such groups
}

/** undefined for the beginning of a line, which a killed process may leave. */
function eventOf(line: string): TrainEvent | undefined {
  try {
    return decodeEvent(line)
  } catch {
    return undefined
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
}
