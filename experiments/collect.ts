/** From folders of runs to experiments/results/<figure>.json: what a figure and its claims are made from. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { beats, METRICS, type Metric } from '../src/metric.ts'
import { readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import { optionsOf } from '../src/tasks/definition.ts'
import { recipeOf } from '../src/tasks/recipe.ts'
import { taskNamed } from '../src/tasks/tasks.node.ts'
import type { TestScore, TrainEvent } from '../src/train/events.ts'
import { trainSpec } from '../src/train/options.ts'
import type { Curve, Evidence, Experiment, ExperimentRun, RunResult, Score, Verdict } from './experiment.ts'
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
  let read: Results | undefined
  try {
    read = JSON.parse(readFileSync(file, 'utf8')) as Results
  } catch {}
  if (!Array.isArray(read?.runs) || read.figure !== experiment.name) {
    throw new InputError(`${file}: expected the results of ${experiment.name}: move it away or name another --out`)
  }
  return read
}

/**
 * Results with what the folders under `runs` hold now. A run without a folder keeps the result it has, if it is of that
 * run still: results travel with the project, run folders do not. A result that is the same keeps its date and commit.
 */
export function collect(
  experiment: Experiment,
  runs: string,
  earlier: Results,
  baselines: Results['baselines'] = earlier.baselines,
): Results {
  const results = experiment.runs.flatMap((run) => {
    const known = earlier.runs.find(({ name }) => name === run.name)
    const dir = path.join(runs, run.name)
    const fresh = existsSync(path.join(dir, 'config.json')) ? resultOf(run, experiment.metric, dir) : undefined
    if (!fresh) return known && isOf(run, known) ? [known] : []
    const same = known && JSON.stringify(lasting(known)) === JSON.stringify(lasting(fresh))
    return [same ? known : fresh]
  })
  const claims = verdicts(experiment, results, baselines)
  return { figure: experiment.name, runs: results, ...(baselines && { baselines }), claims }
}

/** false: the experiment asks for another run by now. */
export function isOf(run: ExperimentRun, result: RunResult): boolean {
  return difference(run, result as RunResult & Identity) === null
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
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return value === true ? [flag] : [flag, String(value)]
  })
}

/** What tells one run from another, as config.json and results have it. */
type Identity = Pick<RunResult, 'recipe' | 'seed'> & Pick<StoredRun['config'], 'task' | 'model' | 'training'>

/** How many iterations a run of the experiment is to have. */
export function plannedIterations({ task, cell, recipe, flags }: ExperimentRun): number {
  const definition = taskNamed(task)
  const { training } = recipeOf(definition, recipe, cell, optionsOf(definition.options, flags))
  return trainSpec({ ...training, ...(flags.iterations !== undefined && { iterations: Number(flags.iterations) }) })
    .iterations
}

/**
 * In what a stored run is not the experiment's; null if it is. Where the rate is constant a run goes the same way
 * however long it was to be: a shorter one is a partial result.
 */
function difference(run: ExperimentRun, { recipe: name, seed, task, model, training }: Identity): string | null {
  const { flags } = run
  const definition = taskNamed(run.task)
  const options = optionsOf(definition.options, flags)
  const { hidden, training: planned } = recipeOf(definition, run.recipe, run.cell, options)
  const { rnn, projection } = model as {
    rnn?: {
      cell?: string
      hidden?: number
      layers?: number
      bidirectional?: boolean
      init?: { recurrent?: { scale?: number } }
    }
    projection?: { size?: number }
  }
  const { optimizer, clip, schedule } = training
  const rated = { ...planned.optimizer, ...(flags.lr !== undefined && { lr: flags.lr }) }
  const mayBeShort = flags.iterations !== undefined && (flags.schedule ?? planned.schedule!.kind) === 'constant'
  const pairs: [string, unknown, unknown][] = [
    ['task', run.task, task.name],
    ['cell', run.cell, rnn?.cell],
    ['recipe', run.recipe, name],
    ['--hidden', flags.hidden ?? hidden, rnn?.hidden],
    ['--layers', flags.layers, rnn?.layers],
    ['--bidirectional', flags.bidirectional === true, rnn?.bidirectional],
    ['--scale', flags.scale, rnn?.init?.recurrent?.scale],
    ['--projection', flags.projection, projection?.size],
    ['--lr', flags.lr, optimizer.lr],
    ['--optimizer', flags.optimizer ?? planned.optimizer!.kind, optimizer.kind],
    ['optimizer', flags.optimizer === undefined ? rated : undefined, optimizer],
    ['--schedule', flags.schedule ?? planned.schedule!.kind, schedule.kind],
    ['--iterations', mayBeShort ? undefined : (flags.iterations ?? planned.iterations), training.iterations],
    ['--clip', flags.clip, 'limit' in clip ? clip.limit : undefined],
    ['--batch', flags.batch ?? planned.batch, training.batch],
    ['--seed', flags.seed, seed],
    ...Object.entries(options).map(
      ([name, wanted]) => [name, wanted, task.options[name]] as [string, unknown, unknown],
    ),
  ]
  for (const [what, wanted, held] of pairs) {
    if (wanted === undefined || isDeepStrictEqual(wanted, held)) continue
    return `${what} ${JSON.stringify(wanted)}, but it holds one with ${JSON.stringify(held)}`
  }
  return null
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
