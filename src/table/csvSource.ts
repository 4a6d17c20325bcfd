/** CSV files as a source of rows: their delimiter, their names, several of them as one. */
import { InputError } from '../error.ts'
import { type CsvBatch, CsvScanner } from '../formats/csv.ts'
import { delimiterOf } from '../formats/csvDelimiter.ts'
import { StampReader } from '../formats/stamp.ts'
import { type ByteFile, nameOf, shareOf } from './byteFile.ts'
import type { TableOptions } from './options.ts'
import { isMissing, numberOf } from './plan.ts'
import type { FieldBatch, Source } from './source.ts'
import type { TableNote } from './table.ts'

/** Bytes from which the delimiter and the names are found. */
const HEAD = 2 ** 16
/** More are taken for a fault. */
const MOST_COLUMNS = 2 ** 17

export interface CsvSource extends Source {
  /** Of the first file. */
  readonly delimiter: string
  readonly header: boolean
  readonly notes: readonly TableNote[]
}

interface CsvFile {
  readonly file: ByteFile
  readonly delimiter: string
  readonly header: boolean
  readonly names: readonly string[]
}

/**
 * @param files one at least
 * @throws InputError for a file without a table, names that are twice there, files of different columns
 */
export async function csvSource(files: readonly ByteFile[], options: TableOptions): Promise<CsvSource> {
  const notes: TableNote[] = []
  const opened: CsvFile[] = []
  for (const file of files) opened.push(await openFile(file, options, opened.length === 0 ? notes : []))
  const [first] = opened as [CsvFile]
  const orders = opened.map((file) => orderOf(file, first))
  async function* batches() {
    for (const [i, file] of opened.entries()) yield* batchesOf(file, orders[i]!)
  }
  const { delimiter, header, names } = first
  return {
    name: nameOf(files),
    columns: names,
    places: 'line',
    batches,
    share: () => shareOf(files),
    decimalComma: delimiter === ';',
    delimiter,
    header,
    notes,
  }
}

async function openFile(file: ByteFile, options: TableOptions, notes: TableNote[]): Promise<CsvFile> {
  const { head, whole } = await headOf(file)
  const delimiter = options.delimiter ?? delimiterOf(head, whole)
  const scanner = new CsvScanner(file.name, delimiter.charCodeAt(0))
  const batch = await firstRecord(scanner, file)
  if (batch === undefined)
    throw new InputError(`${file.name}: expected a table but there is nothing in it: is it the right file?`)
  if (batch.columns > MOST_COLUMNS) {
    const remedy = 'is it transposed, or its delimiter another (--delimiter)?'
    throw new InputError(
      `${file.name}: line 1: expected at most ${MOST_COLUMNS} columns but received ${batch.columns}: ${remedy}`,
    )
  }
  const texts = textsOf(file.name, batch, options)
  const header = options.header ?? !texts.every(isValue)
  if (!header && options.header === undefined) {
    const called = `column1 … column${texts.length}`
    const text = `${file.name}: the first line is numbers, not names: the columns are called ${called}`
    notes.push({ level: 'note', kind: 'no-header', text })
  }
  const names = header ? checkNames(file.name, texts, batch.lineOf(0), notes) : texts.map((_, i) => `column${i + 1}`)
  return { file, delimiter, header, names }
}

/** The first bytes of a file. */
async function headOf(file: ByteFile): Promise<{ head: Uint8Array; whole: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  let whole = true
  for await (const chunk of file.chunks()) {
    parts.push(chunk.slice(0, HEAD - size))
    size += chunk.length
    if (size < HEAD) continue
    whole = size === HEAD
    break
  }
  const head = new Uint8Array(Math.min(size, HEAD))
  let at = 0
  for (const part of parts) {
    head.set(part, at)
    at += part.length
  }
  return { head, whole }
}

/** The batch that the first record begins; undefined if there is none. */
async function firstRecord(scanner: CsvScanner, file: ByteFile): Promise<CsvBatch | undefined> {
  for await (const batch of scanned(scanner, file)) if (batch.rows > 0) return batch
  return
}

async function* scanned(scanner: CsvScanner, file: ByteFile): AsyncGenerator<CsvBatch> {
  for await (const chunk of file.chunks()) yield scanner.scan(chunk, false)
  yield scanner.scan(new Uint8Array(), true)
}

function textsOf(what: string, batch: CsvBatch, { encoding = 'utf-8' }: TableOptions): string[] {
  const decoder = new TextDecoder(encoding, { fatal: true })
  return Array.from({ length: batch.columns }, (_, c) => {
    try {
      return decoder.decode(batch.bytes.subarray(batch.starts[c], batch.ends[c])).trim()
    } catch {
      const remedy = 'save it as UTF-8, or say --encoding latin1'
      throw new InputError(
        `${what}: line ${batch.lineOf(0)}, column ${c + 1}: expected UTF-8 but received other bytes: ${remedy}`,
      )
    }
  })
}

const stamps = new StampReader()
const encoder = new TextEncoder()

/** Whether a text of the first line is a value, not a name. */
function isValue(text: string): boolean {
  if (isMissing(text, [])) return true
  const numbers = (mark: '.' | ',') => numberOf(text, { kind: 'number', mark, group: '', unit: '' })
  const bytes = encoder.encode(text)
  return !Number.isNaN(numbers('.')) || !Number.isNaN(numbers(',')) || stamps.read(bytes, 0, bytes.length)
}

function checkNames(what: string, texts: readonly string[], line: number, notes: TableNote[]): string[] {
  const names = texts.map((text, c) => {
    if (text !== '') return text
    if (c > 0) {
      const expected = `expected the name of a column but it is empty`
      throw new InputError(`${what}: line ${line}, column ${c + 1}: ${expected}: name it, or take the column out`)
    }
    notes.push({
      level: 'note',
      kind: 'no-name',
      text: `${what}: the first column has no name (R writes row names so): column1`,
    })
    return 'column1'
  })
  const seen = new Map<string, number>()
  for (const [c, name] of names.entries()) {
    const before = seen.get(name)
    if (before !== undefined) {
      const columns = `columns ${before + 1} and ${c + 1}`
      throw new InputError(
        `${what}: line ${line}: expected different names but ${columns} are both called ${name}: rename one`,
      )
    }
    seen.set(name, c)
  }
  return names
}

/** Where a file has the columns of the first. */
function orderOf({ file, names }: CsvFile, first: CsvFile): number[] {
  const refuse = (problem: string) => {
    throw new InputError(
      `${file.name}: expected the columns of ${first.file.name} but ${problem}: give files of one table`,
    )
  }
  const extra = names.find((name) => !first.names.includes(name))
  const order = first.names.map((name) => {
    const found = names.indexOf(name)
    return found >= 0 ? found : refuse(`there is no ${name}${extra === undefined ? '' : `, and ${extra} in its place`}`)
  }) as number[]
  if (extra !== undefined) refuse(`${extra} is one more`)
  return order
}

async function* batchesOf({ file, delimiter, header }: CsvFile, order: readonly number[]): AsyncGenerator<FieldBatch> {
  let names = header
  for await (const batch of scanned(new CsvScanner(file.name, delimiter.charCodeAt(0)), file)) {
    const skip = names && batch.rows > 0 ? 1 : 0
    if (batch.rows > 0) names = false
    if (batch.rows === skip) continue
    const { bytes, starts, ends, columns } = batch
    const placeOf = (row: number) => batch.lineOf(row + skip)
    yield {
      kind: 'fields',
      rows: batch.rows - skip,
      bytes,
      starts,
      ends,
      first: skip * columns,
      stride: columns,
      order,
      placeOf,
    }
  }
}
