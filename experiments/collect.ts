/** From folders of runs to experiments/results/<figure>.json: what a figure and its claims are made from. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownText, writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { beats, METRICS, type Metric } from '../src/metric.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import type { TestScore, TrainEvent } from '../src/train/events.ts'
import type { Curve, Evidence, Experiment, ExperimentRun, RunResult, Score, Verdict } from './experiment.ts'
import { difference, isOf } from './identity.ts'
import { paperCurve } from './paper.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MOST_POINTS = 400

/** The file of results. Verdicts follow from the runs, and are there for who reads the file alone. */
export interface Results {
  readonly figure: string
  readonly runs: readonly RunResult[]
  /** By name; absent where the experiment has none, or they are not computed yet. */
  readonly baselines?: Readonly<Record<string, number>>
  readonly claims: readonly ({ readonly text: string } & Verdict)[]
}

export function resultsFile(dir: string, { name }: Experiment): string {
  return path.join(dir, `${name}.json`)
}

/** The results a folder holds; none if there is no file. @throws InputError when the file is not one of results */
export function readResults(dir: string, experiment: Experiment): Results {
  const file = resultsFile(dir, experiment)
  if (!existsSync(file)) return { figure: experiment.name, runs: [], claims: [] }
  const text = ownText(file)
  let read: Results | undefined
  try {
    read = JSON.parse(text) as Results
  } catch {}
  if (!Array.isArray(read?.runs) || read.figure !== experiment.name) {
    throw new InputError(`${file}: expected the results of ${experiment.name}: move it away or name another --out`)
  }
  return read
}

/**
 * Results with what the folders under `runs` hold now. A run without a folder keeps the result it has, if it is of that
 * run still, and of the same data as the runs that have folders: results travel with the project, run folders do not. A
 * result that is the same keeps its date and commit.
 * @throws InputError when a folder holds another run, or folders hold runs of different data
 */
export function collect(
  experiment: Experiment,
  runs: string,
  earlier: Results,
  baselines: Results['baselines'] = earlier.baselines,
): Results {
  const found = experiment.runs.map((run) => {
    const dir = path.join(runs, run.name)
    return existsSync(path.join(dir, 'config.json')) ? resultOf(run, experiment.metric, dir) : undefined
  })
  const there = found.filter((one) => one !== undefined)
  const other = there.find((one) => dataOf(one) !== dataOf(there[0]!))
  if (other) {
    const dir = path.join(runs, other.name)
    throw new InputError(
      `${dir}: expected a run of the data ${dataOf(there[0]!)}, as ${there[0]!.name}, but received ${dataOf(other)}: ` +
        'move it away or name another --runs',
    )
  }
  const results = experiment.runs.flatMap((run, i) => {
    const known = earlier.runs.find(({ name }) => name === run.name)
    const fresh = found[i]
    if (!fresh) {
      const alike = there.length === 0 || (known && dataOf(known) === dataOf(there[0]!))
      return known && alike && isOf(run, known) ? [known] : []
    }
    const same = known && JSON.stringify(lasting(known)) === JSON.stringify(lasting(fresh))
    return [same ? known : fresh]
  })
  const claims = verdicts(experiment, results, baselines)
  return { figure: experiment.name, runs: results, ...(baselines && { baselines }), claims }
}

/** What a task knows its data by; empty of one that makes its own. */
function dataOf({ task }: RunResult): string {
  const { digits, corpus, vocabulary } = (task as { options: Readonly<Record<string, unknown>> }).options
  return [digits, corpus, vocabulary].filter((id) => id !== undefined).join(' ')
}

/** What of a result does not depend on when and where it was collected. */
function lasting({ commit: _commit, date: _date, machine: _machine, ...rest }: RunResult): object {
  return rest
}

export function verdicts(
  experiment: Experiment,
  runs: readonly RunResult[],
  baselines: Results['baselines'] = {},
): Results['claims'] {
  const evidence: Evidence = {
    experiment,
    result: (name) => runs.find((run) => run.name === name),
    baseline: (name) => baselines[name],
    paper: paperCurve,
  }
  return experiment.claims.map((claim) => ({ text: claim.text, ...claim.test(evidence) }))
}

/** Writes the file, each point of a curve on one line. */
export function writeResults(dir: string, experiment: Experiment, results: Results): void {
  mkdirSync(dir, { recursive: true })
  const text = JSON.stringify(results, null, 2).replace(/\[\s+([-\d.e]+),\s+([-\d.e]+)\s+\]/g, '[$1, $2]')
  writeAtomic(resultsFile(dir, experiment), `${text}\n`)
}

