/** The same bits on 1, 2 and 4 threads, and again on a second run: every kernel that may cut its work into pieces. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WHOLE } from '../../src/backend/backend.ts'
import { kernelBackends } from '../support/backends.ts'
import { type Case, input, integers, output, run, stats, updated } from './arguments.ts'
import { random } from './random.ts'
import { KERNEL_CELLS, lengthsOf, recurrentCases } from './recurrentCases.ts'

const THREADS = [1, 2, 4, 4]
const [T, H] = [20, 40]

function* cells(B: number): Generator<Case> {
  for (const cell of KERNEL_CELLS)
    for (const reverse of [0, 1] as const) {
      const options = {
        reverse,
        ragged: reverse === 1,
        clip: reverse * 0.2,
        nulls: [],
        inPlace: false,
        accumulate: reverse,
      }
      yield* recurrentCases(cell, { T, B, I: 7, H }, options, B)
    }
}

function* layers(B: number): Generator<Case> {
  const [I, K, E, V] = [60, 50, 24, 11]
  const r = random(B)
  const name = `T=${T} B=${B}`
  const floats = (label: string, n: number): ReturnType<typeof input> => input(label, r.uniform(n))
  const sums = (label: string, n: number): ReturnType<typeof input> => updated(label, r.uniform(n))
  const tokens = integers(
    'tokens',
    Int32Array.from({ length: T * B }, () => r.below(V)),
  )
  const lengths = integers('lengths', lengthsOf(T, B, r))
  yield {
    kernel: 'gemm',
    name,
    args: [1, 0, I, K, T * B, floats('A', T * B * I), floats('B', T * B * K), sums('C', I * K), 1],
  }
  yield {
    kernel: 'gemm',
    name,
    args: [0, 1, T * B, K, I, floats('A', T * B * I), floats('B', K * I), output('C', T * B * K), 0],
  }
  yield {
    kernel: 'dense_forward',
    name,
    args: [T * B, I, K, floats('x', T * B * I), floats('W', K * I), floats('b', K), output('y', T * B * K)],
  }
  yield {
    kernel: 'dense_backward',
    name,
    args: [
      T,
      B,
      I,
      K,
      floats('x', T * B * I),
      floats('W', K * I),
      floats('dy', T * B * K),
      sums('dW', K * I),
      sums('db', K),
      output('dx', T * B * I),
      null,
      WHOLE,
    ],
  }
  const long = 70 // above 1024 rows (t, b) a gradient is added up another way
  yield {
    kernel: 'dense_backward',
    name: `T=${long} B=${B}`,
    args: [
      long,
      B,
      9,
      300,
      floats('x', long * B * 9),
      floats('W', 300 * 9),
      floats('dy', long * B * 300),
      sums('dW', 300 * 9),
      sums('db', 300),
      null,
      null,
      WHOLE,
    ],
  }
  const classes = integers(
    'y',
    Int32Array.from({ length: T * B }, () => r.below(K)),
  )
  yield { kernel: 'softmax', name, args: [T * B, K, floats('logits', T * B * K), output('p', T * B * K)] }
  yield {
    kernel: 'softmax_cross_entropy',
    name,
    args: [T, B, K, lengths, floats('logits', T * B * K), classes, null, 1, output('dlogits', T * B * K), stats()],
  }
  yield {
    kernel: 'squared_error',
    name,
    args: [T, B, K, lengths, floats('y', T * B * K), floats('target', T * B * K), 1, output('dy', T * B * K), stats()],
  }
  yield { kernel: 'embedding_forward', name, args: [T * B, E, tokens, floats('table', V * E), output('y', T * B * E)] }
  yield { kernel: 'embedding_backward', name, args: [T * B, E, tokens, floats('dy', T * B * E), sums('dtable', V * E)] }
}

function* flat(): Generator<Case> {
  const n = 100_001
  const r = random(1)
  const [x, g] = [input('x', r.uniform(n, 3)), input('g', r.uniform(n))]
  const w = updated('w', r.uniform(n))
  const [m, v] = [updated('m', r.uniform(n)), updated('v', r.uniform(n).map(Math.abs))]
  const name = `n=${n}`
  yield { kernel: 'sum_of_squares', name, args: [n, x] }
  yield { kernel: 'count_nonzero', name, args: [n, x] }
  yield { kernel: 'clip_value', name, args: [n, 0.5, updated('x', x.start as Float64Array)] }
  yield {
    kernel: 'muon_update',
    name,
    args: [
      100,
      0.1,
      0.9,
      0.3,
      0.999,
      updated('w', r.uniform(10000)),
      input('g', r.uniform(10000)),
      updated('m', r.uniform(10000)),
      output('work', 40000, { unspecified: () => true }),
    ],
  }
  yield { kernel: 'scale', name, args: [n, 0.3, updated('x', x.start as Float64Array)] }
  yield { kernel: 'tanh_forward', name, args: [n, x, output('y', n)] }
  yield { kernel: 'sigmoid_forward', name, args: [n, x, output('y', n)] }
  yield { kernel: 'copy_columns', name, args: [n, 1, x, 1, 0, output('dst', n), 1, 0, 0] }
  yield { kernel: 'sgd_update', name, args: [n, 0.1, 0.9, w, g, v] }
  yield { kernel: 'rmsprop_update', name, args: [n, 0.1, 0.99, 1e-8, w, g, v] }
  const [E, rows] = [
    300,
    integers(
      'rows',
      Int32Array.from({ length: 300 }, (_, i) => (i * 7) % 333),
    ),
  ]
  const matrix = (label: string) => updated(label, r.uniform(333 * E).map(Math.abs))
  const few = input('g', r.uniform(300 * E))
  yield { kernel: 'sgd_update_rows', name, args: [300, E, rows, 0.1, 0.9, matrix('w'), few, matrix('v')] }
  yield { kernel: 'rmsprop_update_rows', name, args: [300, E, rows, 0.1, 0.99, 1e-8, matrix('w'), few, matrix('s')] }
  yield {
    kernel: 'adam_update_rows',
    name,
    args: [300, E, rows, 0.1, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, matrix('w'), few, matrix('m'), matrix('v')],
  }
  yield { kernel: 'dropout', name, args: [n, 5, 3, 4, 0.3, x, output('y', n)] }
  const [N, K] = [60, 3000]
  const y = integers(
    'y',
    Int32Array.from({ length: N }, () => r.below(K + 1) - 1),
  )
  const none = (i: number): boolean => y.start[Math.floor(i / 4)]! < 0
  yield {
    kernel: 'softmax_scan',
    name,
    args: [N, K, 0, 2900, input('logits', r.uniform(N * K, 5)), y, output('rows', 4 * N, { unspecified: none })],
  }
  yield {
    kernel: 'softmax_slope',
    name,
    args: [
      N,
      K,
      0,
      2900,
      updated('logits', r.uniform(N * K, 5)),
      y,
      input(
        'rows',
        r.uniform(4 * N).map((v) => 6 + v),
      ),
      0.1,
    ],
  }
  yield { kernel: 'adam_update', name, args: [n, 0.1, 0.9, 0.999, 1e-8, 0.01, 0.1, 0.001, w, g, m, v] }
}

/** Elements the contract specifies, and what was returned; -0 and 0 count as different. */
function bits(row: Case, outcome: ReturnType<typeof run>): Buffer[] {
  const written = row.args.filter((a) => a !== null && typeof a !== 'number' && a.written) as ReturnType<typeof input>[]
  const arrays = written.map(({ label, unspecified }) =>
    outcome.arrays.get(label)!.map((v, i) => (unspecified(i) ? 0 : v)),
  )
  return [...arrays, Float64Array.of(outcome.returned ?? 0)].map((a) => Buffer.from(a.buffer))
}

const made = await Promise.all(THREADS.map(kernelBackends))
const all = made[0]!.map(({ label }, i) => ({ title: label, pools: made.map((of) => of[i]!.backend) }))

describe('the same bits on any number of threads', () => {
  for (const { title: where, pools } of all) {
    const tables = {
      ...Object.fromEntries([33, 17, 16].map((B) => [`B = ${B}`, () => [...cells(B), ...layers(B)]])),
      'flat arrays': () => [...flat()],
    }
    for (const [title, table] of Object.entries(tables))
      test(`${where}, ${title}`, () => {
        assert.deepEqual(
          pools.map(({ threads }) => threads),
          THREADS,
        )
        for (const row of table()) {
          const [one, ...others] = pools.map((pool) => bits(row, run(pool, row))) as [
            Buffer<ArrayBufferLike>[],
            Buffer<ArrayBufferLike>[],
          ]
          for (const [k, other] of others.entries())
            for (const [j, part] of other.entries())
              assert.ok(
                part.equals(one[j]!),
                `${row.kernel} ${row.name}: array ${j} differs between 1 and ${THREADS[k + 1]} threads`,
              )
        }
      })
  }
})
