/** Who may ask: names of the host, and the token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { InputError, shown } from '../error.ts'
import { Refusal } from './refusal.ts'

/** Names under which this machine reaches itself. */
export const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Throws a Refusal for a request that may not ask. */
export interface Guard {
  /**
   * A page of another site can lead its own name to 127.0.0.1 (DNS rebinding); the browser then sends that name.
   * @throws Refusal unless a request is for a name that is served
   */
  host(request: IncomingMessage): void
  /** @throws Refusal without the token */
  token(request: IncomingMessage): void
}

/** @param hosts names that are served; 'any': all */
export function createGuard(hosts: readonly string[] | 'any', token: string | undefined): Guard {
  if (token !== undefined && !/^[\x21-\x7e]{1,1000}$/.test(token)) {
    throw new InputError(
      'token: expected letters, digits and marks of ASCII without spaces, one at least, but received another word',
    )
  }
  const wanted = token === undefined ? undefined : digestOf(token)
  return {
    host({ headers: { host } }) {
      if (hosts === 'any') return
      const name = (host ?? '').toLowerCase().replace(/:\d+$/, '')
      if (hosts.includes(name)) return
      throw new Refusal(421, `host: expected one of ${hosts.join(', ')} but received ${shown(name)}: see --allow-host`)
    },
    token({ headers: { authorization = '' } }) {
      if (wanted === undefined) return
      const given = /^bearer (.+)$/i.exec(authorization)?.[1] ?? ''
      // Of digests, the time of a comparison says nothing, and their lengths are equal.
      if (timingSafeEqual(digestOf(given), wanted)) return
      throw new Refusal(
        401,
        'authorization: expected "Bearer TOKEN" with the token of the service but received another',
        {
          'www-authenticate': 'Bearer',
        },
      )
    },
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
