/**
 * The kernels as WebAssembly SIMD: the same sources, the same interface. Runs wherever WebAssembly does, on several
 * threads where memory can be shared (./threads.ts).
 *
 * The memory is created once at its full size and never grows, because growing detaches every view a model holds. Size
 * costs address space only: the system backs a page when it is first written (docs/decisions/002-wasm-memory.md).
 */

import { InputError } from '../error.ts'
import { type Engine, type Floats, type Kernels, mortal, type WasmInstructionSet } from './backend.ts'
import { wakeCollector } from './collector.ts'
import { otherThanCode } from './contract.ts'
import { gather } from './gather.ts'
import { mib, saidThreads } from './limits.ts'
import { type Pool, type PoolExports, ROOM, type Started, startPool, type Thread, type Work } from './threads.ts'

const PAGE = 65536
const ALIGN = 64
/**
 * Tried in turn, largest first: 4 GiB less a page is what wasm32 can address, small ones are for phones, and the last
 * two for edge workers, which have 128 MB for all.
 */
const SIZES_MIB = [4095, 2048, 1024, 512, 256, 128, 64]

const NAMES: Record<WasmInstructionSet, string> = { simd128: 'SIMD128', 'relaxed-simd': 'relaxed SIMD' }

interface Exports extends PoolExports {
  readonly __heap_base: WebAssembly.Global
}

/** First fit over a list of free blocks sorted by address; neighbours are merged when one is given back. */
class Heap {
  private readonly blocks: { start: number; bytes: number }[]
  private readonly sizes = new Map<number, number>()
  private readonly total: number

  constructor(start: number, end: number) {
    const first = align(start)
    this.total = end - first
    this.blocks = [{ start: first, bytes: this.total }]
  }

  allocate(bytes: number): number {
    const wanted = Math.max(ALIGN, align(bytes))
    const index = this.blocks.findIndex((block) => block.bytes >= wanted)
    if (index < 0) {
      throw new RangeError(
        `wasm memory: expected room for ${mib(wanted)} but the largest free piece of ${mib(this.total)} has ${mib(Math.max(0, ...this.blocks.map((block) => block.bytes)))}; use a smaller batch or fewer steps, or the native backend`,
      )
    }
    const block = this.blocks[index]!
    const start = block.start
    block.start += wanted
    block.bytes -= wanted
    if (block.bytes === 0) this.blocks.splice(index, 1)
    this.sizes.set(start, wanted)
    return start
  }

  free(start: number): void {
    const bytes = this.sizes.get(start)
    if (bytes === undefined) throw new RangeError(`wasm memory: nothing was allocated at ${start}`)
    this.sizes.delete(start)
    let index = this.blocks.findIndex((block) => block.start > start)
    if (index < 0) index = this.blocks.length
    this.blocks.splice(index, 0, { start, bytes })
    for (const i of [index, index - 1]) {
      const here = this.blocks[i]
      const next = this.blocks[i + 1]
      if (here && next && here.start + here.bytes === next.start) {
        here.bytes += next.bytes
        this.blocks.splice(i + 1, 1)
      }
    }
  }
}

export interface WasmOptions {
  /** Of kernels/wasm.cc, for `instructionSet`; with several threads, for a memory that is shared. */
  readonly module: WebAssembly.Module
  readonly instructionSet: WasmInstructionSet
  /** Why this backend runs, for people. */
  readonly reason: string
  /** What to do if the module is of other code. */
  readonly remedy: string
}

export interface ThreadedOptions extends WasmOptions {
  readonly threads: number
  /** Makes a worker. */
  readonly start: (work: Work, died: (why: string) => void) => Thread
}

/**
 * The kernels, ready to run. One thread has a memory of its own, several share one. There are fewer threads than are
 * asked for where the system refuses them.
 * @throws InputError when the module is not of this code, RangeError when there is no memory
 */
export async function wasmBackend({ threads: wanted, start, ...options }: ThreadedOptions): Promise<Engine> {
  const shared = wanted > 1
  if (shared) wakeCollector()
  const host = new Host(shared)
  const exports = host.begin(await WebAssembly.instantiate(options.module, host.imports), options.remedy)
  const rooms = Array.from({ length: wanted - 1 }, () => host.heap.allocate(ROOM))
  const work = { module: options.module, memory: host.memory, rooms }
  return engine(options, host, exports, wanted, shared ? await startPool(start, exports, work) : ALONE)
}

/** The same at once, on one thread. */
export function wasmBackendSync(options: WasmOptions): Engine {
  const host = new Host(false)
  const exports = host.begin(new WebAssembly.Instance(options.module, host.imports), options.remedy)
  return engine(options, host, exports, 1, ALONE)
}

/** What an instance imports, and the heap in its memory. */
class Host {
  readonly memory: WebAssembly.Memory
  readonly imports: WebAssembly.Imports
  heap!: Heap
  private readonly slots = [0, 0]
  private readonly slotBytes = [0, 0]

