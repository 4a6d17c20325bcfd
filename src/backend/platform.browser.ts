/** What differs by platform, for browsers: no add-on, the wasm module comes by fetch from beside the package's files. */
import type { Addon } from './native.ts'

export function loadAddon(): { addon: Addon } | { missing: string } {
  return { missing: 'this is not Node' }
}

export async function wasmBytes(): Promise<BufferSource> {
  const url = new URL('../../../build/irnn.wasm', import.meta.url)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`wasm module: expected ${url} but the server answered ${response.status}`)
  return response.arrayBuffer()
}

export function defaultThreads(): number {
  return 1
}
