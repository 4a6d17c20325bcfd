/** How new rows are read for a run: with the types and the time zone that its schema was made with. */
import type { TableOptions } from '../table/options.ts'
import type { ColumnType } from '../table/table.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import type { ForecastSchema } from './schema.ts'

/** Options of reading with the categories that a schema was made with. */
export function withWords({ inputs, layout, id }: SequenceSchema, options: TableOptions): TableOptions {
  if (layout === 'cells') return options
  const words = inputs.filter(({ type }) => type === 'category').map(({ name }) => name)
  if (id !== null) words.push(id)
  const types = Object.fromEntries(words.map((name): [string, ColumnType] => [name, 'category']))
  return { ...options, types: { ...types, ...options.types } }
}

/** Options of reading with the time zone and categories that a schema was made with. */
export function withTypes({ time, known, past }: ForecastSchema, options: TableOptions): TableOptions {
  const categories = [...known, ...past].filter(({ type }) => type === 'category')
  const types = Object.fromEntries(categories.map(({ name }): [string, ColumnType] => [name, 'category']))
  return {
    ...(time.zone !== null && { timezone: time.zone }),
    ...options,
    ...(categories.length > 0 && { types: { ...types, ...options.types } }),
  }
}
