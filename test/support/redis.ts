/** A Redis of its own for a test file: on a free port of this machine, in a folder that goes when the file ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import * as path from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { home } from './command.ts'

/** Why tests that need it are skipped; false: it is there. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status !== 0 && 'there is no redis-server'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface Server {
  readonly port: number
  readonly url: string
  child: ChildProcess
  /** Again, after it was killed: with what is on its disk. */
  start(): Promise<void>
}

/** @param more its settings, as on its command line */
export async function startRedis(...more: string[]): Promise<Server> {
  const port = await freePort()
  const dir = fs.mkdtempSync(path.join(home, 'redis-'))
  const listening = more.includes('--tls-port') ? ['--port', '0'] : ['--port', `${port}`]
  const settings = more.map((word) => (word === 'PORT' ? `${port}` : word))
  const args = [...listening, '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--save', '', ...settings]
  const server: Server = {
    port,
    url: `redis://127.0.0.1:${port}`,
    child: undefined as unknown as ChildProcess,
    async start() {
      server.child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
      await new Promise<void>((resolve, reject) => {
        server.child.on('error', reject)
        server.child.on('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
        server.child.stdout!.on('data', (data) => `${data}`.includes('Ready to accept connections') && resolve())
      })
      server.child.on('exit', () => {})
    },
  }
  await server.start()
  after(() => server.child.kill('SIGKILL'))
  return server
}

export function client(port: number): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null })
  redis.on('error', () => {})
  after(() => redis.disconnect())
  return redis
}

export async function until(what: () => unknown, ms = 60_000): Promise<void> {
  for (const since = Date.now(); !(await what()); await sleep(20)) {
    if (Date.now() - since > ms) throw new Error(`not within ${ms} ms: ${what}`)
  }
}
