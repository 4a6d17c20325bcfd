/**
 * The training loop, once: an async generator of events. Whoever consumes it (terminal, file, page) decides what to do
 * with them; leaving the `for await` early ends the run.
 *
 * Between two events the loop waits, and what it is made of is plain data: `getState()`, with the model's weights. A
 * run that starts from them goes on to the same bits and the same records as one that was never interrupted.
 */
import { ASYNC_DISPOSE } from '../backend/lifetime.ts'
import { type Group, solo } from '../distributed/group.ts'
import { refuseNoObject } from '../error.ts'
import { type Model, modelOf } from '../model/model.ts'
import type { Task } from '../task.ts'
import { type BestWeights, bestWeights } from './bestWeights.ts'
import { type CheckpointClock, checkpointClock } from './checkpointClock.ts'
import { createWatch } from './collapse.ts'
import { better, deciding, directionOf, meets, scoresIn } from './deciding.ts'
import { DivergenceError } from './divergence.ts'
import type { StopSignal } from './evaluate.ts'
import type { DoneEvent, ProbeEvent, Scores, StageEvent, StepEvent, TrainEvent } from './events.ts'
import type { Extras } from './extras.ts'
import { groupIteration, type Iteration } from './iteration.ts'
import { Looking } from './looking.ts'
import { type TrainOptions, type TrainSpec, trainSpec } from './options.ts'
import { type RunOptions, refuseBadRunOptions } from './runOptions.ts'
import { type RunState, recorded, restore, tablesOf } from './runState.ts'
import { isExhausted, rateAfterScore } from './schedule.ts'
import { createStepRecord, type Measured, type StepRecord } from './stepRecord.ts'
import { turns } from './turns.ts'

/** A run: its events, and while it waits for its consumer its state. */
export type Run = AsyncGenerator<TrainEvent, void, void> & {
  /** As of the last event; its arrays change with the next, so copy or write them. After the end there is none. */
  getState(): RunState
}

/**
 * Trains `model` on `task` in place: step records every `stepEvery` iterations, an evaluation every `evalEvery` and at
 * the end, then `done`. The event loop gets a turn every 15 ms, or every iteration where one takes longer.
 *
 * With `average`, the model has the average of its weights whenever an event comes, and when the run has ended.
 *
 * A minibatch whose loss or gradient is not finite is left out: the weights stay, a `collapse` says so, and the next
 * minibatch is tried. After ten in a row, or at the first with `onCollapse: 'stop'`, the run fails.
 * @throws InputError at once, when options are wrong or model and task do not fit; DivergenceError while it runs
 */
export function train(model: Model, task: Task, given: TrainOptions & RunOptions = {}): Run {
  refuseNoObject('train', given)
  const { signal, pauseAt, checkpoints, resume, keepBest, extras, ...options } = given
  const tables = options.tables ?? (resume === undefined ? undefined : tablesOf(resume))
  const spec = trainSpec({ ...options, tables })
  return startRun(model, task, spec, { signal, pauseAt, checkpoints, resume, keepBest, extras })
}

/**
 * `train` for options that trainSpec has completed and checked already.
 * @param group the ranks that train together, which all call this alike; default: this process alone
 */
