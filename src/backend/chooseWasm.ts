/** Which WebAssembly runs: the instruction set, the threads and where the module comes from. */
import { allowRelaxedSimd, defaultThreads, noWasmThreads, startThread } from '#platform'
import { didYouMean, InputError, shown } from '../error.ts'
import type { Engine, InstructionSet, WasmInstructionSet } from './backend.ts'
import { fusesMultiplyAdd, hasSimd } from './relaxed.ts'
import { wasmBackend, wasmBackendSync } from './wasm.ts'
import {
  embeddedWasm,
  givenWasm,
  givenWasmSync,
  instructionSetOf,
  REMEDY,
  refused,
  type WasmSource,
  withSharedMemory,
} from './wasmFile.ts'

/**
 * A wasm thread is a worker, some 35 ms and 8 MB to start, and a minibatch of 32 gives 4 pieces of a recurrence to
 * share out.
 */
const DEFAULT_THREADS = 4

/** What `createBackend` was asked for. */
export interface WasmWish {
  readonly threads?: number | undefined
  readonly instructionSet?: InstructionSet | undefined
  readonly wasm?: WasmSource | undefined
}

/**
 * @param reason why it is wasm, for people
 * @throws InputError when what is wanted is not to be had
 */
export async function chooseWasm({ threads, instructionSet, wasm }: WasmWish, reason: string): Promise<Engine> {
  refuseWithoutSimd()
  const kernels = wasm === undefined ? { bytes: await embedded(instructionSet) } : await givenWasm(wasm)
  const compiled = 'module' in kernels
  const alone = compiled ? COMPILED : noWasmThreads()
  if (threads !== undefined && threads > 1 && alone) {
    throw new InputError(`threads: expected 1 but received ${threads}: ${alone}`)
  }
  const usual = Math.min(defaultThreads(), DEFAULT_THREADS)
  const wanted = threads ?? (alone ? 1 : usual)
  const bytes = (given: Uint8Array<ArrayBuffer>) => (wanted > 1 ? withSharedMemory(given) : given)
  const module = compiled ? kernels.module : await compile(bytes(kernels.bytes))
  const set = setOf(module, instructionSet)
  const single = threads === undefined && alone && usual > 1 ? ` (${alone})` : ''
  const remedy = wasm === undefined ? 'build it with "npm run build wasm"' : REMEDY
  const options = { module, instructionSet: set, reason: `${single}${reason}`, remedy }
  return wasmBackend({ ...options, threads: wanted, start: startThread })
}

const COMPILED = 'a WebAssembly.Module that is compiled cannot share its memory: give an address or bytes instead'

/** The same at once: one thread. */
export function wasmAtOnce(wasm: WasmSource): Engine {
  refuseWithoutSimd()
  const kernels = givenWasmSync(wasm)
  const module = 'module' in kernels ? kernels.module : compileSync(kernels.bytes)
  return wasmBackendSync({ module, instructionSet: setOf(module, undefined), reason: '', remedy: REMEDY })
}

/** The kernels of the package, compiled, for one thread. */
export async function embeddedModule(instructionSet: InstructionSet | undefined): Promise<WebAssembly.Module> {
  refuseWithoutSimd()
  return compile(await embedded(instructionSet))
}

/** The kernels of the package, which need not run here. */
export async function embeddedBytes(set: WasmInstructionSet): Promise<Uint8Array<ArrayBuffer>> {
  if (!WASM_SETS.includes(set)) {
    throw new InputError(
      `instruction set: expected ${WASM_SETS.join(' or ')} but received ${shown(set)}${didYouMean(set, WASM_SETS)}`,
    )
  }
  const bytes = await embeddedWasm(set)
  if (bytes === null) throw notBuilt()
  return bytes
}

const WASM_SETS: readonly WasmInstructionSet[] = ['simd128', 'relaxed-simd']

const notBuilt = () =>
  new InputError('backend wasm: expected its modules in build/ but they were not built: run "npm run build"')

/** Sets that run here and are built, best first. */
export async function wasmInstructionSets(): Promise<readonly WasmInstructionSet[]> {
  const built: WasmInstructionSet[] = []
  for (const set of hasSimd() ? setsHere() : []) if ((await embeddedWasm(set)) !== null) built.push(set)
  return built
}

/** The bytes of the set that is wanted, or of the best that is built. */
async function embedded(wanted: InstructionSet | undefined): Promise<Uint8Array<ArrayBuffer>> {
  for (const set of wanted === undefined ? setsHere() : setsHere().filter((set) => set === wanted)) {
    const bytes = await embeddedWasm(set)
    if (bytes !== null) return bytes
  }
  const built = await wasmInstructionSets()
  if (built.length > 0) throw noSuchSet(built, wanted)
  throw notBuilt()
}

/** Sets that run here, best first. */
function setsHere(): readonly WasmInstructionSet[] {
  allowRelaxedSimd()
  return fusesMultiplyAdd() ? ['relaxed-simd', 'simd128'] : ['simd128']
}

export function noSuchSet(here: readonly InstructionSet[], wanted: InstructionSet | undefined): InputError {
  return new InputError(
    `instruction set: expected one of ${here.join(', ')}, which run here and are built, but received ` +
      `${shown(wanted)}${didYouMean(wanted, here)}: "npm run build" builds all that there are`,
  )
}

/** Of a module: it must run here, with the bits that its name promises, and be the one that is wanted. */
function setOf(module: WebAssembly.Module, wanted: InstructionSet | undefined): WasmInstructionSet {
  const set = instructionSetOf(module)
  if (wanted !== undefined && wanted !== set) {
    throw new InputError(`wasm: expected a module for ${shown(wanted)}, but it is for "${set}"`)
  }
  if (setsHere().includes(set)) return set
  throw new InputError(`wasm: expected a module for simd128, which runs here, but received one for "${set}"`)
}

function refuseWithoutSimd(): void {
  if (hasSimd()) return
  throw new InputError(
    'backend wasm: expected WebAssembly with SIMD but there is none here: browsers have it since Chrome 91, Firefox ' +
      '89 and Safari 16.4; update, or use createBackend({ name: "reference" }), which is slow',
  )
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    allowRelaxedSimd()
    return await WebAssembly.compile(bytes)
  } catch (error) {
    throw refused(error)
  }
}

function compileSync(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    allowRelaxedSimd()
    return new WebAssembly.Module(bytes)
  } catch (error) {
    throw refused(error)
  }
}
