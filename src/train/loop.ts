/**
 * The training loop, once: an async generator of events. Whoever consumes it (terminal, file, page) decides what to do with
 * them; leaving the `for await` early ends the run.
 *
 * Between two events the loop waits, and what it is made of is plain data: `getState()`, with the model's weights. A run that
 * starts from them goes on to the same bits and the same records as one that was never interrupted.
 */
import type { Floats } from '../backend/backend.ts'
import { ASYNC_DISPOSE } from '../backend/lifetime.ts'
import { InputError, refuseNoObject, refuseUnknown, shown } from '../error.ts'
import { beats, isAsGood } from '../metric.ts'
import { type Model, modelOf, type State } from '../model/model.ts'
import { checkFloats, lengthOf, putFloats } from '../model/values.ts'
import type { StreamState, Task } from '../task.ts'
import { createWatch, type WatchState } from './collapse.ts'
import { refuseSignal, type StopSignal } from './evaluate.ts'
import { type DoneEvent, deciding, type Scores, type StepEvent, type TestScore, type TrainEvent } from './events.ts'
import { createTraining, DivergenceError, type Training, type TrainOptions } from './iteration.ts'
import { heardScore, isSpent, type RateState } from './schedule.ts'
import { createWindow, type WindowState } from './stepRecord.ts'
import { turns } from './turns.ts'

export {
  createTraining,
  DivergenceError,
  MAX_STEP_RECORDS,
  type TrainOptions,
  type TrainSpec,
  trainSpec,
} from './iteration.ts'

/** Beside the weights of its model, all that a run needs to go on. */
export interface RunState {
  readonly iteration: number
  readonly seconds: number
  readonly stream: StreamState
  readonly rate: RateState
  /** The optimiser's arrays by name. */
  readonly optimizer: Readonly<Record<string, Floats>>
  /** Where streams of text go on from in the next minibatch: the final state of the last; null where nothing is carried. */
  readonly carried: State | null
  /** Of the generator of a sampled softmax; null without one. */
  readonly generator: readonly number[] | null
  /** The step record under way, and the live share it would report. */
  readonly window: WindowState
  readonly liveShare: number
  readonly collapse: WatchState
  /** Minibatches in a row that were left out because they were not finite. */
  readonly skipped: number
  /** The last evaluation and its iteration; null and 0 before the first. */
  readonly test: TestScore | null
  readonly heldOut?: TestScore
  readonly evaluated: number
  /** The best evaluation, by the held-out score where there is one. */
  readonly best: (Scores & { readonly iteration: number }) | null
}

/** Options of `train` that do not change what is learnt. */
export interface RunOptions {
  /** Stops the run after the iteration it is in, with a `done` that says `stopped`. */
  readonly signal?: StopSignal | undefined
  /**
   * Yield `checkpoint` events: every `every` iterations, by default once a minute; and when the run ends or is stopped. They
   * change no number.
   */
  readonly checkpoints?: { readonly every?: number | null | undefined } | undefined
  /** Where to go on from; the model already has the weights. Its arrays are copied. */
  readonly resume?: RunState | undefined
}

/** A run: its events, and while it waits for its consumer its state. */
export type Run = AsyncGenerator<TrainEvent, void, void> & {
  /**
   * As of the last event. Its arrays are the run's own and change with the next: copy or write them first. After the end of
   * the run there are none.
   */
  getState(): RunState
}

/**
 * Trains `model` on `task` in place: step records every `stepEvery` iterations, an evaluation every `evalEvery` and at the
 * end, then `done`. The event loop gets a turn every 15 ms, or every iteration where one takes longer.
 *
 * A minibatch whose loss or gradient is not finite is left out: the weights stay, a `collapse` says so, and the next
 * minibatch is tried. After ten in a row, or at the first with `onCollapse: 'stop'`, the run fails.
 * @throws InputError at once, when options are wrong or model and task do not fit; DivergenceError while it runs
 */
export function train(model: Model, task: Task, given: TrainOptions & RunOptions = {}): Run {
  refuseNoObject('train', given)
  const { signal, checkpoints, resume, ...options } = given
  refuseSignal(signal)
  const saving = checkpoints === undefined ? null : checkpointClock(checkpoints)
  const training = createTraining(model, task, options)
  if (resume !== undefined) restore(training, resume)
  const loop = new Loop(training, resume)
  const run = loop.events(signal, saving)
  const end = run.return.bind(run)
  return Object.assign(run, {
    getState: () => loop.getState(),
    async return() {
      const ended = await end()
      loop.dispose() // a run that has not begun does not come to its `finally`
      return ended
    },
    [ASYNC_DISPOSE]: () => run.return().then(() => {}),
  })
}

