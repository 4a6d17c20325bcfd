/** `irnn sweep`: runs the trials of a file, and says how far they are and what they came to. */
import { rmSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { explaining, writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { isSwitch, longOf, nameOf } from '../src/flag.ts'
import { measured, measureOf } from '../src/metric.ts'
import { duration, grouped } from '../src/numbers.ts'
import { openSampler, type Sampler } from '../src/sweep/asked.ts'
import { type FlagsOf, readSweepFile, refuseUnsampled, type Sweep } from '../src/sweep/file.ts'
import {
  beginSweep,
  CANCEL,
  isOver,
  type Outcome,
  outcomeOf,
  ranked,
  readSweepFolder,
  type SweepFolder,
  trialsIn,
} from '../src/sweep/folder.ts'
import { refuseOtherQueue, runQueued, type SweepQueue } from '../src/sweep/queue.ts'
import { type Ran, runSweep } from '../src/sweep/run.ts'
import { runSampled } from '../src/sweep/sampled.ts'
import { type TrialConfig, trialsOf } from '../src/sweep/trials.ts'
import { optionsOf } from '../src/tasks/definition.ts'
import { modelOf, type NetworkFlags } from '../src/tasks/network.ts'
import { recipeOf } from '../src/tasks/recipe.ts'
import { taskNamed } from '../src/tasks/tasks.node.ts'
import { optionsFromFlags, trainSpec } from '../src/train/options.ts'
import { trainFlags } from './options.ts'
import { print, say } from './say.ts'
import { stopOnSignals } from './signals.ts'
import { heatOf } from './sweepHeat.ts'
import { type QueueCounts, type QueueFlags, refuseBeside, refuseBesideSampler, withQueue } from './sweepQueue.ts'
import { csvOf, tableOf } from './sweepTable.ts'

export const MAIN = fileURLToPath(new URL('main.js', import.meta.url))
/** "Try again": what was asked for is not all done, and the same command goes on. As sysexits.h has it. */
export const STOPPED = 75

export interface SweepFlags extends QueueFlags {
  readonly dir?: string
  readonly slots?: number
  readonly prune?: 'asha'
  readonly sampler?: 'optuna'
}

export const flagsOf: FlagsOf = (task) => trainFlags(taskNamed(task))

/** Runs what is left of a sweep. Returns the exit code: 0 when every trial is over, 1 when some failed. */
export async function sweepFile(file: string, flags: SweepFlags): Promise<number> {
  const { dir } = flags
  // Not left to commander, which would ask for it of `sweep status` as well.
  if (dir === undefined) throw new InputError('sweep: expected --dir <dir> but received nothing: add it')
  refuseBeside(flags)
  const folder = folderFrom(file, dir, flags.sampler)
  if (folder.sweep.sampler === undefined) {
    return withQueue(dir, flags, async (queue) => {
      if (queue) await refuseOtherQueue(queue, folder.sweep) // before there is a folder
      return runAll(folder, flags, { queue })
    })
  }
  refuseBesideSampler(flags)
  const sampler = await openSampler(dir, folder.sweep, process.env.IRNN_PYTHON || 'python3')
  try {
    return await runAll(folder, flags, { sampler })
  } finally {
    sampler.close()
  }
}

/** Who hands out trials, if not this process. */
interface Means {
  readonly queue?: SweepQueue | undefined
  readonly sampler?: Sampler | undefined
}

async function runAll(folder: SweepFolder, { slots, prune }: SweepFlags, { queue, sampler }: Means): Promise<number> {
  const { dir } = folder
  const unlock = beginSweep(folder, flagsOf, say)
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'saving the trials')
  try {
    explaining(dir, 'cannot be written', () => rmSync(path.join(dir, CANCEL), { force: true }))
    const onEnd = progress(folder)
    const local = { command: [process.execPath, MAIN], slots, stop, prune: prune !== undefined, onEnd }
    const rans = queue
      ? await runQueued(folder, queue, { stop, onEnd })
      : sampler
        ? await runSampled(folder, sampler, local)
        : await runSweep(folder, local)
    sayBest(rans, folder)
    const unasked = sampler && stop.signal.aborted ? Math.max(0, countOf(folder) - rans.length) : 0
    const left = rans.filter(({ outcome }) => !isOver(outcome)).length + unasked
    if (left === 0) return 0
    if (stop.signal.aborted) {
      const others = queue ? ', and workers meanwhile, unless it was cancelled' : ''
      say(`stopped: ${grouped(left)} of ${grouped(countOf(folder))} are left; the same command goes on${others}`)
    }
    return stop.signal.aborted ? STOPPED : 1
  } finally {
    stop.release()
    unlock()
  }
}

function sayBest(rans: readonly Ran[], { dir, sweep }: SweepFolder): void {
  const best = ranked(rans)[0]
  const results = `irnn sweep results ${dir}`
  const all = grouped(rans.length)
  if (best?.outcome.kind !== 'done') print(`no trial has a score yet; ${results} has all ${all}`)
  else print(`best: ${spoken(best, Object.keys(sweep.space))}; ${results} has all ${all}`)
}

/** How many trials it is to have. */
function countOf({ sweep, trials }: SweepFolder): number {
  return sweep.sampler === undefined ? trials.length : sweep.trials!
}

/** What a file says, for a folder that need not be there yet. @throws InputError when a trial could not begin */
export function folderFrom(file: string, dir: string, sampler?: 'optuna'): SweepFolder {
  const said = readSweepFile(file, flagsOf)
  if (sampler !== undefined) refuseUnsampled(said, file)
  const sweep = sampler === undefined ? said : { ...said, sampler }
  // What a sampler will ask for nobody knows: one that is drawn at random stands for it.
  const drawn = trialsOf(sweep.sampler === undefined ? sweep : { ...sweep, trials: 1 })
  for (const { config } of drawn) refuseImpossible(config, file)
  return { dir, sweep, trials: sweep.sampler === undefined ? drawn : trialsIn(dir, sweep) }
}

/** Before there is a folder: options that no network or training has together. @throws InputError */
function refuseImpossible({ task, options, seed }: TrialConfig, file: string): void {
  try {
    const definition = taskNamed(task)
    const given: Record<string, unknown> = { cell: 'irnn', seed }
    for (const flag of trainFlags(definition)) {
      const word = options[longOf(flag).slice(2)]
      if (word === undefined) continue
      given[nameOf(flag)] =
        isSwitch(flag) || !flag.value ? word || undefined : flag.value.read(String(word), longOf(flag))
    }
    const flags = given as NetworkFlags
    const chosen = optionsOf(definition.options, flags)
    const recipe = recipeOf(definition, options.recipe as string | undefined, flags.cell, chosen)
    trainSpec(optionsFromFlags(recipe.training, flags))
    modelOf(recipe, flags, { input: { size: 1 }, head: { kind: 'regression', size: 1, steps: 'last' } })
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error
  }
}

/** A line for each trial that is over or has failed, with the time that the others will take. */
function progress(folder: SweepFolder): (ran: Ran, fresh: boolean) => void {
  const since = performance.now()
  const names = Object.keys(folder.sweep.space)
  const count = countOf(folder)
  let [over, before, failed] = [0, 0, 0]
  return (ran, fresh) => {
    if (ran.message !== undefined) failed += 1
    else over += 1
    if (!fresh) {
      before += 1
      return
    }
    const seconds = (performance.now() - since) / 1000 / (over + failed - before)
    const left = count - over - failed
    const rest = left > 0 ? `; about ${duration(seconds * left)} left` : ''
    say(`${grouped(over)}/${grouped(count)}  ${spoken(ran, names)}${rest}`)
  }
}

/** "t0123…  lr 0.01, clip 1, seed 1: MSE 0.17" */
export function spoken({ trial: { id, config }, outcome, message }: Ran, names: readonly string[]): string {
  const options = names.map((name) => `${name} ${config.options[name]}`)
  return `${id}  ${[...options, `seed ${config.seed}`].join(', ')}: ${message ?? came(outcome)}`
}

function came(outcome: Outcome): string {
  if (outcome.kind !== 'done') return isOver(outcome) ? outcome.kind : 'not done'
  return `${measureOf(outcome.measure).name} ${measured(outcome.measure, outcome.score)}`
}

/** @throws InputError when there is no sweep in `dir`, or it is damaged */
function read(dir: string): { rans: Ran[]; names: string[]; sweep: Sweep } {
  const { sweep, trials } = readSweepFolder(dir, flagsOf)
  const rans = trials.map((trial) => ({ trial, outcome: outcomeOf(dir, trial) }))
  return { rans, names: Object.keys(sweep.space), sweep }
}

/** Says how many trials are over, and about how long the others take. @param queued what is in its queue */
export function sweepStatus(dir: string, { json = false }: { json?: boolean }, queued?: QueueCounts): number {
  const { rans, names } = read(dir)
  const count = (kind: Outcome['kind']) => rans.filter(({ outcome }) => outcome.kind === kind).length
  const [done, diverged, pruned] = [count('done'), count('diverged'), count('pruned')]
  const [begun, waiting] = [count('begun'), count('waiting')]
  const best = ranked(rans)[0]
  const secondsLeft = leftOf(rans)
  if (json) {
    const id = best?.outcome.kind === 'done' ? best.trial.id : null
    const all = { trials: rans.length, done, diverged, pruned, begun, waiting, secondsLeft, best: id }
    print(JSON.stringify({ ...all, ...(queued && { queue: queued }) }))
    return 0
  }
  const left = begun + waiting
  const rest = left === 0 ? '' : `, ${grouped(begun)} begun, ${grouped(waiting)} waiting`
  const ends =
    (diverged > 0 ? `, ${grouped(diverged)} diverged` : '') + (pruned > 0 ? `, ${grouped(pruned)} pruned` : '')
  print(`${grouped(done)} of ${grouped(rans.length)} trials done${ends}${rest}`)
  if (left > 0 && secondsLeft !== null) print(`about ${duration(secondsLeft)} left, one at a time`)
  if (best?.outcome.kind === 'done') print(`best: ${spoken(best, names)}`)
  if (queued) {
    const states = Object.entries(queued).map(([state, n]) => `${grouped(n)} ${state}`)
    print(`in the queue: ${states.join(', ')}`)
  }
  return 0
}

/** Seconds that what is left takes one after the other, as long as the others took; null while none is over. */
function leftOf(rans: readonly Ran[]): number | null {
  const over = rans.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.seconds] : []))
  if (over.length === 0) return null
  const mean = over.reduce((sum, seconds) => sum + seconds, 0) / over.length
  const shares = rans.map(({ outcome }) => {
    if (outcome.kind === 'begun') return 1 - outcome.iteration / outcome.iterations
    return outcome.kind === 'waiting' ? 1 : 0
  })
  return Math.round(mean * shares.reduce((sum, share) => sum + share, 0))
}

