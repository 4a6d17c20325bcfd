/**
 * What the benchmark must show, each claim a predicate over the results of one run. One that fails is printed as
 * failed; one whose rows are not there says so and is no success.
 */
import { SHAPES, type Shape, TRAINED, work } from './problems.ts'
import { fastest, type Results, type Row, type Verdict } from './results.ts'

interface Claim {
  readonly text: string
  readonly test: (results: Results) => Omit<Verdict, 'text'>
}

const NOTHING = { holds: null, measured: 'not measured' } as const
const fixed = (value: number): string => value.toPrecision(3)
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

function ours(results: Results, problem: string, threads?: number): Row | undefined {
  return fastest(results, { library: 'irnn', backend: 'native', problem, ...(threads && { threads }) })
}

/** Milliseconds the dense work of a row takes at the peak that was measured with it. */
function floor({ problem, peak }: Row): number {
  return work(shapeOf(problem)) / peak! / 1e6
}

function shapeOf(problem: string): Shape {
  return SHAPES.find(({ name }) => name === problem)!
}

const belowFloor: Claim = {
  text: `${TRAINED.name}: below the dense floor, the time the dense work takes at the measured peak`,
  test(results) {
    const rows = [1, 2].flatMap((threads) => ours(results, TRAINED.name, threads) ?? [])
    if (rows.length < 2) return NOTHING
    const shares = rows.map((row) => row.ms!.best / floor(row))
    return {
      holds: shares.every((share) => share < 1),
      measured: `${shares.map(percent).join(' and ')} of it on one thread and two`,
    }
  },
}

/** Ours is so many times as fast as a rival, each at its best number of threads. */
function faster(library: string, problem: string, times: number, backend: 'native' | 'wasm' = 'native'): Claim {
  const name = backend === 'wasm' ? 'wasm alone' : 'ours'
  return {
    text: `${problem}: ${name} at least ${times} times as fast as ${library}`,
    test(results) {
      const mine = fastest(results, { library: 'irnn', backend, problem })
      const theirs = fastest(results, { library, problem })
      if (!mine || !theirs) return NOTHING
      const ratio = theirs.ms!.best / mine.ms!.best
      const each = [1, 2].flatMap((threads) => {
        const a = fastest(results, { library: 'irnn', backend, problem, threads })
        const b = fastest(results, { library, problem, threads })
        return a && b ? [`${threads} thread${threads > 1 ? 's' : ''} ${fixed(b.ms!.best / a.ms!.best)}`] : []
      })
      const said = `${fixed(mine.ms!.best)} and ${fixed(theirs.ms!.best)} ms, ${fixed(ratio)} times`
      return { holds: ratio >= times, measured: `${said} (${each.join(', ')})` }
    },
  }
}

/** The fastest row of anyone else. */
function fastestRival(results: Results, problem: string, threads: number): Row | undefined {
  const others = { ...results, rows: results.rows.filter(({ library }) => library !== 'irnn') }
  return fastest(others, { problem, threads })
}

/** Every shape is so many times as fast as the fastest rival, at the same number of threads. */
function ahead(times: number, wanted: readonly string[], text: string): Claim {
  return {
    text,
    test(results) {
      const pairs = wanted.flatMap((problem) =>
        [1, 2].flatMap((threads) => {
          const mine = ours(results, problem, threads)
          const theirs = fastestRival(results, problem, threads)
          return mine && theirs ? [{ mine, theirs, ratio: theirs.ms!.best / mine.ms!.best }] : []
        }),
      )
      if (pairs.length === 0) return NOTHING
      pairs.sort((a, b) => a.ratio - b.ratio)
      const short = pairs.filter(({ ratio }) => ratio < times)
      const said = ({ mine, theirs, ratio }: (typeof pairs)[number]) =>
        `${mine.problem} on ${mine.threads}: ${fixed(mine.ms!.best)} against ${fixed(theirs.ms!.best)} ms of ` +
        `${theirs.library}, ${fixed(ratio)} times`
      return {
        holds: short.length === 0,
        measured:
          short.length > 0 ? short.map(said).join('; ') : `${pairs.length} pairs, the closest ${said(pairs[0]!)}`,
      }
    },
  }
}

/** The real loop on digits: batches, kernels, clip, update, metrics. */
const loopBelowFloor: Claim = {
  text: 'the training loop at S1, batches and metrics included, below the dense floor of its recurrence',
  test(results) {
    const shares = results.loops.flatMap(({ threads, iteration }) => {
      const row = ours(results, TRAINED.name, threads)
      return row?.peak ? [iteration / floor(row)] : []
    })
    if (shares.length === 0) return NOTHING
    return { holds: shares.every((share) => share < 1), measured: `${shares.map(percent).join(' and ')} of it` }
  },
}

/** Ratios alone: milliseconds and shares of the peak shake with the machine, rivals and the floor shake with them. */
export const CLAIMS: readonly Claim[] = [
  belowFloor,
  loopBelowFloor,
  ahead(
    1.25,
    SHAPES.map(({ name }) => name),
    'every shape at least 1.25 times as fast as the fastest rival on as many threads',
  ),
  ahead(6, [TRAINED.name], `${TRAINED.name}: ours at least 6 times as fast as the fastest rival on as many threads`),
  faster('oneDNN', 'S3', 2.2),
  faster('oneDNN', 'S3g', 2.2),
  faster('PyTorch', 'S1 trained', 12),
  faster('PyTorch', 'S3', 3),
  faster('PyTorch', 'S5', 1.3),
  faster('JAX', 'S1 trained', 8),
  faster('JAX', 'S3', 4),
  faster('TensorFlow.js', 'S1 trained', 100),
  faster('PyTorch', 'S1 trained', 2.5, 'wasm'),
]

export function verdicts(results: Results): Verdict[] {
  return CLAIMS.map(({ text, test }) => ({ text, ...test(results) }))
}
