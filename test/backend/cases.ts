/** Rows of the kernel table for everything but the recurrent cells. One table: it is long, an argument a line. */
import { WHOLE } from '../../src/backend/backend.ts'
import cells from '../../src/layers/cells.ts'
import { type ArrayArgument, type Case, input, integers, output, packed, updated } from './arguments.ts'
import { random } from './random.ts'
import { BATCHES, KERNEL_CELLS, WIDTHS } from './recurrentCases.ts'

const FLAGS = [0, 1] as const
const LENGTHS = [...WIDTHS, 255, 256, 1000, 4095, 4097, 10_000]

export function* gemmTable(): Generator<Case> {
  const sides = [1, 3, 8, 17, 25]
  const sizes = sides.flatMap((M) => sides.flatMap((N) => sides.map((K) => [M, N, K])))
  for (const n of WIDTHS) sizes.push([n, 5, 9], [9, n, 5], [5, 9, n], [n, n, 3])
  sizes.push([100, 100, 257], [257, 33, 100], [1, 257, 257], [257, 1, 257])
  sizes.push([33, 1300, 3], [9, 700, 300]) // several chunks of the packed right-hand side
  let seed = 1
  for (const [M, N, K] of sizes as [number, number, number][])
    for (const transA of FLAGS)
      for (const transB of FLAGS)
        for (const accumulate of FLAGS) {
          const r = random(seed++)
          yield {
            kernel: 'gemm',
            name: `M=${M} N=${N} K=${K} transA=${transA} transB=${transB} accumulate=${accumulate}`,
            args: [
              transA,
              transB,
              M,
              N,
              K,
              input('A', r.uniform(M * K)),
              input('B', r.uniform(K * N)),
              accumulate ? updated('C', r.uniform(M * N)) : output('C', M * N),
              accumulate,
            ],
          }
        }
}

function denseSizes(): number[][] {
  const sizes = [
    ...WIDTHS.map((n) => [3, 5, n]),
    ...WIDTHS.map((n) => [3, n, 5]),
    ...[...BATCHES, 100, 257].map((n) => [n, 9, 7]),
  ]
  return [...sizes, [33, 100, 10], [70, 32, 300], [67, 13, 139]] // the last two: more columns than rows, tiles of the other side
}

export function* denseForwardTable(): Generator<Case> {
  let seed = 1
  for (const [N, I, K] of denseSizes() as [number, number, number][])
    for (const bias of FLAGS) {
      const r = random(seed++)
      yield {
        kernel: 'dense_forward',
        name: `N=${N} I=${I} K=${K} bias=${bias}`,
        args: [
          N,
          I,
          K,
          input('x', r.uniform(N * I)),
          input('W', r.uniform(K * I)),
          bias ? input('b', r.uniform(K)) : null,
          output('y', N * K),
        ],
      }
    }
}

export function* denseBackwardTable(): Generator<Case> {
  let seed = 1
  for (const [B, I, K] of denseSizes() as [number, number, number][])
    for (const T of [1, 3])
      for (const [bias, wanted] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ]) {
        const r = random(seed++)
        yield {
          kernel: 'dense_backward',
          name: `T=${T} B=${B} I=${I} K=${K} db=${bias} dx=${wanted}`,
          args: [
            T,
            B,
            I,
            K,
            input('x', r.uniform(T * B * I)),
            input('W', r.uniform(K * I)),
            input('dy', r.uniform(T * B * K)),
            updated('dW', r.uniform(K * I)),
            bias ? updated('db', r.uniform(K)) : null,
            wanted ? output('dx', T * B * I) : null,
            null,
            WHOLE,
          ],
        }
      }
  // More rows (t, b) than a tile of the gradient takes at a time: sums of blocks instead, over one row of blocks and
  // over several.
  for (const [T, B, I, K] of [
    [130, 9, 5, 7],
    [35, 33, 40, 150],
  ] as [number, number, number, number][]) {
    const r = random(seed++)
    yield {
      kernel: 'dense_backward',
      name: `T=${T} B=${B} I=${I} K=${K}`,
      args: [
        T,
        B,
        I,
        K,
        input('x', r.uniform(T * B * I)),
        input('W', r.uniform(K * I)),
        input('dy', r.uniform(T * B * K)),
        updated('dW', r.uniform(K * I)),
        updated('db', r.uniform(K)),
        output('dx', T * B * I),
        null,
        WHOLE,
      ],
    }
  }
}

