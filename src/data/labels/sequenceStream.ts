/** Labels of records that come one by one. */
import { InputError, shown } from '../../error.ts'
import { MOST_FLOAT, momentReader, numberCell, wordCell } from '../../table/cell.ts'
import type { Row } from '../../table/rows.ts'
import { cellOf, heldBy, refuseNoRecord, room, type StreamOptions, type StreamState, stateWith } from '../streams.ts'
import { probabilitiesOf } from './batches.ts'
import { type StepEncoder, stepEncoder } from './encode.ts'
import { HELD_STATE, type Held, heldSequence, type LabelStreams, restoredSequence } from './heldSequence.ts'
import { fittedOf, type Labelled, labelled } from './sequencePredict.ts'
import type { FittedSequenceColumn, SequenceSchema } from './sequenceSchema.ts'
import { PIECE } from './sequences.ts'

/** Takes records one by one. What a call refuses leaves the stream as it was. */
export interface LabelStream<R = Row> {
  /**
   * Takes a record, or a whole sequence where a row is one, and answers with its label: of the sequence so far, of the
   * record, or with the item that comes next. The numbers are those, bit for bit, that `predict` gives for all records
   * of the sequence so far. A network of one direction takes one step; one of both reads the whole sequence again.
   * @throws InputError, one line, for a column that is missing or of another type, a number that float32 cannot hold, a
   * time before that of the last record
   */
  push(record: R): Labelled
  /** Forgets the records of a sequence, when it is over; of all sequences where none is named. */
  end(id?: string): void
  /** All that the stream knows, as plain data: `run.stream({ state })` goes on from it. */
  state(): StreamState
}

type Cell = number | string | null

export function labelStream(run: LabelStreams, options: StreamOptions = {}): LabelStream {
  const { schema } = run
  const told = { kind: schema.kind, run: run.run }
  const fitted = fittedOf(schema)
  const encoder = stepEncoder(fitted.columns)
  const shared = { run, fitted, encoder }
  const held = new Map<string, Held>()
  const numbers = room('sequences')
  for (const one of heldBy(options, told, HELD_STATE)) {
    const made = restoredSequence(one, shared, (what) => refuseState(one.id, what))
    numbers.take(made.numbers)
    held.set(one.id, made)
  }
  const moments = momentReader(null)
  const answer = (probabilities: Float64Array, id: string, row: number) =>
    labelled(fitted.classes, probabilities, probabilities.length - fitted.classes.length, id, row)

  function pushRow(record: Row, id: string): Labelled {
    const cells = schema.inputs.map(({ name }, k) => cellIn(record, name, fitted.columns[k]!, schema))
    const known = held.get(id)
    const sequence = known ?? heldSequence(shared)
    const time = timeIn(record, schema, sequence.time, moments)
    const taken = sequence.more + (known === undefined ? sequence.numbers : 0)
    numbers.take(taken)
    let probabilities: Float64Array
    try {
      probabilities = sequence.push(cells)
    } catch (error) {
      numbers.give(taken)
      throw error
    }
    sequence.time = time
    held.set(id, sequence)
    return answer(probabilities, id, sequence.steps)
  }

  function end(ended: (id: string) => boolean): void {
    for (const [id, { numbers: own }] of held) {
      if (!ended(id)) continue
      numbers.give(own)
      held.delete(id)
    }
  }

  return {
    push(record) {
      refuseNoRecord(record)
      if (schema.layout === 'rows' && schema.id === null) {
        const piece = pieceOf(held)
        const said = pushRow(record, piece)
        end((id) => id !== piece)
        return said
      }
      const id = idOf(record, schema)
      if (schema.layout === 'rows') return pushRow(record, id)
      const steps =
        schema.layout === 'letters' ? lettersIn(record, schema) : cellsIn(record, schema, fitted.columns[0]!)
      const data = encoded(steps, encoder)
      const T = Math.ceil(steps.length / fitted.frame)
      const probabilities = probabilitiesOf(run.model, data, Int32Array.of(0), fitted, run.plan(T))
      return answer(probabilities, id, steps.length)
    },
    end: (id) => end((one) => id === undefined || one === id),
    state: () =>
      stateWith(
        told,
        Array.from(held, ([id, one]) => one.state(id)),
      ),
  }
}

