/** One stream of changes: what it has told, what it has to tell, and when its runs are looked at next. */
import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Load } from './load.ts'
import type { WatchedRun } from './run.ts'
import type { Shelf } from './shelf.ts'

export interface Stream {
  readonly runs: readonly WatchedRun[]
  /** When its runs are to be looked at, by its clock. */
  readonly due: number
  /** Says what has changed, and sets when its runs are looked at next. @param list also of runs beside its own */
  tell(list: boolean): void
  end(): void
}

/** Bytes that a reader has not taken: it is slow, or asleep. */
const BACKLOG = 2 ** 20
const SHOWN_MS = 100
export const ALL_MS = 1000
/** Between two looks for a stream of records that does not end, where no core is idle. */
const SELDOM_MS = 4000
/** Between two words that runs beside those of the stream have changed, where no core is idle. */
const LIST_MS = 5000
const BEAT_MS = 15_000

export function isRunning(run: WatchedRun): boolean {
  return run.line().state === 'running'
}

export interface StreamNeeds {
  readonly shelf: Shelf
  readonly load: Load
  /** Milliseconds. Default: performance.now() */
  readonly clock?: () => number
}

/** @param sent revisions that the reader knows, by the run's number */
export function createStream(
  response: ServerResponse,
  runs: readonly WatchedRun[],
  sent: Map<number, number>,
  { shelf, load, clock = () => performance.now() }: StreamNeeds,
): Stream {
  let revision = -1
  let said = clock()
  let listed = said
  let busy = false
  let [due, pause] = [0, SHOWN_MS]

  function changes(): object[] {
    return runs.flatMap((run) => {
      if (sent.get(run.id) === run.revision) return []
      sent.set(run.id, run.revision)
      return [{ type: 'run', run: run.line() }]
    })
  }
  /** Whether a run has come or gone, or one has changed of which this stream does not tell. */
  function hasNews(): boolean {
    const { changed, others } = shelf.since(revision)
    const now = clock()
    if (!others && busy && now < listed + LIST_MS) return false
    revision = shelf.revision
    listed = now
    return others || changed.some((run) => !runs.includes(run))
  }
  /** The first record after some quiet is told at once; where no core is idle, those that follow it wait. */
  function pace(told: boolean): void {
    pause = told && busy ? Math.min(SELDOM_MS, 2 * pause) : SHOWN_MS
    due = clock() + (runs.some(isRunning) ? pause : ALL_MS)
  }
  return {
    runs,
    get due() {
      return due
    },
    tell(list) {
      const lines = changes()
      if (!list) pace(lines.length > 0)
      const now = clock()
      const isBusy = load.look()
      if (busy !== isBusy) lines.push({ type: 'load', busy: isBusy })
      busy = isBusy
      if (list && hasNews()) lines.push({ type: 'list', revision })
      if (lines.length === 0 && now - said > BEAT_MS) lines.push({ type: 'beat' })
      if (lines.length === 0) return
      said = now
      response.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      if (response.writableLength > BACKLOG) response.destroy()
    },
    end: () => response.end(),
  }
}
