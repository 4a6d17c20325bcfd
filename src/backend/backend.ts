/**
 * Where kernels run. One interface, three backends: native (C++ SIMD and threads through Node-API), wasm (the same
 * sources as WebAssembly SIMD), reference (plain TypeScript in float64, slow and obvious, the truth for the other two).
 *
 * The kernels keep their C++ names, argument for argument: `kernels/kernels.h` is their contract (shapes, `=` or `+=`,
 * what may alias) and is not repeated here. Arguments are trusted: whoever builds a model or a batch has checked them.
 */

import { InputError, shown } from '../error.ts'
import { DISPOSE, Life } from './lifetime.ts'
import type { LossKernels } from './lossKernels.ts'
import type * as cells from './reference/cells.ts'
import type { Flag, Floats, OrNull } from './signatures.ts'

export { type Flag, type Floats, RELU, TANH } from './signatures.ts'
/**
 * native: C++ through Node-API; wasm: the same sources as WebAssembly; reference: plain TypeScript in float64, slow.
 */
export type BackendName = 'native' | 'wasm' | 'reference'
/** Of the native backend. baseline is SSE4.2 on x64 and NEON on arm64. */
export type NativeInstructionSet = 'baseline' | 'avx2' | 'avx512'
/** simd128 multiplies, then adds; relaxed-simd does both at once and rounds once, which is faster, and other bits. */
export type WasmInstructionSet = 'simd128' | 'relaxed-simd'
/** What the kernels were compiled for. Two of them give different last bits. */
export type InstructionSet = NativeInstructionSet | WasmInstructionSet

/** The `part` argument of the backward kernels: bits, and what a whole sequence in one call is. */
export const FIRST = 1
export const LAST = 2
export const WHOLE: number = FIRST | LAST

type CellKernels = typeof cells

/** The names of the cells' kernels, without `_forward`, `_backward` and `_step`. */
export type RecurrentKernel = {
  [K in keyof CellKernels]: K extends `${infer Name}_step` ? Name : never
}[keyof CellKernels]

/** Every kernel of `kernels/kernels.h`. Those of the cells are declared with their reference. */
export interface Kernels extends CellKernels, LossKernels {
  gemm(
    transA: Flag,
    transB: Flag,
    M: number,
    N: number,
    K: number,
    A: Floats,
    B: Floats,
    C: Floats,
    accumulate: Flag,
  ): void
  dense_forward(N: number, I: number, K: number, x: Floats, W: Floats, b: OrNull<Floats>, y: Floats): void
  dense_backward(
    T: number,
    B: number,
    I: number,
    K: number,
    x: Floats,
    W: Floats,
    dy: Floats,
    dW: Floats,
    db: OrNull<Floats>,
    dx: OrNull<Floats>,
    sums: OrNull<Floats>,
    part: number,
  ): void
  shard_rows(): number
  block_steps(): number
  sums_floats(B: number, M: number, N: number): number
  packed_floats(N: number, I: number, H: number): number
  step_pack(
    N: number,
    I: number,
    H: number,
    Wxh: OrNull<Floats>,
    Whh: OrNull<Floats>,
    bx: OrNull<Floats>,
    bh: OrNull<Floats>,
    packed: Floats,
  ): void
  dense_step(B: number, I: number, K: number, x: Floats, packed: Floats, y: Floats): void
  embedding_forward(N: number, E: number, tokens: Int32Array, table: Floats, y: Floats): void
  embedding_backward(N: number, E: number, tokens: Int32Array, dy: Floats, dtable: Floats): void
  dropout(n: number, first: number, seed: number, iteration: number, p: number, x: Floats, y: Floats): void
  copy_columns(
    N: number,
    columns: number,
    src: Floats,
    srcWidth: number,
    srcColumn: number,
    dst: Floats,
    dstWidth: number,
    dstColumn: number,
    accumulate: Flag,
  ): void
  tanh_forward(n: number, x: Floats, y: Floats): void
  sigmoid_forward(n: number, x: Floats, y: Floats): void
  sum_of_squares(n: number, x: Floats): number
  count_nonzero(n: number, x: Floats): number
  clip_value(n: number, limit: number, x: Floats): number
  scale(n: number, factor: number, x: Floats): void
  sgd_update(n: number, lr: number, momentum: number, w: Floats, g: Floats, v: OrNull<Floats>): void
  rmsprop_update(n: number, lr: number, alpha: number, eps: number, w: Floats, g: Floats, s: Floats): void
  adam_update(
    n: number,
    lr: number,
    beta1: number,
    beta2: number,
    eps: number,
    decay: number,
    correction1: number,
    correction2: number,
    w: Floats,
    g: Floats,
    m: Floats,
    v: Floats,
  ): void
  muon_update(
    H: number,
    lr: number,
    momentum: number,
    decay: number,
    identity: number,
    w: Floats,
    g: Floats,
    m: Floats,
    work: Floats,
  ): void
  sgd_update_rows(
    n: number,
    E: number,
    rows: Int32Array,
    lr: number,
    momentum: number,
    w: Floats,
    g: OrNull<Floats>,
    v: OrNull<Floats>,
  ): void
  rmsprop_update_rows(
    n: number,
    E: number,
    rows: Int32Array,
    lr: number,
    alpha: number,
    eps: number,
    w: Floats,
    g: OrNull<Floats>,
    s: Floats,
  ): void
  adam_update_rows(
    n: number,
    E: number,
    rows: Int32Array,
    lr: number,
    beta1: number,
    beta2: number,
    eps: number,
    decay: number,
    correction1: number,
    correction2: number,
    w: Floats,
    g: OrNull<Floats>,
    m: Floats,
    v: Floats,
  ): void
  fma_peak(pieces: number, rounds: number): number
}

