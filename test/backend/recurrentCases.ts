/** Rows of the kernel table for every cell: one forward and one backward case for given sizes and options. */
import { WHOLE } from '../../src/backend/backend.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import cells, { type Cell } from '../../src/layers/cells.ts'
import { CELLS } from '../../src/model/spec.ts'
import { type Argument, type ArrayArgument, type Case, input, integers, output, run, updated } from './arguments.ts'
import { type Random, random } from './random.ts'

/** One cell for each set of kernels: irnn and relu have the same. */
export const KERNEL_CELLS: readonly Cell[] = [
  ...new Map(
    CELLS.map((cell) => {
      const { kernel, kernelOptions } = cells[cell]
      return [`${kernel} ${kernelOptions}`, cell]
    }),
  ).values(),
]

export interface Sizes {
  readonly T: number
  readonly B: number
  readonly I: number
  readonly H: number
}
export interface Options {
  readonly reverse: 0 | 1
  /** Unequal lengths, 1 and T among them; otherwise null. */
  readonly ragged: boolean
  readonly clip: number
  /** Labels of the optional arrays that are null. */
  readonly nulls: readonly string[]
  readonly inPlace: boolean
  readonly accumulate: 0 | 1
}

export function lengthsOf(T: number, B: number, r: Random): Int32Array {
  const lengths = Int32Array.from({ length: B }, () => 1 + r.below(T))
  if (B > 1) lengths[r.below(B - 1)] = 1
  if (B > 1) lengths[B - 1] = T
  return lengths
}

/** Whether element i of a [T,B,width] array belongs to a padded step. */
export function isPadded(B: number, width: number, lengths: Int32Array | null): (i: number) => boolean {
  return (i) => lengths !== null && Math.floor(i / (B * width)) >= lengths[Math.floor(i / width) % B]!
}

/** NaN but for the initial slot. */
function states({ T, B, H }: Sizes, reverse: number, initial: Float64Array): Float64Array {
  const all = new Float64Array((T + 1) * B * H).fill(Number.NaN)
  all.set(initial, reverse ? T * B * H : 0)
  return all
}

const rounded = (values: Float64Array, hole: (i: number) => boolean): Float64Array =>
  values.map((value, i) => (hole(i) ? Number.NaN : Math.fround(value)))

/**
 * The forward case, and the backward case on what the reference's forward pass left. Inputs at padded steps are large,
 * gradients and gates there are NaN: none of them may matter.
 */
export function recurrentCases(cell: Cell, sizes: Sizes, options: Options, seed: number): Case[] {
  const { T, B, I, H } = sizes
  const { reverse, ragged, clip, nulls, inPlace, accumulate } = options
  const r = random(seed)
  const { kernel, kernelOptions, gates: G, saved, cellState } = cells[cell]
  const R = G * H
  const lengths = ragged ? lengthsOf(T, B, r) : null
  const padded = (width: number): ((i: number) => boolean) => isPadded(B, width, lengths)
  const optional = (argument: ArrayArgument): ArrayArgument | null => (nulls.includes(argument.label) ? null : argument)
  const x = input(
    'x',
    r.uniform(T * B * I).map((value, i) => (padded(I)(i) ? 50 : value)),
  )
  const weights = [
    input('Wxh', r.uniform(R * I, 1.5 / Math.sqrt(I))),
    input('Whh', r.uniform(R * H, 1.5 / Math.sqrt(H))),
  ]
  const head: Argument[] = [
    T,
    B,
    I,
    H,
    ...kernelOptions,
    reverse,
    lengths === null ? null : integers('lengths', lengths),
  ]
  const name =
    `${cell} T=${T} B=${B} I=${I} H=${H}${reverse ? ' reverse' : ''}${ragged ? ` lengths=[${lengths}]` : ''}` +
    ` clip=${clip} accumulate=${accumulate}${inPlace ? ' in place' : ''}${nulls.length > 0 ? ` null: ${nulls}` : ''}`

  const forward: Case = {
    kernel: `${kernel}_forward`,
    name,
    args: [
      ...head,
      x,
      ...weights,
      optional(input('bx', r.uniform(R, 0.5))),
      optional(input('bh', r.uniform(R, 0.5))),
      updated('h', states(sizes, reverse, r.uniform(B * H))),
      ...(cellState ? [updated('c', states(sizes, reverse, r.uniform(B * H)))] : []),
      ...(saved ? [output('gates', T * B * saved * H, { unspecified: padded(saved * H) })] : []),
    ],
  }
  const after = run(referenceBackend(), forward).arrays
  const h = input(
    'h',
    rounded(after.get('h')!, () => false),
  )
  const c = after.has('c')
    ? [
        input(
          'c',
          rounded(after.get('c')!, () => false),
        ),
      ]
    : []
  const gates = after.has('gates') ? [input('gates', rounded(after.get('gates')!, padded(saved * H)))] : []
  const dh = optional(input('dh', rounded(r.uniform(T * B * H), padded(H))))
  const unwanted = nulls.includes('dx')
  const da = output('da', T * B * (saved || 1) * H, {
    alias: inPlace ? (gates[0] ?? dh) : null,
    ...(unwanted && { unspecified: () => true }),
  })
  const backward: Case = {
    kernel: `${kernel}_backward`,
    name,
    args: [
      ...head,
      clip,
      x,
      ...weights,
      h,
      ...c,
      ...gates,
      dh,
      optional(input('dhT', r.uniform(B * H))),
      ...(cellState ? [optional(input('dcT', r.uniform(B * H)))] : []),
      da,
      updated('dWxh', r.uniform(R * I)),
      updated('dWhh', r.uniform(R * H)),
      optional(updated('dbx', r.uniform(R))),
      optional(updated('dbh', r.uniform(R))),
      optional(accumulate ? updated('dx', r.uniform(T * B * I)) : output('dx', T * B * I)),
      accumulate,
      optional(output('dh0', B * H)),
      ...(cellState ? [optional(output('dc0', B * H))] : []),
      null,
      WHOLE,
      T * B,
    ],
  }
  return [forward, backward]
}

