/** The fit loop, for every kind of work: trials on the validation part, the best of them on the test part. */
import type { Backend } from '../backend/backend.ts'
import { InputError, refuseUnknown } from '../error.ts'
import { createModel, type Model } from '../model/model.ts'
import { DivergenceError } from '../train/divergence.ts'
import type { StopSignal } from '../train/evaluate.ts'
import type { TrainEvent } from '../train/events.ts'
import { train } from '../train/loop.ts'
import { type TrainSpec, trainSpec } from '../train/options.ts'
import { sideBySide } from './ensemble.ts'
import type { Note } from './notes.ts'
import type { Schema } from './schema.ts'
import type { MethodScores, Outcome, Trial, Tried, Work } from './work.ts'

/** How a work is fitted. */
export interface FitOptions {
  readonly backend: Backend
  /** Of weights and of the order of windows. Default 1. */
  readonly seed?: number | undefined
  /** The most trials; default as many as the kind of work has. */
  readonly trials?: number | undefined
  /** The most iterations of a trial; default as many as its recipe has. */
  readonly iterations?: number | undefined
  /** Ends the fit with its next iteration. */
  readonly signal?: StopSignal | undefined
}

/** What was decided, before anything is trained. */
export interface InferredEvent {
  readonly type: 'inferred'
  readonly schema: Schema
  readonly notes: readonly Note[]
}

/** How far a trial is. */
export interface ProgressEvent {
  readonly type: 'progress'
  readonly trial: string
  readonly iteration: number
  readonly iterations: number
}

/** A trial was made. */
export interface TrialEvent {
  readonly type: 'trial'
  readonly name: string
  readonly recipe: string
  /** On the validation part. */
  readonly validation: Readonly<Record<string, number>>
  /** Whether it is the best so far. */
  readonly best: boolean
}

/** The last event. */
export interface FitResultEvent {
  readonly type: 'result'
  /** The name of the best method on the test part; `network` if it is the network. */
  readonly winner: string
  readonly methods: readonly MethodScores[]
  readonly fitted: Fitted
}

/** What `fit` yields: one of these, told apart by `type`. */
export type FitEvent = InferredEvent | ProgressEvent | TrialEvent | FitResultEvent

/** A work fitted: the model, what it was made from, and its worth. Dispose of the model when it is no longer needed. */
export interface Fitted {
  readonly model: Model
  /** The best trial, as it was trained last. */
  readonly trial: Trial
  readonly training: TrainSpec
  readonly seed: number
  /** The record of its last training. */
  readonly events: readonly TrainEvent[]
  readonly outcome: Outcome
}

/** How trials are trained. */
interface Training {
  readonly backend: Backend
  readonly seed: number
  /** At most. */
  readonly iterations: number
  readonly signal: StopSignal | undefined
}

/** A trial trained. */
interface Trained {
  readonly model: Model
  readonly spec: TrainSpec
  readonly events: readonly TrainEvent[]
}

/**
 * Fits a work: makes its trials one after the other, each with the weights that were best on the validation part,
 * trains the best trial once more over training and validation parts, and takes it to the test part. Ends without a
 * result if the signal stops it.
 * @throws InputError for options that are wrong; DivergenceError where every trial diverges
 */
export async function* fit(work: Work, options: FitOptions): AsyncGenerator<FitEvent, void, void> {
  refuseUnknown('fit', options, ['backend', 'seed', 'trials', 'iterations', 'signal'])
  const {
    backend,
    seed = 1,
    trials = Number.POSITIVE_INFINITY,
    iterations = Number.POSITIVE_INFINITY,
    signal,
  } = options
  const training = { backend, seed, iterations, signal }
  yield { type: 'inferred', schema: work.schema, notes: work.notes }
  const tried: Tried[] = []
  let best: { trial: Trial; score: number; trained: Trained } | null = null
  let failure: unknown = null
  try {
    for (let trial = work.next(tried, seed); trial && tried.length < trials; trial = work.next(tried, seed)) {
      let trained: Trained
      try {
        trained = yield* withProgress(trial, training)
      } catch (error) {
        if (!(error instanceof DivergenceError)) throw error
        failure = error
        tried.push({ trial, score: Number.POSITIVE_INFINITY, early: true })
        continue
      }
      if (signal?.aborted) {
        trained.model.dispose()
        return
      }
      const { score, shown } = work.judge(trial, trained.model)
      tried.push({ trial, score, early: bestIteration(trained) <= trained.spec.iterations / 2 })
      const isBest = best === null || score < best.score
      if (isBest) best?.trained.model.dispose()
      else trained.model.dispose()
      if (isBest) best = { trial, score, trained }
      yield { type: 'trial', name: trial.name, recipe: trial.recipe, validation: shown, best: isBest }
    }
    if (best === null) throw failure ?? new InputError('fit: trials: expected at least 1 but received none')
    const { trial, trained } = best
    const updates = iterationsOf(trained)
    const joint = yield* members(work.members ?? 1, (own) => work.again(trial, updates, own), training)
    if (joint === null) return
    const { model, spec, events } = joint
    const last = work.again(trial, updates, seed)
    const outcome = work.finish(last, model, trained.model)
    const fitted = { model, trial: last, training: spec, seed, events, outcome }
    yield { type: 'result', winner: outcome.winner, methods: outcome.methods, fitted }
  } finally {
    best?.trained.model.dispose()
  }
}

/** Trains a trial with so many seeds, one after the other, as one model; null if the signal stops it. */
async function* members(
  count: number,
  trialOf: (seed: number) => Trial,
  training: Training,
): AsyncGenerator<ProgressEvent, Trained | null, void> {
  const all: Trained[] = []
  const dispose = () => {
    for (const { model } of all) model.dispose()
  }
  try {
    for (let seed = training.seed; all.length < count; seed++) {
      all.push(yield* withProgress(trialOf(seed), { ...training, seed }))
      if (!training.signal?.aborted) continue
      dispose()
      return null
    }
  } catch (error) {
    dispose()
    throw error
  }
  const [first] = all as [Trained]
  if (count === 1) return first
  const model = sideBySide(all.map(({ model }) => model))
  dispose()
  return { ...first, model }
}

/** The fewest iterations of the last training: an early best is luck. */
const LEAST_ITERATIONS = 100

/** For so many the last training goes on. */
function iterationsOf(trained: Trained): number {
  return Math.min(trained.spec.iterations, Math.max(LEAST_ITERATIONS, bestIteration(trained)))
}

/** After so many the trial was best. */
function bestIteration({ spec, events }: Trained): number {
  const done = events.at(-1)
  return (done?.type === 'done' ? done.best?.iteration : undefined) ?? spec.iterations
}

/** Trains a trial, says how far it is, and returns it with the weights that had the best held-out score, if any. */
async function* withProgress(
  { name, task, model: input, training }: Trial,
  { backend, seed, iterations, signal }: Training,
): AsyncGenerator<ProgressEvent, Trained, void> {
  const model = createModel(input, { backend, seed })
  const most = Math.min(iterations, training.iterations!)
  const spec = trainSpec({ ...training, seed, iterations: most, evalEvery: Math.min(most, training.evalEvery!) })
  const events: TrainEvent[] = []
  try {
    for await (const event of train(model, task, { ...spec, signal, keepBest: task.heldOut !== undefined })) {
      events.push(event)
      if (event.type !== 'step') continue
      yield { type: 'progress', trial: name, iteration: event.iteration, iterations: spec.iterations }
    }
    return { model, spec, events }
  } catch (error) {
    model.dispose()
    throw error
  }
}
