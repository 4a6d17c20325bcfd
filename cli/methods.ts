/** The table of methods, and what it says. */
import { SCORE_TITLES, scoreCells } from '../src/data/report.ts'
import type { ForecastScores } from '../src/data/scores.ts'
import type { MethodScores } from '../src/data/work.ts'
import { percent } from '../src/numbers.ts'

/** @param title what the scores are of */
export function methodLines(methods: readonly MethodScores[], title: string): string[] {
  return table(methodRows(methods, title))
}

/** A head and a row a method. */
export function methodRows(methods: readonly MethodScores[], title: string): string[][] {
  const rows = methods.map((method) => [method.name, ...scoreCells(method as unknown as ForecastScores)])
  return [[title, ...SCORE_TITLES], ...rows]
}

/** Lines of a table: first cells to the left, numbers to the right. */
export function table(all: readonly (readonly string[])[]): string[] {
  const widths = all[0]!.map((_, k) => Math.max(...all.map((row) => row[k]!.length)))
  return all.map((row) =>
    `  ${row.map((text, k) => (k === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[k]!))).join('  ')}`.trimEnd(),
  )
}

/** Who wins, and by how much. */
export function verdict(methods: readonly MethodScores[], winner: string): string {
  // Without rows before the test part there is no scale for MASE.
  const score = methods.every(({ mase }) => Number.isFinite(mase)) ? 'mase' : 'mae'
  const error = (name: string) => Number(methods.find((method) => method.name === name)![score])
  const others = methods.filter(({ name }) => name !== 'network').sort((a, b) => Number(a[score]) - Number(b[score]))
  const best = others[0]!
  if (winner === 'network')
    return `the network is ${percent(1 - error('network') / error(best.name), 0)} better than "${best.name}"`
  return `! the network is no better than "${winner}": use that, or give it more data or inputs`
}
