/**
 * A run's records as a text that people open and edit: which of its lines are records, and where among them a
 * checkpoint was written. The place is found by content. A number of bytes would be wrong as soon as an editor has
 * changed the line ends.
 */
import { refuseNoText } from '../error.ts'
import { encodeEvent, type TrainEvent, toEvent } from '../train/events.ts'
import type { AlertEvent } from '../train/notes.ts'

/** What a metrics.jsonl holds. */
export interface Records {
  readonly events: readonly TrainEvent[]
  /** What is wrong with each line that is no record, with its number; a last line without its end is not among them. */
  readonly problems: readonly string[]
}

/**
 * Reads lines that end in any way; a byte order mark, empty lines and a line that a kill has cut off are passed over.
 */
export function parseRecords(text: string): Records {
  refuseNoText('records', text)
  const events: TrainEvent[] = []
  const problems: string[] = []
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue
    const event = toEvent(line)
    if (event) events.push(event)
    else if (i < lines.length - 1) problems.push(`line ${i + 1}: expected one JSON object, a record of the run`)
  }
  return { events, problems }
}

/** One line a record. */
export function formatRecords(events: readonly TrainEvent[]): string {
  return events.map((event) => `${encodeEvent(event)}\n`).join('')
}

/**
 * Where a checkpoint was written: after so many records, the last of which is of this kind and iteration; null after
 * none.
 */
export interface Mark {
  readonly count: number
  readonly last: Pick<TrainEvent, 'type' | 'iteration'> | null
}

export function markAfter(events: readonly TrainEvent[]): Mark {
  const measured = events.filter(isMeasured)
  const last = measured.at(-1)
  return { count: measured.length, last: last ? { type: last.type, iteration: last.iteration } : null }
}

/**
 * The mark of a checkpoint of 0.1.0, which knew bytes only. Of its iteration, the evaluation comes before it, and what
 * ends the run after it, a step record that was under way among them.
 */
export function markAt(iteration: number, stepUnderWay: boolean): Mark['last'] {
  return stepUnderWay ? { type: 'eval', iteration: iteration - 1 } : { type: 'eval', iteration }
}

/**
 * The order of the records of one iteration: that in which the loop yields them. An alert follows what it is found in.
 */
const RANKS: Readonly<Record<Exclude<TrainEvent['type'], 'alert'>, number>> = {
  run: 0,
  step: 1,
  collapse: 2,
  stage: 3,
  probe: 4,
  eval: 5,
  checkpoint: 6,
  resume: 7,
  done: 8,
}

type Placed = Pick<TrainEvent, 'type' | 'iteration'> & Partial<Pick<AlertEvent, 'found'>>

/** Of a mark that is an alert, which says no more than its type, the last place that it can have. */
function rankOf({ type, found }: Placed): number {
  return type === 'alert' ? RANKS[found ?? 'eval'] + 0.5 : RANKS[type]
}

/** Whether it is part of what a run would leave that was never interrupted. */
export function isMeasured({ type }: Pick<TrainEvent, 'type'>): boolean {
  return type !== 'resume'
}

/**
 * The records up to and with `last`, each of them once, in the order in which the loop yields them; null: only which
 * run it is.
 */
export function recordsUntil(events: readonly TrainEvent[], last: Mark['last']): TrainEvent[] {
  if (last === null) return events.filter(({ type }) => type === 'run').slice(0, 1)
  const order = (a: Placed, b: Placed) => a.iteration - b.iteration || rankOf(a) - rankOf(b)
  const once = new Map(events.map((event) => [encodeEvent(event), event]))
  return [...once.values()].filter((event) => order(event, last) <= 0).toSorted(order)
}