  constructor(shared: boolean) {
    this.memory = largestMemory(shared)
    const scratch = (slot: number, bytes: number): number => this.scratch(slot, bytes >>> 0) // wasm's have a sign
    this.imports = { env: { memory: this.memory, scratch } }
  }

  /** @throws InputError when the instance is of other code */
  begin({ exports }: WebAssembly.Instance, remedy: string): Exports {
    const made = exports as unknown as Exports
    const wrong = otherThanCode(argumentCounts(made))
    if (wrong !== null) throw new InputError(`backend wasm: ${wrong}: ${remedy}`)
    this.heap = new Heap(made.__heap_base.value as number, this.memory.buffer.byteLength)
    return made
  }

  private scratch(slot: number, size: number): number {
    const { heap, slots, slotBytes } = this
    if (size > slotBytes[slot]!) {
      if (slotBytes[slot]! > 0) heap.free(slots[slot]!)
      slotBytes[slot] = 0 // allocate may throw: then this slot has nothing
      slots[slot] = heap.allocate(size)
      slotBytes[slot] = size
    }
    return slots[slot]!
  }
}

function engine(
  { instructionSet, reason }: WasmOptions,
  { memory, heap }: Host,
  exports: Exports,
  wanted: number,
  { pool, workers, refused }: Started | typeof ALONE,
): Engine {
  const threads = 1 + workers
  const kernels: Record<string, unknown> = {}
  for (const [name, kernel] of kernelsIn(exports)) kernels[name] = bind(kernel, exports.__stack_pointer, pool)
  return mortal(
    {
      ...(kernels as unknown as Kernels),
      gather,
      bind: binder(kernels as unknown as Kernels),
      name: 'wasm',
      description: `wasm, ${NAMES[instructionSet]}, ${saidThreads(threads, wanted, refused)}${reason}`,
      threads,
      instructionSet,
      floats(n: number): Floats {
        return new Float32Array(memory.buffer, heap.allocate(4 * n), n).fill(0)
      },
      ints(n: number): Int32Array {
        return new Int32Array(memory.buffer, heap.allocate(4 * n), n).fill(0)
      },
      doubles(n: number): Float64Array {
        return new Float64Array(memory.buffer, heap.allocate(8 * n), n).fill(0)
      },
      free(array): void {
        heap.free(array.byteOffset)
      },
    },
    pool?.stop ?? (() => {}),
  )
}

const ALONE = { pool: null, workers: 0, refused: '' }

type Kernel = (...args: number[]) => number

function kernelsIn(exports: Exports): [name: string, kernel: Kernel][] {
  return Object.entries(exports).filter(([name, value]) => typeof value === 'function' && !name.startsWith('pool_'))
}

/** The length of an exported function is how many arguments it takes. */
function argumentCounts(exports: Exports): Record<string, number> {
  return Object.fromEntries(kernelsIn(exports).map(([name, { length }]) => [name, length]))
}
type Argument = number | null | { readonly byteOffset: number }

/**
 * Not inside `engine`: an instance holds on to what `scratch` sees, and through kernels it would keep the pool alive.
 */
function binder(kernels: Kernels): Engine['bind'] {
  return (kernel, ...args) => {
    const call = kernels[kernel] as (...args: unknown[]) => never
    const numbers = (args as Argument[]).map(pointer)
    return () => call(...numbers)
  }
}

const pointer = (arg: Argument): number => (arg === null ? 0 : typeof arg === 'number' ? arg : arg.byteOffset)

/**
 * A pointer is a view's byteOffset; the argument list is reused, so that a call allocates nothing. When memory is full,
 * the error passes through frames of wasm that then never give their stack back: it is put back here. The pool lives as
 * long as a kernel does.
 */
function bind(kernel: Kernel, stack: WebAssembly.Global, pool: Pool | null): (...args: Argument[]) => number {
  const numbers: number[] = new Array(kernel.length).fill(0)
  return (...args) => {
    pool?.check()
    for (let i = 0; i < args.length; i++) numbers[i] = pointer(args[i]!)
    const top = stack.value
    try {
      return kernel(...numbers)
    } catch (error) {
      stack.value = top
      throw pool ? pool.settle(error) : error
    }
  }
}

function largestMemory(shared: boolean): WebAssembly.Memory {
  let refused: unknown
  for (const size of SIZES_MIB) {
    const pages = (size * 2 ** 20) / PAGE
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    } catch (error) {
      refused = error
    }
  }
  throw new RangeError(
    `wasm memory: expected ${SIZES_MIB.at(-1)} MiB at least but ${(refused as Error).message}: raise its limit on ` +
      'address space (ulimit -v), of which V8 takes 10 GiB for a memory of any size, or use another backend',
  )
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN
