/** What differs by platform, for Node: package.json's `imports` picks this file or platform.browser.ts. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Addon } from './native.ts'
import { hasRelaxedSimd } from './relaxed.ts'
import type { Thread, Work } from './threads.ts'

const BUILD = new URL('../../../build/', import.meta.url)

export function loadAddon(): { addon: Addon } | { missing: string } {
  try {
    return { addon: createRequire(import.meta.url)(fileURLToPath(new URL('irnn.node', BUILD))) as Addon }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { missing: code === 'MODULE_NOT_FOUND' ? 'it was not built' : message.split('\n')[0]! }
  }
}

export async function wasmBytes(file: string): Promise<BufferSource> {
  return readFile(new URL(file, BUILD))
}

export function defaultThreads(): number {
  return availableParallelism()
}

/** Why there can be no wasm threads, or null where there can. */
export function noWasmThreads(): string | null {
  return null
}

/**
 * Node 20 (V8 11.3) has relaxed SIMD behind a flag, later ones have it on. The flag only lets modules be decoded that
 * were refused before, so it may be set while the process runs; V8 reads it at each compilation.
 */
export function allowRelaxedSimd(): void {
  if (!hasRelaxedSimd() && process.versions.v8.startsWith('11.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
}

/** A worker that does not keep the process alive. No execArgv: what the program was started with is not for it. */
export function startThread(work: Work, died: (why: string) => void): Thread {
  const worker = new Worker(new URL('./thread.node.js', import.meta.url), { workerData: work, execArgv: [] })
  const ready = new Promise<void>((resolve, reject) => {
    const end = (why: string): void => {
      died(why)
      reject(new Error(why))
    }
    worker.once('message', () => {
      worker.unref()
      resolve()
    })
    worker.on('error', (error) => end(error.message))
    worker.on('exit', (code) => end(`exit code ${code}`))
  })
  return { ready, stop: () => void worker.terminate() }
}
