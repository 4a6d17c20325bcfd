/** What differs by platform, for Node: package.json's `imports` picks this file or platform.browser.ts. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Addon } from './native.ts'

const ADDON = fileURLToPath(new URL('../../../build/irnn.node', import.meta.url))
const WASM = new URL('../../../build/irnn.wasm', import.meta.url)

export function loadAddon(): { addon: Addon } | { missing: string } {
  try {
    return { addon: createRequire(import.meta.url)(ADDON) as Addon }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { missing: code === 'MODULE_NOT_FOUND' ? 'it was not built' : message.split('\n')[0]! }
  }
}

export async function wasmBytes(): Promise<BufferSource> {
  return readFile(WASM)
}

export function defaultThreads(): number {
  return availableParallelism()
}
