/** The trials of a sweep as a table: only the options in which they differ. */
import { measured, measureOf } from '../src/metric.ts'
import type { Ran } from '../src/sweep/run.ts'

interface Table {
  readonly heads: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Lines with aligned columns, the rows in the order given. */
export function tableOf(rans: readonly Ran[]): string[] {
  const { heads, rows } = cellsOf(rans, ({ outcome }) =>
    outcome.kind === 'done' ? measured(outcome.measure, outcome.score) : outcome.kind,
  )
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)))
  return [heads, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}

/** As RFC 4180 has it. What has no score has an empty cell, and its state in another. */
export function csvOf(rans: readonly Ran[]): string[] {
  const { heads, rows } = cellsOf(rans, ({ outcome }) => (outcome.kind === 'done' ? String(outcome.score) : ''))
  const states = rans.map(({ outcome }) => outcome.kind)
  return [[...heads, 'state'], ...rows.map((row, i) => [...row, states[i]!])].map((row) => row.map(quoted).join(','))
}

function cellsOf(rans: readonly Ran[], score: (ran: Ran) => string): Table {
  const all = rans.map(({ trial }) => ({ ...trial.config.options, seed: trial.config.seed }))
  const names = [...new Set(all.flatMap((config) => Object.keys(config)))]
  const values = (name: string) => all.map((config) => String((config as Record<string, unknown>)[name] ?? ''))
  const differ = names.filter((name) => new Set(values(name)).size > 1)
  const done = rans.find(({ outcome }) => outcome.kind === 'done')?.outcome
  const head = done?.kind === 'done' ? measureOf(done.measure).name : 'score'
  const columns = differ.map(values)
  return {
    heads: [head, ...differ, 'id'],
    rows: rans.map((ran, i) => [score(ran), ...columns.map((column) => column[i]!), ran.trial.id]),
  }
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