const SECONDS_BETWEEN_CHECKPOINTS = 60
const MOST_SKIPPED = 10
const NOTHING: readonly TrainEvent[] = []

class Loop {
  private readonly training: Training
  private readonly window: ReturnType<typeof createWindow>
  private readonly watch: ReturnType<typeof createWatch>
  private readonly start: number
  private scores: Scores | null
  private evaluated: number
  private best: RunState['best']
  private skipped: number
  /** Of the iteration before a resume; null as soon as there is one of our own. */
  private liveBefore: number | null
  private failure: DivergenceError | null = null
  private collapsed = false
  private over = false

  constructor(training: Training, from?: RunState) {
    this.training = training
    this.start = performance.now() - 1000 * (from?.seconds ?? 0)
    this.window = createWindow(training.spec.clip.kind !== 'derivative', from?.window)
    this.watch = createWatch(from?.collapse)
    this.scores = from?.test ? { test: from.test, ...(from.heldOut && { heldOut: from.heldOut }) } : null
    this.evaluated = from?.evaluated ?? 0
    this.best = from?.best ?? null
    this.skipped = from?.skipped ?? 0
    this.liveBefore = from?.liveShare ?? null
  }

  getState(): RunState {
    const { optimizer, stream } = this.training
    return {
      ...this.now(),
      stream: stream.getState(),
      rate: this.training.rate,
      optimizer: optimizer.state,
      carried: this.over ? null : this.training.getCarried(),
      generator: this.training.generator?.getState() ?? null,
      window: this.window.getState(),
      liveShare: this.window.length > 0 && !this.over ? this.live() : 0,
      collapse: this.watch.getState(),
      skipped: this.skipped,
      ...(this.scores ?? { test: null }),
      evaluated: this.evaluated,
      best: this.best,
    }
  }

  async *events(
    signal: StopSignal | undefined,
    saving: CheckpointClock | null,
  ): AsyncGenerator<TrainEvent, void, void> {
    const pause = turns()
    let release = () => {}
    try {
      release = modelOf(this.training.model).occupy()
      let reason = this.ending()
      while (reason === null) {
        reason = signal?.aborted ? 'stopped' : null
        if (reason) break
        const events = this.owesEvaluation() ? NOTHING : this.iterate()
        for (let i = 0; i < events.length; i++) yield events[i]! // an iterator would be garbage, one an iteration
        if (this.failure) throw this.failure
        saving?.changed()
        if (this.owesEvaluation()) {
          if (await this.evaluate(signal)) yield { type: 'eval', ...this.now(), ...this.scores! }
          else reason = 'stopped'
        }
        reason ??= this.ending()
        if (reason === null && saving?.due(this.training.optimizer.iteration))
          yield { type: 'checkpoint', ...this.now() }
        if (pause.due()) await pause.take()
      }
      // Before the last records: a run that goes on from here takes them back.
      if (saving?.atEnd()) yield { type: 'checkpoint', ...this.now() }
      if (this.window.length > 0) yield this.step()
      yield {
        type: 'done',
        ...this.now(),
        reason,
        stopped: reason === 'stopped' || reason === 'collapse',
        ...(this.scores ?? { test: null }),
      }
    } finally {
      release()
      this.dispose()
    }
  }

  dispose(): void {
    this.over = true
    this.training.dispose()
  }

  /** One minibatch, and what it gives to say. */
  private iterate(): readonly TrainEvent[] {
    const { training, window, watch } = this
    const { spec, last, optimizer } = training
    if (!training.iterate()) return this.skip()
    this.skipped = 0
    this.liveBefore = null
    window.add(last)
    const found = watch.add(last.loss)
    const { iteration } = optimizer
    const due = iteration % spec.stepEvery === 0 || iteration === spec.iterations
    if (!due && !found) return NOTHING
    const events: TrainEvent[] = due ? [this.step()] : []
    if (found) {
      events.push({ type: 'collapse', ...this.now(), ...found, finite: true })
      this.collapsed = spec.onCollapse === 'stop'
    }
    return events
  }

  /** After a minibatch that was not finite and changed nothing. */
  private skip(): readonly TrainEvent[] {
    const { spec, last, optimizer } = this.training
    const events: TrainEvent[] = []
    const { best } = this.watch.getState()
    this.skipped += 1
    if (this.watch.addFailure()) events.push({ type: 'collapse', ...this.now(), loss: last.loss, best, finite: false })
    if (spec.onCollapse === 'stop' || this.skipped >= MOST_SKIPPED) {
      this.window.add(last)
      events.push(this.step())
      this.failure = new DivergenceError(optimizer.iteration + 1, last.loss, last.norm, spec, last.lr)
    }
    return events
  }

