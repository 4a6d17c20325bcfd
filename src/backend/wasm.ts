/**
 * The kernels as WebAssembly SIMD: the same sources, one thread, the same interface. Runs wherever WebAssembly does.
 *
 * The memory is created once at its full size and never grows, because growing detaches every view a model holds. Size
 * costs address space only: the system backs a page when it is first written (docs/decisions/002-wasm-memory.md).
 */
import type { Backend, Floats, Kernels } from './backend.ts'

const PAGE = 65536
const ALIGN = 64
/** Tried in turn, largest first: 4 GiB less a page is what wasm32 can address, small ones are for phones. */
const SIZES_MIB = [4095, 2048, 1024, 512, 256]

interface Exports {
  readonly __heap_base: WebAssembly.Global
  readonly __stack_pointer: WebAssembly.Global
  readonly [kernel: string]: unknown
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

/** Instantiates the kernels from the bytes of the module. `reason` says why this backend runs, for people. */
export async function wasmBackend(bytes: BufferSource, reason: string): Promise<Backend> {
  const memory = largestMemory()
  let heap: Heap
  const slots = [0, 0]
  const slotBytes = [0, 0]
  const scratch = (slot: number, signed: number): number => {
    const size = signed >>> 0 // wasm hands over 32 bits with a sign
    if (size > slotBytes[slot]!) {
      if (slotBytes[slot]! > 0) heap.free(slots[slot]!)
      slotBytes[slot] = 0 // allocate may throw: then this slot has nothing
      slots[slot] = heap.allocate(size)
      slotBytes[slot] = size
    }
    return slots[slot]!
  }
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory, scratch } })
  const exports = instance.exports as unknown as Exports
  heap = new Heap(exports.__heap_base.value as number, memory.buffer.byteLength)

  const kernels: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value === 'function') kernels[name] = bind(value as Kernel, exports.__stack_pointer)
  }
  return {
    ...(kernels as unknown as Kernels),
    name: 'wasm',
    description: `wasm, SIMD128, 1 thread${reason}`,
    threads: 1,
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
  }
}

type Kernel = (...args: number[]) => number
type Argument = number | null | { readonly byteOffset: number }

/**
 * A pointer is a view's byteOffset; the argument list is reused, so that a call allocates nothing. When memory is full, the
 * error passes through frames of wasm that then never give their stack back: it is put back here.
 */
function bind(kernel: Kernel, stack: WebAssembly.Global): (...args: Argument[]) => number {
  const numbers: number[] = new Array(kernel.length).fill(0)
  return (...args) => {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!
      numbers[i] = arg === null ? 0 : typeof arg === 'number' ? arg : arg.byteOffset
    }
    const top = stack.value
    try {
      return kernel(...numbers)
    } catch (error) {
      stack.value = top
      throw error
    }
  }
}

function largestMemory(): WebAssembly.Memory {
  let refused: unknown
  for (const size of SIZES_MIB) {
    const pages = (size * 2 ** 20) / PAGE
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages })
    } catch (error) {
      refused = error
    }
  }
  throw new RangeError(`wasm memory: expected at least ${SIZES_MIB.at(-1)} MiB of address space, but ${refused}`)
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGN) * ALIGN
const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`