export function* dropoutTable(): Generator<Case> {
  let seed = 1
  for (const n of LENGTHS)
    for (const p of [0, 0.25, 0.5, 0.9])
      for (const inPlace of FLAGS) {
        const x = input('x', random(seed++).uniform(n))
        yield {
          kernel: 'dropout',
          name: `n=${n} p=${p} in place=${inPlace}`,
          args: [n, 7 * (seed % 3), seed * 12345, seed % 5, p, x, output('y', n, { alias: inPlace ? x : null })],
        }
      }
}

export function* embeddingTable(): Generator<Case> {
  let seed = 1
  for (const E of WIDTHS)
    for (const N of [1, 3, 16, 33])
      for (const V of [1, 2, 50]) {
        // few words: tokens repeat, and their gradients add up
        const r = random(seed++)
        const tokens = integers(
          'tokens',
          Int32Array.from({ length: N }, () => r.below(V)),
        )
        const name = `N=${N} E=${E} V=${V}`
        yield {
          kernel: 'embedding_forward',
          name,
          args: [N, E, tokens, input('table', r.uniform(V * E)), output('y', N * E)],
        }
        yield {
          kernel: 'embedding_backward',
          name,
          args: [N, E, tokens, input('dy', r.uniform(N * E)), updated('dtable', r.uniform(V * E))],
        }
      }
}

export function* copyColumnsTable(): Generator<Case> {
  let seed = 1
  for (const columns of WIDTHS)
    for (const [before, behind] of [
      [0, 0],
      [3, 0],
      [0, 5],
      [8, 1],
    ] as [number, number][])
      for (const accumulate of FLAGS) {
        const [N, srcWidth, dstWidth] = [5, columns + before + behind, columns + 2 * behind + before]
        const r = random(seed++)
        yield {
          kernel: 'copy_columns',
          name: `columns=${columns} of ${srcWidth} into ${dstWidth} accumulate=${accumulate}`,
          args: [
            N,
            columns,
            input('src', r.uniform(N * srcWidth)),
            srcWidth,
            before,
            updated('dst', r.uniform(N * dstWidth)),
            dstWidth,
            behind,
            accumulate,
          ],
        }
      }
}

/**
 * One step of each cell, from weights as `step_pack` leaves them: the order inside is each backend's own, so it is
 * packed by it.
 */
export function* stepTable(): Generator<Case> {
  let seed = 1
  const sizes = [...WIDTHS.map((H) => [3, 2, H]), ...WIDTHS.map((I) => [2, I, 5]), ...[1, 2, 9].map((B) => [B, 1, 100])]
  for (const [B, I, H] of sizes as [number, number, number][]) {
    const r = random(seed++)
    const name = `B=${B} I=${I} H=${H}`
    const x = input('x', r.uniform(B * I))
    const [h, c] = [updated('h', r.uniform(B * H)), updated('c', r.uniform(B * H))]
    const pack = (label: string, N: number, I: number, H: number): ArrayArgument =>
      packed(label, [
        N,
        I,
        H,
        I > 0 ? input('Wxh', r.uniform(N * I, 1.5 / Math.sqrt(I))) : null,
        H > 0 ? input('Whh', r.uniform(N * H, 1.5 / Math.sqrt(H))) : null,
        seed % 3 > 0 && I > 0 ? input('bx', r.uniform(N, 0.5)) : null,
        seed % 2 > 0 && H > 0 ? input('bh', r.uniform(N, 0.5)) : null,
      ])
    yield { kernel: 'dense_step', name, args: [B, I, H, x, pack('packed', H, I, 0), output('y', B * H)] }
    for (const cell of KERNEL_CELLS) {
      const { kernel, kernelOptions, gates, cellState, candidateApart } = cells[cell]
      const weights = candidateApart
        ? [pack('gates', (gates - 1) * H, I, H), pack('candidate of x', H, I, 0), pack('candidate of h', H, 0, H)]
        : [pack('packed', gates * H, I, H)]
      yield {
        kernel: `${kernel}_step`,
        name: `${cell} ${name}`,
        args: [B, I, H, ...kernelOptions, x, ...weights, h, ...(cellState ? [c] : [])],
      }
    }
  }
}

