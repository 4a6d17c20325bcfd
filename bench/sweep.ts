/** Measures the points of scaling.ts, each in a process of its own, so that its resident memory is its own. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { commit, machine, today } from './machine.ts'
import { type Measurement, pointsOf, type Scaling } from './scaling.ts'

export function measureScaling(): Scaling {
  const program = fileURLToPath(new URL('scaling-point.js', import.meta.url))
  const points = pointsOf(availableParallelism()).map((point) => {
    const printed = execFileSync(process.execPath, [program, JSON.stringify(point)], { encoding: 'utf8' })
    const measured = JSON.parse(printed) as Measurement
    console.log(pointLine(measured))
    return measured
  })
  return {
    date: today(),
    commit: commit(),
    machine: machine(),
    points: points.map((point) => ({ ...point, peak: peakOf(points, point) })),
  }
}

/**
 * The best on so many threads in the whole sweep: a peak that other work disturbed would make a point's share exceed
 * 100 %.
 */
function peakOf(points: readonly Measurement[], { threads }: Measurement): number {
  return Math.max(...points.filter((point) => point.threads === threads).map(({ peak }) => peak))
}

function pointLine({ T, B, H, threads, ms, gflops, peak, memory }: Measurement): string {
  const size = `T ${T}, B ${B}, H ${H}, ${threads} thread${threads > 1 ? 's' : ''}`
  const share = `${((100 * gflops) / peak).toFixed(0).padStart(3)} % of the peak`
  return `${size.padEnd(36)} ${ms.best.toFixed(3).padStart(9)} ms, ${share}, ${memory.toFixed(0).padStart(5)} MB`
}
