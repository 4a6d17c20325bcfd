/** A run's events to the terminal and into its folder: records, checkpoints, and in the end the model and the curve. */
import * as path from 'node:path'
import { DiskError } from '../src/disk.node.ts'
import { alertEvents, alertLine, alertWatch } from '../src/figures/alerts.ts'
import { curve } from '../src/figures/curve.ts'
import type { Model } from '../src/model/model.ts'
import { modelParts } from '../src/model/modelFile.ts'
import { duration, grouped, significant } from '../src/numbers.ts'
import { BEST } from '../src/runs/checkpoint.ts'
import { FencedError } from '../src/runs/fence.ts'
import type { RunFolder } from '../src/runs/writer.ts'
import type { Task } from '../src/task.ts'
import { better } from '../src/train/deciding.ts'
import { DivergenceError } from '../src/train/divergence.ts'
import {
  type CollapseEvent,
  type DoneEvent,
  decodeEvent,
  type EvalEvent,
  encodeEvent,
  type StageEvent,
  type TrainEvent,
} from '../src/train/events.ts'
import type { Run } from '../src/train/loop.ts'
import { ENDINGS, scored } from '../src/train/spoken.ts'
import type { Progress } from './progress.ts'
import { print } from './say.ts'
import type { Stop } from './signals.ts'

export interface Recording {
  readonly task: Task
  readonly title: string
  readonly model: Model
  readonly folder: RunFolder
  readonly progress: Progress
  readonly json: boolean
  /** Records that the folder has already. */
  readonly before?: readonly TrainEvent[]
  /** That it was taken up again: it comes before all new ones. */
  readonly begin?: TrainEvent
  /** What tells why it was stopped. */
  readonly stop: Stop
}

/**
 * Runs it to its end. A disk that refuses does not end a run: people are told once, and the next checkpoint tries
 * again. Returns the exit code: 0 if it is finished and all of it is on disk.
 */
export async function record(run: Run, recording: Recording): Promise<number> {
  const { task, title, folder, progress, json, before = [], begin, stop } = recording
  const seen: TrainEvent[] = [...before]
  const attempt = attempts(progress)
  const write = recorder(recording, seen, attempt)
  const rest = () => {
    const best = attempt(() => folder.saveBest(), FAILED)
    return attempt(() => folder.saveCurve(curve(seen, task, title)), FAILED) && best
  }
  let ok: boolean | null = null
  let unsaved: DoneEvent | null = null
  try {
    if (begin) write(begin)
    for await (const yielded of run) {
      let event = yielded
      if (event.type === 'done') {
        // A run is done when its model is on disk: without it, the records must not say so. What else it leaves comes
        // first, too: killed between the two, it would never have it.
        const sha256 = saved(recording, attempt)
        if (sha256 === null) {
          unsaved = event
          continue
        }
        event = { ...event, model: { sha256 } }
        ok = rest()
      }
      if (event.type === 'checkpoint') {
        const saved = attempt(() => folder.saveCheckpoint('last', recording.model, run.getState()))
        attempt(() => folder.saveBest())
        if (!saved) continue
      }
      write(event)
      if (event.type === 'eval') keepBest(run, event, recording, attempt)
      if (event.type === 'stage' && !json) progress.say(stageBegins(event))
      if (event.type === 'collapse' && !json) progress.say(collapsed(event, run, recording))
      progress.show(event)
      if (folder.moved) stop.now()
    }
  } catch (error) {
    if (error instanceof FencedError) ok = false // what is left belongs to another process
    if (error instanceof DivergenceError) {
      saved(recording, attempt) // as it was before that iteration
      if (run.getState().best) progress.say(kept(run, recording))
    }
    throw error
  } finally {
    progress.clear()
    if (ok === null) rest()
    if (!attempt(() => folder.close(), FAILED)) ok = false
  }
  const done = unsaved ?? (seen.at(-1) as DoneEvent)
  if (!json) print(result(done, task, folder.dir, seen))
  if (!ok || folder.moved) return 1
  const paused = done.reason === 'stopped' && !stop.signal.aborted // by --pause-at: what was asked for is done
  return done.stopped && !paused ? stop.exitCode() : 0
}

