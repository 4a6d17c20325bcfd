/** JSON Lines as a source of rows: a record a line, or a whole sequence a line. */
import { InputError, shown } from '../error.ts'
import { type JsonLines, jsonLines } from '../formats/jsonl.ts'
import { type ByteFile, nameOf, shareOf } from './byteFile.ts'
import type { CellBatch, Source } from './source.ts'

/** Records of which the keys make the columns. A key that only comes later is refused. */
const SEEN = 10_000

type Record = Readonly<{ [key: string]: unknown }>

/**
 * A record a line: `{"time": "2015-01-01", "store": "A", "sales": 12}`. A sequence a line:
 * `{"id": 7, "label": "walk", "steps": [[1, 2], [3, 4]]}`, whose steps become rows. What stands beside the steps
 * stands in each of them; without an id it is the number of the line. Steps are numbers (the column `value`), arrays
 * (`value1`, `value2` …) or records (their keys).
 * @throws InputError for lines that are no records, for records with other keys than the first ones, for steps of
 * unequal sizes
 */
export async function jsonSource(files: readonly ByteFile[]): Promise<Source> {
  const [first] = files as [ByteFile]
  const shape = await shapeOf(first)
  const columns = [...shape.keys, ...shape.channels]
  async function* batches(): AsyncGenerator<CellBatch> {
    for (const file of files) {
      for await (const batch of jsonLines(file.name, file.chunks())) {
        yield shape.sequences ? stepsOf(file.name, batch, shape) : recordsOf(file.name, batch, columns)
      }
    }
  }
  return { name: nameOf(files), columns, places: 'line', batches, share: () => shareOf(files) }
}

interface Shape {
  readonly sequences: boolean
  /** Of records, or of what stands beside the steps. */
  readonly keys: readonly string[]
  /** Columns of the steps. */
  readonly channels: readonly string[]
}

/** What the first records have. */
async function shapeOf(file: ByteFile): Promise<Shape> {
  const keys = new Set<string>()
  let channels: readonly string[] = []
  let [records, sequences] = [0, false]
  for await (const { values, lines } of jsonLines(file.name, file.chunks())) {
    for (const [i, value] of values.entries()) {
      const record = recordOf(file.name, value, lines[i]!)
      if (records++ === 0) sequences = Array.isArray(record.steps)
      if (sequences) {
        keys.add('id')
        const steps = stepsIn(`${file.name}: line ${lines[i]}`, record)
        if (channels.length === 0 && steps.length > 0) channels = channelsOf(steps[0])
      }
      for (const key of Object.keys(record)) if (!sequences || key !== 'steps') keys.add(key)
    }
    if (records >= SEEN) break
  }
  if (records > 0) return { sequences, keys: [...keys], channels }
  throw new InputError(`${file.name}: expected records but there is nothing in it: is it the right file?`)
}

function recordOf(what: string, value: unknown, line: number): Record {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record
  throw new InputError(`${what}: line ${line}: expected a record, as in {"time": …}, but received ${shown(value)}`)
}

function recordsOf(what: string, { values, lines }: JsonLines, columns: readonly string[]): CellBatch {
  const records = values.map((value, i) => recordOf(what, value, lines[i]!))
  const cells = columns.map((name) => records.map((record) => (Object.hasOwn(record, name) ? record[name] : undefined)))
  for (const [i, record] of records.entries()) {
    for (const key in record) if (!columns.includes(key)) refuseKey(what, key, lines[i]!)
  }
  return { kind: 'cells', rows: records.length, cells, placeOf: (row) => lines[row]! }
}

function refuseKey(what: string, key: string, line: number): never {
  const where = `in the first ${SEEN} records`
  throw new InputError(`${what}: line ${line}: ${key}: expected a key that is ${where} too: give it there, as null`)
}

function stepsIn(place: string, { steps }: Record): readonly unknown[] {
  if (Array.isArray(steps)) return steps
  throw new InputError(`${place}: steps: expected an array, as before, but received ${shown(steps)}`)
}

function isRecord(step: unknown): step is Record {
  return typeof step === 'object' && step !== null && !Array.isArray(step)
}

function channelsOf(step: unknown): string[] {
  if (isRecord(step)) return Object.keys(step)
  return Array.isArray(step) && step.length > 1 ? step.map((_, c) => `value${c + 1}`) : ['value']
}

function stepsOf(what: string, { values, lines }: JsonLines, { keys, channels }: Shape): CellBatch {
  const cells: unknown[][] = [...keys, ...channels].map(() => [])
  const places: number[] = []
  for (const [i, value] of values.entries()) {
    const line = lines[i]!
    const record = recordOf(what, value, line)
    for (const key in record) if (key !== 'steps' && !keys.includes(key)) refuseKey(what, key, line)
    const beside = keys.map((key) => (Object.hasOwn(record, key) ? record[key] : key === 'id' ? line : undefined))
    for (const [t, step] of stepsIn(`${what}: line ${line}`, record).entries()) {
      const parts = partsOf(`${what}: line ${line}: steps: ${t}`, step, channels)
      for (const [c, cell] of [...beside, ...parts].entries()) cells[c]!.push(cell)
      places.push(line)
    }
  }
  return { kind: 'cells', rows: places.length, cells, placeOf: (row) => places[row]! }
}

/** The values of a step, in the order of the channels. */
function partsOf(place: string, step: unknown, channels: readonly string[]): readonly unknown[] {
  if (isRecord(step)) {
    const other = Object.keys(step).find((key) => !channels.includes(key))
    if (other === undefined) return channels.map((name) => (Object.hasOwn(step, name) ? step[name] : undefined))
    throw new InputError(`${place}: expected the keys ${channels.join(', ')}, as before, but received ${other}`)
  }
  const parts = Array.isArray(step) ? step : [step]
  if (parts.length === channels.length) return parts
  const values = channels.length === 1 ? 'a value' : `${channels.length} values`
  throw new InputError(`${place}: expected ${values}, as before, but received ${parts.length}`)
}
