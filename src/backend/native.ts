/** The kernels as a Node-API add-on: SIMD for the instruction set of this machine, threads inside C++. */
import { type Engine, type Floats, type Kernels, type Mortal, mortal, type NativeInstructionSet } from './backend.ts'
import { wakeCollector } from './collector.ts'
import { saidThreads, withRoom } from './limits.ts'

/** What kernels/napi.cc exports. */
export interface Addon {
  /** What this processor can run, best first. */
  readonly instructionSets: readonly NativeInstructionSet[]
  /** How many arguments each kernel takes; builds of 0.1.0 do not say it. */
  readonly argumentCounts?: Readonly<Record<string, number>>
  /** Kernels of one instruction set, with a thread pool of their own, and what binds each to its arguments. */
  create(
    instructionSet: NativeInstructionSet,
    threads: number,
  ): {
    kernels: Kernels
    binders: Record<keyof Kernels, Binder>
    /** Of kernels/gather.h. */
    gather(
      T: number,
      B: number,
      bytes: Uint8Array,
      starts: Int32Array,
      order: Int32Array,
      value: Float32Array,
      x: Floats,
    ): void
    /** Ends the threads and gives scratch memory back. */
    close(): void
    /** How many the system gave, the calling one with them. */
    readonly threads: number
  }
  /**
   * How far into `buffer` the first multiple of `alignment` is; where that is a huge page's size, huge pages from there
   * on.
   */
  place(buffer: ArrayBuffer, alignment: number): number
}

/** An add-on that fits this code and machine, and what to say of where it comes from. */
export interface FoundAddon {
  readonly addon: Addon
  readonly from: string
}

/** Why there is none, and what can be done about it, if anything can. */
export interface NoAddon {
  readonly missing: string
  readonly remedy?: string
}

type Binder = (...args: unknown[]) => () => never

const CACHE_LINE = 64
const HUGE_PAGE = 1 << 21

const NAMES: Record<NativeInstructionSet, string> = { baseline: 'baseline SIMD', avx2: 'AVX2+FMA', avx512: 'AVX-512' }

/**
 * `wanted` pool members including the calling thread, or as many as the system gives; results do not depend on their
 * number.
 */
export function nativeBackend(
  { addon, from }: FoundAddon,
  wanted: number,
  instructionSet: NativeInstructionSet = addon.instructionSets[0]!,
): Engine {
  const view = <A>(make: (buffer: ArrayBuffer, offset: number, n: number) => A, n: number, size: number): A => {
    const alignment = n * size < HUGE_PAGE ? CACHE_LINE : HUGE_PAGE
    const bytes = n * size + alignment
    const buffer = withRoom('native', bytes, () => new ArrayBuffer(bytes))
    return make(buffer, addon.place(buffer, alignment), n)
  }
  if (wanted > 1) wakeCollector()
  const { kernels, binders, gather, close, threads } = addon.create(instructionSet, wanted)
  const parts: Omit<Engine, keyof Mortal> = {
    ...kernels,
    name: 'native',
    description: `native, ${NAMES[instructionSet]}, ${saidThreads(threads, wanted)} (${from})`,
    threads,
    instructionSet,
    floats: (n) => view((buffer, offset) => new Float32Array(buffer, offset, n), n, 4),
    ints: (n) => view((buffer, offset) => new Int32Array(buffer, offset, n), n, 4),
    doubles: (n) => view((buffer, offset) => new Float64Array(buffer, offset, n), n, 8),
    gather: (T, B, { bytes, starts, order, value }, x) => gather(T, B, bytes, starts, order, value, x),
    bind: (kernel, ...args) => binders[kernel](...args),
    free: () => {},
  }
  return mortal(parts, close)
}
