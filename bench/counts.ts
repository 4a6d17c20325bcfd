/**
 * Instructions instead of milliseconds: what callgrind counts does not depend on what else the machine does. For each
 * kernel that computes, the instructions of one iteration for each vector multiply-add of eight floats that its dense
 * work needs. callgrind knows no AVX-512, so these are the kernels for AVX2, on one thread.
 */
import { forwardWork, SHAPES, type Shape, work } from './problems.ts'

/** Fewer steps than in the table, for callgrind is fifty times slower; S5 is small enough. */
export const COUNTED: readonly Shape[] = ['S1 dense', 'S3', 'S3g', 'S5'].map((wanted) => {
  const shape = SHAPES.find(({ name }) => name === wanted)!
  return wanted === 'S5' ? shape : { ...shape, T: 100 }
})

/** Floats in a vector of AVX2. */
const LANES = 8

export interface Count {
  readonly problem: string
  /** A kernel, or `all`: those of the recurrence, the head and the loss. */
  readonly kernel: string
  readonly instructions: number
  /** For each vector multiply-add; null of kernels whose work is not counted in them. */
  readonly perMultiplyAdd: number | null
}

export interface Counts {
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly compiler: string
  readonly valgrind: string
  readonly rows: readonly Count[]
}

/** What clips and updates is no part of the count. */
const KERNELS = /^(?:rnn|lstm|gru|dense)_(?:forward|backward)$|^gemm$|^softmax_cross_entropy$|^squared_error$/
const RECURRENT = /^(?:rnn|lstm|gru)_/

/** Rows of a shape from callgrind's output, largest first, the sum before them. */
export function countsOf(shape: Shape, callgrind: string): Count[] {
  const found = [...inclusive(callgrind)].filter(([kernel]) => KERNELS.test(kernel)).sort((a, b) => b[1] - a[1])
  if (!found.some(([kernel]) => RECURRENT.test(kernel))) {
    throw new Error(`${shape.name}: expected kernels in callgrind's output but found none: npm run build`)
  }
  const row = (kernel: string, instructions: number, flops: number | null): Count => ({
    problem: shape.name,
    kernel,
    instructions,
    perMultiplyAdd: flops === null ? null : instructions / (flops / 2 / LANES),
  })
  const all = found.reduce((sum, [, instructions]) => sum + instructions, 0)
  const forward = forwardWork(shape)
  return [
    row('all', all, work(shape)),
    ...found.map(([kernel, instructions]) => {
      if (!RECURRENT.test(kernel)) return row(kernel, instructions, null)
      return row(kernel, instructions, kernel.endsWith('_forward') ? forward : work(shape) - forward)
    }),
  ]
}

/**
 * Instructions of each kernel and of all that it calls. callgrind writes, for each function, a line for what it did
 * itself, and for each function that it called, `calls=` and after it a line with what all of that cost. A name stands
 * in full where it appears first, and is a number in brackets after that. Lambdas in a kernel begin with its name.
 */
function inclusive(callgrind: string): Map<string, number> {
  const names = new Map<string, string>()
  const costs = new Map<string, number>()
  let kernel: string | undefined
  for (const line of callgrind.split('\n')) {
    const named = /^c?fn=\((\d+)\)(?: (.*))?$/.exec(line)
    if (named) {
      const [, id, name] = named
      if (name !== undefined) names.set(id!, name)
      if (line.startsWith('fn=')) kernel = /^irnn_avx2::(\w+)\([^()]*\)$/.exec(names.get(id!)!)?.[1]
      continue
    }
    const cost = /^[+\-*\d]\S* (\d+)$/.exec(line)?.[1]
    if (kernel !== undefined && cost !== undefined) costs.set(kernel, (costs.get(kernel) ?? 0) + Number(cost))
  }
  return costs
}

export function countLine({ problem, kernel, instructions, perMultiplyAdd }: Count): string {
  const ratio = perMultiplyAdd === null ? '' : `  ${perMultiplyAdd.toFixed(2)} a multiply-add`
  return `${problem.padEnd(10)} ${kernel.padEnd(24)} ${(instructions / 1e6).toFixed(2).padStart(9)} million${ratio}`
}
