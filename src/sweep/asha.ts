/**
 * Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934, in the variant that stops trials): a trial that is
 * not among the best third of those that came as far stops there. Rungs are its evaluations 1, 3, 9, 27 and so on. What
 * was decided stands in the trial's folder: one that is taken up again is not asked again, and rungs survive a restart.
 */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { ownText, writeAtomic } from '../disk.node.ts'
import { checked, InputError } from '../error.ts'
import { beats, type Direction, METRICS, metricOf } from '../metric.ts'
import { CONFIG, readRunFolder } from '../runs/stored.ts'
import * as z from '../schema.ts'
import { deciding } from '../train/deciding.ts'
import type { EvalEvent, TrainEvent } from '../train/events.ts'

const FILE = 'asha.json'
/** One of so many goes on. */
export const ETA = 3

/** Whether a trial goes on beyond a rung. */
export interface Decision {
  /** Which evaluation it was: 1, 3, 9, … */
  readonly rung: number
  /** null: no number. */
  readonly score: number | null
  readonly goesOn: boolean
}

/**
 * The rule: a trial goes on if it is among the best n / eta of the n that reached the rung, itself included, or the
 * best of fewer. @param others scores of those that were there before
 */
export function goesOn(score: number, others: readonly number[], direction: Direction, eta: number = ETA): boolean {
  if (!Number.isFinite(score)) return false
  const before = others.filter((other) => beats(direction, other, score)).length
  return before < Math.max(1, Math.floor((others.length + 1) / eta))
}

/** Whether an evaluation is one at which is decided. */
export function isRung(evaluation: number): boolean {
  let rung = 1
  while (rung < evaluation) rung *= ETA
  return rung === evaluation
}

const schema = z.array(z.strictObject({ rung: z.int().min(1), score: z.number().nullable(), goesOn: z.boolean() }))

/** What was decided of a trial. @throws InputError when its file is damaged */
export function decisionsIn(folder: string): readonly Decision[] {
  const file = path.join(folder, FILE)
  if (!existsSync(file)) return []
  let held: unknown
  try {
    held = JSON.parse(ownText(file))
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`${file}: expected JSON: remove it, and the trial is asked again`)
  }
  return checked(schema, held, file)
}

export function isPruned(folder: string): boolean {
  return decisionsIn(folder).some((decision) => !decision.goesOn)
}

export interface Pruner {
  /** Hears what a trial has measured; false: it shall stop. */
  heard(folder: string, event: TrainEvent): boolean
  /** The same for what its records hold, of which whoever ran it may not have heard; false: it shall not go on. */
  caughtUp(folder: string): boolean
}

/** @param folders of all trials of the sweep: what was decided of them counts */
export function asha(folders: readonly string[]): Pruner {
  const scores = new Map<number, number[]>()
  const known = new Map(folders.map((folder) => [folder, [...decisionsIn(folder)]]))
  const keep = ({ rung, score }: Decision) => {
    if (score !== null) scores.set(rung, [...(scores.get(rung) ?? []), score])
  }
  for (const decisions of known.values()) decisions.forEach(keep)
  function decide(folder: string, event: EvalEvent, every: number): boolean {
    const rung = event.iteration / every
    const decisions = known.get(folder)!
    if (!isRung(rung) || decisions.some((one) => one.rung === rung)) return true
    const metric = metricOf(event.heldOut ?? event.test) ?? 'loss'
    const score = deciding(event, metric)
    const decision = {
      rung,
      score: Number.isFinite(score) ? score : null,
      goesOn: goesOn(score, scores.get(rung) ?? [], event.judge ?? METRICS[metric]),
    }
    keep(decision)
    decisions.push(decision)
    writeAtomic(path.join(folder, FILE), `${JSON.stringify(decisions)}\n`)
    return decision.goesOn
  }
  const plans = new Map<string, { evalEvery: number; iterations: number }>()
  const planOf = (folder: string) => {
    if (!plans.has(folder)) plans.set(folder, readRunFolder(folder).config.training)
    return plans.get(folder)!
  }
  const heard = (folder: string, event: TrainEvent) => {
    if (event.type !== 'eval') return true
    const { evalEvery, iterations } = planOf(folder)
    // At its end there is nothing left to save.
    return event.iteration >= iterations || decide(folder, event, evalEvery)
  }
  return {
    heard,
    caughtUp(folder) {
      if (!existsSync(path.join(folder, CONFIG))) return true
      return readRunFolder(folder).events.every((event) => heard(folder, event))
    },
  }
}
