/**
 * What went wrong in a run, found in its records: each once, with what helps. Runs of every version have it, and a run
 * need not know that anybody looks.
 */
import { measured } from '../metric.ts'
import { grouped, percent, significant } from '../numbers.ts'
import type { StepEvent, TrainEvent } from '../train/events.ts'
import { scoreHistory, stepsOf } from './history.ts'

export interface Alert {
  readonly kind: 'nan' | 'exploding' | 'spike' | 'dead' | 'vanishing' | 'plateau'
  /** Whether the run is of no use as it is; else something to know. */
  readonly level: 'error' | 'warn'
  /** Where it began. */
  readonly iteration: number
  readonly message: string
  readonly remedy: string
}

/** Records that say what is usual: their median. */
const USUAL = 20
/** A record whose mean is so many times the usual loss, or one of whose iterations is, has a spike. */
const SPIKE = { mean: 10, single: 1000 } as const
/** Below this share of units that are not zero a layer is dead; below this norm a gradient changes no float32. */
const DEAD = 0.02
const VANISHED = 1e-8
/** Records in a row, and evaluations in a row without a better one. */
const LASTING = 10

/** In the order of their iterations. */
export function alertsOf(events: readonly TrainEvent[]): Alert[] {
  const steps = stepsOf(events)
  const collapsed = collapses(events)
  const bad = collapsed.some(({ kind }) => kind === 'nan') ? collapsed : [...collapsed, ...lost(steps)]
  return [...bad, ...spikes(steps), ...dead(steps), ...vanished(steps), ...plateau(events)].sort(
    (a, b) => a.iteration - b.iteration,
  )
}

/** An alert in a line: "iteration 30: …: …". */
export function alertLine({ iteration, message, remedy }: Alert): string {
  return `iteration ${grouped(iteration)}: ${message}: ${remedy}`
}

const CALMER = 'lower the learning rate, to a tenth say, or clip the gradient'

/** One for all collapses of a kind: the first, and how many there were. */
function collapses(events: readonly TrainEvent[]): Alert[] {
  const all = events.filter((event) => event.type === 'collapse')
  return [true, false].flatMap((finite) => {
    const alike = all.filter((event) => event.finite === finite)
    const [first] = alike
    if (!first) return []
    const often = alike.length > 1 ? `, the first of ${grouped(alike.length)}` : ''
    const best = first.best === null ? '' : ` after ${significant(first.best)} at best`
    const message = finite
      ? `training explodes, a loss of ${significant(first.loss)}${best}${often}`
      : `loss or gradient not finite, the minibatch was left out${often}`
    const kind = finite ? 'exploding' : 'nan'
    return [{ kind, level: 'error', iteration: first.iteration, message, remedy: CALMER } as const]
  })
}

function lost(steps: readonly StepEvent[]): Alert[] {
  const all = steps.filter(({ loss }) => !Number.isFinite(loss.mean))
  if (!all[0]) return []
  const message = `loss not finite in ${grouped(all.length)} of ${grouped(steps.length)} records`
  return [{ kind: 'nan', level: 'error', iteration: all[0].iteration, message, remedy: CALMER }]
}

/** Each spike once, with where it was over. */
function spikes(steps: readonly StepEvent[]): Alert[] {
  const found: Alert[] = []
  for (let i = USUAL; i < steps.length; i++) {
    const usual = medianOf(steps.slice(i - USUAL, i))
    const { loss, iteration } = steps[i]!
    const factor = Math.max(loss.mean / SPIKE.mean, loss.max / SPIKE.single) / usual
    if (!(usual > 0) || !(factor > 1) || !Number.isFinite(factor)) continue
    let end = i + 1
    while (end < steps.length && !(steps[end]!.loss.mean <= 2 * usual)) end += 1
    const over = steps[end] ? `over at iteration ${grouped(steps[end]!.iteration)}` : 'not over yet'
    const times = significant(loss.max / usual)
    const message = `the loss jumps to ${significant(loss.max)}, ${times} times the usual, ${over}`
    found.push({ kind: 'spike', level: steps[end] ? 'warn' : 'error', iteration, message, remedy: CALMER })
    i = end + USUAL // what is usual is to be learnt again
  }
  return found
}

function medianOf(steps: readonly StepEvent[]): number {
  const means = steps.map(({ loss }) => loss.mean).sort((a, b) => a - b)
  return means[means.length >> 1]!
}

function dead(steps: readonly StepEvent[]): Alert[] {
  const first = lasting(steps, ({ liveShare }) => liveShare < DEAD)
  if (!first) return []
  const message = `only ${percent(first.liveShare, 1)} of the hidden units are not zero`
  const remedy = 'lower the learning rate, or begin with smaller weights: units that are dead learn nothing'
  return [{ kind: 'dead', level: 'error', iteration: first.iteration, message, remedy }]
}

function vanished(steps: readonly StepEvent[]): Alert[] {
  const first = lasting(steps, ({ gradNorm }) => gradNorm.mean < VANISHED)
  if (!first) return []
  const message = `the gradient vanishes, its norm is ${significant(first.gradNorm.mean)}`
  const remedy = 'nothing is learnt: try the irnn or lstm cell, larger weights at the start, or shorter sequences'
  return [{ kind: 'vanishing', level: 'error', iteration: first.iteration, message, remedy }]
}

/** The first of the last records, all of which are so; none if there are too few. */
function lasting(steps: readonly StepEvent[], isSo: (step: StepEvent) => boolean): StepEvent | undefined {
  const last = steps.findLastIndex((step) => !isSo(step))
  return steps.length - 1 - last >= LASTING ? steps[last + 1] : undefined
}

/** The best evaluation is long ago, and the run did not choose it. */
function plateau(events: readonly TrainEvent[]): Alert[] {
  const scores = scoreHistory(events)
  if (!scores) return []
  const { best, of } = scores
  const later = scores.test.filter(([iteration]) => iteration > best.iteration).length
  if (later < LASTING) return []
  const value = measured(scores, of(best.test))
  const message = `no better than ${scores.name} ${value} in ${grouped(later)} evaluations since`
  const remedy = 'lower the learning rate, stop, or take checkpoint-best.safetensors'
  return [{ kind: 'plateau', level: 'warn', iteration: best.iteration, message, remedy }]
}
