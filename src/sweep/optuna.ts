/**
 * A sweep as a journal of Optuna (optuna.storages.journal): a line of JSON for the study and one for each trial that is
 * over. Optuna and optuna-dashboard open it.
 */
import { statSync } from 'node:fs'
import * as path from 'node:path'
import { InputError } from '../error.ts'
import { METRICS, metricOf } from '../metric.ts'
import { CONFIG, readRunFolder } from '../runs/stored.ts'
import { deciding } from '../train/deciding.ts'
import type { Axis, Sweep, Value } from './file.ts'
import { folderOf, type Outcome, outcomeOf, type SweepFolder } from './folder.ts'
import type { Trial } from './trials.ts'

/** Of JournalOperation. */
const [CREATE_STUDY, CREATE_TRIAL] = [0, 4]
/** Of TrialState. A trial that diverged has failed. */
const STATES: Readonly<Partial<Record<Outcome['kind'], number>>> = { done: 1, pruned: 2, diverged: 3 }
/** Of StudyDirection. */
const [MINIMIZE, MAXIMIZE] = [1, 2]

/** @param name of the study @throws InputError when no trial is over, or a folder of a trial holds something else */
export function optunaJournal({ dir, sweep, trials }: SweepFolder, name: string): string {
  const over = trials
    .map((trial) => ({ trial, outcome: outcomeOf(dir, trial) }))
    .filter(({ outcome }) => STATES[outcome.kind] !== undefined)
  if (over.length === 0) throw new InputError(`${dir}: expected trials that are over but there are none yet`)
  const distributions = distributionsOf(sweep)
  const lines = over.map(({ trial, outcome }) => trialLine(dir, trial, outcome, sweep, distributions))
  const higher = lines.some((line) => line.higherIsBetter)
  const study = { op_code: CREATE_STUDY, study_name: name, directions: [higher ? MAXIMIZE : MINIMIZE] }
  const all = [study, ...lines.map(({ entry }) => entry)]
  return all.map((entry) => `${JSON.stringify({ worker_id: 'irnn', ...entry })}\n`).join('')
}

function trialLine(dir: string, trial: Trial, outcome: Outcome, { space }: Sweep, distributions: Distributions) {
  const folder = folderOf(dir, trial)
  const { events } = readRunFolder(folder)
  const evals = events.filter((event) => event.type === 'eval')
  const metric = metricOf(evals[0]?.heldOut ?? evals[0]?.test ?? {}) ?? 'loss'
  const scores = evals.map((event) => [event.iteration, deciding(event, metric)] as const)
  const end = statSync(path.join(folder, CONFIG)).mtimeMs // when it was begun, or taken up
  const at = (ms: number) => new Date(ms).toISOString().replace('Z', '000+00:00')
  const seconds = 'seconds' in outcome ? outcome.seconds : 0
  const { options, seed } = trial.config
  const entry = {
    op_code: CREATE_TRIAL,
    study_id: 0,
    datetime_start: at(end),
    datetime_complete: at(end + 1000 * seconds),
    state: STATES[outcome.kind],
    value: outcome.kind === 'done' && Number.isFinite(outcome.score) ? outcome.score : null,
    values: null,
    distributions: Object.fromEntries(Object.entries(distributions).map(([name, one]) => [name, JSON.stringify(one)])),
    params: Object.fromEntries(
      Object.keys(space).map((name) => [name, internal(distributions[name]!, options[name]!)]),
    ),
    user_attrs: { id: trial.id, seed },
    system_attrs: {},
    intermediate_values: Object.fromEntries(scores.filter(([, score]) => Number.isFinite(score))),
  }
  return { entry, higherIsBetter: !(evals[0]?.judge ?? METRICS[metric]).lowerIsBetter }
}

interface Distribution {
  readonly name: 'FloatDistribution' | 'IntDistribution' | 'CategoricalDistribution'
  readonly attributes: Readonly<Record<string, unknown>>
}
type Distributions = Readonly<Record<string, Distribution>>

function distributionsOf({ space }: Sweep): Distributions {
  return Object.fromEntries(Object.entries(space).map(([name, axis]) => [name, distributionOf(axis)]))
}

/** Numbers of a list are a range, which plots as one; logarithmic where they span powers of ten. */
function distributionOf(axis: Axis): Distribution {
  const range = (low: number, high: number, log: boolean): Distribution => ({
    name: 'FloatDistribution',
    attributes: { step: null, low, high, log },
  })
  if ('uniform' in axis) return range(...axis.uniform, false)
  if ('log' in axis) return range(...axis.log, true)
  if ('whole' in axis) {
    const [low, high] = axis.whole
    return { name: 'IntDistribution', attributes: { log: false, step: 1, low, high } }
  }
  if (!axis.every((value) => typeof value === 'number')) {
    return { name: 'CategoricalDistribution', attributes: { choices: axis } }
  }
  const [low, high] = [Math.min(...axis), Math.max(...axis)]
  return range(low, high, low > 0 && high / low >= 100)
}

/** Of a category its place in the list. */
function internal({ attributes: { choices } }: Distribution, value: Value): number {
  return Array.isArray(choices) ? choices.indexOf(value) : (value as number)
}
