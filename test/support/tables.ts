/** Tables as tests want them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { InputError } from '../../src/error.ts'
import { openTable, type TableSource } from '../../src/table/openTable.node.ts'
import type { TableOptions } from '../../src/table/options.ts'
import type { Column, OpenedTable } from '../../src/table/table.ts'

/** A file of the fixtures that test/fixtures/table.py makes. */
export const tableFixture = (name: string) => new URL(`../../../test/fixtures/table/${name}`, import.meta.url).pathname

/** The path of a new file in a folder of its own, which goes when the test ends. */
export function newFile(context: TestContext, name: string, content: string | Uint8Array): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-table-'))
  context.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, name)
  fs.writeFileSync(file, content)
  return file
}

/** A column's values as they are easiest to compare: words, ISO times, numbers; null where there is none. */
export function shownColumn(column: Column): (string | number | null)[] {
  if (column.type === 'category') return Array.from(column.codes, (code) => (code < 0 ? null : column.levels[code]!))
  const show = (value: number) => (column.type === 'time' ? new Date(value).toISOString() : value)
  return Array.from(column.values, (value) => (Number.isNaN(value) ? null : show(value)))
}

/** All columns by name. */
export function shownTable({ columns }: OpenedTable): Record<string, (string | number | null)[]> {
  return Object.fromEntries(columns.map((column) => [column.name, shownColumn(column)]))
}

/** `openTable` throws an InputError of a single line that matches. */
export async function refusesTable(source: TableSource, pattern: RegExp, options?: TableOptions): Promise<void> {
  await assert.rejects(openTable(source, options), (error: Error) => {
    assert.ok(error instanceof InputError, String(error.stack))
    assert.match(error.message, pattern)
    return !error.message.includes('\n')
  })
}
