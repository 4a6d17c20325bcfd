/**
 * Who may ask a server on this machine. Its danger is the browser: a page from anywhere can send requests here, and can
 * lead a name of its own to 127.0.0.1 (DNS rebinding). A request must name a host that is served and come from our own
 * page, or from no page.
 */
import type { IncomingMessage } from 'node:http'
import { shown } from '../error.ts'
import { Refusal } from '../serve/refusal.ts'

/** A name or an address, and a port, which tunnels change. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::\d{1,5})?$/i
const METHODS = ['GET', 'HEAD']

/**
 * Checks a request before anything else is done with it.
 * @param hosts names that are served, in lower case
 * @throws Refusal 403 for another host or origin, 405 for a method that would change something
 */
export function refuseStranger(request: IncomingMessage, hosts: readonly string[]): void {
  const { headers, rawHeaders, method = '', url = '' } = request
  const given = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length
  const host = headers.host ?? ''
  const name = HOST.exec(host)?.[1]?.toLowerCase()
  if (given !== 1 || name === undefined || !hosts.includes(name)) {
    throw new Refusal(403, `host: expected one of ${hosts.join(', ')} but received ${shown(host)}: see --allow-host`)
  }
  // Of a request as proxies get it, "GET http://host/path", the address would count and not the host above.
  if (!url.startsWith('/')) throw new Refusal(403, `address: expected a path but received ${shown(url)}`)
  const { origin } = headers
  if (origin !== undefined && ![`http://${host}`, `https://${host}`].includes(origin)) {
    throw new Refusal(403, `origin: expected this server's own page but received ${shown(origin)}`)
  }
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new Refusal(403, `sec-fetch-site: expected same-origin or none but received ${shown(site)}: open it yourself`)
  }
  if (!METHODS.includes(method)) {
    const allow = METHODS.join(', ')
    throw new Refusal(405, `method: expected ${allow} but received ${shown(method)}`, { allow })
  }
}
