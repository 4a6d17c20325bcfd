/**
 * Learning-rate schedules: data, and pure functions: from an iteration to its rate, and for the one that depends on
 * what evaluations say, from its state and a score to its next state.
 *
 * The paper trains at a fixed rate; the cosine decay is Loshchilov & Hutter's (SGDR, arXiv:1608.03983, one cycle), the
 * linear warm-up Goyal et al.'s (arXiv:1706.02677), and halving on a held-out set what speech recognition has done
 * since Bourlard & Morgan (1994).
 */

import { refuseUnknown } from '../error.ts'
import { oneOf, whole } from '../flag.ts'
import { beats, type Direction, type Metric } from '../metric.ts'
import * as z from '../schema.ts'
import type { KindFlags } from './kindFlags.ts'

/** A fixed learning rate, as data; `constantRate` makes it. */
export interface ConstantRate {
  readonly kind: 'constant'
  /** Iterations over which the rate grows linearly from 0 to its base. */
  readonly warmup: number
}
/** A learning rate that falls along a cosine, as data; `cosineRate` makes it. */
export interface CosineRate {
  readonly kind: 'cosine'
  /** The rate after the last iteration, as a fraction of the base rate. */
  readonly to: number
  readonly warmup: number
}
/** A learning rate that falls at some iterations, as data; `stepRate` makes it. */
export interface StepRate {
  readonly kind: 'steps'
  /** Multiplied into the rate after each of the iterations in `at`, or after every `every` iterations. */
  readonly factor: number
  readonly every?: number
  readonly at?: readonly number[]
  readonly warmup: number
}
/** A learning rate that falls where the score gains nothing, as data; `halvingRate` makes it. */
export interface HalvingRate {
  readonly kind: 'halving'
  /** Multiplied into the rate after an evaluation that is not better than the best before by `improvement` of it. */
  readonly factor: number
  readonly improvement: number
  /** How often the rate falls at most; the run ends in place of one more fall. */
  readonly most: number
  readonly warmup: number
}
/** How the learning rate changes during a run, as data. */
export type Schedule = ConstantRate | CosineRate | StepRate | HalvingRate

/** What a halving rate remembers: the score to beat, null before the first, and how often it has fallen. */
export interface RateState {
  readonly best: number | null
  readonly drops: number
}
export const FIRST_RATE: RateState = { best: null, drops: 0 }

/** A fixed learning rate, as in the paper, after `warmup` iterations (default 0) over which it grows from 0. */
export function constantRate(options: { warmup?: number } = {}): ConstantRate {
  refuseUnknown('constantRate', options, ['warmup'])
  const { warmup = 0 } = options
  return { kind: 'constant', warmup }
}

/** Half a cosine from the base rate down to `to` (default 0) times the base rate at the end of the run. */
export function cosineRate(options: { to?: number; warmup?: number } = {}): CosineRate {
  refuseUnknown('cosineRate', options, ['to', 'warmup'])
  const { to = 0, warmup = 0 } = options
  return { kind: 'cosine', to, warmup }
}

/** The rate times `factor` (default 0.1) after every `every` iterations, or after each iteration listed in `at`. */
export function stepRate(
  options: { factor?: number; warmup?: number } & ({ every: number } | { at: readonly number[] }),
): StepRate {
  refuseUnknown('stepRate', options, ['factor', 'every', 'at', 'warmup'])
  const { factor = 0.1, warmup = 0, ...when } = options
  return { kind: 'steps', factor, ...when, warmup }
}

/**
 * Half the rate (or `factor` times) after every evaluation that does not better the best one before by 0.5 % of it
 * (`improvement`), on the held-out set where the task has one; the run ends instead of falling for the seventh time
 * (`most` 6).
 */
