/**
 * `irnn reproduce FIGURE`: the runs of an experiment, its results, its figure, and what became of its claims.
 * `irnn reproduce all`: those of every experiment, and a page that shows all of it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, type Results, readResults, resultsFile, writeResults } from '../experiments/collect.ts'
import { figure } from '../experiments/draw.ts'
import type { Experiment } from '../experiments/experiment.ts'
import { indexPage } from '../experiments/index.ts'
import { EXPERIMENTS, experiment as experimentOf } from '../experiments/known.ts'
import { page, tallyOf, verdictWord } from '../experiments/page.ts'
import { doJobs, type Job, jobsOf, type Outcome } from '../experiments/reproduce.ts'
import { tableLines } from '../experiments/table.ts'
import { writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { grouped } from '../src/numbers.ts'
import type { TaskDefinition } from '../src/tasks/definition.ts'
import { taskNamed } from '../src/tasks/tasks.node.ts'
import type { TrainEvent } from '../src/train/events.ts'
import { scored } from '../src/train/spoken.ts'
import { ALL } from './figures.ts'
import { reproduceGrid } from './reproduceGrid.ts'
import { print, say } from './say.ts'
import { type Stop, stopOnSignals } from './signals.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))
const RUNS = path.join('runs', 'reproduce')
/** What `reproduce all` makes where it is given no corpus of speech: 8 speakers to test, 5 for development. */
const SPEECH = ['--speakers', '54', '--sentences', '30']

export interface ReproduceFlags {
  only?: string[]
  budget?: number
  jobs?: number
  hours?: number
  runs?: string
  out: string
  data?: string
  collect?: boolean
  grid?: boolean
  json?: boolean
}

/** An experiment, where its runs are, and what is measured beside them. */
interface Work {
  readonly experiment: Experiment
  readonly runs: string
  readonly extra: readonly string[]
  baselines?: Results['baselines']
}

/** Returns the exit code: 0 when every run asked for is there, a claim that fails included. */
export async function reproduceFigure(name: string, flags: ReproduceFlags): Promise<number> {
  if (name === ALL) return reproduceAll(flags)
  const experiment = experimentOf(name)
  const runs = flags.runs ?? path.join(RUNS, experiment.name)
  const extra = flags.data === undefined ? [] : ['--data', flags.data]
  const work: Work = { experiment, runs, extra }
  if (flags.collect) {
    for (const name of ['only', 'budget', 'jobs', 'data', 'grid'] as const) {
      if (flags[name] !== undefined) throw new InputError(`--${name}: --collect runs nothing: remove one of the two`)
    }
    if (!existsSync(runs))
      throw new InputError(`${runs}: expected a folder of runs' folders but it does not exist: name one with --runs`)
    report(experiment, flags, write(work, flags.out))
    return 0
  }
  if (flags.data !== undefined && tasksOf(experiment).every(({ sources }) => sources.length === 0)) {
    throw new InputError(`--data: ${experiment.name} makes its own data: remove it`)
  }
  if (flags.data === undefined && experiment.needsData !== undefined) {
    throw new InputError(`--data: expected ${experiment.needsData}, for ${experiment.name} but received nothing`)
  }
  if (flags.grid) return reproduceGrid(experiment, flags, () => refuseBadData(experiment, flags.data))
  await refuseBadData(experiment, flags.data)
  work.baselines = experiment.baselines && measuredBaselines([...experiment.baselines, ...extra])
  return running([work], flags, () => report(experiment, flags, write(work, flags.out)))
}

