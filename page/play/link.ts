/** A worker, and what it needs to be one here. */

import type { Command, Report } from './engine/protocol.ts'
import address from './engine/worker.ts?worker&url'

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

export interface Link {
  send(command: Command, moved?: ArrayBuffer[]): void
  close(): void
}

/** Why there can be no worker; empty where there can. */
export function noWorkers(): string {
  if (typeof Worker === 'function') return ''
  return 'This browser has no workers, and without one a page cannot train: use one of 2021 or later.'
}

export function openLink(take: (report: Report) => void): Link {
  const worker = new Worker(policy?.createScriptURL(address) ?? address, { type: 'module' })
  worker.onmessage = ({ data }: MessageEvent<Report>) => take(data)
  worker.onerror = ({ message }) => {
    take({
      type: 'failed',
      id: null,
      message: `the worker could not be loaded or has died${message ? ` (${message})` : ''}: reload the page`,
    })
  }
  return {
    send: (command, moved = []) => worker.postMessage(command, moved),
    close: () => worker.terminate(),
  }
}

/** Threads of one of `nets` networks that train at once. */
export function threadsFor(nets: number): number {
  if (globalThis.crossOriginIsolated !== true) return 1
  return Math.max(1, Math.min(2, Math.floor((navigator.hardwareConcurrency || 1) / nets)))
}
