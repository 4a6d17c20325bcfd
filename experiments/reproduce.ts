/**
 * Runs an experiment: each run is `irnn train` in a process of its own, so that one that fails takes no other with it,
 * as many at a time as there are cores. What is finished is not repeated, what was begun goes on from its checkpoint.
 *
 * A budget does not change a run: it pauses it there, to go on another day.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { didYouMean, InputError, shown } from '../src/error.ts'
import { grouped } from '../src/numbers.ts'
import { decodeEvent, type TrainEvent } from '../src/train/events.ts'
import { flagsOf, plannedIterations, resultOf } from './collect.ts'
import type { Experiment, ExperimentRun, RunResult } from './experiment.ts'

export interface ReproduceOptions {
  /** How to start the command: executable and first arguments. */
  readonly command: readonly string[]
  /** Folder of the runs' folders. */
  readonly runs: string
  /** Names of the runs to do; default all. */
  readonly only?: readonly string[] | undefined
  /** Iterations of each run if above 1, else the share of each run; default 1, all. */
  readonly budget?: number | undefined
  /** Runs at a time; default the number of cores. */
  readonly jobs?: number | undefined
  /** Further flags for every `irnn train`, such as where the digits are. */
  readonly extra?: readonly string[] | undefined
  /** Pauses all runs; each saves where it is. */
  readonly signal?: AbortSignal | undefined
  /** Hears what a run says, and when it has ended. */
  onEvent?(run: ExperimentRun, event: TrainEvent, goal: number): void
  onEnd?(run: ExperimentRun, outcome: Outcome): void
}

/** `kept`: there was nothing to do. `paused` says how far it is, `failed` the last line of what it had to say. */
export interface Outcome {
  readonly kind: 'kept' | 'done' | 'paused' | 'diverged' | 'failed'
  readonly message: string
}

/** Does the runs. @throws InputError at once for an unknown name in `only`, or a folder that holds another run */
export async function reproduce(experiment: Experiment, options: ReproduceOptions): Promise<Map<string, Outcome>> {
  const { only, jobs = availableParallelism(), signal, onEnd } = options
  const chosen = chooseRuns(experiment, only)
  for (const run of chosen) stored(run, experiment, options.runs)
  const outcomes = new Map<string, Outcome>()
  const end = (run: ExperimentRun, outcome: Outcome) => {
    outcomes.set(run.name, outcome)
    onEnd?.(run, outcome)
  }
  const waiting: ExperimentRun[] = []
  for (const run of chosen) {
    const result = stored(run, experiment, options.runs)
    if (result && isOver(result, options.budget)) end(run, { kind: 'kept', message: '' })
    else waiting.push(run)
  }
  const workers = Math.min(jobs, waiting.length)
  // Threads do not change a run's result: those that no other run needs are free.
  const threads = Math.max(1, Math.floor(availableParallelism() / Math.max(1, workers)))
  const work = async () => {
    for (let run = waiting.shift(); run && !signal?.aborted; run = waiting.shift()) {
      end(run, await trainRun(run, experiment, options, threads))
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  return outcomes
}

function chooseRuns({ name, runs }: Experiment, only: readonly string[] | undefined): readonly ExperimentRun[] {
  if (!only || only.length === 0) return runs
  for (const wanted of only) {
    if (runs.some((run) => run.name === wanted)) continue
    const names = runs.map((run) => run.name)
    throw new InputError(
      `--only: expected runs of ${name} (${names.join(', ')}) but received ${shown(wanted)}` +
        didYouMean(wanted, names),
    )
  }
  return runs.filter((run) => only.includes(run.name))
}

/** What the folder of a run holds; undefined if there is none. */
function stored(run: ExperimentRun, { metric }: Experiment, runs: string): RunResult | undefined {
  const dir = path.join(runs, run.name)
  return existsSync(path.join(dir, 'config.json')) ? resultOf(run, metric, dir) : undefined
}

function isOver({ ended, iteration, iterations }: RunResult, budget: number | undefined): boolean {
  if (ended !== 'stopped' && ended !== 'killed') return true
  return iteration >= goalOf(iterations, budget)
}

function goalOf(iterations: number, budget = 1): number {
  return budget > 1 ? Math.min(budget, iterations) : Math.ceil(budget * iterations)
}

function argumentsOf({ task, cell, recipe, flags }: ExperimentRun, dir: string): string[] {
  if (existsSync(dir) && readdirSync(dir).some((name) => name.startsWith('checkpoint-')))
    return ['train', '--resume', dir]
  const fresh = ['train', task, ...flagsOf({ cell, recipe, ...flags }), '--out', dir]
  // Begun, and ended before there was a checkpoint: from the start again.
  return existsSync(path.join(dir, 'config.json')) ? [...fresh, '--overwrite'] : fresh
}

async function trainRun(
  run: ExperimentRun,
  experiment: Experiment,
  { command, runs, budget, extra = [], signal, onEvent }: ReproduceOptions,
  threads: number,
): Promise<Outcome> {
  const dir = path.join(runs, run.name)
  const whole = stored(run, experiment, runs)?.iterations ?? plannedIterations(run)
  const goal = goalOf(whole, budget)
  const pausing = goal < whole ? ['--pause-at', String(goal)] : []
  const more = [...extra, ...pausing, '--json', '--threads', String(threads)]
  const args = [...command.slice(1), ...argumentsOf(run, dir), ...more]
  // A group of its own: Ctrl-C in the terminal reaches this process only, which passes it on once.
  const child = spawn(command[0]!, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const pause = () => child.kill('SIGINT')
  signal?.addEventListener('abort', pause, { once: true })
  const said: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventOf(line)
    if (event) onEvent?.(run, event, goal)
  })
  const code = await ended(child)
  signal?.removeEventListener('abort', pause)
  const message = said.at(-1) ?? `ended with code ${code}`
  const result = stored(run, experiment, runs)
  if (code === 0 && result && isOver(result, undefined)) return { kind: 'done', message }
  if (result && (code === 0 || (code === 130 && signal?.aborted))) {
    return { kind: 'paused', message: `at ${grouped(result.iteration)} of ${grouped(whole)} iterations` }
  }
  return { kind: result?.ended === 'diverged' ? 'diverged' : 'failed', message }
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
