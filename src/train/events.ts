/**
 * What a training run says while it runs: one record format for the loop, `--json`, metrics.jsonl and whoever draws it.
 *
 * A step record covers a window of iterations and carries its minimum and maximum, so that a spike of one iteration is
 * never lost by sampling. JSON has no NaN and would silently write null: they are strings here, and numbers again when
 * read.
 */
import { InputError, shown } from '../error.ts'
import type { JudgeName } from '../metric.ts'
import { MOST_BUCKETS, type ProbeCurves } from '../model/probe.ts'
import type { AlertEvent, ResumeEvent, RunEvent } from './notes.ts'

/** Mean and extremes over the iterations of a record. */
export interface Spread {
  readonly mean: number
  readonly min: number
  readonly max: number
}

/** What training did since the last record: means, and the extremes that sampling would lose. */
export interface StepEvent {
  readonly type: 'step'
  /** Iterations done. */
  readonly iteration: number
  /** Since the start of the run. */
  readonly seconds: number
  /** Iterations this record covers, the last of which is `iteration`. */
  readonly window: number
  /** Training loss, mean over the batch whatever the reduction. */
  readonly loss: Spread
  /** Euclidean norm of all weight gradients before `value` and `norm` clipping, of the loss as reduced. */
  readonly gradNorm: Spread
  /**
   * Share of the window's iterations whose weight gradients were clipped; null if clipped by derivative: not counted.
   */
  readonly clippedShare: number | null
  /** Share of nonzero hidden units over all steps and sequences of the last batch. */
  readonly liveShare: number
  /**
   * Of cells of ReLU units: the share of the units that are not zero at least once, in some rows (t, b) of the last
   * batch. The others are dead. Of other cells: the share of h that is saturated there, above 0.95 or below -0.95.
   * Absent with activation checkpointing, in records of 0.1.0, and in a last record that is cut short.
   */
  readonly aliveUnits?: number
  readonly saturatedShare?: number
  /**
   * Norm of the change that the last iteration made to the weights, over their norm before it; of more than 2^20
   * weights, of as many from the recurrent layers on. About 1e-3 is usual. Absent in records of 0.1.0, and in a last
   * record that is cut short.
   */
  readonly updateRatio?: number
  /** Learning rate of the last iteration. */
  readonly lr: number
  /** Iterations a second over the window, evaluation not counted. */
  readonly iterationsPerSecond: number
}

/** A score on a whole set. */
export interface TestScore {
  /** Mean, whatever the reduction of the training loss. */
  readonly loss: number
  readonly mse?: number
  readonly accuracy?: number
  /** e to the mean negative log-likelihood of a token. */
  readonly perplexity?: number
  /** Share of the frames whose most probable class is not the target. */
  readonly frameError?: number
  /** Mean of the loss of that name. */
  readonly pinball?: number
  readonly huber?: number
  readonly gaussianNll?: number
  /** The task's own score (`Task.judge`). */
  readonly score?: number
}

/** What one evaluation gives. */
export interface Scores {
  readonly test: TestScore
  /** On the held-out set, if the task has one. It decides what is best, so that the test set stays unseen. */
  readonly heldOut?: TestScore
  /** What `score` is and which way is better, if the task has a score of its own. It decides in place of the metric. */
  readonly judge?: JudgeName
}

/** An evaluation on the whole test set, and on the held-out set where the task has one. */
export interface EvalEvent extends Scores {
  readonly type: 'eval'
  readonly iteration: number
  readonly seconds: number
}

/**
 * The moment to save: while the loop waits for its consumer, `getState()` of the run is as of this iteration. On
 * `--json` it says that the state is on disk. It is no line of metrics.jsonl: what a run measured must not depend on
 * how often it was saved.
 */
export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly iteration: number
  readonly seconds: number
}

/**
 * The training loss has risen to ten times its best, or loss or gradient are not finite (that minibatch is left out).
 */
export interface CollapseEvent {
  readonly type: 'collapse'
  readonly iteration: number
  readonly seconds: number
  /** Mean training loss of the last 100 iterations; of the one minibatch where it or its gradient is not finite. */
  readonly loss: number
  /** The lowest mean of 100 iterations before; null if there is none. */
  readonly best: number | null
  /** Whether loss and gradient were finite. */
  readonly finite: boolean
}

/**
 * A stage of a curriculum begins: training sequences have another length from here on, and the optimiser is anew. A run
 * whose sequences all have one length has no such events.
 */
export interface StageEvent {
  readonly type: 'stage'
  /** Iterations done before it. */
  readonly iteration: number
  readonly seconds: number
  /** Steps of its training sequences. */
  readonly T: number
  /** Iterations done when it is over; null: it is the last one and goes on to the end of the run. */
  readonly end: number | null
}

/**
 * How far the gradient of a minibatch travels and what the units do on the way, in curves over the steps of a sequence:
 * at iteration 0 and every `probeEvery` iterations, of the first sequences of the test set. Training does not notice.
 */
export interface ProbeEvent extends ProbeCurves {
  readonly type: 'probe'
  readonly iteration: number
  readonly seconds: number
}

