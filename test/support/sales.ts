/** Days of sales as a CSV file, and `irnn fit` of it in this process. */
import * as fs from 'node:fs'
import { type FitFlags, fitFiles } from '../../cli/fit.ts'
import { type Said, said } from './said.ts'

/** With the column `sales` as its target, unless there is another or labels. */
export const fit = (file: string, flags: Partial<FitFlags> = {}): Promise<Said> => {
  const target = flags.label === undefined ? { target: ['sales'] } : {}
  return said(() => fitFiles([file], { seed: 1, dryRun: true, ...target, ...flags }))
}

export const date = (i: number): string => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
export const value = (i: number): string => (100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11)).toFixed(3)
export const days = (n: number, row = (i: number): string => `${date(i)},${value(i)}`): string[] =>
  Array.from({ length: n }, (_, i) => row(i))

/** Writes t.csv into the working directory. Returns its name. */
export function csv(rows: readonly string[], head = 'day,sales'): string {
  fs.writeFileSync('t.csv', `${[head, ...rows].join('\n')}\n`)
  return 't.csv'
}
