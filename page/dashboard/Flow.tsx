import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { flowLine } from '../../src/figures/flow.ts'
import { grouped, significant } from '../../src/numbers.ts'
import { ask } from '../shared/ask.ts'
import { drawHeat } from '../shared/heat.ts'

/** A probe as the server has it: what is no number in JSON is a word. */
interface Probe {
  readonly iteration: number
  readonly T: number
  /** log10 of the norm of dL/dh over time; "-Infinity": exactly zero. */
  readonly flow: readonly (number | string)[]
  readonly decades: number | string
  readonly verdict: 'vanishes' | 'carried' | 'explodes'
  readonly rho: number
}

/** Decades below the strongest that the colours reach. */
const DECADES = 8

/** How much gradient reaches each time step, over the iterations at which the run was probed. */
export function Flow({ id, name, probes: count }: { id: number; name: string; probes: number }) {
  const probes = useSignal<readonly Probe[]>([])
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    let gone = false
    const load = async () => {
      const answer = (await (await ask('flow', { id })).json()) as { probes: Probe[] }
      if (!gone) probes.value = answer.probes.filter(({ flow }) => flow.length > 0)
    }
    load().catch(() => {})
    return () => {
      gone = true
    }
  }, [id, count])
  const all = probes.value
  const last = all.at(-1)
  const top = Math.ceil(Math.max(...all.flatMap(({ flow }) => flow.map(Number).filter(Number.isFinite)), -300))
  useEffect(() => {
    if (!canvas.current || !last) return
    const rows = Math.max(...all.map(({ flow }) => flow.length))
    // The last time step on top, as the gradient comes from there; exact zeros are as dark as can be.
    const value = (column: number, row: number) => {
      const one = Number(all[column]!.flow[rows - 1 - row] ?? Number.NaN)
      return one === Number.NEGATIVE_INFINITY ? top - DECADES : one
    }
    drawHeat(canvas.current, all.length, rows, value, [top - DECADES, top])
  }, [all])
  if (!last) return null
  const line = flowLine({ ...last, decades: Number(last.decades) })
  const across = `Across: ${all.length} probes, the last at iteration ${grouped(last.iteration)}.`
  const colors = `Colours from 10^${top - DECADES} (dark) to 10^${top} (bright), the same for all.`
  return (
    <figure class="chart" aria-labelledby="flow">
      <header>
        <h2 id="flow">gradient flow of {name}, log10 |dL/dh|</h2>
      </header>
      <div class="flow">
        <span class="soft">last step</span>
        <canvas ref={canvas} role="img" aria-label={`gradient flow: ${line}`} />
        <span class="soft">first step</span>
      </div>
      <p class="note">
        {across} There {line}. {colors}
        {Number.isFinite(last.rho) ? ` Spectral radius ${significant(last.rho)}.` : ''}
      </p>
    </figure>
  )
}
