/**
 * Learning-rate schedules: data, and one pure function from an iteration to its rate.
 *
 * The paper trains at a fixed rate; the cosine decay is Loshchilov & Hutter's (SGDR, arXiv:1608.03983, one cycle) and the
 * linear warm-up Goyal et al.'s (arXiv:1706.02677). Nothing here remembers anything, so a resumed run needs no state.
 */
import { z } from 'zod'

export interface ConstantRate {
  readonly kind: 'constant'
  /** Iterations over which the rate grows linearly from 0 to its base. */
  readonly warmup: number
}
export interface CosineRate {
  readonly kind: 'cosine'
  /** The rate after the last iteration, as a fraction of the base rate. */
  readonly to: number
  readonly warmup: number
}
export interface StepRate {
  readonly kind: 'steps'
  /** Multiplied into the rate after each of the iterations in `at`, or after every `every` iterations. */
  readonly factor: number
  readonly every?: number
  readonly at?: readonly number[]
  readonly warmup: number
}
export type Schedule = ConstantRate | CosineRate | StepRate

/** A fixed learning rate, as in the paper. */
export function constantRate({ warmup = 0 }: { warmup?: number } = {}): ConstantRate {
  return { kind: 'constant', warmup }
}

/** Half a cosine from the base rate down to `to` (default 0) times the base rate at the end of the run. */
export function cosineRate({ to = 0, warmup = 0 }: { to?: number; warmup?: number } = {}): CosineRate {
  return { kind: 'cosine', to, warmup }
}

/** The rate times `factor` (default 0.1) after every `every` iterations, or after each iteration listed in `at`. */
export function stepRate({
  factor = 0.1,
  warmup = 0,
  ...when
}: { factor?: number; warmup?: number } & ({ every: number } | { at: readonly number[] })): StepRate {
  return { kind: 'steps', factor, ...when, warmup }
}

const warmup = z.int().min(0)
const factor = z.number().gt(0)

/** What the options of a run may say. */
export const scheduleSchema: z.ZodType<Schedule> = z.discriminatedUnion('kind', [
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
])

/**
 * The rate of one iteration.
 * @param base the optimiser's rate
 * @param iteration counted from 1
 * @param iterations of the whole run
 */
export function learningRate(schedule: Schedule, base: number, iteration: number, iterations: number): number {
  const { warmup } = schedule
  if (iteration <= warmup) return (base * iteration) / warmup
  if (schedule.kind === 'cosine') {
    const progress = (iteration - 1 - warmup) / Math.max(1, iterations - warmup)
    return base * (schedule.to + ((1 - schedule.to) * (1 + Math.cos(Math.PI * progress))) / 2)
  }
  if (schedule.kind === 'steps') {
    const done = iteration - 1
    const drops = schedule.at ? schedule.at.filter((at) => at <= done).length : Math.floor(done / schedule.every!)
    return base * schedule.factor ** drops
  }
  return base
}
