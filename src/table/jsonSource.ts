/** JSON Lines as a source of rows: a record a line, or a whole sequence a line. */
import { InputError, shown } from '../error.ts'
import { type JsonLines, jsonLines } from '../formats/jsonl.ts'
import type { ByteFile } from './byteFile.ts'
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
  const keys = new Map<string, undefined>()
  let records = 0
  let sequences = false
  for await (const { values, lines } of jsonLines(first.name, first.chunks())) {
    for (const [i, value] of values.entries()) {
      const record = recordOf(first.name, value, lines[i]!)
      if (records === 0) sequences = Array.isArray(record.steps)
      const place = `${first.name}: line ${lines[i]}`
      for (const key of sequences ? keysOfSequence(record, place) : Object.keys(record)) keys.set(key, undefined)
      records++
    }
    if (records >= SEEN) break
  }
  if (records === 0)
    throw new InputError(`${first.name}: expected records but there is nothing in it: is it the right file?`)
  const columns = [...keys.keys()]
  async function* batches(): AsyncGenerator<CellBatch> {
    for (const file of files) {
      for await (const batch of jsonLines(file.name, file.chunks())) {
        yield sequences ? stepsOf(file.name, batch, columns) : recordsOf(file.name, batch, columns)
      }
    }
  }
  const share = () => {
    const shares = files.map((file) => file.share())
    return shares.includes(undefined)
      ? undefined
      : (shares as number[]).reduce((sum, one) => sum + one, 0) / files.length
  }
  const name = files.length === 1 ? first.name : `${first.name} and ${files.length - 1} more`
  return { name, columns, places: 'line', batches, share }
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

/** The columns that a sequence has. */
function keysOfSequence(record: Record, place: string): string[] {
  const { steps, ...beside } = record
  if (!Array.isArray(steps))
    throw new InputError(`${place}: steps: expected an array, as before, but received ${shown(steps)}`)
  const own = Object.keys(beside)
  return [...(own.includes('id') ? own : ['id', ...own]), ...(steps.length > 0 ? channelsOf(steps[0]) : [])]
}

function channelsOf(step: unknown): string[] {
  if (Array.isArray(step)) return step.length === 1 ? ['value'] : step.map((_, c) => `value${c + 1}`)
  return typeof step === 'object' && step !== null ? Object.keys(step) : ['value']
}

function stepsOf(what: string, { values, lines }: JsonLines, columns: readonly string[]): CellBatch {
  const cells: unknown[][] = columns.map(() => [])
  const index = new Map(columns.map((name, c) => [name, c]))
  const places: number[] = []
  for (const [i, value] of values.entries()) {
    const record = recordOf(what, value, lines[i]!)
    const place = `${what}: line ${lines[i]}`
    for (const key of keysOfSequence(record, place)) if (!index.has(key)) refuseKey(what, key, lines[i]!)
    for (const [t, step] of (record.steps as unknown[]).entries()) {
      for (const [name, c] of index)
        cells[c]!.push(Object.hasOwn(record, name) ? record[name] : name === 'id' ? lines[i] : undefined)
      const parts = Array.isArray(step)
        ? step
        : typeof step === 'object' && step !== null
          ? Object.values(step)
          : [step]
      const names = channelsOf(step)
      for (const [p, part] of parts.entries()) {
        const c = index.get(names[p]!)
        if (c === undefined) {
          const expected = `expected steps of ${columns.filter((name) => name.startsWith('value')).length} values, as before,`
          throw new InputError(`${place}: steps: ${t}: ${expected} but received ${parts.length}`)
        }
        cells[c]![cells[c]!.length - 1] = part
      }
      places.push(lines[i]!)
    }
  }
  return { kind: 'cells', rows: places.length, cells, placeOf: (row) => places[row]! }
}
