/** Parquet as a source of rows, one row group after the other; hyparquet is loaded when the first such file is. */
import * as fs from 'node:fs'
import { statsOf } from '../disk.node.ts'
import { InputError } from '../error.ts'
import type { OnBytes } from './byteFile.node.ts'
import { changedFile } from './byteFile.node.ts'
import { nameOf } from './byteFile.ts'
import type { Cells } from './rows.ts'
import type { CellBatch, Source } from './source.ts'

/** @throws InputError for a damaged file, for columns of lists or records, for files of different columns */
export async function parquetSource(
  paths: readonly string[],
  only: readonly string[] | undefined,
  onBytes?: OnBytes,
): Promise<Source> {
  const files: ParquetFile[] = []
  for (const path of paths) files.push(await openParquet(path))
  const [first] = files as [ParquetFile]
  const columns = first.columns
  for (const { path, columns: others } of files) {
    const missing = columns.find((name) => !others.includes(name))
    const extra = others.find((name) => !columns.includes(name))
    if (missing === undefined && extra === undefined) continue
    const problem = missing === undefined ? `${extra} is one more` : `there is no ${missing}`
    throw new InputError(`${path}: expected the columns of ${first.path} but ${problem}: give files of one table`)
  }
  const total = files.reduce((sum, { rows }) => sum + rows, 0)
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  let read = 0
  async function* batches(): AsyncGenerator<CellBatch> {
    read = 0
    for (const file of files) {
      for (const [from, to] of file.groups) {
        const cells = await file.read(from, to, only ?? columns)
        const before = read
        read += to - from
        onBytes?.(Math.round((bytes * read) / total))
        yield {
          kind: 'cells',
          rows: to - from,
          cells: columns.map((name) => cells.get(name) ?? []),
          placeOf: (row) => before + row + 1,
        }
      }
    }
  }
  const name = nameOf(files.map(({ path }) => ({ name: path })))
  return { name, columns, places: 'row', batches, share: () => (total === 0 ? 1 : read / total) }
}

interface ParquetFile {
  readonly path: string
  readonly columns: readonly string[]
  readonly rows: number
  readonly size: number
  /** First row and the one after the last of each row group. */
  readonly groups: readonly (readonly [number, number])[]
  read(from: number, to: number, columns: readonly string[]): Promise<Map<string, Cells>>
}

async function openParquet(path: string): Promise<ParquetFile> {
  const [{ parquetMetadataAsync, parquetRead, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ])
  const before = statsOf(path)
  const file = { byteLength: before.size, slice: (start: number, end = before.size) => sliceOf(path, start, end) }
  const metadata = await explained(path, () => parquetMetadataAsync(file))
  const columns = parquetSchema(metadata).children.map(({ element, children }) => {
    if (children.length === 0 && element.repetition_type !== 'REPEATED') return element.name
    const remedy = 'flatten it, or leave it out: --only'
    throw new InputError(
      `${path}: ${element.name}: expected a value in each row but it holds lists or records: ${remedy}`,
    )
  })
  const groups: [number, number][] = []
  let rows = 0
  for (const { num_rows } of metadata.row_groups) {
    const n = Number(num_rows)
    if (!(n >= 0 && n < 2 ** 40)) {
      throw new InputError(`${path}: expected a whole Parquet file but a row group has ${n} rows: write it again`)
    }
    groups.push([rows, rows + n])
    rows += n
  }
  const read = async (from: number, to: number, names: readonly string[]) => {
    const parts = new Map<string, Cells[]>(names.map((name) => [name, []]))
    const options = { file, metadata, compressors, columns: [...names], rowStart: from, rowEnd: to }
    await explained(path, () =>
      parquetRead({ ...options, onChunk: ({ columnName, columnData }) => parts.get(columnName)!.push(columnData) }),
    )
    const changed = changedFile(path, before, statsOf(path))
    if (changed !== undefined) throw changed
    return new Map([...parts].map(([name, chunks]) => [name, joined(path, name, chunks, to - from)]))
  }
  return { path, columns, rows, size: before.size, groups: groups.filter(([from, to]) => to > from), read }
}

function joined(path: string, name: string, chunks: readonly Cells[], rows: number): Cells {
  const all = chunks.length === 1 ? chunks[0]! : chunks.flatMap((chunk) => Array.from(chunk))
  if (all.length === rows) return all
  throw new InputError(`${path}: ${name}: expected ${rows} rows but its pages hold ${all.length}: the file is damaged`)
}

async function sliceOf(path: string, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, end - start))
  const file = await fs.promises.open(path)
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at)
      if (bytesRead === 0) throw new Error('it is cut off')
      at += bytesRead
    }
  } finally {
    await file.close()
  }
  return bytes.buffer
}

/** What hyparquet throws, in one line: its errors are of files that are not as the format has them. */
async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof InputError) throw error
    const problem = (error as Error).message.split('\n', 1)[0]
    throw new InputError(`${path}: expected a whole Parquet file but ${problem}: copy or write it again`)
  }
}