/** The last event of a run. */
export interface DoneEvent {
  readonly type: 'done'
  readonly iteration: number
  readonly seconds: number
  /**
   * Why: all iterations are done, the test metric reached its target, a rate that falls where nothing gets better has
   * fallen as often as it may, or the signal or (if told to) a collapse stopped it.
   */
  readonly reason: 'iterations' | 'target' | 'plateau' | 'stopped' | 'collapse'
  /** By the signal or a collapse: the run is not finished. */
  readonly stopped: boolean
  /** The last evaluation; null if stopped before the first. */
  readonly test: TestScore | null
  readonly heldOut?: TestScore
  readonly judge?: JudgeName
  /** With `keepBest`: the best evaluation, whose weights the model now has. */
  readonly best?: Scores & { readonly iteration: number }
  /** In the records of a run's folder: what its model.safetensors is known by. The loop leaves it out. */
  readonly model?: { readonly sha256: string }
}

/** What a run yields, and what its records have beside that: one of these, told apart by `type`. */
export type TrainEvent =
  | RunEvent
  | StepEvent
  | StageEvent
  | ProbeEvent
  | EvalEvent
  | CheckpointEvent
  | CollapseEvent
  | AlertEvent
  | ResumeEvent
  | DoneEvent

/**
 * One line of JSON, no newline. NaN and ±Infinity become strings, numbers six significant digits unless they are whole.
 * @throws InputError for what is no event
 */
export function encodeEvent(event: TrainEvent): string {
  if (!hasType(event)) throw new InputError(`event: expected what train() yields but received ${shown(event)}`)
  return JSON.stringify(event, (name, value) => {
    if (typeof value === 'bigint')
      throw new InputError(`event: ${name}: expected a number but received ${shown(value)}`)
    if (typeof value !== 'number') return value
    if (!Number.isFinite(value)) return String(value)
    return Number.isInteger(value) ? value : Number(value.toPrecision(6))
  })
}

/** The event of one line, which encodeEvent wrote. @throws InputError if it is not JSON, or no event */
export function decodeEvent(line: string): TrainEvent {
  const value = parsed(line)
  if (hasType(value)) return value
  throw new InputError(`event: expected a line of JSON that encodeEvent wrote but received ${shown(line)}`)
}

/** Undefined for what is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line, (_, value) =>
      value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value,
    )
  } catch {
    return undefined
  }
}

function hasType(value: unknown): value is TrainEvent {
  return typeof value === 'object' && value !== null && TYPES.has((value as TrainEvent).type)
}

const TYPES: ReadonlySet<string> = new Set<TrainEvent['type']>([
  'run',
  'step',
  'stage',
  'probe',
  'eval',
  'checkpoint',
  'collapse',
  'alert',
  'resume',
  'done',
])
const REASONS: ReadonlySet<unknown> = new Set<DoneEvent['reason']>([
  'iterations',
  'target',
  'plateau',
  'stopped',
  'collapse',
])

/**
 * The event of one line that may hold anything; null if it is none: no JSON, not an object, of no known type, or
 * without its iteration, seconds, or what its type has.
 */
export function toEvent(line: string): TrainEvent | null {
  const event = parsed(line)
  return isEvent(event) ? event : null
}

/** Whether it has its iteration, seconds, and what its type has. */
export function isEvent(event: unknown): event is TrainEvent {
  if (!hasType(event)) return false
  const value = event as unknown as Partial<Record<string, unknown>>
  const { type, iteration, seconds } = value
  if (!Number.isSafeInteger(iteration) || (iteration as number) < 0 || typeof seconds !== 'number') return false
  if (type === 'step') return isSpread(value.loss) && isSpread(value.gradNorm) && typeof value.lr === 'number'
  if (type === 'eval') return isScore(value.test) && (value.heldOut === undefined || isScore(value.heldOut))
  if (type === 'done') return isEnd(value)
  if (type === 'probe') return isProbe(value)
  if (type === 'alert') return NOTED.every((name) => typeof value[name] === 'string')
  if (type === 'run') return typeof value.id === 'string' && typeof value.config === 'object'
  return type === 'stage' ? typeof value.T === 'number' : type !== 'collapse' || typeof value.loss === 'number'
}

function isEnd({ reason, stopped, test, heldOut, model }: Partial<Record<string, unknown>>): boolean {
  if (!REASONS.has(reason) || typeof stopped !== 'boolean') return false
  if (model !== undefined && typeof (model as DoneEvent['model'] | null)?.sha256 !== 'string') return false
  return (test === null || isScore(test)) && (heldOut === undefined || isScore(heldOut))
}

const PROBED = ['flow', 'flowLow', 'flowHigh', 'hNorm', 'activeT'] as const
const VERDICTS: ReadonlySet<unknown> = new Set<ProbeEvent['verdict']>(['vanishes', 'carried', 'explodes'])
const NOTED = ['kind', 'level', 'message', 'remedy', 'found'] as const

function isProbe(value: Partial<Record<string, unknown>>): boolean {
  const { T, every, flow, decades, verdict, rho } = value
  const n = Array.isArray(flow) ? flow.length : 0
  const isCurve = (curve: unknown) =>
    Array.isArray(curve) && curve.length === n && curve.every((number) => typeof number === 'number')
  if (n < 1 || n > MOST_BUCKETS || !PROBED.every((name) => isCurve(value[name]))) return false
  if (![T, every].every((number) => Number.isSafeInteger(number) && (number as number) >= 1)) return false
  return typeof decades === 'number' && VERDICTS.has(verdict) && (rho === null || typeof rho === 'number')
}

function isSpread(value: unknown): boolean {
  const { mean, min, max } = (value ?? {}) as Partial<Spread>
  return [mean, min, max].every((number) => typeof number === 'number')
}

function isScore(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every((number) => typeof number === 'number')
}
