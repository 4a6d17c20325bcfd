/** Tables of an experiment: what stands in a cell, and a table as lines of text. */
import { METRICS, type Metric } from '../src/metric.ts'
import type { Results } from './collect.ts'
import { type Cell, type Experiment, isComplete, type Table } from './experiment.ts'

/** A score of an experiment, a share in percent. */
export function scoreText(metric: Metric, value: number): string {
  return METRICS[metric].percent ? `${value.toFixed(2)} %` : String(Number(value.toPrecision(value < 1 ? 3 : 4)))
}

/** A run that is not over says how far it came: its score is not comparable yet. */
export function cellText(
  cell: Cell,
  { metric, runs }: Experiment,
  results: Pick<Results, 'runs' | 'baselines'>,
): string {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number') return METRICS[metric].percent ? `${cell} %` : String(cell)
  if ('baseline' in cell) {
    const value = results.baselines?.[cell.baseline]
    return value === undefined ? 'not computed' : scoreText(metric, value)
  }
  const run = runs.find(({ name }) => name === cell.run)
  if (!run) throw new Error(`table: there is no run ${cell.run}`)
  const result = results.runs.find(({ name }) => name === cell.run)
  if (!result) return 'not run'
  const value = cell.set === 'heldOut' ? result.best?.heldOut : result.best?.value
  if (value === undefined) return result.ended === 'diverged' ? 'diverged' : 'no score yet'
  const text = scoreText(metric, value)
  if (result.ended === 'diverged') return `${text} (then diverged)`
  return isComplete(run, result) ? text : `${text} (${Math.floor((100 * result.iteration) / result.iterations)} % done)`
}

/** In columns, for a terminal. */
export function tableLines({ title, columns, rows }: Table, experiment: Experiment, results: Results): string[] {
  const cells = [columns, ...rows.map((row) => row.map((cell) => cellText(cell, experiment, results)))]
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => row[c]?.length ?? 0)))
  return [title, ...cells.map((row) => `  ${row.map((text, c) => text.padEnd(widths[c]!)).join('  ')}`.trimEnd())]
}
