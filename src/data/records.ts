/** Records typed by a schema: which columns they have, and of which types. */
import { InputError, shown } from '../error.ts'
import type { Row } from '../table/rows.ts'
import { listed } from './notes.ts'
import type { InputColumn, Schema } from './schema.ts'

/** A moment: a Date, a text as `2015-01-31T10:30`, or a number that counts from 1970 (or rows). */
export type Moment = Date | string | number

/** What of a forecast's schema says which columns records have. */
export interface ForecastColumns {
  readonly kind: 'forecast'
  readonly time: { readonly column: string | null }
  readonly series: string | null
  readonly targets: readonly string[]
  readonly known: readonly InputColumn[]
  readonly past: readonly InputColumn[]
}

/** What of a schema of labels or next items says which columns records have. */
export interface SequenceColumns {
  readonly kind: 'label' | 'next'
  readonly id: string | null
  readonly time: string | null
  readonly inputs: readonly InputColumn[]
}

/** A schema, or the part of it that says which columns records have, as a constant. */
export type RecordSchema = ForecastColumns | SequenceColumns

/** Values by the type of their column; null: missing. */
export interface CellTypes {
  readonly number: number | null
  readonly flag: boolean | number | null
  readonly category: string | number | boolean | null
}

/**
 * The records of a schema that is a constant, `RecordOf<typeof schema>`: each column by name, a target or an input with
 * null where it is missing. Of a schema that is not known when the program is compiled, any record.
 */
export type RecordOf<S extends RecordSchema> = S extends ForecastColumns
  ? string extends S['targets'][number]
    ? Row
    : { readonly [K in S['time']['column'] & string]: Moment } & {
        readonly [K in S['series'] & string]: string | number
      } & { readonly [K in S['targets'][number]]: number | null } & {
        readonly [C in S['known'][number] | S['past'][number] as C['name']]: CellTypes[C['type']]
      }
  : S extends SequenceColumns
    ? string extends S['inputs'][number]['name']
      ? Row
      : { readonly [K in S['id'] & string]: string | number } & { readonly [K in S['time'] & string]: Moment } & {
          readonly [C in S['inputs'][number] as C['name']]: CellTypes[C['type']]
        }
    : never

/** Each column of records, and what it is. */
function columnsIn(schema: RecordSchema): Map<string, string> {
  const inputs = schema.kind === 'forecast' ? [...schema.known, ...schema.past] : schema.inputs
  const columns = new Map(inputs.map(({ name, type }): [string, string] => [name, type]))
  if (schema.kind === 'forecast') for (const name of schema.targets) columns.set(name, 'target')
  const time = schema.kind === 'forecast' ? schema.time.column : schema.time
  if (time !== null) columns.set(time, 'time')
  const group = schema.kind === 'forecast' ? schema.series : schema.id
  if (group !== null) columns.set(group, schema.kind === 'forecast' ? 'series' : 'id')
  return columns
}

/** @throws InputError unless records of both schemas have the same columns */
export function refuseOtherRecords(what: string, own: Schema, said: RecordSchema): void {
  const [expected, received] = [columnsIn(said), columnsIn(own)]
  const spoken = (columns: ReadonlyMap<string, string>) =>
    listed(
      Array.from(columns, ([name, type]) => `${name} (${type})`),
      12,
    )
  const differs = [...new Set([...expected.keys(), ...received.keys()])].find(
    (name) => expected.get(name) !== received.get(name),
  )
  if (differs === undefined) return
  throw new InputError(
    `${what}: expected a run whose records have ${spoken(expected)} but they have ${spoken(received)}: ` +
      `correct ${shown(differs)} in the schema, or name another run`,
  )
}
