/**
 * What differs by platform, for browsers: no add-on, the wasm module comes by fetch from beside the package's files.
 */
import type { NoAddon } from './native.ts'
import type { Thread, Work } from './threads.ts'

export function findAddon(): NoAddon {
  return { missing: 'this is not Node' }
}

/** A server is not asked before a file is wanted. */
export function wasmIsBuilt(): boolean {
  return true
}

export async function wasmBytes(file: string): Promise<BufferSource> {
  const url = new URL(`../../../build/${file}`, import.meta.url)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`wasm module: expected ${url} but the server answered ${response.status}`)
  return response.arrayBuffer()
}

export function defaultThreads(): number {
  return navigator.hardwareConcurrency ?? 1
}

/** Why there can be no wasm threads, or null where there can. */
export function noWasmThreads(): string | null {
  if (globalThis.crossOriginIsolated) return null
  return 'the page is not cross-origin isolated: it needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
}

/** Browsers that have it have it on. */
export function allowRelaxedSimd(): void {}

export function startThread(work: Work, died: (why: string) => void): Thread {
  const worker = new Worker(new URL('./thread.browser.js', import.meta.url), { type: 'module' })
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve()
    worker.onerror = ({ message }) => {
      const why = message || 'its script could not be loaded'
      died(why)
      reject(new Error(why))
    }
  })
  worker.postMessage(work)
  return { ready, stop: async () => worker.terminate() }
}
