/** How good a fitted network's labels, or guesses of what comes next, are on rows that have the right ones. */
import { InputError, shown } from '../../error.ts'
import type { Table } from '../../table/table.ts'
import { listed, type Note } from '../notes.ts'
import { probabilitiesOf } from './batches.ts'
import { encode } from './encode.ts'
import { answersIn, itemScores, labelScores } from './labelScores.ts'
import { fittedOf, fittingTable, notesOf, type SequenceNetwork } from './sequencePredict.ts'
import type { Method } from './sequenceReport.ts'
import { emptySequences, labelsOf, sequencesOf } from './sequences.ts'

/** What a network is worth on rows with labels. */
export interface LabelEvaluation {
  /** How many labels were held against the network's: of sequences, or of rows. */
  readonly count: number
  /** The network's: accuracy and macroF1; of next items hitRate (among the first ten) and perplexity. */
  readonly methods: readonly Method[]
  readonly notes: readonly Note[]
}

/**
 * Scores of a network on new rows. A label that training did not have is one that the network cannot give: an error.
 * @throws InputError where rows do not fit, or have no labels
 */
export function evaluateLabels({ model, schema }: SequenceNetwork, table: Table): LabelEvaluation {
  const fitted = fittedOf(schema)
  const labels = table.columns.find(({ name }) => name === schema.target)
  if (labels === undefined) {
    const names = table.columns.map(({ name }) => name)
    throw new InputError(
      `${table.name}: expected the column ${shown(schema.target)}, which has what is right, but it has ` +
        `${listed(names, 12)}: add it, or label the rows with irnn predict`,
    )
  }
  const inputs = fittingTable(schema, table)
  const known = inputs.columns.some(({ name }) => name === schema.target)
  const own = known ? inputs : { ...inputs, columns: [...inputs.columns, labels] }
  const sequences = sequencesOf(own, schema)
  emptySequences(table, schema, sequences, 0)
  const { names, codes } = labelsOf(own, schema, sequences)
  const all = [...fitted.classes, ...names.filter((name) => !fitted.classes.includes(name))]
  const place = new Map(all.map((name, k) => [name, k]))
  const targets = codes.map((code) => (code < 0 ? -1 : place.get(names[code]!)!))
  const count = targets.reduce((sum, target) => sum + (target < 0 ? 0 : 1), 0)
  if (count === 0) {
    throw new InputError(`${table.name}: ${schema.target}: expected what is right in some rows but all are empty`)
  }
  const which = Int32Array.from(sequences.ids, (_, n) => n)
  const probabilities = probabilitiesOf(model, encode(sequences, fitted), which, fitted)
  const K = fitted.classes.length
  const scores =
    schema.kind === 'next'
      ? itemScores(targets, K, (i, k) => probabilities[i * K + k]!)
      : labelScores(targets, answersIn(probabilities, K), all.length)
  const { confusion: _, ...told } = { confusion: null, ...scores }
  return { count, methods: [{ name: 'network', ...told }], notes: notesOf(schema, fitted, table, sequences) }
}
