/** The heat table of a grid: its first two options across and down, in each cell the best of what else differs. */

import { InputError } from '../src/error.ts'
import { heatTable } from '../src/figures/heat.ts'
import { METRICS, measured, measureOf } from '../src/metric.ts'
import type { Sweep, Value } from '../src/sweep/file.ts'
import { ranked } from '../src/sweep/folder.ts'
import type { Ran } from '../src/sweep/run.ts'

/** @throws InputError when trials were drawn: they make no table */
export function heatOf({ task, space, trials, seeds }: Sweep, rans: readonly Ran[]): string {
  if (trials !== null)
    throw new InputError('sweep results: --svg: expected a grid but its trials were drawn: remove it')
  const [across, down, ...rest] = Object.entries(space) as [string, readonly Value[]][]
  const [x, xs] = across!
  const [y, ys] = down ?? ['', ['']]
  const best = ys.map((row) => xs.map((column) => bestOf(rans, { [x]: column, ...(down && { [y]: row }) })))
  const done = rans.find(({ outcome }) => outcome.kind === 'done')?.outcome
  const measure = done?.kind === 'done' ? done.measure : 'loss'
  const { name, lowerIsBetter } = measureOf(measure)
  const each = rest.reduce((product, [, values]) => product * values.length, seeds.length)
  const others = [...rest.map(([option]) => option), ...(seeds.length > 1 ? ['seed'] : [])].join(', ')
  const over = each > 1 ? `, best of ${each} (${others})` : ''
  return heatTable({
    title: `${task}: ${name} by ${x}${down ? ` and ${y}` : ''}${over}`,
    description: `${name} of ${rans.length} trials, ${lowerIsBetter ? 'lower' : 'higher'} is better.`,
    x: { title: x, labels: xs.map(String) },
    y: { title: y, labels: ys.map(String) },
    values: best.map((row) => row.map(({ outcome }) => (outcome.kind === 'done' ? outcome.score : null))),
    lowerIsBetter,
    log: typeof measure === 'string' && METRICS[measure].log,
    label: (value, i, j) => (value === null ? best[i]![j]!.outcome.kind : measured(measure, value)),
  })
}

function bestOf(rans: readonly Ran[], point: Readonly<Record<string, Value>>): Ran {
  const wanted = Object.entries(point)
  return ranked(rans.filter(({ trial }) => wanted.every(([name, value]) => trial.config.options[name] === value)))[0]!
}
