/** The worker's thread: commands come in, reports go out. Its kernels are a file beside it. */

import { fusesMultiplyAdd, hasSimd } from '../../../src/backend/relaxed.ts'
import { createBackend, InputError } from '../../../src/index.ts'
import { Desk } from './desk.ts'
import type { Command } from './protocol.ts'

/** A worker of its own, as TypeScript's types of a page do not know it. */
const scope = globalThis as unknown as {
  onmessage: ((event: { data: Command }) => void) | null
  postMessage(message: unknown, moved?: Transferable[]): void
  trustedTypes?: { createPolicy(name: string, rules: object): unknown }
}

// Threads of WebAssembly are workers from a blob: address, which is all that this policy lets through.
scope.trustedTypes?.createPolicy('default', {
  createScriptURL: (url: string) => (url.startsWith('blob:') ? url : null),
})

const KERNELS = {
  'relaxed-simd': new URL('../../../build/irnn-relaxed-simd.wasm', import.meta.url),
  simd128: new URL('../../../build/irnn-simd128.wasm', import.meta.url),
}

async function backend(threads: number) {
  if (!hasSimd()) {
    throw new InputError(
      'this browser has no WebAssembly with SIMD, which training needs: Chrome has it since version 91, Firefox ' +
        'since 89, Safari since 16.4',
    )
  }
  const wasm = KERNELS[fusesMultiplyAdd() ? 'relaxed-simd' : 'simd128']
  return createBackend({ name: 'wasm', threads, wasm: wasm.href })
}

const desk = new Desk({ post: (report, moved) => scope.postMessage(report, moved), backend })
scope.onmessage = ({ data }) => void desk.take(data)
