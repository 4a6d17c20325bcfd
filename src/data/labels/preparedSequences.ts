/** A table as numbers that a network of sequences may see: parts, measured columns, classes. */
import { InputError } from '../../error.ts'
import type { Table } from '../../table/table.ts'
import { type Encoded, encode, measureColumns } from './encode.ts'
import { stepsIn } from './labelBaselines.ts'
import { partsOf, type SequenceParts } from './parts.ts'
import type { FittedSequences, SequenceSchema } from './sequenceSchema.ts'
import { emptySequences, type Labels, labelsOf, type Sequences, sequencesOf, sorted } from './sequences.ts'

/** All that a fit needs of a table. */
export interface PreparedSequences {
  readonly table: Table
  readonly schema: SequenceSchema
  readonly sequences: Sequences
  readonly parts: SequenceParts
  readonly data: Encoded
  readonly fitted: FittedSequences
  /** [N] or [steps] classes; -1: none; from K on those that training does not have. */
  readonly targets: Int32Array
  /** The classes of the training part, and after them the others. */
  readonly names: readonly string[]
  readonly K: number
  /** Sequences that were left out, for they have no step. */
  readonly empty: number
}

/** So many networks are one model, unless there are more training sequences than this. */
const MEMBERS = 3
const MANY = 1000

/** @throws InputError where the table does not have what the schema needs */
export function prepareSequences(table: Table, schema: SequenceSchema, members: number | undefined): PreparedSequences {
  const sequences = sequencesOf(table, schema)
  const labels = labelsOf(table, schema, sequences)
  const empty = emptySequences(table, schema, sequences)
  const parts = usable(partsOf(table, schema, sequences, labels), schema, labels, sequences)
  const columns = measureColumns(schema, sequences, parts.training)
  const places = schema.of === 'row' ? stepsIn(sequences, parts.training) : parts.training
  const there = new Set(Array.from(places, (i) => labels.codes[i]!).filter((code) => code >= 0))
  if (schema.kind === 'next') for (const i of places) itemsInto(there, i, sequences, labels)
  const classes = sorted([...there].map((code) => labels.names[code]!))
  if (classes.length < 2) {
    throw new InputError(
      `${table.name}: ${schema.target}: expected at least 2 labels in the training part, ${parts.training.length} of ` +
        `${sequences.ids.length} sequences, but received ${classes.length}: give more sequences`,
    )
  }
  const names = [...classes, ...labels.names.filter((_, code) => !there.has(code))]
  const place = new Map(names.map((name, i) => [name, i]))
  const codes = labels.names.map((name) => place.get(name)!)
  const targets = labels.codes.map((code) => (code < 0 ? -1 : codes[code]!))
  const fitted: FittedSequences = {
    classes,
    columns,
    reading: schema.of === 'row' ? 'every' : 'last',
    frame: 1,
    members: members ?? (parts.training.length > MANY ? 1 : MEMBERS),
  }
  const data = encode(sequences, fitted)
  return { table, schema, sequences, empty, parts, data, fitted, targets, names, K: classes.length }
}

/** The first item of a sequence comes after none: it is an item all the same. */
function itemsInto(there: Set<number>, i: number, { columns }: Sequences, { names }: Labels): void {
  const [{ values, levels }] = columns as [Sequences['columns'][0]]
  const name = levels![values[i]!]
  if (name !== undefined) there.add(names.indexOf(name))
}

/** A sequence without a step, or without its label, teaches nothing and tests nothing. */
function usable(parts: SequenceParts, { of }: SequenceSchema, { codes }: Labels, { starts }: Sequences): SequenceParts {
  const from = (which: Int32Array) =>
    which.filter((n) => starts[n + 1]! > starts[n]! && (of === 'row' || codes[n]! >= 0))
  return { training: from(parts.training), validation: from(parts.validation), test: from(parts.test) }
}
