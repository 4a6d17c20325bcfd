/** What differs by platform, for browsers and all that is not Node: no add-on, and files come by fetch. */
import { InputError, shown } from '../error.ts'
import type { NoAddon } from './native.ts'
import { SERVE, type Thread, type Work } from './threads.ts'

export function findAddon(): NoAddon {
  return { missing: 'this is not Node' }
}

/** The file at an address. @throws InputError if it does not come */
export async function readWasm(address: string): Promise<Uint8Array<ArrayBuffer>> {
  let why: string
  try {
    const response = await fetch(address)
    if (response.ok) return new Uint8Array(await response.arrayBuffer())
    why = `the server answered ${response.status}`
  } catch (error) {
    why = (error as Error).message
  }
  throw new InputError(`wasm: expected a file at ${shown(address)} but ${why}: is it among the files that are served?`)
}

/** 1 where nothing says how many there are: in an audio worklet. */
export function defaultThreads(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1
}

/** Why there can be no wasm threads, or null where there can. */
export function noWasmThreads(): string | null {
  if (typeof Worker === 'undefined') return 'there are no workers here'
  if (globalThis.crossOriginIsolated) return null
  return 'the page is not cross-origin isolated: it needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
}

/** Browsers that have it have it on. */
export function allowRelaxedSimd(): void {}

export function startThread(work: Work, died: (why: string) => void): Thread {
  const text = `onmessage = ({ data }) => (${SERVE})(data, () => postMessage('ready'))`
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const worker = new Worker(url)
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve()
    worker.onerror = ({ message }) => {
      const why = message || "its script could not be loaded; a Content-Security-Policy needs worker-src 'self' blob:"
      died(why)
      reject(new Error(why))
    }
  }).finally(() => URL.revokeObjectURL(url))
  worker.postMessage(work)
  return { ready, stop: async () => worker.terminate() }
}
