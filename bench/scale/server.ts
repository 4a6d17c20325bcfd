/** A Redis of its own, on a free port of this machine, with an append-only file as docs/scale.md advises. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface RedisServer {
  readonly port: number
  readonly url: string
  child: ChildProcess
  /** Again, after it was killed: with what is on its disk. */
  start(): Promise<void>
}

export interface ServerOptions {
  /** Where its file lies. */
  readonly dir: string
  /** Its address; default 127.0.0.1. */
  readonly host?: string | undefined
  /** Settings, as on its command line; `PORT` stands for the port. */
  readonly settings?: readonly string[]
}

/** @throws Error when it does not come up */
export async function startServer(options: ServerOptions): Promise<RedisServer> {
  const { dir, host = '127.0.0.1', settings = [] } = options
  const port = await freePort()
  const listening = settings.includes('--tls-port') ? ['--port', '0'] : ['--port', `${port}`]
  const own = ['--bind', host, '--protected-mode', 'no', '--dir', dir, '--appendonly', 'yes', '--save', '']
  const given = settings.map((word) => (word === 'PORT' ? `${port}` : word))
  const words = [...listening, ...own, ...given]
  const server: RedisServer = {
    port,
    url: `redis://${host}:${port}`,
    child: undefined as unknown as ChildProcess,
    async start() {
      const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] })
      server.child = child
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
        child.stdout.on('data', (data) => `${data}`.includes('Ready to accept connections') && resolve())
      })
    },
  }
  await server.start()
  return server
}

/** Waits for something. @throws Error when it takes longer */
export async function until(what: () => unknown, ms = 60_000): Promise<void> {
  for (const since = Date.now(); !(await what()); await sleep(20)) {
    if (Date.now() - since > ms) throw new Error(`not within ${ms} ms: ${what}`)
  }
}
