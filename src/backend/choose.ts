/**
 * Which backend runs: the one place that decides. Native where its add-on was built, else wasm, or the one asked for.
 */
import {
  allowRelaxedSimd,
  defaultThreads,
  findAddon,
  noWasmThreads,
  startThread,
  wasmBytes,
  wasmIsBuilt,
} from '#platform'
import { didYouMean, InputError, refuseUnknown, shown } from '../error.ts'
import type { Backend, BackendName, Engine, InstructionSet, WasmInstructionSet } from './backend.ts'
import { nativeBackend } from './native.ts'
import { referenceBackend } from './reference/index.ts'
import { fusesMultiplyAdd } from './relaxed.ts'
import { moduleFile, wasmBackend } from './wasm.ts'

/** Which backend is wanted and how it is to run. Everything has a default. */
export interface BackendOptions {
  /** Default: native, else wasm. */
  readonly name?: BackendName | undefined
  /**
   * Of the native and wasm backends; the numbers that come out do not depend on it. Default: native one per core; wasm
   * the same but at most 4, and one where memory cannot be shared (a page that is not cross-origin isolated). Where the
   * system refuses some, those that it gives do the work, and the backend's description says so.
   */
  readonly threads?: number | undefined
  /** Default: the best this processor, or WebAssembly here, has. */
  readonly instructionSet?: InstructionSet | undefined
}

const MAX_THREADS = 256
/**
 * A wasm thread is a worker, some 35 ms and 8 MB to start, and a minibatch of 32 gives 4 pieces of a recurrence to
 * share out.
 */
const DEFAULT_WASM_THREADS = 4

/**
 * A backend ready to run. Its `description` says which one and why.
 * @throws InputError when an option does not exist, the name or threads are not what they can be, or the backend named
 * is not built, or was built from other code; RangeError when there is no memory for wasm
 */
export function createBackend(options: BackendOptions = {}): Promise<Backend> {
  return createEngine(options)
}

/** The same, with the kernels and the memory that are internal. */
export async function createEngine(options: BackendOptions = {}): Promise<Engine> {
  refuseUnknown('createBackend', options, ['name', 'threads', 'instructionSet'])
  const { name, threads, instructionSet } = options
  if (name !== undefined && name !== 'native' && name !== 'wasm' && name !== 'reference') {
    const meant = didYouMean(name, ['native', 'wasm', 'reference'])
    throw new InputError(`backend: expected native, wasm or reference but received ${shown(name)}${meant}`)
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new InputError(`threads: expected a whole number from 1 to ${MAX_THREADS} but received ${shown(threads)}`)
  }
  if (name === 'reference') return referenceBackend()
  if (name === 'wasm') return chooseWasm(threads, instructionSet, '')
  const found = findAddon()
  if ('addon' in found) {
    return nativeBackend(found, threads ?? defaultThreads(), oneOf(found.addon.instructionSets, instructionSet))
  }
  const { missing, remedy } = found
  if (name === 'native') {
    const or = remedy === undefined ? '' : `${remedy}, or `
    throw new InputError(`backend native: expected its add-on but ${missing}: ${or}use --backend wasm`)
  }
  const why = remedy === undefined ? missing : `${missing}: ${remedy}`
  return chooseWasm(threads, instructionSet, ` (no native add-on: ${why})`)
}

async function chooseWasm(
  threads: number | undefined,
  wanted: InstructionSet | undefined,
  reason: string,
): Promise<Engine> {
  const built = wasmInstructionSets()
  if (built.length === 0) {
    throw new InputError(`backend wasm: expected its modules in build/ but they were not built: run "npm run build"`)
  }
  const instructionSet = oneOf(built, wanted)
  const alone = noWasmThreads()
  if (threads !== undefined && threads > 1 && alone) {
    throw new InputError(`threads: expected 1 but received ${threads}: ${alone}`)
  }
  const usual = alone ? 1 : Math.min(defaultThreads(), DEFAULT_WASM_THREADS)
  return wasmBackend({ instructionSet, threads: threads ?? usual, reason, load: wasmBytes, start: startThread })
}

/** Those that run here and are built, best first. */
function wasmInstructionSets(): readonly WasmInstructionSet[] {
  allowRelaxedSimd()
  const sets: WasmInstructionSet[] = fusesMultiplyAdd() ? ['relaxed-simd', 'simd128'] : ['simd128']
  return sets.filter((set) => wasmIsBuilt(moduleFile(set, false)) && wasmIsBuilt(moduleFile(set, true)))
}

function oneOf<S extends InstructionSet>(here: readonly S[], wanted: InstructionSet | undefined): S {
  if (wanted === undefined) return here[0]!
  const found = here.find((set) => set === wanted)
  if (found) return found
  throw new InputError(
    `instruction set: expected one of ${here.join(', ')}, which run here and are built, but received ` +
      `${shown(wanted)}${didYouMean(wanted, here)}: "npm run build" builds all that there are`,
  )
}

/** Every backend and instruction set that runs here and is built, for tests and benchmarks. */
export async function availableBackends(): Promise<BackendOptions[]> {
  const found = findAddon()
  const native = 'addon' in found ? found.addon.instructionSets : []
  return [
    { name: 'reference' },
    ...wasmInstructionSets().map((instructionSet) => ({ name: 'wasm' as const, instructionSet })),
    ...native.map((instructionSet) => ({ name: 'native' as const, instructionSet })),
  ]
}
