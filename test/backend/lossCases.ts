/** Rows of the kernel table for the losses and the softmax. */
import { type Case, input, integers, output, stats, updated } from './arguments.ts'
import { random } from './random.ts'
import { BATCHES, isPadded, lengthsOf, WIDTHS } from './recurrentCases.ts'

const FLAGS = [0, 1] as const

const LOSS_SIZES = [
  ...WIDTHS.map((K) => [3, 5, K]),
  ...BATCHES.map((B) => [4, B, 10]),
  ...[1, 2, 7, 20].map((T) => [T, 3, 11]),
  [2, 9, 1000],
]

export function* crossEntropyTable(): Generator<Case> {
  let seed = 1
  for (const [T, B, K] of LOSS_SIZES as [number, number, number][])
    for (const ragged of FLAGS)
      for (const gradient of ['apart', 'in place', 'null']) {
        const r = random(seed++)
        const lengths = ragged ? lengthsOf(T, B, r) : null
        const y = Int32Array.from({ length: T * B }, () => r.below(K + 1) - 1)
        const size = [1, 10, 1000, 0][seed % 4] // all logits equal: the first of equals is the arg-max
        const ignored = isPadded(B, K, lengths)
        const values = r
          .uniform(T * B * K, size)
          .map((v, i) => (ignored(i) || y[Math.floor(i / K)]! < 0 ? Number.NaN : v))
        const logits = input('logits', values)
        yield {
          kernel: 'softmax_cross_entropy',
          name: `T=${T} B=${B} K=${K} lengths=${lengths} logits up to ${size}, gradient ${gradient}`,
          args: [
            T,
            B,
            K,
            lengths && integers('lengths', lengths),
            logits,
            integers('y', y),
            seed % 2 ? null : input('weights', r.uniform(K).map(Math.abs)),
            0.25,
            gradient === 'null'
              ? null
              : output('dlogits', T * B * K, { alias: gradient === 'in place' ? logits : null }),
            stats(),
          ],
        }
      }
}

/** Every third number is NaN in two of three cases: of no case, all or none are then missing. */
function someMissing(values: Float64Array, seed: number): Float64Array {
  return values.map((v, i) => (seed % 3 > 0 && i % 3 === seed % 3 ? Number.NaN : v))
}

/** Losses of values: their outputs and other arguments for rows of D targets. */
const VALUE_LOSSES = {
  squared_error: { width: (D: number) => D, sizes: (D: number) => [D], more: () => [] },
  pinball: {
    width: (D: number) => 3 * D,
    sizes: (D: number) => [D, 3],
    more: () => [input('quantiles', Float64Array.of(0.125, 0.5, 0.75))],
  },
  huber: { width: (D: number) => D, sizes: (D: number) => [D], more: () => [0.5] },
  gaussian_nll: { width: (D: number) => 2 * D, sizes: (D: number) => [D], more: () => [] },
} as const

export function* valueLossTable(): Generator<Case> {
  let seed = 1
  for (const [kernel, { width, sizes, more }] of Object.entries(VALUE_LOSSES))
    for (const [T, B, D] of LOSS_SIZES as [number, number, number][])
      for (const ragged of FLAGS)
        for (const gradient of ['apart', 'in place', 'null']) {
          const r = random(seed++)
          const K = width(D)
          const lengths = ragged ? lengthsOf(T, B, r) : null
          const ignored = isPadded(B, K, lengths)
          // Every fifth is far below the least log of a deviation.
          const values = r.uniform(T * B * K).map((v, i) => (ignored(i) ? Number.NaN : i % 5 === 4 ? 9 * v : v))
          const y = input('y', values)
          yield {
            kernel: kernel as keyof typeof VALUE_LOSSES,
            name: `T=${T} B=${B} D=${D} lengths=${lengths} gradient ${gradient}`,
            args: [
              T,
              B,
              ...sizes(D),
              lengths && integers('lengths', lengths),
              y,
              input('target', someMissing(r.uniform(T * B * D), seed)),
              ...more(),
              0.25,
              gradient === 'null' ? null : output('dy', T * B * K, { alias: gradient === 'in place' ? y : null }),
              stats(),
            ],
          }
        }
}

export function* softmaxTable(): Generator<Case> {
  let seed = 1
  for (const [, N, K] of LOSS_SIZES as [number, number, number][])
    for (const size of [0, 1, 100, 1e4])
      for (const inPlace of FLAGS) {
        const logits = input('logits', random(seed++).uniform(N * K, size))
        yield {
          kernel: 'softmax',
          name: `N=${N} K=${K} logits up to ${size} in place=${inPlace}`,
          args: [N, K, logits, output('p', N * K, { alias: inPlace ? logits : null })],
        }
      }
}

/** Blocks of a softmax over 3 K columns: the first, one in the middle, and one that only targets have. */
export function* blockedSoftmaxTable(): Generator<Case> {
  let seed = 1
  for (const [T, B, K] of LOSS_SIZES as [number, number, number][])
    for (const [first, common] of [
      [0, 3 * K],
      [0, Math.ceil(K / 2)],
      [K, 3 * K],
      [2 * K, 2 * K],
      [K, K + 1],
    ] as [number, number][]) {
      const r = random(seed++)
      const N = T * B
      const y = Int32Array.from({ length: N }, (_, n) => (n % 4 === 3 ? first + r.below(K) : r.below(3 * K + 1) - 1))
      const size = [1, 10, 60, 0][seed % 4]! // beyond e^-87 of the largest, the kernel has a tiny number for 0
      const logits = r.uniform(N * K, size).map((v, i) => (y[Math.floor(i / K)]! < 0 ? Number.NaN : v))
      const rows = r.uniform(N * 4).map((v, i) => [size * v, 2 + v, v, Math.floor(Math.abs(v) * K)][i % 4]!)
      const scan =
        first === 0 ? output('rows', N * 4, { unspecified: (i) => y[Math.floor(i / 4)]! < 0 }) : updated('rows', rows)
      const name = `N=${N} K=${K} first=${first} common=${common} logits up to ${size}`
      yield {
        kernel: 'softmax_scan',
        name,
        args: [N, K, first, common, input('logits', logits), integers('y', y), scan],
      }
      const above = rows.map((v, i) => (i % 4 === 0 ? size + Math.abs(v) : v))
      yield {
        kernel: 'softmax_slope',
        name,
        args: [N, K, first, common, updated('logits', logits), integers('y', y), input('rows', above), 0.25],
      }
    }
}
