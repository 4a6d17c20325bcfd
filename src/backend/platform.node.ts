/** What differs by platform, for Node: package.json's `imports` picks this file or platform.browser.ts. */
import { readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { InputError, shown } from '../error.ts'
import { hasRelaxedSimd } from './relaxed.ts'
import { SERVE, type Thread, type Work } from './threads.ts'

export { findAddon } from './addon.node.ts'

/** The file at an address or path. @throws InputError if it does not come */
export async function readWasm(address: string): Promise<Uint8Array<ArrayBuffer>> {
  let why: string
  try {
    if (!/^(https?|data):/.test(address)) {
      const file = address.startsWith('file:') ? fileURLToPath(address) : address
      if (statSync(file).isFile()) return new Uint8Array(await readFile(file))
      throw new Error('it is no file')
    }
    const response = await fetch(address)
    if (response.ok) return new Uint8Array(await response.arrayBuffer())
    why = `the server answered ${response.status}`
  } catch (error) {
    const { message, cause } = error as Error
    why = cause instanceof Error ? cause.message : message
  }
  throw new InputError(`wasm: expected a file at ${shown(address)} but ${why}`)
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

/** Address space of a worker: 650 MiB with Node 20, nearly all of it reserved and never touched. */
const WORKER_BYTES = 2 ** 30
/** Workers that have not answered yet. */
let starting = 0

/** @throws Error where a worker would not fit: V8 then ends the process */
function refuseWithoutRoom(): void {
  if (addressSpaceLeft() < (starting + 1) * WORKER_BYTES) throw new Error('no room for a worker in its limit ulimit -v')
}

/** In bytes; Infinity where there is no limit, or the system does not say. */
function addressSpaceLeft(): number {
  const numberIn = (file: string, form: RegExp): number => Number(form.exec(readFileSync(file, 'utf8'))?.[1])
  try {
    const limit = numberIn('/proc/self/limits', /^Max address space +(\d+)/m)
    const used = 1024 * numberIn('/proc/self/status', /^VmSize:\s+(\d+)/m)
    return Number.isNaN(limit - used) ? Infinity : limit - used
  } catch {
    return Infinity // not Linux, or /proc is not there
  }
}

const THREAD = `const { parentPort, workerData } = require('node:worker_threads')
;(${SERVE})(workerData, () => parentPort.postMessage('ready'))`

/**
 * A worker that does not keep the process alive. No execArgv: what the program was started with is not for it. It
 * prints nothing, and where its output went to that of the process, ten workers made Node warn of too many listeners.
 */
export function startThread(work: Work, died: (why: string) => void): Thread {
  refuseWithoutRoom()
  const options = { eval: true, workerData: work, execArgv: [], stdout: true, stderr: true }
  const worker = new Worker(THREAD, options)
  starting++
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
  }).finally(() => starting--)
  return { ready, stop: () => worker.terminate() }
}