function refuseState(id: string, what: string): never {
  throw new InputError(
    `stream: state: ${shown(id)}: ${what}: expected what a stream of this run has: begin without a state`,
  )
}

/** Where there are no ids, as many records are a sequence as `predict` cuts a table into; only the last one is held. */
function pieceOf(held: ReadonlyMap<string, Held>): string {
  for (const [id, { steps }] of held) return steps < PIECE ? id : String(Number(id) + 1)
  return '1'
}

/** Records without an id are those of one sequence, as rows without one are. */
function idOf(record: Row, { id, missing }: SequenceSchema): string {
  if (id === null || !Object.hasOwn(record, id)) return '1'
  const word = wordCell(`stream: ${id}`, record[id], missing ?? undefined)
  if (word !== null) return word
  throw new InputError(`stream: ${id}: expected the id of a sequence but it is missing: fill it in`)
}

function cellIn(record: Row, name: string, column: FittedSequenceColumn, { missing }: SequenceSchema): Cell {
  const value = cellOf(record, name)
  const words = missing ?? undefined
  const what = `stream: ${name}`
  return column.as === 'value' ? scalable(name, numberCell(what, value, words), column) : wordCell(what, value, words)
}

/** @throws InputError where float32 cannot hold the number once it is scaled */
function scalable(name: string, value: number, { mean, std }: FittedSequenceColumn): number {
  if (!(Math.abs(value - mean) / std >= MOST_FLOAT / 4)) return value
  throw new InputError(
    `stream: ${name}: expected a number that float32 can hold once it is scaled but received ${shown(value)}: ` +
      'correct it',
  )
}

/** @throws InputError where the record is of a time before the last one. @returns NaN: it has none */
function timeIn(record: Row, { time }: SequenceSchema, last: number, moments: ReturnType<typeof momentReader>): number {
  if (time === null || !Object.hasOwn(record, time)) return last
  const value = record[time]
  const numeric = typeof value === 'number' || (typeof value === 'string' && Number.isFinite(Number(value)))
  const moment = numeric ? Number(value) : moments(`stream: ${time}`, value, last)
  if (!(moment < last) && !Number.isNaN(moment)) return moment
  throw new InputError(
    `stream: ${time}: expected a time that is not before that of the last record of the sequence but received ` +
      `${shown(value)}: sort the records, or end the sequence, stream.end(id)`,
  )
}

function lettersIn(record: Row, { inputs, missing }: SequenceSchema): Cell[] {
  const [{ name }] = inputs as [SequenceSchema['inputs'][0]]
  const word = wordCell(`stream: ${name}`, cellOf(record, name), missing ?? undefined)
  return refuseNoSteps([...(word ?? '')])
}

/** Empty cells at the end are no steps. */
function cellsIn(record: Row, schema: SequenceSchema, column: FittedSequenceColumn): Cell[] {
  const numbers = schema.inputs.map(({ name }) => cellIn(record, name, column, schema))
  return refuseNoSteps(numbers.slice(0, numbers.findLastIndex((value) => !Number.isNaN(value)) + 1))
}

function refuseNoSteps(steps: Cell[]): Cell[] {
  if (steps.length > 0) return steps
  throw new InputError('stream: expected the steps of a sequence but the record has none: fill them in')
}

/** One sequence of one column. */
function encoded(steps: readonly Cell[], encoder: StepEncoder) {
  const { width, vocabulary } = encoder
  const values = new Float32Array(steps.length * width)
  const tokens = new Int32Array(vocabulary > 0 ? steps.length : 0)
  const last = new Float64Array(1)
  for (const [i, cell] of steps.entries()) {
    const token = encoder.put([cell], last, values, i * width)
    if (vocabulary > 0) tokens[i] = token
  }
  return { width, vocabulary, starts: Int32Array.of(0, steps.length), values, tokens }
}
