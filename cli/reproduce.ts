/** `irnn reproduce FIGURE`: the runs of an experiment, its results, its figure, and what became of its claims. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, type Results, readResults, resultsFile, writeResults } from '../experiments/collect.ts'
import { figure } from '../experiments/draw.ts'
import type { Experiment, ExperimentRun } from '../experiments/experiment.ts'
import { experiment as experimentOf } from '../experiments/known.ts'
import { page, verdictWord } from '../experiments/page.ts'
import { type Outcome, reproduce } from '../experiments/reproduce.ts'
import { tableLines } from '../experiments/table.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { grouped } from '../src/numbers.ts'
import type { TaskDefinition } from '../src/tasks/definition.ts'
import { taskNamed } from '../src/tasks/tasks.node.ts'
import type { TrainEvent } from '../src/train/events.ts'
import { scored } from '../src/train/spoken.ts'
import { print, say } from './say.ts'
import { stopOnSignals } from './signals.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

export interface ReproduceFlags {
  only?: string[]
  budget?: number
  jobs?: number
  runs?: string
  out: string
  data?: string
  collect?: boolean
  json?: boolean
}

/** Returns the exit code: 0 when every run asked for is there, a claim that fails included. */
export async function reproduceFigure(name: string, flags: ReproduceFlags): Promise<number> {
  const experiment = experimentOf(name)
  const runs = flags.runs ?? path.join('runs', 'reproduce', experiment.name)
  let baselines: Results['baselines']
  const write = () =>
    writeAll(experiment, flags.out, collect(experiment, runs, readResults(flags.out, experiment), baselines))
  if (flags.collect) {
    for (const name of ['only', 'budget', 'jobs', 'data'] as const) {
      if (flags[name] !== undefined) throw new InputError(`--${name}: --collect runs nothing: remove one of the two`)
    }
    if (!existsSync(runs))
      throw new InputError(`${runs}: expected a folder of runs' folders but it does not exist: name one with --runs`)
    report(experiment, flags, write())
    return 0
  }
  if (flags.data !== undefined && tasksOf(experiment).every(({ sources }) => sources.length === 0)) {
    throw new InputError(`--data: ${experiment.name} makes its own data: remove it`)
  }
  if (flags.data === undefined && experiment.needsData !== undefined) {
    throw new InputError(`--data: expected ${experiment.needsData}, for ${experiment.name} but received nothing`)
  }
  await refuseBadData(experiment, flags.data)
  const extra = flags.data === undefined ? [] : ['--data', flags.data]
  baselines = experiment.baselines && measuredBaselines([...experiment.baselines, ...extra])
  const stop = stopOnSignals({ say, show() {}, clear() {} })
  try {
    const outcomes = await reproduce(experiment, {
      command: [process.execPath, MAIN],
      runs,
      only: flags.only,
      budget: flags.budget,
      jobs: flags.jobs,
      extra,
      signal: stop.signal,
      onEvent: (run, event, goal) => progress(experiment, run, event, goal),
      onEnd(run, outcome) {
        sayOutcome(run, outcome)
        if (outcome.kind !== 'kept') write()
      },
    })
    report(experiment, flags, write())
    if (stop.signal.aborted) return stop.exitCode()
    return [...outcomes.values()].some(({ kind }) => kind === 'failed') ? 1 : 0
  } finally {
    stop.release()
  }
}

/** Checks the data before anything is run or written. */
async function refuseBadData(experiment: Experiment, data: string | undefined): Promise<void> {
  for (const { check } of tasksOf(experiment)) await check?.({ data }, say)
}

function tasksOf({ runs }: Experiment): TaskDefinition[] {
  return [...new Set(runs.map(({ task }) => task))].map(taskNamed)
}

/**
 * What `irnn` prints, given these arguments: one JSON object of numbers. @throws InputError, its own line, when it
 * fails
 */
function measuredBaselines(args: readonly string[]): Results['baselines'] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, '--json'], { encoding: 'utf8' })
  if (status !== 0) throw new InputError(stderr.trim().replace(/^irnn: /, '') || `irnn ${args.join(' ')} failed`)
  return JSON.parse(stdout) as Results['baselines']
}

/** Numbers, picture and page; each whole or not at all. */
function writeAll(experiment: Experiment, out: string, results: Results): Results {
  writeResults(out, experiment, results)
  if (experiment.panels.length > 0)
    writeAtomic(path.join(out, `${experiment.name}.svg`), figure(experiment, results.runs))
  writeAtomic(path.join(out, `${experiment.name}.html`), page(experiment, results))
  return results
}

function progress({ metric }: Experiment, run: ExperimentRun, event: TrainEvent, goal: number): void {
  if (event.type !== 'eval') return
  say(`${run.name}  ${grouped(event.iteration)}/${grouped(goal)}  ${scored(event, { metric })}`)
}

function sayOutcome(run: ExperimentRun, { kind, message }: Outcome): void {
  const words = {
    kept: 'there already',
    done: 'done',
    paused: `paused ${message}; the same command goes on`,
    diverged: `diverged: ${message}`,
    failed: `failed: ${message}`,
  }
  say(`${run.name}  ${words[kind]}`)
}

function report(experiment: Experiment, { out, json }: ReproduceFlags, results: Results): void {
  const endings = experiment.panels.length > 0 ? ['json', 'svg', 'html'] : ['json', 'html']
  const files = endings.map((ending) => resultsFile(out, experiment).replace(/json$/, ending))
  if (json) {
    for (const { text, holds, measured } of results.claims) {
      print(JSON.stringify({ type: 'claim', text, holds, measured }))
    }
    print(JSON.stringify({ type: 'files', files }))
    return
  }
  for (const { text, holds, measured } of results.claims) {
    print(`${verdictWord(holds).padEnd(7)}  ${text}`)
    print(`         ${measured}`)
  }
  for (const table of experiment.tables ?? []) {
    for (const line of tableLines(table, experiment, results)) print(line)
  }
  print(files.join(', '))
}