/** Writes records one after the other, each with the alerts that it is the first to show. */
function recorder(
  { folder, progress, json, before = [] }: Recording,
  seen: TrainEvent[],
  attempt: Attempt,
): (event: TrainEvent) => void {
  const watch = alertWatch()
  for (const event of before) watch.add(event)
  const write = (event: TrainEvent) => {
    const line = encodeEvent(event)
    attempt(() => folder.append(event, line))
    seen.push(event)
    if (json) print(line)
    // As the record has its numbers: a run that goes on from its records has the same alerts.
    for (const alert of alertEvents(event, watch.add(decodeEvent(line)))) {
      if (!json && event.type !== 'collapse') progress.say(alertLine(alert)) // of a collapse more is said than that
      write(alert)
    }
  }
  return write
}

/** Saves the model; returns the SHA-256 of its file, null if the disk refused. */
function saved({ folder, model }: Recording, attempt: Attempt): string | null {
  let sha256: string | null = null
  attempt(() => {
    sha256 = folder.saveModel(modelParts(model))
  }, FAILED)
  return sha256
}

/**
 * "test MSE 0.0004 (always 1: 0.167) after 8,000 iterations in 13 s; runs/adding". Where a held-out set decided, also
 * the scores of the evaluation that it found best.
 */
export function result(done: DoneEvent, task: Task, dir: string, events: readonly TrainEvent[]): string {
  const why = done.reason === 'iterations' ? '' : `, ${ENDINGS[done.reason]}`
  const how = done.reason === 'stopped' ? `${why}; irnn train --resume ${dir} goes on` : why
  const score = done.test ? scored({ ...done, test: done.test }, task) : 'not evaluated'
  const best = done.heldOut ? bestOf(events, task) : null
  const chosen =
    best && best.iteration !== done.iteration
      ? `; best by held-out at ${grouped(best.iteration)}: ${scored(best, { metric: task.metric })}`
      : ''
  return `${score} after ${grouped(done.iteration)} iterations in ${duration(done.seconds)}${chosen}${how}; ${dir}`
}

/** The evaluation with the best deciding score, the earlier of equal ones: that of the best checkpoint. */
function bestOf(events: readonly TrainEvent[], task: Task): EvalEvent | null {
  const evals = events.filter((event) => event.type === 'eval') as EvalEvent[]
  return evals.reduce<EvalEvent | null>((best, event) => (better(task, event, best) ? event : best), null)
}

/** "iteration 200: training on sequences of 200 steps until iteration 400" */
function stageBegins({ iteration, T, end }: StageEvent): string {
  const until = end === null ? 'the end' : `iteration ${grouped(end)}`
  return `iteration ${grouped(iteration)}: training on sequences of ${grouped(T)} steps until ${until}`
}

/** Tries to do `work`; returns whether it went well. `next` tells people what happens if it did not. */
type Attempt = (work: () => void, next?: string) => boolean

const AGAIN = '; going on, and trying again at the next checkpoint'
const LOST = '; going on: it is too large to keep in memory until there is room; the next best one will be written'
const FAILED = ''

function attempts({ say }: Progress): Attempt {
  const said = new Set<string>()
  return (work, next) => {
    try {
      work()
      return true
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      const line = error.message + (next ?? (error.lost ? LOST : AGAIN))
      if (!said.has(line)) say(line)
      said.add(line)
      return false
    }
  }
}

function keepBest(run: Run, { iteration }: EvalEvent, { folder, model }: Recording, attempt: Attempt): void {
  const state = run.getState()
  if (state.best?.iteration === iteration) attempt(() => folder.saveCheckpoint('best', model, state))
}

function collapsed({ iteration, loss, best, finite }: CollapseEvent, run: Run, recording: Recording): string {
  const what = finite
    ? `training loss ${significant(loss)}, at best ${significant(best!)}`
    : 'loss or gradient is not finite, so this minibatch is left out'
  return `collapse at iteration ${grouped(iteration)}: ${what}; ${kept(run, recording)}`
}

function kept(run: Run, { task, folder }: Recording): string {
  const { best } = run.getState()
  if (!best) return 'there was no evaluation yet'
  const where = `${path.join(folder.dir, BEST)} has iteration ${grouped(best.iteration)}`
  return `${where}, the best so far: ${scored(best, task)}`
}
