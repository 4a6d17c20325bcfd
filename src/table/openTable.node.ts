/** A table from whatever holds one: files, records, columns. */
import * as fs from 'node:fs'
import { InputError, printable, shown } from '../error.ts'
import { type FileKind, magicOf } from '../formats/magic.ts'
import { type NpyArray, parseNpy } from '../formats/npy.ts'
import { unzip } from '../formats/zip.node.ts'
import { grouped } from '../numbers.ts'
import { build } from './build.ts'
import { byteFile, type OnBytes, unpacked } from './byteFile.node.ts'
import type { ByteFile } from './byteFile.ts'
import { type CsvSource, csvSource } from './csvSource.ts'
import { firstRows } from './firstRows.ts'
import { jsonSource } from './jsonSource.ts'
import { npySource } from './npySource.ts'
import { checkOptions, type TableOptions } from './options.ts'
import { parquetSource } from './parquet.node.ts'
import { type Cells, columnSource, columnsOfRows, type Row } from './rows.ts'
import type { Source } from './source.ts'
import { sqlSource } from './sql.node.ts'
import type { ColumnType, OpenedTable, TableFormat } from './table.ts'

/**
 * A file (`-` is standard input), several files of one table, records in order, or columns by name: arrays and typed
 * arrays of numbers, words, booleans, Dates, bigints, null.
 */
export type TableSource<R extends object = Row> =
  | string
  | readonly string[]
  | Iterable<R>
  | AsyncIterable<R>
  | { readonly [K in keyof R]: Cells }

/** JSON that is one value, and arrays of NumPy, are unpacked and read as a whole: in bytes. */
const MOST_WHOLE = 2 ** 30

/**
 * Reads a table: CSV and TSV, JSON Lines, JSON (an array of records), Parquet, NPY and NPZ, all of them packed by gzip
 * too, or data in memory. What a file is, its first bytes say. Texts are read alike wherever they come from: types,
 * decimal marks and dates are inferred from all rows unless `options` say them, and the table's report tells how.
 * @throws InputError, one line with file, column, line and remedy, for what is no table or contradicts itself
 */
export async function openTable(source: TableSource, options: TableOptions = {}): Promise<OpenedTable> {
  return readTable(source, options, {})
}

/**
 * As `openTable`.
 * @param usual types of columns that are there, or are not; what options say goes before
 * @param most rows to read, from the first on; a note of the kind `sample` says if there are more. Default: all
 */
export async function readTable(
  source: TableSource,
  options: TableOptions,
  usual: Readonly<Record<string, ColumnType>>,
  most = Number.POSITIVE_INFINITY,
): Promise<OpenedTable> {
  const checked = checkOptions(options)
  const { files, format, rows } = await sourceOf(source, checked)
  const there = Object.entries(usual).filter(([name]) => rows.columns.includes(name))
  const types = { ...Object.fromEntries(there), ...checked.types }
  const first = firstRows(rows, most)
  const { rows: count, columns } = await build(most < Number.POSITIVE_INFINITY ? first : rows, { ...checked, types })
  const csv = format === 'csv' ? (rows as CsvSource) : undefined
  const found = [...(csv?.notes ?? []), ...columns.flatMap((column) => column.notes)]
  if (first.cut) {
    const text = `decided from the first ${grouped(count)} rows: there are more, and all that follows is of these alone`
    found.unshift({ level: 'note', kind: 'sample', text })
  }
  const notes = found.map((note) => ({ ...note, text: printable(note.text) }))
  const head = csv ? { delimiter: csv.delimiter, header: csv.header } : {}
  const report = { files, format, ...head, columns: columns.map((column) => column.report), notes }
  const { missing } = checked
  return {
    name: rows.name,
    rows: count,
    columns: columns.map(({ column }) => column),
    ...(missing !== undefined && { missing }),
    ...writtenOf(checked),
    report,
  }
}

/** What was said of how texts are written. */
function writtenOf({ decimal, dayFirst, delimiter, encoding }: TableOptions): Pick<OpenedTable, 'written'> {
  const said = Object.entries({ decimal, dayFirst, delimiter, encoding }).filter(([, value]) => value !== undefined)
  return said.length > 0 ? { written: Object.fromEntries(said) } : {}
}

interface Found {
  readonly files: readonly string[]
  readonly format: TableFormat
  readonly rows: Source
}

async function sourceOf(source: TableSource, options: TableOptions): Promise<Found> {
  if (typeof source === 'string') return filesOf([source], options)
  if (typeof source !== 'object' || source === null || ArrayBuffer.isView(source)) return refuseSource(source)
  const paths = Array.isArray(source) && source.every((path) => typeof path === 'string')
  if (paths && (source.length > 0 || options.sql !== undefined)) return filesOf(source, options)
  if (options.sql !== undefined) throw new InputError('sql: expected files, or none, but received data in memory')
  if (Symbol.iterator in source || Symbol.asyncIterator in source) {
    const columns = await columnsOfRows('table', source as AsyncIterable<unknown>)
    return { files: [], format: 'rows', rows: columnSource('table', columns) }
  }
  const columns = Object.entries(source)
  for (const [name, cells] of columns) {
    if (Array.isArray(cells) || (ArrayBuffer.isView(cells) && 'length' in cells)) continue
    throw new InputError(`table: ${name}: expected an array of values but received ${shown(cells)}`)
  }
  return { files: [], format: 'columns', rows: columnSource('table', new Map(columns)) }
}