/** Where x [T,B] comes from if it is bytes of a data set, one a step: x[t,b] = value[bytes[starts[b] + order[t]]]. */
export interface ByteInput {
  readonly bytes: Uint8Array
  /** [B] where each sequence begins. */
  readonly starts: Int32Array
  /** [T] which of its bytes each step shows. */
  readonly order: Int32Array
  /** [256] what a byte stands for. */
  readonly value: Float32Array
}

/**
 * Where a model runs. `createBackend` makes one; what it computes with is internal. After `dispose`, also by `using`,
 * it refuses to be used, and so do all models, plans and steppers that were made on it.
 */
export interface Backend extends Disposable {
  readonly name: BackendName
  /** One line for people: what runs and why it was chosen, e.g. "native, AVX2+FMA, 2 threads". */
  readonly description: string
  /** Threads that a kernel may use. */
  readonly threads: number
  /** Absent for the reference backend. Another one gives other bits. */
  readonly instructionSet?: InstructionSet
  /** Ends its threads and lets go of its memory. A second time it does nothing. */
  dispose(): void
}

/** What `mortal` adds to an engine. */
export interface Mortal extends Disposable {
  readonly life: Life
  dispose(): void
}

/**
 * Kernels, and the memory they work on: arrays passed to a kernel come from the same backend's `floats`, `ints`,
 * `doubles`.
 */
export interface Engine extends Backend, Kernels, Mortal {
  /** Zeroed arrays of n elements, 64-byte aligned on native and wasm. Throws RangeError when wasm memory is full. */
  floats(n: number): Floats
  ints(n: number): Int32Array
  doubles(n: number): Float64Array
  /**
   * A kernel and its arguments as a function without any, for what is called every microsecond: unwrapping costs native
   * calls some 15 ns an array. The function keeps its arrays alive; they must not be given back or transferred while it
   * is in use.
   */
  bind<K extends keyof Kernels>(kernel: K, ...args: Parameters<Kernels[K]>): () => ReturnType<Kernels[K]>
  /** Lays out x [T,B], the backend's; the input's arrays may be anyone's. */
  gather(T: number, B: number, input: ByteInput, x: Floats): void
  /**
   * Gives an array back for reuse; it must not be touched afterwards. Only wasm needs it: elsewhere the collector sees
   * to it. After the end of the engine it does nothing.
   */
  free(array: Floats | Int32Array): void
}

/** Whether createBackend made it. */
export function isEngine(value: unknown): value is Engine {
  const engine = value as Partial<Engine> | null | undefined
  return typeof engine?.floats === 'function' && typeof engine.life?.check === 'function'
}

/**
 * The engine that a public backend is.
 * @throws InputError unless createBackend made it and it is not disposed of
 */
export function engineOf(backend: Backend): Engine {
  if (!isEngine(backend)) {
    throw new InputError(`backend: expected what createBackend() gives but received ${shown(backend)}`)
  }
  backend.life.check()
  return backend
}

/**
 * An engine that can be disposed of. Afterwards its kernels refuse, and hold on to nothing: they are what keeps threads
 * and memory alive.
 * @param close ends the threads
 */
export function mortal(parts: Omit<Engine, keyof Mortal>, close: () => void): Engine {
  const life = new Life('backend', 'create another with createBackend()')
  const kernels = Object.entries(parts).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  let end: (() => void) | null = close
  function dispose(): void {
    if (!life.end()) return
    end?.()
    end = null
    const refuse = () => life.check()
    for (const name of kernels) Object.assign(parts, { [name]: name === 'free' ? () => {} : refuse })
  }
  return Object.assign(parts, { life, dispose, [DISPOSE]: dispose })
}
