/**
 * Streams of lines of JSON: one for each change of the runs that a page shows. A line says how many bytes of the run's
 * records were read; whoever comes back with that number hears only of runs that have more. A page asks for one stream,
 * for a browser has six connections to a server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Refusal } from '../serve/refusal.ts'
import { begin } from './answer.ts'
import { createLoad, type Load } from './load.ts'
import type { WatchedRun } from './run.ts'
import type { Shelf } from './shelf.ts'
import { ALL_MS, createStream, isRunning, type Stream } from './stream.ts'

export interface Tails {
  /** @param from bytes that are known already, by the run's number */
  open(
    request: IncomingMessage,
    response: ServerResponse,
    runs: readonly WatchedRun[],
    from: ReadonlyMap<number, number>,
  ): void
  close(): void
}

const MOST_STREAMS = 32

export function createTails(shelf: Shelf, load: Load = createLoad()): Tails {
  const streams = new Set<Stream>()
  let every: NodeJS.Timeout | undefined
  let next: NodeJS.Timeout | undefined
  let looking = false
  let looks = 0

  function stop(): void {
    clearInterval(every)
    clearTimeout(next)
    every = next = undefined
  }
  /** Until a stream is due: before that the machine is left alone. */
  function wait(): void {
    clearTimeout(next)
    const due = Math.min(...[...streams].map((stream) => stream.due))
    if (due < Number.POSITIVE_INFINITY) next = setTimeout(() => lookAtShown(), Math.max(0, due - performance.now()))
  }
  function shown(some: Iterable<Stream>): WatchedRun[] {
    return [...new Set([...some].flatMap(({ runs }) => runs))]
  }
  async function lookAtShown(): Promise<void> {
    if (looking) return
    looking = true
    try {
      const now = performance.now()
      const due = [...streams].filter((stream) => stream.due <= now)
      await shelf.lookAt(shown(due).filter(isRunning))
      for (const stream of due) stream.tell(false)
    } finally {
      looking = false
      if (every) wait()
    }
  }
  async function lookAtAll(): Promise<void> {
    looks += 1
    if (load.look() && looks % 2 === 1) return // half as often where no core is idle
    await shelf.look()
    // Also those that are over, which may be resumed; the others have their own pace.
    await shelf.lookAt(shown(streams).filter((run) => !isRunning(run)))
    for (const stream of streams) stream.tell(true)
  }
  return {
    open(request, response, runs, from) {
      if (streams.size >= MOST_STREAMS) {
        throw new Refusal(503, `streams: expected at most ${MOST_STREAMS} at once: close a tab`, {
          'retry-after': '10',
        })
      }
      if (!begin(request, response, 'application/x-ndjson')) return
      const known = runs.filter((run) => from.get(run.id) === run.line().offset)
      const sent = new Map(known.map((run) => [run.id, run.revision]))
      const stream = createStream(response, runs, sent, { shelf, load })
      streams.add(stream)
      response.once('close', () => {
        streams.delete(stream)
        if (streams.size === 0) stop()
      })
      response.on('error', () => {})
      stream.tell(true)
      every ??= setInterval(() => lookAtAll(), ALL_MS)
      wait()
    },
    close() {
      stop()
      for (const stream of streams) stream.end()
      streams.clear()
    },
  }
}
