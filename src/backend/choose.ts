/**
 * Which backend runs: the one place that decides. Native where its add-on was built, else wasm, or the one asked for.
 */
import { defaultThreads, findAddon } from '#platform'
import { didYouMean, InputError, refuseUnknown, shown } from '../error.ts'
import type { Backend, BackendName, Engine, InstructionSet, WasmInstructionSet } from './backend.ts'
import { chooseWasm, embeddedBytes, embeddedModule, noSuchSet, wasmAtOnce, wasmInstructionSets } from './chooseWasm.ts'
import { nativeBackend } from './native.ts'
import type { WasmModule, WasmSource } from './wasmFile.ts'

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
  /**
   * The kernels for wasm: the address of a file of what `wasmBytes` gives, or these bytes, or a `WebAssembly.Module` of
   * them, which has one thread. Default: those that are part of the code. With it, wasm runs also where there is a
   * native backend.
   */
  readonly wasm?: WasmSource | undefined
}

const MAX_THREADS = 256

/**
 * A backend ready to run. Its `description` says which one and why.
 * @throws InputError when an option does not exist, the name or threads are not what they can be, or the backend named
 * is not built, or was built from other code; RangeError when there is no memory for wasm
 */
export function createBackend(options: BackendOptions = {}): Promise<Backend> {
  return createEngine(options)
}

/**
 * The same at once, where nothing can be waited for, as in the constructor of an `AudioWorkletProcessor`: wasm on one
 * thread, from bytes or from what `wasmModule` gave.
 * @throws InputError when `wasm` is not there or not what it must be; RangeError when there is no memory for it
 */
export function createBackendSync(options: { readonly wasm: ArrayBuffer | ArrayBufferView | WasmModule }): Backend {
  refuseUnknown('createBackendSync', options, ['wasm'])
  return wasmAtOnce(options.wasm)
}

/**
 * The kernels as the bytes of a file, for a server of files, or for a runtime that compiles no code of its own and takes
 * modules as imports: write them when you build the program, and give them to `createBackend({ wasm })`.
 * @param options.instructionSet default: simd128, which runs everywhere; relaxed-simd is for processors with a fused
 *   multiply-add
 * @throws InputError when an option or the instruction set does not exist, or its kernels are not built
 */
export async function wasmBytes(
  options: { readonly instructionSet?: WasmInstructionSet } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  refuseUnknown('wasmBytes', options, ['instructionSet'])
  const { instructionSet = 'simd128' } = options
  return embeddedBytes(instructionSet)
}

/**
 * The kernels as a `WebAssembly.Module`, to be sent to a worker or an audio worklet for `createBackendSync` there.
 * @param options.instructionSet default: the best that WebAssembly has here
 * @throws InputError when an option does not exist, or there is no such instruction set here
 */
export async function wasmModule(options: { readonly instructionSet?: WasmInstructionSet } = {}): Promise<WasmModule> {
  refuseUnknown('wasmModule', options, ['instructionSet'])
  return embeddedModule(options.instructionSet)
}

/** A backend with the kernels and the memory that are internal. */
export async function createEngine(options: BackendOptions = {}): Promise<Engine> {
  refuseUnknown('createBackend', options, ['name', 'threads', 'instructionSet', 'wasm'])
  const { name, threads, instructionSet, wasm } = options
  if (name !== undefined && name !== 'native' && name !== 'wasm' && name !== 'reference') {
    const meant = didYouMean(name, ['native', 'wasm', 'reference'])
    throw new InputError(`backend: expected native, wasm or reference but received ${shown(name)}${meant}`)
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new InputError(`threads: expected a whole number from 1 to ${MAX_THREADS} but received ${shown(threads)}`)
  }
  if (wasm !== undefined && name !== undefined && name !== 'wasm') {
    throw new InputError(`wasm: goes with the backend wasm but received name ${shown(name)}: leave one of them out`)
  }
  if (name === 'reference') return (await import('./reference/index.ts')).referenceBackend()
  if (name === 'wasm' || wasm !== undefined) return chooseWasm({ threads, instructionSet, wasm }, '')
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
  return chooseWasm({ threads, instructionSet }, ` (no native add-on: ${why})`)
}

function oneOf<S extends InstructionSet>(here: readonly S[], wanted: InstructionSet | undefined): S {
  if (wanted === undefined) return here[0]!
  const found = here.find((set) => set === wanted)
  if (found) return found
  throw noSuchSet(here, wanted)
}

/** Every backend and instruction set that runs here and is built, for tests and benchmarks. */
export async function availableBackends(): Promise<BackendOptions[]> {
  const found = findAddon()
  const native = 'addon' in found ? found.addon.instructionSets : []
  return [
    { name: 'reference' },
    ...(await wasmInstructionSets()).map((instructionSet) => ({ name: 'wasm' as const, instructionSet })),
    ...native.map((instructionSet) => ({ name: 'native' as const, instructionSet })),
  ]
}
