/** Opens the worker, at the one address from which scripts may come. */
import type { Report } from './engine/protocol.ts'
import address from './engine/worker.ts?worker&url'
import type { OpenLink } from './link.ts'

interface Policy {
  createScriptURL(url: string): string
}
interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy
}

// Where scripts must be trusted, this address is, and no other.
const policy = (globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy('irnn', {
  createScriptURL(url) {
    if (url !== address) throw new TypeError(`expected the address of the worker but received ${url}`)
    return url
  },
})

export const openLink: OpenLink = (take, died) => {
  const worker = new Worker(policy?.createScriptURL(address) ?? address, { type: 'module' })
  worker.onmessage = ({ data }: MessageEvent<Report>) => take(data)
  worker.onerror = ({ message }) => {
    died(`the worker could not be loaded or has died${message ? ` (${message})` : ''}: reload the page`)
  }
  return {
    send: (command, moved = []) => worker.postMessage(command, moved),
    close: () => worker.terminate(),
  }
}