export interface ResultsFlags {
  readonly csv?: boolean
  readonly json?: boolean
  readonly svg?: string
}

/** The trials: as a table, the best first; or a line of JSON each, in the order of their ids. */
export function sweepResults(dir: string, flags: ResultsFlags): number {
  for (const line of resultLines(dir, flags)) print(line)
  return 0
}

/** @throws InputError when there is no sweep in `dir`, or flags do not go together */
export function resultLines(dir: string, { csv = false, json = false, svg }: ResultsFlags): string[] {
  if (csv && json) throw new InputError('sweep results: expected --csv or --json but received both: remove one')
  const { rans, sweep } = read(dir)
  if (svg !== undefined) {
    const heat = heatOf(sweep, rans)
    explaining(svg, 'cannot be written', () => writeAtomic(svg, heat))
  }
  const sorted = json ? rans.sort((a, b) => (a.trial.id < b.trial.id ? -1 : 1)) : ranked(rans)
  return json ? sorted.map(lineOf) : csv ? csvOf(sorted) : tableOf(sorted)
}

/** What is the same for every sweep of this space on machines with the same instructions: no times. */
function lineOf({ trial: { id, config }, outcome }: Ran): string {
  const done = outcome.kind === 'done' ? outcome : null
  const metric = done && measureOf(done.measure).name
  const score = done && Number.isFinite(done.score) ? done.score : null
  return JSON.stringify({ id, config, score, sha256: done?.sha256 ?? null, state: outcome.kind, metric })
}

/** Who runs trials of it looks once a second. */
export function cancelSweep(dir: string): number {
  readSweepFolder(dir, flagsOf)
  explaining(dir, 'cannot be written', () => writeAtomic(path.join(dir, CANCEL), ''))
  say(`${dir}: whoever runs trials of it stops within a second or so; irnn sweep goes on`)
  return 0
}
