/** Made-up results of a benchmark, in which every claim holds; tests spoil them. */
import type { Results, Row } from '../../bench/results.ts'

const ms = (best: number) => ({ best, median: best, repeats: 9 })
const native = { library: 'irnn', backend: 'native', instructionSet: 'avx512', pass: 'training' } as const

function pair(problem: string, one: number, two: number, gflops: number): Row[] {
  return [one, two].map((best, i) => ({
    ...native,
    engine: 'native, AVX-512',
    threads: i + 1,
    problem,
    ms: ms(best),
    kernelShare: 0.98,
    gflops: gflops * (i + 1),
    peak: 120 * (i + 1),
  }))
}

export const GOOD: Results = {
  date: '2000-01-01',
  commit: 'abc',
  machine: { cpu: 'a <fast> one', cores: 2, flags: ['avx2'], os: 'Linux 6', node: 'v20' },
  trained: { iterations: 2000, accuracy: 0.5, live: 0.2 },
  engines: [
    {
      engine: 'native, AVX-512, 1 thread',
      backend: 'native',
      instructionSet: 'avx512',
      threads: 1,
      peak: 120,
      bandwidth: 20,
    },
  ],
  rows: [
    ...pair('S1 trained', 3, 1.7, 300),
    ...pair('S1 dense', 7, 3.8, 108),
    ...pair('S2', 1.4, 0.8, 105),
    ...pair('S3', 30, 16, 104),
    ...pair('S3g', 23, 12, 104),
    ...pair('S4', 29, 15, 108),
    ...pair('S5', 11, 6, 110),
    ...pair('S6', 110, 57, 110),
    { ...native, backend: 'wasm', engine: 'wasm', threads: 1, problem: 'S1 trained', ms: ms(9) },
    ...['S1 trained', 'S1 dense', 'S3', 'S3g'].map((problem) => rival('PyTorch', problem, 180)),
    rival('PyTorch', 'S5', 17),
    ...['S1 dense', 'S3', 'S3g'].map((problem) => rival('oneDNN', problem, 90)),
    ...['S1 trained', 'S3'].map((problem) => rival('JAX', problem, 120)),
    rival('TensorFlow.js', 'S1 trained', 620),
  ],
  loops: [{ engine: 'native', threads: 1, iteration: 3.1, kernels: 2.95 }],
  streaming: { engine: 'native', step: 0.5, forward: 0.2 },
  missing: [],
}

export function rival(library: string, problem: string, best: number): Row {
  return { library, engine: '1.0', threads: 1, problem, pass: 'training', ms: ms(best) }
}

/** The rows with some of them changed. */
export function spoilt(where: (row: Row) => boolean, change: Partial<Row>): Results {
  return { ...GOOD, rows: GOOD.rows.map((row) => (where(row) ? { ...row, ...change } : row)) }
}
