/** Results for people: lines for the terminal. */
import { SHAPES, type Shape, size } from './problems.ts'
import type { Engine, Results, Row, Verdict } from './results.ts'

export function engineLine({ engine, peak, bandwidth }: Engine): string {
  return `${engine.padEnd(34)} ${peak.toFixed(0).padStart(5)} GFLOP/s, ${bandwidth.toFixed(0)} GB/s`
}

/** One row: time, and for ours the dense work's rate, its share of the peak and what the kernels take. */
export function rowLine(row: Row): string {
  const { library, engine, threads, problem, pass, ms, failed, gflops, peak, kernelShare, live } = row
  const what = pass === 'forward' ? `${problem}, forward` : problem
  const who = library === 'irnn' ? engine : `${library} ${engine}, ${threads} thread${threads > 1 ? 's' : ''}`
  const start = `${what.padEnd(20)} ${who.padEnd(52)}`
  if (!ms) return `${start}  failed: ${failed}`
  const times = `${number(ms.best).padStart(8)} ms (median ${number(ms.median)} of ${ms.repeats})`
  if (gflops === undefined || peak === undefined) return `${start} ${times}`
  const share = `${gflops.toFixed(0)} GFLOP/s, ${((100 * gflops) / peak).toFixed(0)} % of the peak`
  const kernels = kernelShare === undefined ? '' : `, kernels ${(100 * kernelShare).toFixed(1)} % of it`
  return `${start} ${times}, ${share}${kernels}${live === undefined ? '' : `, live ${(100 * live).toFixed(0)} %`}`
}

export function claimLine({ text, holds, measured }: Verdict): string {
  return `${holds === null ? '  ?   ' : holds ? 'holds ' : 'FAILED'} ${text}: ${measured}`
}

/** Milliseconds with three digits that count. */
export function number(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)
}

export interface Column {
  readonly title: string
  readonly pick: (row: Row) => boolean
}

const rival = (library: string): Column => ({ title: library, pick: (row) => row.library === library })

/** Who is shown side by side, ours first. The fastest row that fits counts. */
export const COLUMNS: readonly Column[] = [
  {
    title: 'irnn, 1 thread',
    pick: ({ library, backend, threads }) => library === 'irnn' && backend === 'native' && threads === 1,
  },
  {
    title: '2 threads',
    pick: ({ library, backend, threads }) => library === 'irnn' && backend === 'native' && threads === 2,
  },
  { title: 'irnn, wasm', pick: ({ library, backend }) => library === 'irnn' && backend === 'wasm' },
  rival('oneDNN'),
  rival('PyTorch'),
  rival('JAX'),
  rival('TensorFlow.js'),
  rival('jax-js'),
  rival('brain.js'),
]

/** Best times of training iterations: one line a shape, one number a column; null where there is none. */
export function tableOf(
  { rows }: Results,
  columns: readonly Column[] = COLUMNS,
): { shape: Shape; times: (number | null)[] }[] {
  const training = rows.filter(({ pass, ms }) => pass === 'training' && ms)
  return SHAPES.map((shape) => ({
    shape,
    times: columns.map(({ pick }) => {
      const times = training.filter((row) => row.problem === shape.name && pick(row)).map(({ ms }) => ms!.best)
      return times.length > 0 ? Math.min(...times) : null
    }),
  })).filter(({ times }) => times.some((time) => time !== null))
}

export function tableLines(results: Results): string[] {
  const head = `${'ms, the best of each'.padEnd(46)}${COLUMNS.map(({ title }) => title.padStart(15)).join('')}`
  const lines = tableOf(results).map(({ shape, times }) => {
    const what = `${shape.name.padEnd(11)} ${shape.label.padEnd(22)} ${size(shape)}`
    return `${what.padEnd(56)}${times
      .map((time) => (time === null ? '–' : number(time)).padStart(15))
      .join('')
      .slice(10)}`
  })
  return [head, ...lines]
}
