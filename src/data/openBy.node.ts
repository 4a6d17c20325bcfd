/** New rows of a fit, read as its own rows were. */
import { readTable, type TableSource } from '../table/openTable.node.ts'
import type { TableOptions } from '../table/options.ts'
import type { ColumnType, OpenedTable } from '../table/table.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import type { InputColumn, Schema } from './schema.ts'

/**
 * Reads rows as those were read that a schema was made of: time zone, words that mean "no value", what was said of how
 * texts are written, and columns of words as words, also where they look like numbers.
 */
export function openBy(schema: Schema, source: TableSource, options: TableOptions = {}): Promise<OpenedTable> {
  const words = schema.kind === 'forecast' ? categoriesOf([...schema.known, ...schema.past]) : wordsOf(schema)
  const zone = schema.kind === 'forecast' ? schema.time.zone : null
  const said = {
    ...(zone !== null && { timezone: zone }),
    ...(schema.missing !== null && { missing: schema.missing }),
    ...writtenAs(schema),
  }
  const usual = Object.fromEntries(words.map((name): [string, ColumnType] => [name, 'category']))
  return readTable(source, { ...said, ...options }, usual)
}

function writtenAs({ written = {} }: Schema): TableOptions {
  return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined))
}

function wordsOf({ inputs, layout, id, target, split }: SequenceSchema): string[] {
  const names = [target, id, split].filter((name) => name !== null)
  return layout === 'cells' ? names : [...names, ...categoriesOf(inputs)]
}

function categoriesOf(columns: readonly InputColumn[]): string[] {
  return columns.filter(({ type }) => type === 'category').map(({ name }) => name)
}
