/** The figure of an experiment: our curves solid, the paper's dashed and pale in the same colour. */
import { type Figure, grid, type Series } from '../src/figures/figure.ts'
import { grouped } from '../src/numbers.ts'
import type { Curve, Experiment, Panel, RunResult } from './experiment.ts'
import { chosenOf, type Group, meanCurve } from './group.ts'
import { paperCurve } from './paper.ts'

/** By cell, so that a cell has one colour in every figure (Okabe & Ito). */
const COLORS: Readonly<Record<string, string>> = {
  irnn: '#0072b2',
  lstm: '#d55e00',
  tanh: '#009e73',
  relu: '#c4699b',
  gru: '#9a7700',
}
const CELL_NAMES: Readonly<Record<string, string>> = {
  irnn: 'IRNN',
  lstm: 'LSTM',
  tanh: 'RNN + tanh',
  relu: 'RNN + ReLU',
}
/** Further runs of one cell in a panel. */
const MORE_COLORS = ['#d55e00', '#009e73', '#9a7700', '#c4699b', '#7b5cc4']
const PAPER_BATCH = 16

/** The charts of the experiment. */
export function charts(experiment: Experiment, results: readonly RunResult[]): Figure[] {
  return experiment.panels.map((panel) => drawPanel(panel, experiment, results))
}

/** All charts as one SVG. */
export function figure(experiment: Experiment, results: readonly RunResult[]): string {
  return grid(charts(experiment, results), { columns: Math.min(2, experiment.panels.length), title: experiment.title })
}

function drawPanel(panel: Panel, experiment: Experiment, results: readonly RunResult[]): Figure {
  const { x, y, logX = false } = panel
  const found = panel.runs.map((contender) =>
    chosenOf(experiment, contender, (run) => results.find((result) => result.name === run)),
  )
  const ours = found.map((group) =>
    group.results.map(({ points, batch }) => scaled(points, x === 'sequences' ? batch : 1)),
  )
  const theirs = new Map(
    (panel.paper?.cells ?? []).map((cell) => {
      const curve = paperCurve(panel.paper!.figure, cell)
      return [cell, scaled(curve, x === 'sequences' ? PAPER_BATCH : 1)] as const
    }),
  )
  const series = seriesOf(found, ours, theirs)
  const done = found.flatMap(({ results }) =>
    results.flatMap((r) => (r.best ? [`${r.name} ${r.best.value} at best`] : [])),
  )
  return {
    title: panel.title,
    description: done.length > 0 ? `Ours: ${done.join(', ')}.` : 'None of our runs is there yet.',
    x: {
      title: axisTitle(panel),
      log: logX,
      domain: domainOf(ours.flat(), [...theirs.values()], logX),
    },
    y,
    series,
    references: panel.references ?? [],
  }
}

function axisTitle({ x, paper }: Panel): string {
  if (x === 'sequences') return 'sequences trained on (iterations × batch)'
  return paper ? `iterations of ${PAPER_BATCH} sequences` : 'iterations'
}

/** Ours and the paper's beside each other in the legend, cell by cell. */
function seriesOf(
  groups: readonly Group[],
  ours: readonly (readonly Curve[])[],
  theirs: ReadonlyMap<string, Curve>,
): Series[] {
  const left = new Map(theirs)
  const cellOf = ({ runs }: Group) => runs[0]!.cell
  const isAlone = (group: Group) => groups.every((other) => other === group || cellOf(other) !== cellOf(group))
  const taken = groups.filter(isAlone).map((group) => COLORS[cellOf(group)])
  const more = MORE_COLORS.filter((color) => !taken.includes(color))
  const series: Series[] = []
  for (const [i, group] of groups.entries()) {
    const { cell, label } = group.runs[0]!
    const curves = ours[i]!
    const paper = left.get(cell)
    left.delete(cell)
    const color = paper || isAlone(group) ? COLORS[cell]! : (more.shift() ?? COLORS[cell]!)
    series.push({ name: `${label}${stateOf(group)}`, points: meanCurve(curves), color })
    // The seeds behind their mean, which the legend need not name.
    if (curves.length > 1) series.push(...curves.map((points) => ({ name: '', points, color, faint: true })))
    if (paper) series.push(paperSeries(cell, paper, color))
  }
  for (const [cell, curve] of left) series.push(paperSeries(cell, curve, COLORS[cell]!))
  return series
}

function stateOf({ runs, results }: Group): string {
  if (results.length === 0) return ' (not run)'
  const diverged = results.filter(({ ended }) => ended === 'diverged').map(({ iteration }) => grouped(iteration))
  const notes = [
    ...(runs.length > 1 ? [`mean of ${results.length} seed${results.length > 1 ? 's' : ''}`] : []),
    ...(diverged.length > 0 ? [`diverged at ${diverged.join(', ')}`] : []),
    ...(results.every(({ points }) => points.length === 0) && diverged.length === 0 ? ['no score yet'] : []),
  ]
  return notes.length > 0 ? ` (${notes.join('; ')})` : ''
}

function paperSeries(cell: string, points: Curve, color: string): Series {
  return { name: `${CELL_NAMES[cell]}, the paper's`, points, color, faint: true, dashed: true }
}

function scaled(curve: Curve, factor: number): Curve {
  return factor === 1 ? curve : curve.map(([x, y]) => [x * factor, y] as const)
}

/** All of the paper's curves, or where ours are short only twice as far as ours: then there is something to see. */
function domainOf(ours: readonly Curve[], theirs: readonly Curve[], log: boolean): [number, number] {
  const end = (curves: readonly Curve[]) => Math.max(0, ...curves.flat().map(([x]) => x))
  if (log) {
    // The paper's first points, at iterations 0 to 3, would take half of the axis.
    const starts = [...ours, ...theirs].flatMap((curve) =>
      curve
        .filter(([x]) => x >= 1000)
        .slice(0, 1)
        .map(([x]) => x),
    )
    return [Math.min(...starts), Math.max(end(ours), end(theirs))]
  }
  const reached = end(ours)
  return [0, reached === 0 ? end(theirs) : Math.max(reached, Math.min(2 * reached, end(theirs)))]
}
