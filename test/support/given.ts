/** Numbers in every form in which people give them, and what is none. */
import vm from 'node:vm'

type Form = (numbers: readonly number[]) => unknown

const foreign = vm.runInNewContext(
  '({ Float32Array, Float64Array, Int32Array, Uint8Array, Int8Array, BigInt64Array, Array })',
) as typeof globalThis

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Forms that hold any number of float32. */
export const FLOATS: Readonly<Record<string, Form>> = {
  Float32Array: (numbers) => Float32Array.from(numbers),
  Float64Array: (numbers) => Float64Array.from(numbers),
  array: (numbers) => [...numbers],
  'Float32Array of another realm': (numbers) => foreign.Float32Array.from(numbers),
  'Float64Array of another realm': (numbers) => foreign.Float64Array.from(numbers),
  'array of another realm': (numbers) => foreign.Array.from(numbers),
  'Float32Array through JSON': (numbers) => json(Float32Array.from(numbers)),
  'array through JSON': (numbers) => json(numbers),
  'part of a larger Float32Array': (numbers) => Float32Array.from([9, ...numbers, 9]).subarray(1, numbers.length + 1),
  'object with a length': (numbers) => ({ ...numbers, length: numbers.length }),
}

/** Forms that hold whole numbers of a byte. */
export const WHOLE: Readonly<Record<string, Form>> = {
  ...FLOATS,
  Int32Array: (numbers) => Int32Array.from(numbers),
  Uint8Array: (numbers) => Uint8Array.from(numbers),
  Buffer: (numbers) => Buffer.from(numbers),
  Uint16Array: (numbers) => Uint16Array.from(numbers),
  'Int32Array of another realm': (numbers) => foreign.Int32Array.from(numbers),
  'Uint8Array of another realm': (numbers) => foreign.Uint8Array.from(numbers),
  BigInt64Array: (numbers) => BigInt64Array.from(numbers.map(BigInt)),
  BigUint64Array: (numbers) => BigUint64Array.from(numbers.map(BigInt)),
  'BigInt64Array of another realm': (numbers) => foreign.BigInt64Array.from(numbers.map(BigInt)),
  'array of bigints': (numbers) => numbers.map(BigInt),
}

/** What is no number anywhere. Undefined stands for a hole, too. */
export const NO_NUMBER: readonly unknown[] = [
  '1',
  '',
  null,
  undefined,
  true,
  {},
  [1],
  Symbol('1'),
  Object.create(null),
  Number.NaN,
  Infinity,
  -Infinity,
]
/** What float32 does not hold. */
export const TOO_LARGE: readonly number[] = [1e39, -1e39, 1e300, -Number.MAX_VALUE]
/** What no token, class or length can be. */
export const NOT_WHOLE: readonly unknown[] = [
  0.5,
  1.5,
  -0.1,
  1e-9,
  2 ** 32 + 1,
  2 ** 31,
  -(2 ** 31),
  1e300,
  2n ** 40n,
  -9n,
]
/** What is no array of numbers. */
export const NO_ARRAY: readonly unknown[] = [
  null,
  'abc',
  true,
  {},
  new Map(),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  () => 1,
]
