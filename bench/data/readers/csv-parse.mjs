// Records as csv-parse streams them, into arrays that grow.
import * as fs from 'node:fs'
import { parse } from 'csv-parse'
import { answer } from './answer.mjs'

let columns = Array.from({ length: 5 }, (_, c) => (c === 1 ? new Int32Array(1 << 16) : new Float64Array(1 << 16)))
const codes = new Map()
let rows = -1
for await (const [time, store, ...numbers] of fs.createReadStream(process.argv[2]).pipe(parse())) {
  const r = rows++
  if (r < 0) continue
  if (r === columns[0].length) {
    columns = columns.map((column) => {
      const wider = new column.constructor(2 * r)
      wider.set(column)
      return wider
    })
  }
  if (!codes.has(store)) codes.set(store, codes.size)
  columns[0][r] = Date.parse(`${time}Z`)
  columns[1][r] = codes.get(store)
  for (let c = 0; c < 3; c++) columns[2 + c][r] = Number(numbers[c])
}
const [time, store, ...numbers] = columns.map((column) => column.subarray(0, rows))
answer(time, store, numbers)