async function reproduceAll(flags: ReproduceFlags): Promise<number> {
  const base = flags.runs ?? RUNS
  for (const name of ['only', 'grid'] as const) {
    if (flags[name] !== undefined) throw new InputError(`--${name}: expected one figure beside it but received all`)
  }
  const works = EXPERIMENTS.map(
    (experiment): Work => ({ experiment, runs: path.join(base, experiment.name), extra: [] }),
  )
  const finish = () => {
    const all = works.map((work) => ({ experiment: work.experiment, results: write(work, flags.out) }))
    writeAtomic(path.join(flags.out, 'index.html'), indexPage(all))
    for (const { experiment, results } of all) print(`${experiment.title}: ${tallyOf(results)}`)
    print(path.join(flags.out, 'index.html'))
  }
  if (flags.collect) {
    finish()
    return 0
  }
  const speech = speechFor(base, flags.data)
  const ready: Work[] = []
  for (const [i, { experiment }] of works.entries()) {
    if (experiment.needsData !== undefined && speech === null) continue
    const data = experiment.needsData === undefined ? undefined : speech!
    await refuseBadData(experiment, data)
    works[i] = { ...works[i]!, extra: data === undefined ? [] : ['--data', data] }
    works[i]!.baselines = experiment.baselines && measuredBaselines(experiment.baselines)
    ready.push(works[i]!)
  }
  return running(ready, flags, finish)
}

/** Does the runs, and writes the results of an experiment whenever one of its runs has ended. */
async function running(works: readonly Work[], flags: ReproduceFlags, finish: () => void): Promise<number> {
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'saving the runs')
  const base = flags.runs ?? (works.length > 1 ? RUNS : works[0]!.runs)
  const pauseFile = path.join(base, 'pause')
  const late = timer(flags.hours, stop)
  try {
    const jobs = works.flatMap(({ experiment, runs, extra }) => jobsOf(experiment, { runs, only: flags.only, extra }))
    const outcomes = await doJobs(jobs, {
      command: [process.execPath, MAIN],
      budget: flags.budget,
      jobs: flags.jobs,
      signal: stop.signal,
      pauseFile,
      onEvent: progress,
      onEnd(job, outcome) {
        sayOutcome(job, outcome)
        if (outcome.kind !== 'kept') write(works.find(({ experiment }) => experiment === job.experiment)!, flags.out)
      },
    })
    finish()
    if (stop.signal.aborted && !late.over) return stop.exitCode()
    return [...outcomes.values()].some(({ kind }) => kind === 'failed') ? 1 : 0
  } finally {
    late.clear()
    stop.release()
  }
}

/** Stops after so many hours, which is no failure: called again it goes on. */
function timer(hours: number | undefined, stop: Stop): { readonly over: boolean; clear(): void } {
  let over = false
  if (hours === undefined) return { over, clear() {} }
  const late = setTimeout(() => {
    over = true
    say(`${hours} hours are over: saving the runs; the same command goes on`)
    stop.now()
  }, 3_600_000 * hours)
  return {
    get over() {
      return over
    },
    clear: () => clearTimeout(late),
  }
}

/** The folder of a corpus of speech, made if need be; null, after a word, where none can be had. */
function speechFor(base: string, data: string | undefined): string | null {
  if (data !== undefined) return data
  const out = path.join(base, 'speech')
  if (existsSync(path.join(out, 'SPLIT.TXT'))) return out
  say(`making a corpus of speech in ${out}`)
  const args = [MAIN, 'data', 'speech', ...SPEECH, '--out', out]
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status === 0) return out
  say(`timit is left out: ${stderr.trim().split('\n').at(-1)}: name a corpus with --data`)
  return null
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

/** Numbers, picture and page of what is there by now; each file whole or not at all. */
function write({ experiment, runs, baselines }: Work, out: string): Results {
  const results = collect(experiment, runs, readResults(out, experiment), baselines)
  writeResults(out, experiment, results)
  if (experiment.panels.length > 0)
    writeAtomic(path.join(out, `${experiment.name}.svg`), figure(experiment, results.runs))
  writeAtomic(path.join(out, `${experiment.name}.html`), page(experiment, results))
  return results
}

function progress({ experiment: { name, metric }, run }: Job, event: TrainEvent, goal: number): void {
  if (event.type !== 'eval') return
  say(`${name}  ${run.name}  ${grouped(event.iteration)}/${grouped(goal)}  ${scored(event, { metric })}`)
}

function sayOutcome({ experiment, run }: Job, { kind, message }: Outcome): void {
  const words = {
    kept: 'there already',
    done: 'done',
    paused: `paused ${message}; the same command goes on`,
    diverged: `diverged: ${message}`,
    failed: `failed: ${message}`,
  }
  say(`${experiment.name}  ${run.name}  ${words[kind]}`)
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
