/**
 * The folder of a sweep, which is the truth about it: sweep.json, and under trials/ an ordinary run for each trial, by
 * its id. Whoever runs trials, on this machine or another, asks the folder what there is to do; nothing else remembers.
 */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { explaining, makeFolder, namesIn, writeAtomic } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { type Direction, type JudgeName, METRICS, type Metric, metricOf } from '../metric.ts'
import { LOCK, lockFolder } from '../runs/lock.ts'
import { CONFIG, MODEL, readRunFolder, type StoredRun } from '../runs/stored.ts'
import { deciding } from '../train/deciding.ts'
import type { DoneEvent } from '../train/events.ts'
import { isPruned } from './asha.ts'
import { askedTrials } from './askedFile.ts'
import { type FlagsOf, readSweepFile, type Sweep } from './file.ts'
import { type Trial, trialsOf } from './trials.ts'

const SWEEP = 'sweep.json'
/** While there is a file of this name, trials are stopped where they are. */
export const PAUSE = 'pause'
/** A file of this name ends whoever runs trials. */
export const CANCEL = 'cancel'

export interface SweepFolder {
  readonly dir: string
  readonly sweep: Sweep
  readonly trials: readonly Trial[]
}

/** @throws InputError when there is no sweep in `dir`, or it is damaged */
export function readSweepFolder(dir: string, flagsOf: FlagsOf): SweepFolder {
  const file = path.join(dir, SWEEP)
  if (!namesIn(dir).includes(SWEEP)) {
    throw new InputError(`${dir}: expected the folder of a sweep but it has no ${SWEEP}: name the --dir of irnn sweep`)
  }
  const sweep = readSweepFile(file, flagsOf)
  return { dir, sweep, trials: trialsIn(dir, sweep) }
}

/** All trials; of a sampler, those that it has asked for so far. @throws InputError when its record is damaged */
export function trialsIn(dir: string, sweep: Sweep): Trial[] {
  return sweep.sampler === undefined ? trialsOf(sweep) : askedTrials(dir, sweep)
}

/**
 * Locks the folder of a sweep for the one that runs all of its trials here; a new one is made.
 * @returns what unlocks it
 * @throws InputError when it holds other things or another sweep, or another process has it
 */
export function beginSweep({ dir, sweep }: SweepFolder, flagsOf: FlagsOf, say: (line: string) => void): () => void {
  return explaining(dir, 'cannot be written', () => {
    makeFolder(dir)
    refuseOther(dir, sweep, flagsOf)
    const unlock = lockFolder(dir, say)
    try {
      refuseOther(dir, sweep, flagsOf) // begun in the meantime
      if (!existsSync(path.join(dir, SWEEP))) {
        writeAtomic(path.join(dir, SWEEP), `${JSON.stringify({ ...sweep }, null, 2)}\n`)
      }
      return unlock
    } catch (error) {
      unlock()
      throw error
    }
  })
}

function refuseOther(dir: string, sweep: Sweep, flagsOf: FlagsOf): void {
  const names = namesIn(dir).filter((name) => !name.startsWith(LOCK) && !name.startsWith(`${SWEEP}.`))
  if (!names.includes(SWEEP)) {
    if (names.length === 0) return
    throw new InputError(`${dir}: expected a new or empty folder but it holds other files: name another folder`)
  }
  const held = readSweepFolder(dir, flagsOf).sweep
  const keys = new Set([...Object.keys(sweep), ...Object.keys(held)] as (keyof Sweep)[])
  const part = [...keys].find((key) => sorted(held[key]) !== sorted(sweep[key]))
  if (part === undefined) return
  throw new InputError(
    `${dir}: expected the sweep of the file but it holds one with another ${part}: name another --dir`,
  )
}

/** As text, whatever the order of options. */
export function sorted(part: unknown): string {
  return JSON.stringify(part, (_, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

export function folderOf(dir: string, { id }: Trial): string {
  return path.join(dir, 'trials', id)
}

/** How far a trial is. What a trial of the same id came to is the same on every machine with the same instructions. */
export type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'begun'; readonly iteration: number; readonly iterations: number; readonly seconds: number }
  | { readonly kind: 'diverged' | 'pruned'; readonly iteration: number; readonly seconds: number }
  | ({ readonly kind: 'done' } & Score & Pick<DoneEvent, 'iteration' | 'seconds' | 'test' | 'heldOut'>)

export interface Score {
  /** What decides between trials: of the model at the end, on the held-out set where there is one. May be NaN. */
  readonly score: number
  readonly measure: Metric | JudgeName
  /** Of model.safetensors, in hexadecimal. */
  readonly sha256: string
}

/** @throws InputError when its folder holds something else */
export function outcomeOf(dir: string, trial: Trial): Outcome {
  const folder = folderOf(dir, trial)
  if (!existsSync(path.join(folder, CONFIG))) return { kind: 'waiting' }
  const run = readRunFolder(folder)
  const { task, seed } = run.config
  if (task.name !== trial.config.task || seed !== trial.config.seed) {
    throw new InputError(`${folder}: expected the trial of that id but it holds another run: move it away`)
  }
  const done = run.end()
  if (done && !done.stopped) return scoreOf(done)
  const { iteration = 0, seconds = 0 } = run.events.at(-1) ?? {}
  if (done?.reason === 'collapse' || (!done && hasDiverged(run))) return { kind: 'diverged', iteration, seconds }
  if (isPruned(folder)) return { kind: 'pruned', iteration, seconds }
  return { kind: 'begun', iteration, iterations: run.config.training.iterations, seconds }
}

function scoreOf(done: DoneEvent): Extract<Outcome, { kind: 'done' }> {
  const { test, heldOut, judge, iteration, seconds, model } = done
  const metric = metricOf(test ?? {}) ?? 'loss'
  return {
    kind: 'done',
    score: test ? deciding({ ...done, test }, metric) : Number.NaN,
    measure: judge ?? metric,
    sha256: model?.sha256 ?? '',
    iteration,
    seconds,
    test,
    ...(heldOut && { heldOut }),
  }
}

/** A run that diverged has its model, as it was before, and no end; its last record is of what is no number. */
function hasDiverged({ dir, events }: StoredRun): boolean {
  if (!existsSync(path.join(dir, MODEL))) return false
  const step = events.findLast((event) => event.type === 'step')
  return step !== undefined && !(Number.isFinite(step.loss.max) && Number.isFinite(step.gradNorm.max))
}

/** Whether there is nothing left to do for it. */
export function isOver({ kind }: Outcome): boolean {
  return kind === 'done' || kind === 'diverged' || kind === 'pruned'
}

/** The best first; those without a score last. Equal ones by their id. */
export function ranked<T extends { readonly trial: Trial; readonly outcome: Outcome }>(all: readonly T[]): T[] {
  const scoreIn = ({ outcome }: T) => (outcome.kind === 'done' ? outcome.score : Number.NaN)
  const sign = all.some(({ outcome }) => outcome.kind === 'done' && !directionOf(outcome).lowerIsBetter) ? -1 : 1
  return [...all].sort((a, b) => {
    const [x, y] = [scoreIn(a), scoreIn(b)]
    if (Number.isFinite(x) !== Number.isFinite(y)) return Number.isFinite(x) ? -1 : 1
    return (Number.isFinite(x) && sign * (x - y)) || (a.trial.id < b.trial.id ? -1 : 1)
  })
}

function directionOf({ measure }: Score): Direction {
  return typeof measure === 'string' ? METRICS[measure] : measure
}