/** Kernels over one flat array of n numbers, and the optimisers. */
export function* flatTable(): Generator<Case> {
  let seed = 1
  for (const n of LENGTHS) {
    const r = random(seed++)
    const name = `n=${n}`
    for (const kernel of ['tanh_forward', 'sigmoid_forward'] as const)
      for (const inPlace of FLAGS) {
        const x = input('x', r.uniform(n, 6))
        yield {
          kernel,
          name: `${name} in place=${inPlace}`,
          args: [n, x, output('y', n, { alias: inPlace ? x : null })],
        }
      }
    yield { kernel: 'sum_of_squares', name, args: [n, input('x', r.uniform(n))] }
    yield {
      kernel: 'count_nonzero',
      name,
      args: [
        n,
        input(
          'x',
          r.uniform(n).map((v, i) => [v, 0, -0, Number.NaN, 1e-30, v, v][(i * i + n) % 7]!),
        ),
      ],
    }
    yield {
      kernel: 'clip_value',
      name,
      args: [
        n,
        0.5,
        updated(
          'x',
          r.uniform(n).map((v, i) => [v, v, 0.5, -0.5, 0.75 * v][i % 5]!),
        ),
      ],
    }
    yield {
      kernel: 'clip_value',
      name: `${name} infinite`,
      args: [
        n,
        0.5,
        updated(
          'x',
          r.uniform(n).map((v, i) => (i % 3 ? v : v * Number.POSITIVE_INFINITY)),
        ),
      ],
    }
    yield { kernel: 'scale', name, args: [n, 0.37, updated('x', r.uniform(n))] }
    for (const momentum of [0, 0.9])
      yield {
        kernel: 'sgd_update',
        name: `${name} momentum=${momentum}`,
        args: [
          n,
          0.1,
          momentum,
          updated('w', r.uniform(n)),
          input('g', r.uniform(n)),
          momentum ? updated('v', r.uniform(n)) : null,
        ],
      }
    const rmsprop = [updated('w', r.uniform(n)), input('g', r.uniform(n)), updated('s', r.uniform(n).map(Math.abs))]
    yield { kernel: 'rmsprop_update', name, args: [n, 0.01, 0.99, 1e-8, ...rmsprop] }
    for (const k of [1, 1000])
      yield {
        kernel: 'adam_update',
        name: `${name} iteration ${k}`,
        args: [
          n,
          0.001,
          0.9,
          0.999,
          1e-8,
          k % 2 ? 0 : 0.25,
          1 - 0.9 ** k,
          1 - 0.999 ** k,
          updated('w', r.uniform(n)),
          input('g', r.uniform(n)),
          updated('m', r.uniform(n)),
          updated('v', r.uniform(n).map(Math.abs)),
        ],
      }
  }
  for (const H of [1, 3, 16, 33, 100]) {
    const r = random(seed++)
    for (const g of [r.uniform(H * H), new Float64Array(H * H)])
      yield {
        kernel: 'muon_update',
        name: `H=${H}${g.some((v) => v !== 0) ? '' : ' no gradient, no momentum'}`,
        args: [
          H,
          0.01,
          g.some((v) => v !== 0) ? 0.9 : 0,
          H % 2 ? 0.3 : 0,
          0.9,
          updated('w', r.uniform(H * H)),
          input('g', g),
          updated('m', r.uniform(H * H)),
          output('work', 4 * H * H, { unspecified: () => true }),
        ],
      }
  }
}
