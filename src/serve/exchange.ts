/** One request and its answer: its id, its line in the log, its numbers, and errors in the form that all have. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { InputError } from '../error.ts'
import type { Metrics } from './metrics.ts'
import type { Unread } from './pool.ts'
import { busy, Refusal } from './refusal.ts'

/** A line of the log, which is written as JSON. It has none of the data of a request. */
export type LogEntry = Readonly<Record<string, unknown>>

export interface Exchange {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Set when it is known: for log and metrics. */
  label: string
  run: string
  steps: number
  /** Bytes of the body. */
  received: number
  send(status: number, body: object | string | null, headers?: Readonly<Record<string, string>>): void
  fail(error: unknown): void
}

interface Surroundings {
  readonly metrics: Metrics
  readonly unread: Unread
  log(entry: LogEntry): void
  /** Whether the service ends: connections are closed after their answers. */
  stopping(): boolean
}

/** An id that the sender chose, if it is one. */
const ID = /^[\w.:-]{1,64}$/

/** @param over called once when all is sent, or the connection is closed */
export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, unread, log, stopping }: Surroundings,
  over: () => void,
): Exchange {
  const started = performance.now()
  const given = request.headers['x-request-id']
  const id = typeof given === 'string' && ID.test(given) ? given : randomUUID()
  let sent = 0
  let gone = false
  let release = () => {}
  const exchange: Exchange = {
    id,
    request,
    response,
    label: 'other',
    run: '',
    steps: 0,
    received: 0,
    send(status, body, headers = {}) {
      if (gone || response.headersSent) return
      const text = typeof body === 'string' ? body : body === null ? '' : `${JSON.stringify(body)}\n`
      const bytes = Buffer.from(text)
      sent = bytes.length
      release = unread.hold(sent, () => request.socket.destroy())
      const type = typeof body === 'string' ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json'
      response.writeHead(status, {
        'x-request-id': id,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...(body !== null && { 'content-type': type }),
        ...(status !== 204 && { 'content-length': bytes.length }),
        ...(stopping() && { connection: 'close' }),
        ...headers,
      })
      response.end(bytes)
    },
    fail(error) {
      const refusal = refusalOf(error)
      if (refusal.status === 500) log({ level: 'error', event: 'failure', id, error: placeOf(error) })
      exchange.send(refusal.status, { error: refusal.message, id }, refusal.headers)
    },
  }
  response.on('error', () => {}) // the end follows
  atEnd(request, response, () => {
    gone = true
    release()
    const status = response.writableFinished ? response.statusCode : 499
    const seconds = (performance.now() - started) / 1000
    metrics.request(exchange.label, status, seconds)
    const { label: route, run, received, steps } = exchange
    log({
      level: 'info',
      event: 'request',
      id,
      method: request.method,
      route,
      ...(run !== '' && { run }),
      status,
      ms: Math.round(1e6 * seconds) / 1e3,
      received,
      sent,
      ...(steps > 0 && { steps }),
    })
    over()
  })
  return exchange
}

/** What is to be done of the exchanges of a connection when it closes. */
const left = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls `over` once, when the answer is sent or the connection closes. Node tells the latter to the first of several
 * answers alone: those that wait behind it, of requests that came without waiting, never hear of it.
 */
function atEnd({ socket }: IncomingMessage, response: ServerResponse, over: () => void): void {
  let own = left.get(socket)
  if (own === undefined) {
    own = new Set()
    left.set(socket, own)
    socket.once('close', () => {
      for (const end of left.get(socket) ?? []) end()
    })
  }
  const end = () => {
    if (own.delete(end)) over()
  }
  own.add(end)
  response.once('close', end)
}

/** What went wrong, as the sender may know it. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof InputError) return new Refusal(400, error.message)
  if (error instanceof RangeError) return busy('the machine has no memory for this at the moment: send less at once')
  return new Refusal(500, 'internal error: the log has more under this id')
}

/** Where an error that nobody expected was thrown; its message may quote data. */
function placeOf(error: unknown): string {
  const { name = 'Error', stack = '' } = error instanceof Error ? error : {}
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return [name, ...frames.slice(0, 8).map((line) => line.trim())].join(' ')
}
