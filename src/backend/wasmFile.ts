/**
 * The bytes of the kernels as WebAssembly: those that come with the package, or what the user gives; and whether they
 * are what they should be.
 *
 * The package carries them as modules of JavaScript, one an instruction set, which are imported when they are wanted.
 * Every bundler follows an import(), and every page may load scripts; a file beside the code is found by few bundlers
 * (docs/decisions/021-wasm-in-bundles.md).
 */
import { readWasm } from '#platform'
import { InputError, shown } from '../error.ts'
import type { WasmInstructionSet } from './backend.ts'

/** A `WebAssembly.Module`. The name itself is known only to programs with the types of browsers or of Node. */
export type WasmModule = object

/**
 * Where the kernels are: an address (text, or a `URL`), the bytes of a file, or a `WebAssembly.Module`. In Node text is
 * an address that begins with `file:`, `http:`, `https:` or `data:`, or else the path of a file.
 */
export type WasmSource = string | { readonly href: string } | ArrayBuffer | ArrayBufferView | WasmModule

const EMBEDDED: Record<WasmInstructionSet, () => Promise<{ default: string }>> = {
  simd128: () => import('../../../build/irnn-simd128.js'),
  'relaxed-simd': () => import('../../../build/irnn-relaxed-simd.js'),
}

/** What to do about a module that is none of these. */
export const REMEDY = 'give what wasmBytes() of this version of irnn gives'

/** The kernels that come with the package; null where they were not built. @throws InputError if they do not come */
export async function embeddedWasm(set: WasmInstructionSet): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const { default: text } = await EMBEDDED[set]()
    return await unpacked(text)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return null
    const why = (error as Error).message
    throw new InputError(
      `backend wasm: expected irnn-${set}.js but ${why}: serve it with the other files of the program`,
    )
  }
}

async function unpacked(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader()
  // Not by a Response: Node would load its whole client of HTTP, which ends the process where memory is short.
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value)
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

/** What there is to begin with. */
export type Kernels = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly module: WebAssembly.Module }

/** What the user gave. @throws InputError if it is nothing of the kind, or does not come */
export async function givenWasm(source: WasmSource): Promise<Kernels> {
  const known = bytesOrModule(source)
  if (known !== null) return known
  const address = typeof source === 'string' ? source : (source as { href?: unknown } | null | undefined)?.href
  if (typeof address !== 'string') {
    throw new InputError(`wasm: expected an address, bytes or a WebAssembly.Module but received ${shown(source)}`)
  }
  const bytes = await readWasm(address)
  refuseNoWasm(bytes, shown(address))
  return { bytes }
}

/** The same without waiting, for which an address is no good. @throws InputError if it is neither */
export function givenWasmSync(source: WasmSource): Kernels {
  const known = bytesOrModule(source)
  if (known !== null) return known
  throw new InputError(
    `wasm: expected bytes or a WebAssembly.Module, as wasmModule() gives, but received ${shown(source)}: what has ` +
      'to be fetched goes to createBackend',
  )
}

/** By their names, for they may be of another realm. */
function bytesOrModule(source: WasmSource): Kernels | null {
  const kind = Object.prototype.toString.call(source).slice(8, -1)
  if (kind === 'WebAssembly.Module') return { module: source as WebAssembly.Module }
  let bytes: Uint8Array
  if (ArrayBuffer.isView(source)) bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  else if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') bytes = new Uint8Array(source as ArrayBuffer)
  else return null
  refuseNoWasm(bytes, 'what was given')
  return { bytes: new Uint8Array(bytes) } // a copy: nobody changes it, and it is not shared
}

const MAGIC = [0, 0x61, 0x73, 0x6d] // \0asm

/** Servers answer with a page where a file is missing. */
function refuseNoWasm(bytes: Uint8Array, from: string): void {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return
  const begin = String.fromCharCode(...bytes.subarray(0, 24))
  const page = /^\s*<(!doctype|html)/i.test(begin)
  const came = bytes.length === 0 ? 'nothing' : page ? 'a page of HTML: the file is not there' : shown(begin)
  throw new InputError(
    `wasm: expected a file of WebAssembly but ${from} ${page ? 'is' : 'begins with'} ${came}; ${REMEDY}`,
  )
}

/** `\x03env\x06memory\x02`: the import of the memory, as the bytes of a module have it; its limits follow. */
const MEMORY = [3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2]
const SHARED = 3

/** The same module for a memory that threads share: one byte says so. @throws InputError if it imports no memory */
export function withSharedMemory(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = bytes.findIndex((_, i) => MEMORY.every((byte, j) => bytes[i + j] === byte))
  if (at < 0) throw new InputError(`wasm: expected kernels of irnn but received another module: ${REMEDY}`)
  const shared = bytes.slice()
  shared[at + MEMORY.length] = SHARED
  return shared
}

/** For which instruction set a module was made: a section says it. @throws InputError if it is no module of irnn */
export function instructionSetOf(module: WebAssembly.Module): WasmInstructionSet {
  const [section] = WebAssembly.Module.customSections(module, 'irnn')
  const name = section && String.fromCharCode(...new Uint8Array(section))
  if (name === 'simd128' || name === 'relaxed-simd') return name
  throw new InputError(`wasm: expected kernels of irnn but received another module: ${REMEDY}`)
}

/** @throws InputError where the platform refuses WebAssembly, these bytes, or what they use */
export function refused(error: unknown): InputError {
  const { message } = error as Error
  if (/unsafe-eval|Content.Security.Policy|\bCSP\b|code generation/i.test(message)) {
    return new InputError(
      "backend wasm: the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src",
    )
  }
  return new InputError(`backend wasm: the module cannot be compiled (${message}): ${REMEDY}`)
}
