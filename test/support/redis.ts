/** A Redis of its own for a test file, which goes when the file ends. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { after } from 'node:test'
import { Redis } from 'ioredis'
import { hasRedis, type RedisServer, startServer } from '../../bench/scale/server.ts'
import { home } from './command.ts'

export { until } from '../../bench/scale/server.ts'

/** Why tests that need it are skipped; false: it is there. */
export const noRedis: string | false = !hasRedis() && 'there is no redis-server'

/** @param settings as on its command line */
export async function startRedis(...settings: string[]): Promise<RedisServer> {
  const server = await startServer({ dir: fs.mkdtempSync(path.join(home, 'redis-')), settings })
  after(() => server.child.kill('SIGKILL'))
  return server
}

export function client(port: number): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null })
  redis.on('error', () => {})
  after(() => redis.disconnect())
  return redis
}
