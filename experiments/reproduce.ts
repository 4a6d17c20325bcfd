/**
 * Runs experiments: each run is `irnn train` in a process of its own, so that one that fails takes no other with it,
 * as many at a time as there are cores, the shortest first, so that most claims are decided soonest. What is finished
 * is not repeated, what was begun goes on from its checkpoint.
 *
 * Processes have the lowest priority: other work goes before. A budget does not change a run: it pauses it there, to go
 * on another day.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import * as path from 'node:path'
import { didYouMean, InputError, shown } from '../src/error.ts'
import { grouped } from '../src/numbers.ts'
import { argumentsFor, inSlots, runChild, threadsOf } from '../src/sweep/children.ts'
import { holding } from '../src/sweep/hold.ts'
import type { TrainEvent } from '../src/train/events.ts'
import { flagsOf, resultOf } from './collect.ts'
import { costOf } from './cost.ts'
import type { Experiment, ExperimentRun, RunResult } from './experiment.ts'
import { planned } from './identity.ts'

/** One run to do. */
export interface Job {
  readonly experiment: Experiment
  readonly run: ExperimentRun
  /** Its folder. */
  readonly dir: string
  /** Further flags for its `irnn train`, such as where the digits are. */
  readonly extra: readonly string[]
}

export interface JobOptions {
  /** How to start the command: executable and first arguments. */
  readonly command: readonly string[]
  /** Iterations of each run if above 1, else the share of each run; default 1, all. */
  readonly budget?: number | undefined
  /** Runs at a time; default the number of cores. */
  readonly jobs?: number | undefined
  /** Pauses all runs; each saves where it is. */
  readonly signal?: AbortSignal | undefined
  /** While there is a file of this name, all processes are stopped where they are (SIGSTOP), and none is begun. */
  readonly pauseFile?: string | undefined
  /** Hears what a run says, and when it has ended. */
  onEvent?(job: Job, event: TrainEvent, goal: number): void
  onEnd?(job: Job, outcome: Outcome): void
}

export interface ReproduceOptions extends JobOptions {
  /** Folder of the runs' folders. */
  readonly runs: string
  /** Names of the runs to do, or of groups; default all. */
  readonly only?: readonly string[] | undefined
  readonly extra?: readonly string[] | undefined
}

/** `kept`: there was nothing to do. `paused` says how far it is, `failed` the last line of what it had to say. */
export interface Outcome {
  readonly kind: 'kept' | 'done' | 'paused' | 'diverged' | 'failed'
  readonly message: string
}

/** What is to be done for an experiment. @throws InputError for an unknown name in `only` */
export function jobsOf(
  experiment: Experiment,
  { runs, only, extra = [] }: Pick<ReproduceOptions, 'runs' | 'only' | 'extra'>,
): Job[] {
  return chooseRuns(experiment, only).map((run) => ({ experiment, run, dir: path.join(runs, run.name), extra }))
}

/** Does the runs of one experiment; outcomes by name. @throws InputError as `jobsOf` and `doJobs` do */
export async function reproduce(experiment: Experiment, options: ReproduceOptions): Promise<Map<string, Outcome>> {
  const outcomes = await doJobs(jobsOf(experiment, options), options)
  return new Map([...outcomes].map(([{ run }, outcome]) => [run.name, outcome]))
}

/** Does all of them. @throws InputError at once for a folder that holds another run */
export async function doJobs(jobs: readonly Job[], options: JobOptions): Promise<Map<Job, Outcome>> {
  const { jobs: most = availableParallelism(), signal, budget, pauseFile, onEnd } = options
  const outcomes = new Map<Job, Outcome>()
  const end = (job: Job, outcome: Outcome) => {
    outcomes.set(job, outcome)
    onEnd?.(job, outcome)
  }
  const found = jobs.map((job) => ({ job, result: stored(job) }))
  const waiting: { readonly job: Job; readonly seconds: number }[] = []
  for (const { job, result } of found) {
    if (result && isOver(result, budget)) end(job, { kind: 'kept', message: '' })
    else waiting.push({ job, seconds: secondsOf(job, result) })
  }
  waiting.sort((a, b) => a.seconds - b.seconds)
  const threads = threadsOf(Math.min(most, waiting.length))
  const hold = holding(pauseFile)
  try {
    await inSlots(waiting, most, signal, async ({ job }) => {
      end(job, await trainRun(job, options, threads, hold.take))
    })
  } finally {
    hold.release()
  }
  return outcomes
}

function chooseRuns({ name, runs }: Experiment, only: readonly string[] | undefined): readonly ExperimentRun[] {
  if (!only || only.length === 0) return runs
  const is = (run: ExperimentRun, wanted: string) => run.name === wanted || run.group === wanted
  for (const wanted of only) {
    if (runs.some((run) => is(run, wanted))) continue
    const names = [...new Set(runs.map((run) => run.group ?? run.name))]
    throw new InputError(
      `--only: expected runs of ${name} (${names.join(', ')}) but received ${shown(wanted)}` +
        didYouMean(wanted, names),
    )
  }
  return runs.filter((run) => only.some((wanted) => is(run, wanted)))
}

/** What the folder of a run holds; undefined if there is none. */
function stored({ run, experiment: { metric }, dir }: Job): RunResult | undefined {
  return existsSync(path.join(dir, 'config.json')) ? resultOf(run, metric, dir) : undefined
}

/** What is left of it. A run that cannot be says so when it starts, which takes no time. */
function secondsOf({ run }: Job, result: RunResult | undefined): number {
  try {
    return costOf(run) * (result ? 1 - result.iteration / result.iterations : 1)
  } catch (error) {
    if (error instanceof InputError) return 0
    throw error
  }
}

function isOver({ ended, iteration, iterations }: RunResult, budget: number | undefined): boolean {
  if (ended !== 'stopped' && ended !== 'killed') return true
  return iteration >= goalOf(iterations, budget)
}

function goalOf(iterations: number, budget = 1): number {
  return budget > 1 ? Math.min(budget, iterations) : Math.ceil(budget * iterations)
}

async function trainRun(
  job: Job,
  { command, budget, signal, onEvent }: JobOptions,
  threads: number,
  take: (child: ChildProcess) => void,
): Promise<Outcome> {
  const { run, dir, extra } = job
  const whole = stored(job)?.iterations ?? planned(run).training.iterations
  const goal = goalOf(whole, budget)
  const pausing = goal < whole ? ['--pause-at', String(goal)] : []
  const { task, cell, recipe, flags } = run
  const fresh = ['train', task, ...flagsOf({ cell, recipe, ...flags })]
  const args = [...argumentsFor(dir, fresh), ...extra, ...pausing, '--threads', String(threads)]
  const hear = (event: TrainEvent) => onEvent?.(job, event, goal)
  const { code, message } = await runChild(args, { command, signal, take, onEvent: hear })
  const result = stored(job)
  if (code === 0 && result && isOver(result, undefined)) return { kind: 'done', message }
  if (result && (code === 0 || (code === 130 && signal?.aborted))) {
    return { kind: 'paused', message: `at ${grouped(result.iteration)} of ${grouped(whole)} iterations` }
  }
  return { kind: result?.ended === 'diverged' ? 'diverged' : 'failed', message }
}