// N-1, N, N+1 of vector widths 4, 8, 16, of panels 8, 24, 48, and a few of their multiples.
export const WIDTHS: readonly number[] = [
  1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 95, 97, 100, 257,
]
// N-1, N, N+1 of shards of 8 sequences.
export const BATCHES: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 25, 33]

/** Labels of the arrays that may be null. */
const optionalOf = ({ cellState }: { cellState: boolean }): string[] => [
  'dbx',
  'dbh',
  'bx',
  'bh',
  'dh',
  'dhT',
  ...(cellState ? ['dcT'] : []),
  'dx',
  'dh0',
  ...(cellState ? ['dc0'] : []),
]

/**
 * Units whose weight gradient is above 72 K floats: beside the recurrence or at the end, as there are many rows or few.
 */
const largeOf = ({ gates }: { gates: number }): number => 10 * Math.floor(Math.sqrt(84_500 / gates) / 10)

const bit = (n: number, k: number): 0 | 1 => ((n >> k) & 1) as 0 | 1

/** Every option with every other at one awkward size, then one dimension after the other through its awkward sizes. */
export function* recurrentTable(cell: Cell): Generator<Case> {
  let seed = 1
  const optional = optionalOf(cells[cell])
  const large = largeOf(cells[cell])
  const nullSets = [[], ...optional.map((label) => [label]), optional]
  for (let n = 0; n < 16; n++)
    for (const [k, nulls] of nullSets.entries()) {
      const options = { reverse: bit(n, 0), ragged: bit(n, 1) === 1, clip: bit(n, 2) * 0.2, accumulate: bit(n, 3) }
      const inPlace = (bit(n, 0) + bit(n, 1) + bit(n, 2) + bit(n, 3) + k) % 2 === 1 // both ways with every set of nulls
      yield* recurrentCases(cell, { T: 4, B: 9, I: 3, H: 17 }, { ...options, inPlace, nulls }, seed++)
    }
  const sweep: Sizes[] = [
    ...WIDTHS.map((H) => ({ T: 3, B: 3, I: 2, H })),
    ...WIDTHS.map((I) => ({ T: 2, B: 3, I, H: 5 })),
    ...[18, 35, 52, 100].map((H) => ({ T: 3, B: 17, I: 1, H })), // 2, 3 and 4 units in the last vector of 16, for whole shards
    ...BATCHES.map((B) => ({ T: 3, B, I: 3, H: 9 })),
    ...BATCHES.map((B) => ({ T: 2, B, I: 9, H: 25 })),
    ...[1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 33].map((T) => ({ T, B: 2, I: 3, H: 8 })),
    { T: 2, B: 521, I: 2, H: 9 }, // more shards than groups
    { T: 19, B: 57, I: 9, H: large }, // large weight gradients, of more than 1,024 rows, and of fewer
    { T: 2, B: 9, I: 9, H: large },
  ]
  // Whole shards without lengths, 4 units in the last vector; x inside the recurrence (I <= 8) and as a product before
  // it.
  for (const [H, I] of [
    [20, 3],
    [36, 9],
    [52, 3],
    [100, 9],
  ] as const)
    for (const reverse of [0, 1] as const) {
      const options = { reverse, ragged: false, clip: 0, accumulate: 0, inPlace: false, nulls: [] } as const
      yield* recurrentCases(cell, { T: 3, B: 17, I, H }, options, 1000 + 2 * H + reverse)
    }
  for (const sizes of sweep) {
    const n = seed++
    yield* recurrentCases(
      cell,
      sizes,
      {
        reverse: bit(n, 0),
        ragged: bit(n, 1) === 1,
        clip: bit(n, 2) * 0.2,
        accumulate: bit(n, 3),
        inPlace: n % 3 === 0,
        nulls: [],
      },
      n,
    )
  }
}

/** One NaN in x: it must show in every later state of its own sequence, and in no other. */
export function* nanTable(): Generator<Case> {
  for (const cell of KERNEL_CELLS)
    for (const [I, H] of [
      [1, 9],
      [3, 17],
      [20, 25],
    ] as [number, number][]) {
      const options = { reverse: 0, ragged: false, clip: 0, nulls: [], inPlace: false, accumulate: 0 } as const
      const [forward] = recurrentCases(cell, { T: 4, B: 9, I, H }, options, H) as [Case]
      const args = forward.args.map((argument) => {
        if (argument === null || typeof argument === 'number' || argument.label !== 'x') return argument
        const values = Float64Array.from(argument.start)
        values[(1 * 9 + 4) * I] = Number.NaN // t = 1, b = 4
        return { ...argument, start: values }
      })
      yield { ...forward, args }
    }
}
