// DuckDB on one thread, which needs the least CPU time, streaming chunks of vectors into columns. `doubles`: the query
// casts what it can to doubles, whose vectors are copied whole; `values`: types as DuckDB infers them, value by value.
import { DuckDBInstance } from '@duckdb/node-api'
import { answer } from './answer.mjs'

const [, , way, file] = process.argv
const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
const from = `from read_csv_auto('${file}')`
const doubles = 'epoch_ms(time)::double, store, sales::double, price::double, temperature::double'
const result = await connection.stream(`select ${way === 'doubles' ? doubles : '*'} ${from}`)
let columns = Array.from({ length: 5 }, (_, c) => (c === 1 ? new Int32Array(1 << 16) : new Float64Array(1 << 16)))
const codes = new Map()
let rows = 0
for (;;) {
  const chunk = await result.fetchChunk()
  if (!chunk || chunk.rowCount === 0) break
  const n = chunk.rowCount
  if (rows + n > columns[0].length) {
    columns = columns.map((column) => {
      const wider = new column.constructor(2 * column.length)
      wider.set(column)
      return wider
    })
  }
  for (let c = 0; c < 5; c++) {
    const vector = chunk.getColumnVector(c)
    const column = columns[c]
    if (c !== 1 && way === 'doubles') {
      column.set(vector.items.subarray(0, n), rows)
      continue
    }
    for (let r = 0; r < n; r++) {
      const value = vector.getItem(r)
      if (c === 0) column[rows + r] = Number(value.micros) / 1000
      else if (c === 1) {
        if (!codes.has(value)) codes.set(value, codes.size)
        column[rows + r] = codes.get(value)
      } else column[rows + r] = Number(value)
    }
  }
  rows += n
}
const [time, store, ...numbers] = columns.map((column) => column.subarray(0, rows))
answer(time, store, numbers)
