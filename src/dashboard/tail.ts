/**
 * Streams of lines of JSON: one for each change of the runs that a page shows. A line says how many bytes of the run's
 * records were read; whoever comes back with that number hears only of runs that have more. A page asks for one stream,
 * for a browser has six connections to a server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../serve/refusal.ts'
import { begin } from './answer.ts'
import type { WatchedRun } from './run.ts'
import type { Shelf } from './shelf.ts'

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
/** Bytes that a reader has not taken: it is slow, or asleep. */
const BACKLOG = 2 ** 20
const SHOWN_MS = 100
const ALL_MS = 1000
const BEAT_MS = 15_000

interface Stream {
  readonly response: ServerResponse
  readonly runs: readonly WatchedRun[]
  readonly sent: Map<number, number>
  revision: number
  said: number
}

export function createTails(shelf: Shelf): Tails {
  const streams = new Set<Stream>()
  let timers: NodeJS.Timeout[] = []
  let looking = false

  function start(): void {
    if (timers.length > 0) return
    timers = [setInterval(() => lookAtShown(), SHOWN_MS), setInterval(() => lookAtAll(), ALL_MS)]
  }
  function stop(): void {
    for (const timer of timers) clearInterval(timer)
    timers = []
  }
  function shown(): WatchedRun[] {
    return [...new Set([...streams].flatMap(({ runs }) => runs))]
  }
  async function lookAtShown(): Promise<void> {
    if (looking) return
    looking = true
    try {
      await shelf.lookAt(shown().filter((run) => run.line().state === 'running'))
      for (const stream of streams) write(stream, false)
    } finally {
      looking = false
    }
  }
  async function lookAtAll(): Promise<void> {
    await shelf.look()
    await shelf.lookAt(shown()) // also those that are over, which may be resumed
    for (const stream of streams) write(stream, true)
  }
  function write(stream: Stream, list: boolean): void {
    const lines: object[] = []
    for (const run of stream.runs) {
      if (stream.sent.get(run.id) === run.revision) continue
      stream.sent.set(run.id, run.revision)
      lines.push({ type: 'run', run: run.line() })
    }
    if (list && stream.revision !== shelf.revision) {
      stream.revision = shelf.revision
      lines.push({ type: 'list', revision: shelf.revision })
    }
    const now = performance.now()
    if (lines.length === 0 && now - stream.said > BEAT_MS) lines.push({ type: 'beat' })
    if (lines.length === 0) return
    stream.said = now
    stream.response.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    if (stream.response.writableLength > BACKLOG) stream.response.destroy()
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
      const stream = { response, runs, sent, revision: -1, said: performance.now() }
      streams.add(stream)
      response.once('close', () => {
        streams.delete(stream)
        if (streams.size === 0) stop()
      })
      response.on('error', () => {})
      start()
      write(stream, true)
    },
    close() {
      stop()
      for (const { response } of streams) response.end()
      streams.clear()
    },
  }
}
