/** The server of `irnn dashboard`: it reads folders of runs, and changes nothing. */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { explaining } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { createGuard, LOOPBACK } from '../serve/guard.ts'
import { createListening } from '../serve/listening.ts'
import { Refusal } from '../serve/refusal.ts'
import { answer, answerError } from './answer.ts'
import { type Api, answerRoute, routeOf } from './api.ts'
import type { FitDetail } from './detail.ts'
import { refuseStranger } from './guard.ts'
import { SECURITY } from './headers.ts'
import type { Load } from './load.ts'
import { createShelf } from './shelf.ts'
import type { Site } from './site.ts'
import { createTails } from './tail.ts'

export interface PageServer {
  /** @returns its address with a slash at the end. @throws InputError when it cannot listen there */
  listen(port: number, host: string): Promise<string>
  close(): Promise<void>
}

export interface PageServerOptions {
  readonly site: Site
  /** The page that "/" leads to, "/dashboard/". */
  readonly home: string
  /** Names beside those of this machine that requests may be for. */
  readonly hosts?: readonly string[]
  /** What questions must bring; undefined: nothing. */
  readonly token?: string | undefined
}

export interface DashboardOptions extends PageServerOptions {
  /** Folders of runs, or folders of such. */
  readonly roots: readonly string[]
  /** What irnn fit has left in a folder; null: it is no such run. */
  readonly fit: (dir: string) => FitDetail | null
  /** Whether the machine has cores to spare. Default: as its system says. */
  readonly load?: Load
}

const MAX_CONNECTIONS = 256
const HEADER_BYTES = 8192
/** Ports after the first that are tried. */
const MORE_PORTS = 20

/** A token that nobody guesses: 32 random bytes. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** @throws InputError for a root that is no folder */
export function createDashboard(options: DashboardOptions): PageServer {
  const shelf = createShelf(options.roots.map(rootOf))
  const tails = createTails(shelf, options.load)
  const server = createPageServer(options, { shelf, tails, fit: options.fit })
  return {
    listen: server.listen,
    close() {
      tails.close()
      return server.close()
    },
  }
}

/** A server of the pages alone, or of the pages and what they ask. */
export function createPageServer(options: PageServerOptions, api: Api | null = null): PageServer {
  const { site, home, hosts = [], token } = options
  const names = [...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]
  const guard = createGuard('any', token)
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      refuseStranger(request, names)
      const route = api ? routeOf(request.url!) : undefined
      if (!route || !api) sendFile(request, response, site, home)
      else {
        guard.token(request)
        await answerRoute(api, route, request, response)
      }
    } catch (error) {
      answerError(request, response, error)
    }
  }
  const heads = { maxHeaderSize: HEADER_BYTES, headers: SECURITY, hostless: true }
  const listening = createListening(handle, { maxConnections: MAX_CONNECTIONS }, () => {}, heads)
  return {
    listen: async (port, host) => `${(await firstFree(listening, port, host)).url}/`,
    close: () => listening.close(Promise.resolve(), 1),
  }
}

/** The port, or the next that is free. */
async function firstFree(listening: ReturnType<typeof createListening>, port: number, host: string) {
  for (let next = port; ; next++) {
    try {
      return await listening.open(next, host)
    } catch (error) {
      const taken = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
      if (!taken || port === 0 || next === port + MORE_PORTS || next === 65_535) throw error
    }
  }
}

/** A file of the list. A path that is not in it leads nowhere: no file is looked for. */
function sendFile(request: IncomingMessage, response: ServerResponse, site: Site, home: string): void {
  const [name = ''] = request.url!.split('?', 1)
  if (name === '/') {
    const headers = { location: home, 'cache-control': 'no-store' }
    answer(request, response, { status: 302, type: 'text/plain; charset=utf-8', body: '', headers })
    return
  }
  const file = site.get(name)
  if (!file) throw new Refusal(404, 'address: there is no such page')
  const kept = file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache'
  answer(request, response, { type: file.type, body: file.bytes, headers: { 'cache-control': kept } })
}

/** @throws InputError unless it is a folder */
function rootOf(dir: string): string {
  return explaining(dir, 'cannot be read', () => {
    const stats = fs.statSync(dir, { throwIfNoEntry: false })
    if (!stats?.isDirectory()) {
      throw new InputError(
        `${dir}: expected a folder of runs but there is ${stats ? 'a file' : 'nothing'}: name another`,
      )
    }
    return fs.realpathSync(dir)
  })
}
