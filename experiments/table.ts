/** Tables of an experiment: what stands in a cell, and a table as lines of text. */
import { METRICS, type Metric } from '../src/metric.ts'
import type { Results } from './collect.ts'
import type { Experiment, Table, TableCell } from './experiment.ts'
import { bestOf, chosenOf, type Group, mean, spread } from './group.ts'
import { within } from './measured.ts'
import { paperCurve } from './paper.ts'

/** A score of an experiment, a share in percent. */
export function scoreText(metric: Metric, value: number): string {
  return METRICS[metric].percent ? `${value.toFixed(2)} %` : String(Number(value.toPrecision(value < 1 ? 3 : 4)))
}

/**
 * A run that is not over says how far it came: its score is not comparable yet. Of a group: mean ± standard deviation,
 * and how many of its seeds were run if not all.
 */
export function cellText(
  cell: TableCell,
  experiment: Experiment,
  results: Pick<Results, 'runs' | 'baselines'>,
): string {
  const { metric } = experiment
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number') return METRICS[metric].percent ? `${cell} %` : String(cell)
  if ('paper' in cell) {
    const { figure, cell: network, by } = cell.paper
    return cellText(bestOf(experiment, within(paperCurve(figure, network), by)), experiment, results)
  }
  if ('baseline' in cell) {
    const value = results.baselines?.[cell.baseline]
    return value === undefined ? 'not computed' : scoreText(metric, value)
  }
  const result = (name: string) => results.runs.find((one) => one.name === name)
  if ('chosen' in cell) {
    const { name, results } = chosenOf(experiment, cell.chosen, result)
    return results.length === 0 ? 'not run' : name
  }
  const group = chosenOf(experiment, cell.run, result)
  return group.results.length === 0 ? 'not run' : groupText(group, metric, cell.set ?? 'test')
}

function groupText({ runs, results, complete }: Group, metric: Metric, set: 'test' | 'heldOut'): string {
  const values = results.map(({ best }) => (set === 'heldOut' ? best?.heldOut : best?.value))
  const scored = values.filter((value) => value !== undefined)
  const diverged = results.some(({ ended }) => ended === 'diverged')
  if (scored.length < results.length) return diverged ? 'diverged' : 'no score yet'
  const text = scoreText(metric, mean(scored)) + (scored.length > 1 ? ` ± ${spreadText(metric, spread(scored))}` : '')
  if (diverged) return `${text} (then diverged)`
  const few = runs.length > results.length ? [`${results.length} of ${runs.length} seeds`] : []
  const share = Math.min(...results.map(({ iteration, iterations }) => iteration / iterations))
  const part = complete || share >= 1 ? [] : [`${Math.floor(100 * share)} % done`]
  const notes = [...few, ...part]
  return notes.length > 0 ? `${text} (${notes.join(', ')})` : text
}

function spreadText(metric: Metric, value: number): string {
  return METRICS[metric].percent ? value.toFixed(2) : String(Number(value.toPrecision(2)))
}

/** In columns, for a terminal. */
export function tableLines({ title, columns, rows }: Table, experiment: Experiment, results: Results): string[] {
  const cells = [columns, ...rows.map((row) => row.map((cell) => cellText(cell, experiment, results)))]
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => row[c]?.length ?? 0)))
  return [title, ...cells.map((row) => `  ${row.map((text, c) => text.padEnd(widths[c]!)).join('  ')}`.trimEnd())]
}
