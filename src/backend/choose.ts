/** Which backend runs: the one place that decides. Native where its add-on was built, else wasm, or the one asked for. */
import { defaultThreads, loadAddon, wasmBytes } from '#platform'
import { InputError } from '../error.ts'
import type { Backend, BackendName, InstructionSet } from './backend.ts'
import { nativeBackend } from './native.ts'
import { referenceBackend } from './reference.ts'
import { wasmBackend } from './wasm.ts'

export interface BackendOptions {
  /** Default: native, else wasm. */
  readonly name?: BackendName | undefined
  /** Threads of the native backend, default one per core. The numbers that come out do not depend on it. */
  readonly threads?: number | undefined
  /** Of the native backend, default the best this processor has. */
  readonly instructionSet?: InstructionSet | undefined
}

const MAX_THREADS = 256

/**
 * A backend ready to run. Its `description` says which one and why.
 * @throws InputError when the name or threads are not what they can be, or the backend named is not built.
 */
export async function createBackend({ name, threads, instructionSet }: BackendOptions = {}): Promise<Backend> {
  if (name !== undefined && name !== 'native' && name !== 'wasm' && name !== 'reference') {
    throw new InputError(`backend: expected native, wasm or reference but received ${JSON.stringify(name)}`)
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new InputError(`threads: expected a whole number from 1 to ${MAX_THREADS} but received ${threads}`)
  }
  if (name === 'reference') return referenceBackend()
  if (name === 'wasm') return wasmBackend(await wasmBytes(), '')
  const loaded = loadAddon()
  if ('addon' in loaded) {
    const { addon } = loaded
    if (instructionSet !== undefined && !addon.instructionSets.includes(instructionSet)) {
      throw new InputError(
        `instruction set: expected one of ${addon.instructionSets.join(', ')} on this processor but received ${instructionSet}`,
      )
    }
    return nativeBackend(addon, threads ?? defaultThreads(), instructionSet)
  }
  if (name === 'native') {
    throw new InputError(`backend native: expected its add-on but ${loaded.missing}; build it with "npm run build", or use --backend wasm`)
  }
  return wasmBackend(await wasmBytes(), ` (no native add-on: ${loaded.missing})`)
}

/** Every backend and instruction set that runs here, for tests and benchmarks. */
export async function availableBackends(): Promise<BackendOptions[]> {
  const loaded = loadAddon()
  const native = 'addon' in loaded ? loaded.addon.instructionSets : []
  return [
    { name: 'reference' },
    { name: 'wasm' },
    ...native.map((instructionSet) => ({ name: 'native' as const, instructionSet })),
  ]
}
