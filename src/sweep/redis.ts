/**
 * Redis or Valkey, by ioredis, and queues on it, by BullMQ: packages that users install who want them. An address may
 * have a password, which is never shown.
 */
import type * as bullmq from 'bullmq'
import type { Redis, RedisOptions } from 'ioredis'
import { readText } from '../disk.node.ts'
import { InputError } from '../error.ts'

/** Before every key, so that a user of Redis can be let at these alone. */
export const PREFIX = 'irnn'

export interface Address {
  /** For people: without user and password. */
  readonly shown: string
  readonly options: RedisOptions
}

const WANTED = 'redis://host:port or rediss://user:password@host:port'

/**
 * @param text redis://… or rediss://… (with TLS), as Redis' own tools have it: user, password, port, number of the
 * database
 * @param ca a file in PEM: who may vouch for the server, in place of those that Node knows
 * @throws InputError for anything else
 */
export function addressOf(text: string, ca?: string): Address {
  const url = URL.canParse(text) ? new URL(text) : null
  const tls = url?.protocol === 'rediss:'
  const db = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '')?.[1]
  if (!url || !(tls || url.protocol === 'redis:') || url.hostname === '' || db === undefined || url.search !== '') {
    throw new InputError(`--queue: expected ${WANTED}, from --queue or IRNN_QUEUE, but received something else`)
  }
  if (ca !== undefined && !tls) {
    throw new InputError(
      '--queue-ca: expected an address that begins with rediss:// beside it: change it, or remove it',
    )
  }
  const port = Number(url.port || 6379)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const said = (part: string, what: string) => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw new InputError(`--queue: expected the ${what} with % as %25 but it has another %: write it so`)
    }
  }
  return {
    shown: `${url.protocol}//${url.hostname}:${port}`,
    options: {
      host,
      port,
      db: Number(db),
      ...(url.username && { username: said(url.username, 'user') }),
      ...(url.password && { password: said(url.password, 'password') }),
      ...(tls && { tls: ca === undefined ? {} : { ca: readText(ca) } }),
    },
  }
}

async function loaded<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new InputError(
      `--queue: expected the package ${name}, which speaks to Redis, but it is not there: npm install bullmq ioredis`,
    )
  }
}

export const loadBullmq = (): Promise<typeof bullmq> => loaded('bullmq', () => import('bullmq'))

const RETRY_MS = 200
const LONGEST_RETRY_MS = 2000
const FIRST_MS = 10_000

/**
 * A connection, which comes back by itself once it was there; `say` hears when it is lost and found again.
 * @throws InputError, one line, when there is none, or Redis refuses the user
 */
export async function connect({ shown, options }: Address, say: (line: string) => void): Promise<Redis> {
  const { Redis } = await loaded('ioredis', () => import('ioredis'))
  let begun = false
  let why = ''
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: FIRST_MS,
    maxRetriesPerRequest: null, // BullMQ's blocking calls wait as long as it takes
    retryStrategy: (tries) => (begun ? Math.min(RETRY_MS * tries, LONGEST_RETRY_MS) : null),
  })
  let lost = false
  redis.on('error', (error: Error) => {
    why = reasonOf(error)
    if (begun && !lost) say(`${shown}: out of reach: ${why}: trying again; trials go on meanwhile`)
    lost = true
  })
  redis.on('ready', () => {
    if (begun && lost) say(`${shown}: there again`)
    lost = false
  })
  redis.on('close', () => {
    if (begun && !lost) say(`${shown}: out of reach: trying again; trials go on meanwhile`)
    lost = true
  })
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    redis.disconnect()
    throw new InputError(`--queue: ${shown}: ${refusalOf(why || reasonOf(error as Error))}`)
  }
  begun = true
  lost = false
  return redis
}

/** Leaves for good: says no more of it. */
export async function disconnect(redis: Redis): Promise<void> {
  redis.removeAllListeners('close')
  if (redis.status === 'ready') await redis.quit().catch(() => {})
  redis.disconnect()
}

/** Its name of several addresses that were tried has no message. */
function reasonOf(error: Error & { code?: string; errors?: Error[] }): string {
  return (error.message || error.errors?.[0]?.message || error.code || 'no answer').replace(/\s*\n\s*/g, ' ')
}

function refusalOf(why: string): string {
  if (/NOAUTH|WRONGPASS|NOPERM|without any password/.test(why)) {
    return `it refuses this user: ${why}: name user and password as in ${WANTED}, or give that user its rights`
  }
  return `expected Redis there but it cannot be reached: ${why}: start it, or name another address`
}
