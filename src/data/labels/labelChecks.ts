/** Labels that nothing can be learnt from, or that would tell more than they should. */
import { InputError, shown } from '../../error.ts'
import { grouped } from '../../numbers.ts'
import type { Table } from '../../table/table.ts'
import type { SequenceSchema } from './sequenceSchema.ts'
import { labelsOf, type Sequences, wordsOf } from './sequences.ts'

/** More labels than this are refused if there is hardly more than one row, or sequence, for each. */
const MANY = 20

/**
 * How many sequences, or rows, have each label.
 * @throws InputError, one line, for one label, a label for each, a label of one sequence alone, and rows of an id that
 * have one label while each row shall have its own
 */
export function refuseBadLabels(table: Table, schema: SequenceSchema, sequences: Sequences): number[] {
  const { names, codes } = labelsOf(table, schema, sequences)
  const what = schema.of === 'row' ? 'rows' : 'sequences'
  const sizes = names.map(() => 0)
  for (const code of codes) if (code >= 0) sizes[code]! += 1
  const known = sizes.reduce((sum, size) => sum + size, 0)
  if (names.length < 2) {
    const received = names.length === 0 ? 'is empty' : `has ${shown(names[0])} alone`
    throw new InputError(`--label: expected at least 2 labels but ${shown(schema.target)} ${received}: name another`)
  }
  if (names.length > MANY && names.length > known / 2) {
    const numbers = names.every((name) => Number.isFinite(Number(name)))
    const remedy = numbers ? 'to forecast numbers, say --target' : 'is it an id?'
    throw new InputError(
      `--label: expected labels that several ${what} have but ${shown(schema.target)} has ${grouped(names.length)} ` +
        `in ${grouped(known)} ${what}: ${remedy}`,
    )
  }
  if (schema.of === 'row') refuseLabelsOfIds(table, schema, sequences, codes)
  else {
    const rare = sizes.indexOf(1)
    if (rare >= 0) {
      throw new InputError(
        `${table.name}: ${schema.target}: expected at least 2 sequences of each label, to learn and to test, but ` +
          `${shown(names[rare])} has 1: remove it, or give it another label`,
      )
    }
  }
  return sizes
}

/** Rows that share a label because they share an id would be known from training. */
function refuseLabelsOfIds(table: Table, schema: SequenceSchema, sequences: Sequences, codes: Int32Array): void {
  const { starts, ids } = sequences
  if (schema.id !== null) {
    const varies = ids.some((_, n) =>
      codes.subarray(starts[n]!, starts[n + 1]!).some((code) => code !== codes[starts[n]!]),
    )
    if (varies || ids.length === table.rows) return
    throw new InputError(
      `--of row: expected labels that change within ${shown(schema.id)} but ${shown(schema.target)} is the same in ` +
        'all rows of each: say --of sequence',
    )
  }
  const labels = wordsOf(table, schema.target, '--label').codes
  for (const { name, type } of schema.inputs) {
    if (type !== 'category') continue
    const { codes: own, levels } = wordsOf(table, name, name)
    const label = new Int32Array(levels.length).fill(-2)
    const constant = own.every((code, row) => {
      if (code < 0) return false
      if (label[code] === -2) label[code] = labels[row]!
      return label[code] === labels[row]
    })
    // A word that decides the label is a fine input; one that stands in a run of rows is what the rows were taken from.
    const changes = own.reduce((sum, code, row) => sum + (row > 0 && code !== own[row - 1] ? 1 : 0), 0)
    if (!constant || changes >= levels.length || levels.length < 3) continue
    throw new InputError(
      `--id: expected the rows of one ${shown(name)} to have several labels but ${shown(schema.target)} is the same ` +
        `in all of them, so training would tell the test: say --id ${name} --of sequence, or leave it out by --inputs`,
    )
  }
}
