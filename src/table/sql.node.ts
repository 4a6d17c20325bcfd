/** The result of a query as a source of rows, by DuckDB: a package that users install who want it. */
import { InputError } from '../error.ts'
import { magicOf } from '../formats/magic.ts'
import { byteFile } from './byteFile.node.ts'
import type { CellBatch, Source } from './source.ts'

const PACKAGE = '@duckdb/node-api'

interface Result {
  columnNames(): string[]
  yieldRowsJs(): AsyncIterable<unknown[][]>
}

interface Connection {
  run(sql: string): Promise<unknown>
  stream(sql: string): Promise<Result>
}

interface DuckDb {
  readonly DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<Connection> }> }
}

/**
 * @param paths files of one table, CSV, JSON or Parquet: the view `data`; none: the query names its own
 * @throws InputError if DuckDB is not installed, or refuses the query
 */
export async function sqlSource(paths: readonly string[], sql: string): Promise<Source> {
  const { DuckDBInstance } = await duckDb()
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  if (paths.length > 0) {
    const list = paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ')
    const reader = await readerOf(paths[0]!)
    await explained(() => connection.run(`create view data as select * from ${reader}([${list}])`))
  }
  const columns = (await explained(() => connection.stream(sql))).columnNames()
  async function* batches(): AsyncGenerator<CellBatch> {
    let before = 0
    const result = await explained(() => connection.stream(sql))
    for await (const rows of result.yieldRowsJs()) {
      const from = before
      before += rows.length
      const cells = columns.map((_, c) => rows.map((row) => row[c]))
      yield { kind: 'cells', rows: rows.length, cells, placeOf: (row) => from + row + 1 }
    }
  }
  return { name: 'sql', columns, places: 'row', batches, share: () => undefined }
}

/** DuckDB's function that reads such a file. */
async function readerOf(path: string): Promise<string> {
  for await (const head of byteFile(path).chunks()) {
    if (magicOf(head).kind === 'parquet') return 'read_parquet'
    break
  }
  return /\.(json|jsonl|ndjson)(\.gz)?$/i.test(path) ? 'read_json_auto' : 'read_csv_auto'
}

async function duckDb(): Promise<DuckDb> {
  try {
    return (await import(PACKAGE)) as DuckDb
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new InputError(
      `sql: expected the package ${PACKAGE}, which runs queries, but it is not there: npm install ${PACKAGE}`,
    )
  }
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const said = (error as Error).message.replace(/\s*\n\s*/g, ' ')
    throw new InputError(`sql: expected a query that DuckDB understands but it says: ${said}`)
  }
}