/** @throws InputError when the folder holds another run than the experiment's */
export function resultOf(run: ExperimentRun, metric: Metric, dir: string): RunResult {
  const { config, events } = readRunFolder(dir)
  const other = difference(run, config)
  if (other) {
    throw new InputError(`${dir}: expected the run ${run.name}, ${other}: move it away or name another --runs`)
  }
  const scale = METRICS[metric].percent ? 100 : 1
  const scores = scoresOf(events, metric, scale)
  const last = events.at(-1)
  return {
    name: run.name,
    command: commandOf(run),
    ended: endOf(events),
    iteration: last?.iteration ?? 0,
    iterations: config.training.iterations,
    batch: config.training.batch,
    seconds: Math.round(last?.seconds ?? 0),
    final: scores.at(-1) ?? null,
    best: scores.reduce<Score | null>(
      (best, score) => (best && !beats(metric, decisive(score), decisive(best)) ? best : score),
      null,
    ),
    recipe: config.recipe,
    seed: config.seed,
    version: config.version,
    commit: commit(),
    date: lastWritten(dir).toISOString().slice(0, 10),
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), ...config.machine },
    backend: config.backend.description,
    task: config.task,
    model: config.model,
    training: config.training,
    points: thinned(scores.map(({ iteration, value }) => [iteration, value] as const)),
  }
}

function lastWritten(dir: string): Date {
  const metrics = path.join(dir, 'metrics.jsonl')
  return statSync(existsSync(metrics) ? metrics : path.join(dir, 'config.json')).mtime
}

/** What `irnn` is to be given to repeat the run. */
export function commandOf({ task, cell, recipe, flags }: ExperimentRun): string {
  return ['irnn', 'train', task, ...flagsOf({ cell, recipe, ...flags })].join(' ')
}

export function flagsOf(flags: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(flags).flatMap(([key, value]) => {
    const flag = `--${optionOf(key)}`
    return value === true ? [flag] : [flag, String(value)]
  })
}

/** forgetBias → forget-bias. */
export function optionOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** What decides which evaluation is best. */
function decisive({ value, heldOut }: Score): number {
  return heldOut ?? value
}

/** Scores in order, each iteration once. A score that is no number has no place on a curve: left out. */
function scoresOf(events: readonly TrainEvent[], metric: Metric, scale: number): Score[] {
  const scores = new Map<number, Score>()
  const said = (score: TestScore) => Number((score[metric]! * scale).toPrecision(6))
  for (const event of events) {
    if (event.type !== 'eval') continue
    const { iteration, test, heldOut } = event
    scores.set(iteration, { iteration, value: said(test), ...(heldOut && { heldOut: said(heldOut) }) })
  }
  return [...scores.values()]
    .filter((score) => Number.isFinite(score.value) && Number.isFinite(decisive(score)))
    .sort((a, b) => a.iteration - b.iteration)
}

function endOf(events: readonly TrainEvent[]): RunResult['ended'] {
  const last = events.at(-1)
  if (last?.type === 'done') return last.reason === 'collapse' ? 'stopped' : last.reason
  const step = events.findLast((event) => event.type === 'step')
  if (step && !(Number.isFinite(step.loss.max) && Number.isFinite(step.gradNorm.max))) return 'diverged'
  return 'killed'
}

/** Of every stretch of a long curve the lowest and the highest point, in order; always the last one. */
export function thinned(points: Curve, most: number = MOST_POINTS): Curve {
  if (points.length <= most) return points
  const size = Math.ceil(points.length / ((most - 1) / 2))
  const kept: (readonly [number, number])[] = []
  for (let i = 0; i < points.length; i += size) {
    const group = points.slice(i, i + size)
    const low = group.reduce((a, b) => (b[1] < a[1] ? b : a))
    const high = group.reduce((a, b) => (b[1] > a[1] ? b : a))
    kept.push(...(low === high ? [low] : [low, high].sort((a, b) => a[0] - b[0])))
  }
  if (kept.at(-1) !== points.at(-1)) kept.push(points.at(-1)!)
  return kept
}

let known: string | null | undefined

/** The commit of this clone as this process began, `+` when files differ from it; null when this is no clone. */
function commit(): string | null {
  if (known === undefined) known = existsSync(path.join(ROOT, '.git')) ? askGit() : null
  return known
}

function askGit(): string | null {
  try {
    const git = (...args: string[]) => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8', stdio: 'pipe' })
    const changed = git('status', '--porcelain', '--', 'src', 'cli', 'kernels').trim() !== ''
    return `${git('rev-parse', '--short=12', 'HEAD').trim()}${changed ? '+' : ''}`
  } catch {
    return null
  }
}