export function startRun(
  model: Model,
  task: Task,
  spec: TrainSpec,
  { signal, pauseAt = Number.POSITIVE_INFINITY, checkpoints, resume, keepBest = false, extras }: RunOptions = {},
  group: Group = solo(),
): Run {
  refuseBadRunOptions({ signal, pauseAt, keepBest })
  const saving = checkpoints === undefined ? null : checkpointClock(checkpoints)
  const work = groupIteration(model, task, spec, group, extras)
  const best = keepBest ? bestWeights(modelOf(model)) : null
  if (resume !== undefined) restore(work, resume, best)
  const loop = new Loop(work, best, resume, extras)
  const run = loop.events(signal, pauseAt, saving)
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

const MOST_SKIPPED = 10
const NOTHING: readonly TrainEvent[] = []
class Loop {
  private readonly work: Iteration
  private readonly record: StepRecord
  private watch: ReturnType<typeof createWatch>
  private readonly start: number
  /** Whether the run goes on from where one was. */
  private readonly resumed: boolean
  private scores: Scores | null
  private evaluated: number
  private best: RunState['best']
  private skipped: number
  /** Live share of the iteration before a resume; null after the first iteration of this process. */
  private liveBefore: number | null
  private failure: DivergenceError | null = null
  private collapsed = false
  private over = false
  private readonly bestWeights: BestWeights | null
  private readonly looking: Looking

  constructor(work: Iteration, bestWeights: BestWeights | null, from?: RunState, extras?: Extras) {
    this.work = work
    this.resumed = from !== undefined
    this.bestWeights = bestWeights
    this.looking = new Looking(work, extras, from && (from.probed ?? from.iteration))
    this.start = performance.now() - 1000 * (from?.seconds ?? 0)
    this.record = createStepRecord(work.spec.clip.kind !== 'derivative', from?.window)
    this.watch = createWatch(from?.collapse)
    this.scores = from?.test ? scoresIn({ ...from, test: from.test }) : null
    this.evaluated = from?.evaluated ?? 0
    this.best = from?.best ?? null
    this.skipped = from?.skipped ?? 0
    this.liveBefore = from?.liveShare ?? null
  }

  getState(): RunState {
    const { optimizer, stream, average } = this.work
    return {
      ...this.now(),
      stream: stream.getState(),
      rate: this.work.rate,
      optimizer: optimizer.state,
      ...(average && { trained: average.trained }),
      carried: this.over ? null : this.work.getCarried(),
      generator: this.work.generator?.getState() ?? null,
      window: this.record.getState(),
      liveShare: this.record.length > 0 && !this.over ? this.live() : 0,
      collapse: this.watch.getState(),
      skipped: this.skipped,
      ...(this.scores ?? { test: null }),
      evaluated: this.evaluated,
      probed: this.looking.probed,
      best: this.best,
      ...(this.bestWeights && { bestWeights: this.bestWeights.kept }),
      loss: recorded(this.work.loss),
      tables: this.work.spec.tables,
    }
  }

  async *events(
    signal: StopSignal | undefined,
    pauseAt: number,
    saving: CheckpointClock | null,
  ): AsyncGenerator<TrainEvent, void, void> {
    const pause = turns()
    let release = () => {}
    try {
      release = modelOf(this.work.model).occupy()
      let reason = this.ending()
      if (!this.resumed && this.work.stage.end !== null) yield this.stage()
      if (this.looking.owesProbe()) yield this.probe()
      while (reason === null) {
        reason = signal?.aborted || this.work.optimizer.iteration >= pauseAt ? 'stopped' : null
        if (reason) break
        const events = this.owesEvaluation() ? NOTHING : this.iterate()
        if (events.length > 0) this.work.show()
        for (let i = 0; i < events.length; i++) yield events[i]! // an iterator would be garbage, one an iteration
        if (this.failure) throw this.failure
        saving?.changed()
        if (this.looking.owesProbe()) yield this.probe()
        if (this.owesEvaluation()) {
          if (await this.evaluate(signal)) yield { type: 'eval', ...this.now(), ...this.scores! }
          else reason = 'stopped'
        }
        reason ??= this.ending()
        if (reason === null && saving?.due(this.work.optimizer.iteration)) {
          this.work.show()
          yield { type: 'checkpoint', ...this.now() }
        }
        if (pause.due()) await pause.take()
      }
      this.work.show()
      // Before the last records: a run that goes on from here takes them back.
      if (saving?.atEnd()) yield { type: 'checkpoint', ...this.now() }
      if (this.record.length > 0) yield this.step()
      this.bestWeights?.giveBack()
      yield {
        type: 'done',
        ...this.now(),
        reason,
        stopped: reason === 'stopped' || reason === 'collapse',
        ...(this.scores ?? { test: null }),
        ...(this.bestWeights && this.best && { best: this.best }),
      }
    } finally {
      release()
      this.dispose()
    }
  }

  dispose(): void {
    this.over = true
    for (const part of [this.looking, this.work]) part.dispose()
  }

  /** One minibatch. Returns the events that it causes. */
  private iterate(): readonly TrainEvent[] {
    const { work, record, watch } = this
    const { spec, last, optimizer, stage } = work
    const iteration = optimizer.iteration + 1 // if this one is not left out
    const due = iteration % spec.stepEvery === 0 || iteration === spec.iterations
    if (due) this.looking.begin()
    if (!work.iterate()) return this.skip()
    this.skipped = 0
    this.liveBefore = null
    record.add(last)
    const found = watch.add(last.loss)
    const begins = work.stage !== stage
    if (!due && !found && !begins) return NOTHING
    const events: TrainEvent[] = due ? [this.step(this.looking.measured())] : []
    if (found) {
      events.push({ type: 'collapse', ...this.now(), ...found, finite: true })
      this.collapsed = spec.onCollapse === 'stop'
    }
    if (begins) {
      this.watch = createWatch() // losses on sequences of another length are no measure for these
      events.push(this.stage())
    }
    return events
  }

  /** After a minibatch that was not finite and changed nothing. */
  private skip(): readonly TrainEvent[] {
    const { spec, last, optimizer } = this.work
    const events: TrainEvent[] = []
    const { best } = this.watch.getState()
    this.skipped += 1
    if (this.watch.addFailure()) events.push({ type: 'collapse', ...this.now(), loss: last.loss, best, finite: false })
    if (spec.onCollapse === 'stop' || this.skipped >= MOST_SKIPPED) {
      this.record.add(last)
      events.push(this.step())
      this.failure = new DivergenceError(optimizer.iteration + 1, last.loss, last.norm, spec, last.lr)
    }
    return events
  }

  /** false if the signal stopped it. */
  private async evaluate(signal?: StopSignal): Promise<boolean> {
    const { work, record } = this
    const began = performance.now()
    const scores = await work.evaluate(signal)
    record.skip(performance.now() - began)
    if (scores === null) return false
    const { optimizer, task, spec, stage } = work
    const { iteration } = optimizer
    // Not for an evaluation that is there only because the run ends: a longer run would not have it. Nor before the
    // last stage, since the schedule is of that one.
    if (iteration % spec.evalEvery === 0 && stage.end === null) {
      work.rate = rateAfterScore(spec.schedule, work.rate, directionOf(task), deciding(scores, task.metric))
    }
    this.scores = scores
    this.evaluated = iteration
    if (better(task, scores, this.best)) {
      this.best = { iteration, ...scores }
      this.bestWeights?.keep()
    }
    return true
  }

  /** A run that was interrupted inside an evaluation owes it when it goes on. */
  private owesEvaluation(): boolean {
    const { optimizer, spec } = this.work
    const { iteration } = optimizer
    return iteration > this.evaluated && (iteration % spec.evalEvery === 0 || iteration >= spec.iterations)
  }

  private ending(): DoneEvent['reason'] | null {
    const { optimizer, spec, task, rate } = this.work
    if (this.owesEvaluation()) return null
    if (meets(this.scores, task, spec.target)) return 'target'
    if (isExhausted(spec.schedule, rate)) return 'plateau'
    if (optimizer.iteration >= spec.iterations) return 'iterations'
    return this.collapsed ? 'collapse' : null
  }

  private live(): number {
    return this.liveBefore ?? this.work.liveShare()
  }

  private stage(): StageEvent {
    const { task, end } = this.work.stage
    return { type: 'stage', ...this.now(), T: task.T, end }
  }

  private step(measured: Measured | null = null): StepEvent {
    return { type: 'step', ...this.now(), ...this.record.take(this.live(), measured) }
  }

  private probe(): ProbeEvent {
    return { type: 'probe', ...this.now(), ...this.looking.probe(this.record) }
  }

  private now(): { iteration: number; seconds: number } {
    return { iteration: this.work.optimizer.iteration, seconds: (performance.now() - this.start) / 1000 }
  }
}
