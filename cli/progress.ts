/**
 * Progress for people, on stderr: one line that a terminal redraws, and in a pipe or file a plain line for each
 * evaluation.
 */

import { printable } from '../src/error.ts'
import { sparkline } from '../src/figures/braille.ts'
import { defaultLoss, isMeanOf } from '../src/loss.ts'
import { METRICS } from '../src/metric.ts'
import { duration, grouped, significant } from '../src/numbers.ts'
import type { Task } from '../src/task.ts'
import type { Scores, StepEvent, TrainEvent } from '../src/train/events.ts'
import { scored } from '../src/train/spoken.ts'

export interface Progress {
  show(event: TrainEvent): void
  /** A line that stays. */
  say(text: string): void
  /** Takes the redrawn line away. */
  clear(): void
}

/** Of ranks that say nothing. */
export const SILENT: Progress = { show() {}, say() {}, clear() {} }

export interface ProgressOptions {
  readonly task: Task
  readonly iterations: number
  /** Sequences a minibatch. */
  readonly batch: number
  /** The training loss is over a sample of the words, so it gives no perplexity. */
  readonly sampled?: boolean
  /** Only messages: no progress. */
  readonly quiet: boolean
}

const REDRAW_MS = 100
const CLEAR = '\r\x1b[K'
/** Characters of the sparkline. */
const SPARKS = 16

export function createProgress(
  { task, iterations, batch, sampled = false, quiet }: ProgressOptions,
  out: NodeJS.WriteStream = process.stderr,
): Progress {
  const redraws = out.isTTY === true
  const trainingLoss = task.loss ?? defaultLoss(task.head)
  let step: StepEvent | undefined
  let scores: Scores | null = null
  let drawn = Number.NEGATIVE_INFINITY
  const losses = createLosses()
  const line = (iteration: number) => {
    const parts = [`${grouped(iteration)}/${grouped(iterations)}`]
    if (step) {
      const rate = step.iterationsPerSecond
      parts.push(speed(rate), `${duration((iterations - iteration) / rate)} left`)
      const sparks = sparkline(losses.means())
      parts.push(`${trained(step.loss.mean)}${sparks && ` ${sparks}`}`)
    }
    if (scores) parts.push(scored(scores, task))
    return parts.join('  ')
  }
  /** For text people count words. */
  const speed = (rate: number) =>
    task.metric === 'perplexity' ? `${grouped(rate * batch * task.T)} words/s` : `${grouped(rate)} it/s`
  const trained = (loss: number) => {
    if (sampled) return `sampled loss ${significant(loss)}`
    if (task.metric === 'perplexity') return `train perplexity ${significant(Math.exp(loss))}`
    return `train ${isMeanOf(task.metric, trainingLoss) ? METRICS[task.metric].name : 'loss'} ${significant(loss)}`
  }
  const clear = () => {
    if (redraws && drawn > 0) out.write(CLEAR)
  }
  return {
    show(event) {
      if (event.type === 'step') {
        step = event
        if (redraws && !quiet) losses.add(event.loss.mean)
      }
      if (event.type === 'eval') scores = event
      if (quiet || event.type === 'done' || event.type === 'stage' || event.type === 'checkpoint') return
      if (!redraws) {
        if (event.type === 'eval') out.write(`${line(event.iteration)}\n`)
      } else if (event.type === 'eval' || performance.now() - drawn > REDRAW_MS) {
        drawn = performance.now()
        // A line that wraps cannot be redrawn.
        out.write(CLEAR + line(event.iteration).slice(0, Math.max(20, (out.columns ?? 80) - 1)))
      }
    },
    say(text) {
      clear()
      out.write(`${printable(text)}\n`)
    },
    clear,
  }
}

/**
 * The training losses of the run so far as at most SPARKS means: each of so many records, twice as many whenever there
 * would be too many means.
 */
function createLosses(): { add(loss: number): void; means(): readonly number[] } {
  let means: number[] = []
  let every = 1
  let [sum, n] = [0, 0]
  return {
    add(loss) {
      sum += loss
      n += 1
      if (n < every) return
      means.push(sum / n)
      ;[sum, n] = [0, 0]
      if (means.length <= SPARKS) return
      const last = means.pop()!
      means = Array.from({ length: SPARKS / 2 }, (_, i) => (means[2 * i]! + means[2 * i + 1]!) / 2)
      ;[sum, n] = [last * every, every]
      every *= 2
    },
    means: () => means,
  }
}