  /** false if the signal stopped it. */
  private async evaluate(signal?: StopSignal): Promise<boolean> {
    const { training, window } = this
    const began = performance.now()
    const scores = await training.evaluate(signal)
    window.skip(performance.now() - began)
    if (scores === null) return false
    const { optimizer, task, spec } = training
    const { iteration } = optimizer
    // Not by the evaluation at the end, which a longer run would not have there.
    if (iteration % spec.evalEvery === 0) {
      training.rate = heardScore(spec.schedule, training.rate, task.metric, deciding(scores)[task.metric]!)
    }
    this.scores = scores
    this.evaluated = iteration
    if (better(task, scores, this.best)) this.best = { iteration, ...scores }
    return true
  }

  /** A run that was interrupted inside an evaluation owes it when it goes on. */
  private owesEvaluation(): boolean {
    const { optimizer, spec } = this.training
    const { iteration } = optimizer
    return iteration > this.evaluated && (iteration % spec.evalEvery === 0 || iteration >= spec.iterations)
  }

  private ending(): DoneEvent['reason'] | null {
    const { optimizer, spec, task, rate } = this.training
    if (this.owesEvaluation()) return null
    if (meets(this.scores, task, spec.target)) return 'target'
    if (isSpent(spec.schedule, rate)) return 'plateau'
    if (optimizer.iteration >= spec.iterations) return 'iterations'
    return this.collapsed ? 'collapse' : null
  }

  private live(): number {
    return this.liveBefore ?? this.training.liveShare()
  }

  private step(): StepEvent {
    return { type: 'step', ...this.now(), ...this.window.take(this.live()) }
  }

  private now(): { iteration: number; seconds: number } {
    return { iteration: this.training.optimizer.iteration, seconds: (performance.now() - this.start) / 1000 }
  }
}

type CheckpointClock = ReturnType<typeof checkpointClock>

/** When to save: every so many iterations or, with null, once a minute; in the end unless nothing has happened since. */
function checkpointClock(options: NonNullable<RunOptions['checkpoints']>) {
  refuseUnknown('checkpoints', options, ['every'])
  const { every = null } = options
  if (every !== null && !(Number.isSafeInteger(every) && every >= 1)) {
    throw new InputError(`checkpoints: every: expected a whole number >= 1 but received ${shown(every)}`)
  }
  let saved = performance.now()
  let dirty = true
  return {
    changed(): void {
      dirty = true
    },
    due(iteration: number): boolean {
      const due =
        every !== null ? iteration % every === 0 : performance.now() - saved > 1000 * SECONDS_BETWEEN_CHECKPOINTS
      if (!due) return false
      saved = performance.now()
      dirty = false
      return true
    },
    atEnd: () => dirty,
  }
}

/** @throws InputError, and gives the training's memory back, unless the state is of such a run */
function restore(training: Training, from: RunState): void {
  try {
    setState(training, from)
  } catch (error) {
    training.dispose()
    throw error
  }
}

function setState(training: Training, from: RunState): void {
  if (typeof from !== 'object' || from === null || typeof from.optimizer !== 'object' || from.optimizer === null) {
    throw new InputError(`resume: expected what run.getState() gives but received ${shown(from)}`)
  }
  const { optimizer, stream, setCarried, generator } = training
  for (const [name, array] of Object.entries(optimizer.state)) {
    const what = `resume: optimizer.${name}`
    const stored = from.optimizer[name]
    const length = stored === undefined ? 'none' : lengthOf(what, stored)
    if (length !== array.length) {
      throw new InputError(
        `${what}: expected ${array.length} elements but received ${length}: give the model and options of the run that is ` +
          'resumed',
      )
    }
    putFloats(stored!, array, length)
    checkFloats(what, stored!, array, length, 'start anew')
  }
  optimizer.iteration = from.iteration
  stream.setState(from.stream)
  training.rate = from.rate
  setCarried(from.carried)
  if (generator && from.generator) generator.setState(from.generator)
}

/** Ties go to the earlier. */
function better({ metric }: Task, scores: Scores, best: Scores | null): boolean {
  const value = deciding(scores)[metric]!
  if (!Number.isFinite(value)) return false
  return best === null || beats(metric, value, deciding(best)[metric]!)
}

function meets(scores: Scores | null, { metric }: Task, target: number | null): boolean {
  if (target === null || scores === null) return false
  return isAsGood(metric, deciding(scores)[metric]!, target)
}
