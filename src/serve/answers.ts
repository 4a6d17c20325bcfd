/** What a service answers: from the address of a request to the run that is asked. */
import { shown } from '../error.ts'
import { readBody, refuseHead } from './body.ts'
import type { Exchange } from './exchange.ts'
import type { Guard } from './guard.ts'
import { parseBody } from './json.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import { openapiOf } from './openapi.ts'
import type { Pool, Unread } from './pool.ts'
import type { Queue, Work } from './queue.ts'
import { readingsOf } from './readings.ts'
import { Refusal } from './refusal.ts'
import { type Found, routeOf } from './routes.ts'
import type { Answer } from './served.ts'
import type { SessionTable } from './sessions.ts'
import type { Held, Shelf } from './shelf.ts'

/** All that a service is made of. */
export interface House {
  readonly limits: Limits
  readonly guard: Guard
  readonly shelf: Shelf
  readonly sessions: SessionTable
  readonly queue: Queue
  readonly pool: Pool
  readonly unread: Unread
  readonly metrics: Metrics
  readonly counts: { steps: number; reloads: number; reloadsFailed: number }
  /** For the OpenAPI document. */
  readonly about: { readonly version: string; readonly token: boolean }
  connections(): number
}

/** Answers a request. @throws Refusal or InputError where it is refused */
export async function answer(house: House, exchange: Exchange): Promise<void> {
  const { guard, shelf, queue, metrics, about } = house
  const { request } = exchange
  guard.host(request)
  const route = routeOf(request.method ?? '', request.url ?? '')
  exchange.label = route.label
  if (route.name === 'health') return exchange.send(200, { status: 'ok' })
  if (route.name === 'ready') return exchange.send(200, { status: 'ready', runs: shelf.names.length })
  guard.token(request)
  if (route.name === 'metrics') return exchange.send(200, metrics.text(readingsOf(house)))
  if (route.name === 'runs') {
    return exchange.send(200, { runs: shelf.names.map((name) => ({ name, kind: shelf.peek(name)!.kind })) })
  }
  if (route.name === 'openapi') {
    const all = new Map(shelf.names.map((name) => [name, shelf.peek(name)!]))
    return exchange.send(200, await queue.run(() => openapiOf(all, about)))
  }
  const held = shelf.hold(route.run)
  if (held === null) {
    throw new Refusal(404, `run: expected one of ${shelf.names.join(', ')} but received ${shown(route.run)}`)
  }
  exchange.run = route.run
  try {
    await ofRun(house, exchange, route, held)
  } finally {
    held.release()
  }
}

async function ofRun(house: House, exchange: Exchange, { name, run, session }: Found, held: Held): Promise<void> {
  const { sessions, shelf } = house
  switch (name) {
    case 'run':
      return exchange.send(200, { name: run, ...held.served.about })
    case 'session':
      return exchange.send(200, sessions.describe(run, session))
    case 'end':
      sessions.end(run, session)
      return exchange.send(204, null)
    case 'open': {
      const id = await worked(house, exchange, (body) => sessions.create(shelf.hold(run)!, body))
      return exchange.send(201, { session: id }, { location: `/v1/runs/${run}/sessions/${id}` })
    }
    case 'take': {
      // Also if nobody waits any more: a session whose rows were sent has them.
      const take = (body: unknown, work: Work) => sessions.take(run, session, body, work)
      return told(house, exchange, await worked(house, exchange, take, () => true))
    }
    default: {
      const call = held.served.calls[name]
      if (call !== undefined) {
        return told(house, exchange, await worked(house, exchange, (body, work) => call.run(body, work)))
      }
      const there = Object.keys(held.served.calls).join(', ')
      throw new Refusal(404, `path: expected one of ${there} after ${run} but received ${name}, which words have`)
    }
  }
}

function told({ counts }: House, exchange: Exchange, { body, steps }: Answer): void {
  exchange.steps = steps
  counts.steps += steps
  exchange.send(200, body)
}

/** Reads the body, and does what is asked when its turn has come. @param wanted whether somebody waits for it */
async function worked<T>(
  { limits, pool, queue }: House,
  exchange: Exchange,
  task: (body: unknown, work: Work) => T | Promise<T>,
  wanted: () => boolean = () => !exchange.request.socket.destroyed,
): Promise<T> {
  const { request } = exchange
  refuseHead(request, limits)
  const bytes = await readBody(request, limits, pool)
  exchange.received = bytes.length
  try {
    return await queue.run((work) => task(parseBody(bytes), work), wanted)
  } finally {
    pool.add(-bytes.length)
  }
}
