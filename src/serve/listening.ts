/** The server: where it listens, how long it waits for slow clients, and how it ends. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { InputError } from '../error.ts'
import { whole } from '../flag.ts'
import type { Limits } from './limits.ts'

/** Milliseconds: for the head of a request, all of it, and for a connection on which nothing moves. */
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
}
const STILL = 60_000

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: name another port, or 0 for a free one',
  EACCES: 'permission denied: ports below 1024 are for the administrator: name another',
  EADDRNOTAVAIL: 'this machine has no such address: name one of its own, or 0.0.0.0 for all',
  ENOTFOUND: 'there is no such name: name an address of this machine',
  EAI_AGAIN: 'there is no such name: name an address of this machine',
  EAFNOSUPPORT: 'this machine has no addresses of that kind: name another',
}

/** Of requests and answers. */
export interface Heads {
  /** Bytes of the headers of a request, at most. Default 16 KiB. */
  readonly maxHeaderSize?: number
  /** What the answer to a request that is no HTTP has beside its type and length. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether requests without a host reach the listener, which refuses them; else Node does. Default false. */
  readonly hostless?: boolean
}

export interface Listening {
  readonly connections: number
  /** @throws InputError when it cannot listen there */
  open(port: number, host: string): Promise<{ url: string; port: number }>
  /** Takes no more connections, waits for `done` so many seconds, and closes those that are left. */
  close(done: Promise<void>, seconds: number): Promise<void>
}

export function createListening(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  { maxConnections }: Pick<Limits, 'maxConnections'>,
  log: (entry: Readonly<Record<string, unknown>>) => void,
  { maxHeaderSize = 16_384, headers = {}, hostless = false }: Heads = {},
): Listening {
  const servers = new Set<Server>()
  let connections = 0
  return {
    get connections() {
      return connections
    },
    async open(port, host) {
      whole(0).check(port, 'port', 'listen')
      if (port > 65_535) throw new InputError(`port: expected at most 65535 but received ${port}`)
      // An empty name would be every address of the machine.
      if (typeof host !== 'string' || host === '')
        throw new InputError('host: expected an address but received nothing')
      const server = createServer({ ...TIMES, noDelay: true, maxHeaderSize, requireHostHeader: !hostless }, listener)
      server.maxConnections = maxConnections
      server.timeout = STILL
      server.on('clientError', (error, socket: Socket) => refuseBroken(error, socket, { maxHeaderSize, headers }))
      server.on('connection', (socket: Socket) => {
        connections += 1
        socket.once('close', () => {
          connections -= 1
        })
      })
      server.on('drop', () => log({ level: 'error', event: 'drop', reason: 'too many connections' }))
      await listening(server, port, host)
      servers.add(server)
      const { address, family, port: own } = server.address() as AddressInfo
      return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${own}`, port: own }
    },
    async close(done, seconds) {
      const closed = [...servers].map((server) => new Promise((resolve) => server.close(resolve)))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, 1000 * seconds)
      })
      await Promise.race([done, late])
      // The last answers are sent; a connection that waits for another request, or hangs, is of no use.
      for (const server of servers) server.closeIdleConnections()
      await Promise.race([Promise.all(closed), late, new Promise((resolve) => setTimeout(resolve, 250))])
      for (const server of servers) server.closeAllConnections()
      await Promise.all(closed)
      clearTimeout(timer)
      servers.clear()
    },
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = REASONS[error.code ?? ''] ?? error.message
      reject(new InputError(`${host}:${port}: cannot listen: ${reason}`, { cause: error }))
    })
    server.listen({ port, host }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve()
    })
  })
}

const BROKEN: Readonly<Record<string, [status: string, error: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'expected a whole request within 30 s but it is not over'],
}

/** What is no HTTP gets an answer all the same, where somebody listens, and the connection ends. */
function refuseBroken(
  error: NodeJS.ErrnoException,
  socket: Socket,
  { maxHeaderSize, headers }: Required<Omit<Heads, 'hostless'>>,
): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const tooLong = `expected headers of at most ${maxHeaderSize / 1024} KiB but they are longer`
  const [status, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', tooLong]
      : (BROKEN[error.code ?? ''] ?? ['400 Bad Request', 'expected HTTP/1.1 but it does not parse'])
  const body = `${JSON.stringify({ error: `request: ${text}`, id: '' })}\n`
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: close\r\n${more.join('')}`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  setTimeout(() => socket.destroy(), 1000).unref()
}
