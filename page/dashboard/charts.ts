/** The charts of the page: what each shows of the runs, from the frames that are there. */

import { type Curve, centresOf, curveOf, onCentres, type Value } from '../../src/figures/curves.ts'
import type { RunLine } from '../../src/figures/wire.ts'
import { grouped, percent, significant } from '../../src/numbers.ts'
import type { Frames } from './frames.ts'
import { paperCurves } from './paper.ts'
import { axisX, lookOf, scaleY, shortName, shown, shownRuns, tau } from './store.ts'

export interface ChartSpec {
  /** Unlike that of all others. */
  readonly id: string
  readonly title: string
  readonly of: 'steps' | 'evals'
  readonly keys: readonly string[]
  readonly percent: boolean
  /** Whether it is logarithmic unless the reader says otherwise. */
  readonly log: boolean
  readonly band: boolean
  readonly includes: (run: RunLine) => boolean
}

export interface Line {
  readonly run: RunLine
  readonly name: string
  readonly slot: number
  readonly dash: number
  /** Paler: the held-out set beside the test set. */
  readonly faint: boolean
  readonly curve: Curve
}

export interface Drawn {
  readonly spec: ChartSpec
  readonly view: Frames['view']
  readonly centres: readonly number[]
  readonly logY: boolean
  readonly lines: readonly Line[]
  readonly paper: readonly { readonly name: string; readonly values: readonly Value[] }[]
}

const STEPS: readonly (Pick<ChartSpec, 'id' | 'title' | 'keys' | 'log' | 'band'> & { percent?: boolean })[] = [
  { id: 'loss', title: 'training loss', keys: ['loss'], log: true, band: true },
  { id: 'gradNorm', title: 'gradient norm, before clipping', keys: ['gradNorm'], log: true, band: true },
  {
    id: 'live',
    title: 'live units, on average over steps',
    keys: ['liveShare'],
    log: false,
    band: false,
    percent: true,
  },
  { id: 'alive', title: 'units that live at any step', keys: ['aliveUnits'], log: false, band: false, percent: true },
  { id: 'saturated', title: 'saturated units', keys: ['saturatedShare'], log: false, band: false, percent: true },
  {
    id: 'updateRatio',
    title: 'size of an update over that of the weights',
    keys: ['updateRatio'],
    log: true,
    band: false,
  },
  { id: 'clipped', title: 'share clipped', keys: ['clippedShare'], log: false, band: false, percent: true },
]

/** A chart for each score that the runs shown have, and those of training. */
export function chartSpecs(): ChartSpec[] {
  const scores = new Map<string, ChartSpec>()
  for (const { score } of shownRuns.value) {
    if (!score) continue
    const id = `${score.key} ${score.name}`
    const keys = [score.key, score.key.replace(/^test/, 'heldOut')]
    const includes = (run: RunLine) => run.score?.key === score.key && run.score.name === score.name
    const { title, percent, log } = score
    scores.set(id, { id, title: `test ${title}`, of: 'evals', keys, percent, log, band: false, includes })
  }
  const steps = STEPS.map((spec): ChartSpec => ({ of: 'steps', percent: false, includes: () => true, ...spec }))
  return [...scores.values(), ...steps]
}

/** null: no run shown has such numbers. */
export function drawnOf(spec: ChartSpec, { view, byRun }: Frames): Drawn | null {
  const centres = centresOf(view)
  const logY = scaleY.value === 'auto' ? spec.log : scaleY.value === 'log'
  const options = { logY, tau: tau.value }
  // Not of the list of runs, which is another some moments before the numbers are: each chart would be drawn twice.
  const drawn = shown.value.flatMap((id) => byRun.get(id) ?? []).filter(({ run }) => spec.includes(run))
  const lines = drawn.flatMap((frame): Line[] => {
    const { run } = frame
    const all = spec.keys.flatMap((key) => {
      const curve = curveOf(frame[spec.of], key, centres, options)
      const heldOut = key.startsWith('heldOut')
      const name = heldOut ? `${shortName(run)}, held out` : shortName(run)
      return curve ? [{ run, name, ...lookOf(run.id), faint: heldOut, curve }] : []
    })
    return spec.of === 'steps' ? all.slice(0, 1) : all
  })
  if (lines.length === 0) return null
  const behind = spec.of === 'evals' && axisX.value === 'iteration' ? paperCurves(lines.map(({ run }) => run)) : []
  const paper = behind.map(({ name, points }) => ({ name, values: onCentres(points, centres) }))
  return { spec, view, centres, logY, lines, paper }
}

/** A number of a chart as people read it. */
export function reads({ percent: share }: Pick<ChartSpec, 'percent'>, value: number): string {
  return share ? percent(value) : significant(value)
}

export function lastOf(values: readonly Value[]): { at: number; value: number } | null {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at]
    if (typeof value === 'number') return { at, value }
  }
  return null
}

/** What the chart shows, for who does not see it. */
export function summaryOf({ spec, lines, centres, paper }: Drawn): string {
  const unit = axisX.value === 'iteration' ? 'iteration' : 'second'
  const said = lines.slice(0, 6).map(({ name, curve }) => {
    const numbers = curve.mean.filter((value) => typeof value === 'number')
    const last = lastOf(curve.mean)
    if (!last) return `${name}: no finite number`
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
    const bad = curve.bad.length > 0 ? ', with numbers that are not finite' : ''
    const at = grouped(Math.round(centres[last.at]!))
    const spread = `between ${reads(spec, low)} and ${reads(spec, high)}`
    return `${name}: ${reads(spec, last.value)} at ${unit} ${at}, ${spread}${bad}`
  })
  const more = lines.length > 6 ? ` And ${lines.length - 6} more.` : ''
  const behind = paper.length > 0 ? ` Behind them, dotted: ${paper.map(({ name }) => name).join(', ')}.` : ''
  return `${said.join('. ')}.${more}${behind}`
}

/** Places on the axis where a run was taken up again, within the part in view. */
export function resumesIn({ view }: Pick<Drawn, 'view'>, { resumes }: RunLine): number[] {
  const places = resumes.map(([iteration, seconds]) => (view.x === 'iteration' ? iteration : seconds))
  return places.filter((x) => x >= view.from && x <= view.to)
}

/** "live was taken up again at 500 and 700 (dots)", for each run with such a place in view. */
export function resumedIn({ lines, ...drawn }: Drawn): string {
  const runs = new Map(lines.map(({ run }) => [run.id, run]))
  const said = [...runs.values()].flatMap((run) => {
    const places = resumesIn(drawn, run)
    return places.length > 0 ? [`${shortName(run)} was taken up again at ${places.map(placeOf).join(', ')}`] : []
  })
  return said.length > 0 ? `┊ ${said.join('; ')}` : ''
}

function placeOf(x: number): string {
  return axisX.value === 'iteration' ? grouped(x) : `${x.toFixed(1)} s`
}

/** What an axis cannot show. */
export function droppedIn({ lines, logY }: Drawn): string {
  const dropped = lines.reduce((sum, { curve }) => sum + curve.dropped, 0)
  return logY && dropped > 0 ? `${dropped} points at or below 0 have no place on a logarithmic axis` : ''
}
