/** Columns that look too good: an input that is the target itself would not be there when it is needed. */
import { type Note, warning } from './notes.ts'
import type { Panel } from './panel.ts'
import type { InputColumn } from './schema.ts'

/** Correlation above which a column is almost the target. */
const ALMOST = 0.98

/** @param known so many of the columns are known in advance, and stand first */
export function leaksOf(
  panel: Panel,
  columns: readonly InputColumn[],
  known: number,
  target: string,
  until: number,
): Note[] {
  const notes: Note[] = []
  for (const [k, { name, type }] of columns.slice(0, known).entries()) {
    if (type === 'category') continue
    const r = correlation(panel, k, until)
    if (Math.abs(r) <= ALMOST) continue
    notes.push(
      warning(
        'leak',
        `${name} is almost ${target} itself (correlation ${r.toFixed(3)}) and said to be known in advance: is it a ` +
          'leak?',
      ),
    )
  }
  return notes
}

/** Of an input column and the target, over all series, of what is known of both. */
function correlation({ series }: Panel, k: number, until: number): number {
  const sums = [0, 0, 0, 0, 0, 0] as [number, number, number, number, number, number]
  for (const { target, inputs, start } of series) {
    const n = Math.min(target.length, Math.max(0, until - start))
    for (let i = 0; i < n; i++) {
      const [x, y] = [inputs[k]![i]!, target[i]!]
      if (Number.isNaN(x) || Number.isNaN(y)) continue
      for (const [j, value] of [1, x, y, x * x, y * y, x * y].entries()) sums[j]! += value
    }
  }
  const [n, x, y, xx, yy, xy] = sums
  return (n * xy - x * y) / Math.sqrt((n * xx - x * x) * (n * yy - y * y)) || 0
}
