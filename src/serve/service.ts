/** Runs as a service over HTTP, on Node's own server. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Backend } from '../backend/backend.ts'
import { InputError, refuseNoObject, refuseNoText, refuseUnless } from '../error.ts'
import { checkedOptions } from '../model/model.ts'
import { answer, type House } from './answers.ts'
import { createExchange, type LogEntry } from './exchange.ts'
import { createGuard, LOOPBACK } from './guard.ts'
import { LIMIT_NAMES, type Limits, limitsOf } from './limits.ts'
import { createListening } from './listening.ts'
import { createMetrics } from './metrics.ts'
import { createPool, createUnread } from './pool.ts'
import { createQueue } from './queue.ts'
import { busy } from './refusal.ts'
import { SessionTable } from './sessions.ts'
import { createShelf, type Reloaded } from './shelf.ts'

/** Options of `createService`: limits, and who may ask. */
export interface ServiceOptions extends Partial<Limits> {
  readonly backend: Backend
  /** A token that requests must bring; health and readiness need none. Default: none. */
  readonly token?: string | undefined
  /**
   * Names of the host that requests may be for, without port; 'any': all. Default: those of the loopback, so that pages
   * of other sites cannot ask.
   */
  readonly hosts?: readonly string[] | 'any' | undefined
  /** Is given a plain object for each request, reload and failure, none of which holds data. Default: nothing is. */
  readonly log?: ((entry: LogEntry) => void) | undefined
  /** For the OpenAPI document. Default 0. */
  readonly version?: string | undefined
}

/** Where a service listens. */
export interface Address {
  /** `http://127.0.0.1:8080` */
  readonly url: string
  readonly port: number
}

/** Runs that are served. */
export interface Service {
  /** For a server of your own: `http.createServer(service.listener)`. */
  readonly listener: (request: object, response: object) => void
  /**
   * Listens on a port, 0: on a free one, by default of the loopback, with time limits for slow clients.
   * @throws InputError when the port is taken or may not be used
   */
  listen(place?: { readonly port?: number | undefined; readonly host?: string | undefined }): Promise<Address>
  /**
   * Opens all runs anew. Requests and sessions that are there go on with the run that they began with; a run that
   * cannot be opened stays, and the result says why.
   */
  reload(): readonly Reloaded[]
  /**
   * Takes no more requests, finishes those that are there, and gives all memory back. What is not done after `seconds`
   * (default 8) is cut off. A second call waits for the first.
   */
  stop(seconds?: number): Promise<void>
}

const OPTIONS = [...LIMIT_NAMES, 'backend', 'token', 'hosts', 'log', 'version']

/**
 * A service of runs: forecasts, labels, the tasks, and models of plain numbers or tokens.
 * @param runs folders of runs, or files of models, by the name that they have in addresses
 * @throws InputError when one cannot be opened
 */
export function createService(runs: Readonly<Record<string, string>>, options: ServiceOptions): Service {
  refuseNoObject('createService', runs)
  for (const [name, place] of Object.entries(runs)) {
    refuseUnless(/^[\w.-]{1,64}$/.test(name), 'createService', 'names of letters, digits, ".", "_" and "-"', name)
    refuseNoText(`createService: ${name}`, place)
  }
  const {
    backend,
    token,
    hosts,
    log,
    version = '0',
    ...rest
  } = checkedOptions('createService', 'runs', options, OPTIONS)
  const limits = limitsOf(rest, 'createService')
  if (log !== undefined) refuseUnless(typeof log === 'function', 'createService: log', 'a function', log)
  if (Object.keys(runs).length === 0) throw new InputError('createService: expected runs but received none: name one')
  const guard = createGuard(hosts ?? LOOPBACK, token)
  const shelf = createShelf(runs, { backend, limits })
  const about = { version, token: token !== undefined }
  return serviceOf({ limits, guard, shelf, about, log: log ?? (() => {}) })
}

type Parts = Pick<House, 'limits' | 'guard' | 'shelf' | 'about'> & { readonly log: (entry: LogEntry) => void }

function serviceOf({ log, ...parts }: Parts): Service {
  const { limits, shelf } = parts
  const sessions = new SessionTable(limits)
  const counts = { steps: 0, reloads: 0, reloadsFailed: 0 }
  const [metrics, pool, queue] = [createMetrics(), createPool(limits), createQueue(limits)]
  const unread = createUnread(limits)
  const house: House = {
    ...parts,
    sessions,
    queue,
    pool,
    unread,
    metrics,
    counts,
    connections: () => listening.connections,
  }
  const flight = createFlight()
  const surroundings = { metrics, unread, log, stopping: () => flight.ending }
  const listener = (request: object, response: object): void => {
    const over = flight.begin()
    const exchange = createExchange(request as IncomingMessage, response as ServerResponse, surroundings, over)
    if (flight.ending) exchange.fail(busy('the service stops: ask another', 5))
    else answer(house, exchange).catch((error: unknown) => exchange.fail(error))
  }
  const listening = createListening(listener, limits, log)
  const sweeper = setInterval(() => sessions.sweep(), Math.min(5000, 500 * limits.sessionIdle))
  sweeper.unref()
  let stopped: Promise<void> | null = null

  async function end(seconds: number): Promise<void> {
    await listening.close(flight.end(), seconds)
    clearInterval(sweeper)
    sessions.clear()
    shelf.dispose()
  }

  return {
    listener,
    listen: ({ port = 8080, host = '127.0.0.1' } = {}) => listening.open(port, host),
    reload() {
      const results = shelf.reload()
      for (const { run, problem } of results) {
        if (problem === null) counts.reloads += 1
        else counts.reloadsFailed += 1
        const failed = problem !== null && { problem, kept: 'the run that was there' }
        log({ level: failed ? 'error' : 'info', event: 'reload', run, ...failed })
      }
      return results
    },
    stop(seconds = 8) {
      stopped ??= end(seconds)
      return stopped
    },
  }
}

/** Requests that are there. */
function createFlight() {
  let inFlight = 0
  let landed: (() => void) | null = null
  return {
    /** Whether no more are taken. */
    ending: false,
    /** Called with each; what it returns, when it is over. */
    begin() {
      inFlight += 1
      return () => {
        inFlight -= 1
        if (inFlight === 0) landed?.()
      }
    },
    /** Resolves when the last one is over. */
    end(): Promise<void> {
      this.ending = true
      return new Promise((resolve) => {
        landed = resolve
        if (inFlight === 0) resolve()
      })
    },
  }
}