export function halvingRate(options: Partial<Omit<HalvingRate, 'kind'>> = {}): HalvingRate {
  refuseUnknown('halvingRate', options, ['factor', 'improvement', 'most', 'warmup'])
  const { factor = 0.5, improvement = 0.005, most = 6, warmup = 0 } = options
  return { kind: 'halving', factor, improvement, most, warmup }
}

/** Each schedule on the command line. */
export const SCHEDULE_FLAGS: KindFlags<Schedule> = {
  kind: {
    flag: '--schedule <name>',
    value: oneOf('constant', 'cosine', 'steps', 'halving'),
    help: 'how the learning rate changes',
  },
  kinds: {
    constant: constantRate,
    cosine: cosineRate,
    steps: () => stepRate({ every: 10_000 }),
    halving: halvingRate,
  },
  keeps: ['warmup'],
  parts: [
    {
      flag: '--decay-every <N>',
      value: whole(),
      sets: 'every',
      of: ['steps'],
      help: 'schedule steps: iterations after which the rate falls to a tenth, again and again (default: 10000)',
    },
    {
      flag: '--halvings <N>',
      value: whole(0),
      sets: 'most',
      of: ['halving'],
      help:
        'schedule halving: half the rate after every evaluation without a gain, N times at most, then stop ' +
        '(default: 6)',
    },
    { flag: '--warmup <N>', value: whole(0), sets: 'warmup', help: 'iterations of linear warm-up (default: 0)' },
  ],
}

const warmup = z.int().min(0)
const factor = z.number().gt(0)

/** What the options of a run may say. */
export const scheduleSchema: z.Schema<Schedule> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), warmup }),
  z.strictObject({ kind: z.literal('cosine'), to: z.number().min(0).max(1), warmup }),
  z
    .strictObject({
      kind: z.literal('steps'),
      factor,
      every: z.int().min(1).exactOptional(),
      at: z.array(z.int().min(1)).min(1).exactOptional(),
      warmup,
    })
    .refine((s) => (s.every === undefined) !== (s.at === undefined), { message: 'expected either "every" or "at"' }),
  z.strictObject({
    kind: z.literal('halving'),
    factor: z.number().gt(0).lt(1),
    improvement: z.number().min(0).lt(1),
    most: z.int().min(0),
    warmup,
  }),
])

/**
 * The rate of one iteration.
 * @param base the optimiser's rate
 * @param iteration counted from 1
 * @param iterations of the whole run
 * @param drops how often a halving rate has fallen
 */
export function learningRate(
  schedule: Schedule,
  base: number,
  iteration: number,
  iterations: number,
  drops: number = 0,
): number {
  const { warmup } = schedule
  if (iteration <= warmup) return (base * iteration) / warmup
  if (schedule.kind === 'cosine') {
    const progress = (iteration - 1 - warmup) / Math.max(1, iterations - warmup)
    return base * (schedule.to + ((1 - schedule.to) * (1 + Math.cos(Math.PI * progress))) / 2)
  }
  if (schedule.kind === 'steps') {
    const done = iteration - 1
    const falls = schedule.at ? schedule.at.filter((at) => at <= done).length : Math.floor(done / schedule.every!)
    return base * schedule.factor ** falls
  }
  return schedule.kind === 'halving' ? base * schedule.factor ** drops : base
}

/** The state after an evaluation; only a halving rate has one that changes. */
export function rateAfterScore(
  schedule: Schedule,
  state: RateState,
  metric: Metric | Direction,
  score: number,
): RateState {
  if (schedule.kind !== 'halving') return state
  const { best, drops } = state
  const better = best === null ? Number.isFinite(score) : beats(metric, score, best)
  const enough = better && (best === null || Math.abs(score - best) >= schedule.improvement * Math.abs(best))
  return { best: better ? score : best, drops: enough ? drops : drops + 1 }
}

/** Whether the rate has fallen as often as it may, which ends the run. */
export function isExhausted(schedule: Schedule, { drops }: RateState): boolean {
  return schedule.kind === 'halving' && drops > schedule.most
}
