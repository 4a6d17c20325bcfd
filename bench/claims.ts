/**
 * What the benchmark must show, each claim a predicate over the results of one run. One that fails is printed as
 * failed; one whose rows are not there says so and is no success.
 */
import { SHAPES, type Shape, TRAINED, work } from './problems.ts'
import { fastest, type Results, type Row, rowsOf, type Verdict } from './results.ts'

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

/** At most so many milliseconds on one thread and on two. The figures were set on a machine of 117 GFLOP/s a core. */
function within(problem: string, limits: readonly [number, number]): Claim {
  return {
    text: `${problem}: at most ${limits[0]} ms on one thread, ${limits[1]} on two`,
    test(results) {
      const rows = [1, 2].map((threads) => ours(results, problem, threads))
      if (rows.some((row) => !row)) return NOTHING
      const [one, two] = rows as [Row, Row]
      return {
        holds: one.ms!.best <= limits[0] && two.ms!.best <= limits[1],
        measured: `${fixed(one.ms!.best)} and ${fixed(two.ms!.best)} ms; the dense floor here is ${fixed(floor(one))} and ${fixed(floor(two))}`,
      }
    },
  }
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
      const said = `${fixed(mine.ms!.best)} and ${fixed(theirs.ms!.best)} ms, ${fixed(ratio)} times (${each.join(', ')})`
      return { holds: ratio >= times, measured: said }
    },
  }
}

/** No shape slower than `limit` says, at the same number of threads. */
function noneSlower(
  text: string,
  limit: (results: Results, problem: string, threads: number) => number | undefined,
): Claim {
  return {
    text,
    test(results) {
      const pairs = SHAPES.flatMap(({ name }) =>
        [1, 2].map((threads) => {
          return { name, threads, mine: ours(results, name, threads)?.ms?.best, theirs: limit(results, name, threads) }
        }),
      ).filter(({ mine, theirs }) => mine !== undefined && theirs !== undefined)
      if (pairs.length === 0) return NOTHING
      const slower = pairs.filter(({ mine, theirs }) => mine! > theirs!)
      const said = ({ name, threads, mine, theirs }: (typeof pairs)[number]) =>
        `${name} on ${threads}: ${fixed(mine!)} against ${fixed(theirs!)} ms`
      const closest = [...pairs].sort((a, b) => b.mine! / b.theirs! - a.mine! / a.theirs!)[0]!
      return {
        holds: slower.length === 0,
        measured:
          slower.length > 0 ? slower.map(said).join('; ') : `${pairs.length} pairs, the closest ${said(closest)}`,
      }
    },
  }
}

/** oneDNN 2.6 on a machine of 117 GFLOP/s a core, one thread and two. */
const ONEDNN_THEN: Readonly<Record<string, readonly [number, number]>> = {
  'S1 trained': [13.7, 12.1],
  'S1 dense': [13.7, 12.1],
  S2: [2.3, 2.2],
  S3: [52, 37],
  S4: [53, 38],
  S5: [13, 7.5],
  S6: [159, 97],
}

const DENSE = SHAPES.map(({ name }) => name).filter((name) => name !== TRAINED.name)

/** The kernels that do the products reach so much of the peak, on every dense shape and wide instruction set. */
function shareOfPeak(threads: number, least: number): Claim {
  return {
    text: `dense kernels at ${percent(least)} of the measured peak or more on ${threads} thread${threads > 1 ? 's' : ''} (AVX2, AVX-512)`,
    test(results) {
      const rows = DENSE.flatMap((problem) => rowsOf(results, { library: 'irnn', backend: 'native', threads, problem }))
      const wide = rows.filter(({ instructionSet }) => instructionSet === 'avx2' || instructionSet === 'avx512')
      if (wide.length === 0) return NOTHING
      const shares = wide.map((row) => ({ row, share: row.gflops! / row.kernelShare! / row.peak! }))
      const short = shares.filter(({ share }) => share < least)
      const said = (list: typeof shares) =>
        list.map(({ row, share }) => `${row.problem} ${row.instructionSet} ${percent(share)}`).join(', ')
      return { holds: short.length === 0, measured: short.length > 0 ? `short of it: ${said(short)}` : said(shares) }
    },
  }
}

const AROUND = 0.03

const overhead: Claim = {
  text: `everything around the recurrence kernels at most ${percent(AROUND)} of an iteration of the training loop at S1`,
  test({ loops }) {
    if (loops.length === 0) return NOTHING
    const shares = loops.map(({ iteration, kernels }) => 1 - kernels / iteration)
    const said = loops.map(
      ({ threads, iteration }, i) => `${(100 * shares[i]!).toFixed(1)} % of ${fixed(iteration)} ms on ${threads}`,
    )
    return { holds: shares.every((share) => share <= AROUND), measured: said.join(', ') }
  },
}

const step: Claim = {
  text: 'streaming: a step of one sequence, H = 100, in at most 1 µs with the call from JavaScript',
  test: ({ streaming }) =>
    streaming ? { holds: streaming.step <= 1, measured: `${fixed(streaming.step)} µs` } : NOTHING,
}

const single: Claim = {
  text: 'a forward pass over 784 steps of one sequence in at most 0.3 ms',
  test: ({ streaming }) =>
    streaming ? { holds: streaming.forward <= 0.3, measured: `${fixed(streaming.forward)} ms` } : NOTHING,
}

export const CLAIMS: readonly Claim[] = [
  within('S1 trained', [3.2, 1.8]),
  within('S1 dense', [7.5, 4.0]),
  belowFloor,
  shareOfPeak(1, 0.85),
  shareOfPeak(2, 0.8),
  faster('PyTorch', 'S1 trained', 12),
  faster('PyTorch', 'S3', 5),
  faster('PyTorch', 'S5', 1.3),
  faster('TensorFlow.js', 'S1 trained', 100),
  faster('PyTorch', 'S1 trained', 2.5, 'wasm'),
  noneSlower(
    'no shape slower than oneDNN in this run',
    (results, problem, threads) => fastest(results, { library: 'oneDNN', problem, threads })?.ms?.best,
  ),
  noneSlower(
    'no shape slower than oneDNN on the slower machine of the first table',
    (_, problem, threads) => ONEDNN_THEN[problem]?.[threads - 1],
  ),
  overhead,
  step,
  single,
]

export function verdicts(results: Results): Verdict[] {
  return CLAIMS.map(({ text, test }) => ({ text, ...test(results) }))
}
