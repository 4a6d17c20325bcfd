/** Labels of records that come one by one. */
import { InputError, shown } from '../../error.ts'
import type { Row } from '../../table/rows.ts'
import { probabilitiesOf } from './batches.ts'
import { encode } from './encode.ts'
import { fittedOf, type Labelled, labelled, type SequenceNetwork } from './sequencePredict.ts'
import type { StepColumn } from './sequences.ts'

/** Takes records one by one. */
export interface LabelStream {
  /**
   * Takes a record, or a whole sequence where a row is one, and answers with its label: of the sequence so far, of the
   * record, or with the item that comes next. The numbers are those that `predict` gives for all records of the
   * sequence so far. A network that reads both ways reads the whole sequence again.
   * @throws InputError for a column that is missing or of another type
   */
  push(record: Row): Labelled
  /** Forgets the records of a sequence, when it is over; of all sequences where none is named. */
  end(id?: string): void
}

/** The records of each sequence are kept as values by column until it ends. */
export function labelStream({ model, schema }: SequenceNetwork): LabelStream {
  const fitted = fittedOf(schema)
  const kept = new Map<string, unknown[][]>()
  return {
    push(record) {
      if (typeof record !== 'object' || record === null) {
        throw new InputError(`stream: expected a record but received ${shown(record)}: push an object of columns`)
      }
      const id = schema.id === null || !Object.hasOwn(record, schema.id) ? '1' : String(record[schema.id])
      const own = valuesIn(record)
      const cells = schema.layout === 'rows' ? kept.get(id)?.map((values, k) => [...values, own[k]![0]]) : undefined
      const steps = cells ?? own
      const count = steps[0]!.length
      const columns = steps.map((values, k): StepColumn => columnFrom(values, k))
      if (schema.layout === 'rows') kept.set(id, steps)
      const sequences = { ids: [id], starts: Int32Array.of(0, count), rows: new Int32Array(count), columns }
      const probabilities = probabilitiesOf(model, encode(sequences, fitted), Int32Array.of(0), fitted)
      const K = fitted.classes.length
      return labelled(fitted.classes, probabilities, probabilities.length - K, id, count)
    },
    end(id) {
      if (id === undefined) kept.clear()
      else kept.delete(id)
    },
  }

  /** The steps of a record, column by column. */
  function valuesIn(record: Row): unknown[][] {
    const cells = schema.inputs.map(({ name }) => {
      if (Object.hasOwn(record, name)) return record[name]
      throw new InputError(`stream: expected the column ${shown(name)} but the record has ${shown(record)}: add it`)
    })
    if (schema.layout === 'rows') return cells.map((value) => [value])
    const steps = schema.layout === 'letters' ? [...String(cells[0] ?? '')] : cells
    const length = steps.findLastIndex((value) => value !== null && value !== undefined && value !== '') + 1
    if (length === 0) throw new InputError('stream: expected the steps of a sequence but the record has none')
    return [steps.slice(0, length)]
  }

  function columnFrom(values: readonly unknown[], k: number): StepColumn {
    const { name, as } = fitted.columns[k]!
    const missing = (value: unknown) => value === null || value === undefined || value === ''
    if (as === 'value') {
      const numbers = Float64Array.from(values, (value) => (missing(value) ? Number.NaN : numberOf(name, value)))
      return { name, values: numbers, levels: null }
    }
    const levels = [...new Set(values.filter((value) => !missing(value)).map(String))]
    const place = new Map(levels.map((level, i) => [level, i]))
    const codes = Float64Array.from(values, (value) => place.get(String(value)) ?? Number.NaN)
    return { name, values: codes, levels }
  }
}

function numberOf(name: string, value: unknown): number {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number === 'number') return number
  throw new InputError(`stream: ${name}: expected a number but received ${shown(value)}`)
}
