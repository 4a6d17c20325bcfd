/**
 * What a kernel is called with in a test, and the running of it: every array lies between NaN guards inside one backend
 * allocation, `=` arrays start as NaN so that an element left unwritten shows, inputs must come back bit for bit.
 * Arrays begin at odd offsets on purpose: in a model, parameters are views into one array and are not aligned.
 */
import type { Engine, Floats, Kernels } from '../../src/backend/backend.ts'

export interface ArrayArgument {
  readonly label: string
  readonly kind: 'floats' | 'ints' | 'doubles'
  readonly written: boolean
  readonly start: Float64Array | Int32Array
  /** Where the kernel may run in place: the input whose array this one is. The expected result is computed apart. */
  readonly alias: ArrayArgument | null
  /** Elements of which the contract says nothing. */
  readonly unspecified: (index: number) => boolean
  /** Arguments of the `step_pack` that fills it, all but the last. */
  readonly pack?: readonly Argument[]
}
export type Argument = number | null | ArrayArgument

/** One row of the table. */
export interface Case {
  readonly kernel: keyof Kernels
  readonly name: string
  readonly args: readonly Argument[]
}

export interface Outcome {
  readonly returned: number | undefined
  readonly arrays: ReadonlyMap<string, Float64Array>
  /** Guards that were touched, inputs that changed. */
  readonly faults: readonly string[]
}

const never = (): boolean => false

export function input(label: string, values: Float64Array): ArrayArgument {
  return { label, kind: 'floats', written: false, start: values, alias: null, unspecified: never }
}

export function integers(label: string, values: Int32Array): ArrayArgument {
  return { label, kind: 'ints', written: false, start: values, alias: null, unspecified: never }
}

/** An array the kernel overwrites in part or adds to: it starts from `values`. */
export function updated(label: string, values: Float64Array): ArrayArgument {
  return { label, kind: 'floats', written: true, start: values, alias: null, unspecified: never }
}

/** An array the kernel overwrites. */
export function output(
  label: string,
  n: number,
  {
    alias = null,
    unspecified = never,
  }: { alias?: ArrayArgument | null; unspecified?: (index: number) => boolean } = {},
): ArrayArgument {
  return { label, kind: 'floats', written: true, start: new Float64Array(n).fill(Number.NaN), alias, unspecified }
}

/** Weights packed by the backend itself, in just the room that its `packed_floats` says. */
export function packed(label: string, pack: readonly Argument[]): ArrayArgument {
  return { label, kind: 'floats', written: false, start: new Float64Array(0), alias: null, unspecified: never, pack }
}

export function stats(): ArrayArgument {
  const start = new Float64Array(3).fill(Number.NaN)
  return { label: 'stats', kind: 'doubles', written: true, start, alias: null, unspecified: never }
}

const GUARD = 16

interface Guarded {
  readonly whole: Floats | Int32Array
  readonly view: Floats | Int32Array
  readonly before: Uint8Array
}

const bytes = (a: Floats | Int32Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength)

/** An array with at least 16 elements of 0xff bytes (NaN, or -1) on either side. */
export function guarded(backend: Engine, { kind, start: given, pack }: ArrayArgument, shift: number): Guarded {
  const first = GUARD + shift
  const start = pack === undefined ? given : packedRoom(backend, pack)
  const whole = backend[kind](first + start.length + GUARD)
  bytes(whole).fill(0xff)
  const view = whole.subarray(first, first + start.length)
  view.set(start)
  if (pack !== undefined) packInto(backend, pack, view as Floats)
  return { whole, view, before: bytes(whole).slice() }
}

function packedRoom(backend: Engine, pack: readonly Argument[]): Float64Array {
  const [N, I, H] = pack as [N: number, I: number, H: number]
  return new Float64Array(backend.packed_floats(N, I, H)).fill(Number.NaN)
}

function packInto(backend: Engine, pack: readonly Argument[], view: Floats): void {
  const arrays = pack.map((argument) =>
    argument !== null && typeof argument !== 'number' ? guarded(backend, argument, 3) : argument,
  )
  const args = arrays.map((array) => (array !== null && typeof array !== 'number' ? array.view : array))
  backend.step_pack(...([...args, view] as Parameters<Engine['step_pack']>))
  for (const array of arrays) if (array !== null && typeof array !== 'number') backend.free(array.whole)
}

export function faultsOf(label: string, { whole, view, before }: Guarded, written: boolean): string[] {
  const after = bytes(whole)
  const first = view.byteOffset - whole.byteOffset
  const same = (from: number, to: number): boolean =>
    Buffer.compare(before.subarray(from, to), after.subarray(from, to)) === 0
  const faults: string[] = []
  if (!same(0, first)) faults.push(`${label}: the guard before it was overwritten`)
  if (!same(first + view.byteLength, after.length)) faults.push(`${label}: the guard behind it was overwritten`)
  if (!written && !same(first, first + view.byteLength)) faults.push(`${label}: an input was changed`)
  return faults
}

/** Runs a case. `inPlace` honours aliases; without it every array is its own. */
export function run(backend: Engine, { kernel, args }: Case, { inPlace = true }: { inPlace?: boolean } = {}): Outcome {
  const arrays = new Map<ArrayArgument, Guarded>()
  const overwritten = new Set<ArrayArgument>()
  const owner = (argument: ArrayArgument): ArrayArgument =>
    inPlace && argument.alias !== null ? argument.alias : argument
  let shift = 0
  const actual = args.map((argument) => {
    if (argument === null || typeof argument === 'number') return argument
    const key = owner(argument)
    if (argument.written) overwritten.add(key)
    // 1, 5, 9 … and 0 elements off: aligned and unaligned arrays meet in every mixture.
    if (!arrays.has(key)) arrays.set(key, guarded(backend, key, key.kind === 'floats' ? (shift++ * 5) % 8 : 0))
    return arrays.get(key)!.view
  })
  const returned = (backend[kernel] as (...args: unknown[]) => number | undefined)(...actual)
  const results = new Map<string, Float64Array>()
  for (const argument of args) {
    if (argument === null || typeof argument === 'number' || !argument.written) continue
    results.set(argument.label, new Float64Array(arrays.get(owner(argument))!.view))
  }
  const faults = [...arrays].flatMap(([key, array]) => faultsOf(key.label, array, overwritten.has(key)))
  for (const { whole } of arrays.values()) backend.free(whole)
  return { returned, arrays: results, faults }
}

/**
 * Largest difference as a share of the expected array's largest magnitude, and where it is; Infinity where only one is
 * NaN.
 */
export function difference(
  got: Float64Array,
  expected: Float64Array,
  unspecified: (index: number) => boolean,
): [number, number] {
  let largest = 0
  let worst = 0
  let at = -1
  for (let i = 0; i < expected.length; i++) {
    if (unspecified(i)) continue
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!))
    const apart = Object.is(got[i], expected[i]) || got[i] === expected[i] ? 0 : Math.abs(got[i]! - expected[i]!)
    if (!(apart <= worst)) {
      at = i
      worst = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart
    }
  }
  return [worst === 0 ? 0 : worst / largest, at]
}
