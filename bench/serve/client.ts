/** A client of a service: connections that are kept, on which requests may follow each other without waiting. */
import { once } from 'node:events'
import * as net from 'node:net'

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Connection {
  readonly socket: net.Socket
  /** Sends a request, also if the last one is not answered yet. */
  ask(request: string): Promise<Answer>
}

/** A request as it is sent. */
export function requestOf(method: string, path: string, body?: object): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const type =
    body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${type}\r\n${text}`
}

export async function connect(port: number): Promise<Connection> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = []
  let held = Buffer.alloc(0)
  socket.on('data', (data) => {
    held = held.length === 0 ? data : Buffer.concat([held, data])
    for (let end = headEnd(held); end >= 0; end = headEnd(held)) {
      const head = held.toString('latin1', 0, end)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (held.length < end + 4 + length) break
      const body = held.toString('utf8', end + 4, end + 4 + length)
      held = held.subarray(end + 4 + length)
      waiting.shift()?.resolve({ status: Number(head.slice(9, 12)), body })
    }
  })
  const fail = () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the connection is closed'))
  }
  socket.on('error', fail).on('close', fail)
  await once(socket, 'connect')
  return {
    socket,
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        socket.write(request)
      }),
  }
}

function headEnd(bytes: Buffer): number {
  return bytes.indexOf('\r\n\r\n')
}

/** A number of /metrics by its name. */
export async function metricsOf(connection: Connection): Promise<(name: string) => number> {
  const { body } = await connection.ask(requestOf('GET', '/metrics'))
  return (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? Number.NaN)
}

/** The share-th of sorted numbers. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}