function refuseSource(source: unknown): never {
  const expected = 'expected the name of a file, records, or an object of columns'
  throw new InputError(`openTable: ${expected}, but received ${shown(source)}`)
}

async function filesOf(files: readonly string[], options: TableOptions): Promise<Found> {
  if (options.sql !== undefined) return { files, format: 'sql', rows: await sqlSource(files, options.sql) }
  const kinds: { format: TableFormat; file: ByteFile }[] = []
  const onBytes = progressOf(files, options)
  for (const [i, path] of files.entries()) kinds.push(await openFile(path, onBytes?.[i]))
  const [{ format }] = kinds as [(typeof kinds)[0]]
  const other = kinds.find((one) => one.format !== format)
  if (other !== undefined) {
    throw new InputError(
      `${other.file.name}: expected ${format}, as ${files[0]}, but it is ${other.format}: give files of one table`,
    )
  }
  const opened = kinds.map(({ file }) => file)
  const rows = await rowsOf(format, opened, options, onBytes?.[0])
  return { files, format, rows }
}

/** For each file: what is to be called with the bytes of it that were read. */
function progressOf(files: readonly string[], { onProgress }: TableOptions): OnBytes[] | undefined {
  if (onProgress === undefined) return
  const sizes = files.map((path) => fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const before = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
  return before.map((start) => (bytes) => onProgress({ bytes: start + bytes, total }))
}

/** What a file is, by its first bytes; text that begins with a brace or a bracket is JSON unless its name says CSV. */
async function openFile(path: string, onBytes: OnBytes | undefined): Promise<{ format: TableFormat; file: ByteFile }> {
  let file = byteFile(path, onBytes)
  let magic = magicOf(await headOf(file))
  if (magic.kind === 'gzip') {
    file = unpacked(file)
    magic = magicOf(await headOf(file))
    if (magic.kind === 'gzip' || magic.kind === 'parquet')
      throw new InputError(`${path}: expected a table in the gzip file but it holds ${magic.what}: unpack it`)
  }
  if (magic.kind === 'other') throw new InputError(`${path}: expected a table but it is ${magic.what}: ${magic.remedy}`)
  if (magic.kind !== 'text') return { format: FORMAT_OF[magic.kind], file }
  const format = textFormat(path, new TextDecoder().decode(await headOf(file)).trimStart())
  return { format, file }
}

const FORMAT_OF: Readonly<Record<Exclude<FileKind, 'text' | 'other' | 'gzip'>, TableFormat>> = {
  parquet: 'parquet',
  npy: 'npy',
  zip: 'npz',
}

/** Text is CSV unless a brace or a bracket begins it; FILE.json is one value unless another follows its first line. */
function textFormat(path: string, head: string): TableFormat {
  if (/\.(csv|tsv|tab|txt)(\.gz)?$/i.test(path)) return 'csv'
  if (head[0] !== '{') return head[0] === '[' ? 'json' : 'csv'
  return /\.json(\.gz)?$/i.test(path) && !/^\{.*\}\s*\n\s*\{/.test(head) ? 'json' : 'jsonl'
}

async function headOf(file: ByteFile): Promise<Uint8Array> {
  for await (const chunk of file.chunks()) return chunk.slice()
  return new Uint8Array()
}

async function rowsOf(
  format: TableFormat,
  files: readonly ByteFile[],
  options: TableOptions,
  onBytes: OnBytes | undefined,
): Promise<Source> {
  const [file] = files as [ByteFile]
  if (format === 'csv') return csvSource(files, options)
  if (format === 'jsonl') return jsonSource(files)
  if (format === 'parquet')
    return parquetSource(
      files.map(({ name }) => name),
      options.only,
      onBytes,
    )
  if (files.length > 1)
    throw new InputError(`${file.name}: expected one file of ${format} but received ${files.length}: join them`)
  const bytes = await wholeOf(file)
  if (format === 'json') return jsonValue(file.name, bytes)
  return npySource(
    file.name,
    format === 'npy' ? new Map([['', parseNpy(file.name, bytes)]]) : arraysOf(file.name, bytes),
  )
}

async function wholeOf(file: ByteFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of file.chunks()) {
    parts.push(chunk.slice())
    size += chunk.length
    if (size <= MOST_WHOLE) continue
    throw new InputError(`${file.name}: expected at most ${MOST_WHOLE / 2 ** 20} MB: save it as Parquet or CSV`)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** JSON that is an array of records, or an object of columns. */
async function jsonValue(what: string, bytes: Uint8Array): Promise<Source> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new InputError(`${what}: expected JSON in UTF-8 but it does not parse: ${(error as Error).message}`)
  }
  if (Array.isArray(value)) return columnSource(what, await columnsOfRows(what, value))
  const columns = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (columns.length > 0 && columns.every(([, cells]) => Array.isArray(cells)))
    return columnSource(what, new Map(columns))
  throw new InputError(`${what}: expected an array of records, or an object of columns, but received ${shown(value)}`)
}

function arraysOf(what: string, bytes: Uint8Array): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>()
  for (const [path, file] of unzip(what, bytes, MOST_WHOLE)) {
    if (!path.endsWith('.npy')) {
      const remedy = 'unpack it and give the file in it, as CSV or Parquet'
      throw new InputError(`${what}: expected a table but it is a zip archive of ${path}: ${remedy}`)
    }
    arrays.set(path.slice(0, -4), parseNpy(`${what}: ${path}`, file))
  }
  return arrays
}
