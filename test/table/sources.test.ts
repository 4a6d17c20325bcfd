// One table from every kind of source: the values are the same.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { openTable, type TableSource } from '../../src/table/openTable.node.ts'
import type { OpenedTable } from '../../src/table/table.ts'
import { newFile, refusesTable, shownTable, tableFixture } from '../support/tables.ts'

const ROWS = [
  { day: '2015-01-01', at: '2015-03-28T23:00:00.000Z', store: 'Köln', sales: 12, price: 0.1, open: true },
  { day: '2015-01-02', at: '2015-03-29T00:00:00.000Z', store: 'Bonn', sales: 13, price: 1e-7, open: false },
  { day: null, at: '2015-03-29T01:00:00.000Z', store: 'Köln', sales: null, price: 12345.678, open: true },
  { day: '2015-01-04', at: '2015-03-29T02:00:00.000Z', store: null, sales: 15, price: 0.25, open: true },
  { day: '2015-01-05', at: '2015-03-29T03:00:00.000Z', store: 'a,"b"', sales: 2 ** 53 - 1, price: 1e22, open: false },
  { day: '2015-01-06', at: '2015-03-29T04:00:00.000Z', store: 'Bonn', sales: -7, price: 0.5, open: true },
]
const NAMES = Object.keys(ROWS[0]!) as (keyof (typeof ROWS)[0])[]
const column = (name: keyof (typeof ROWS)[0]) => ROWS.map((row) => row[name])

const EXPECTED: Record<string, (string | number | null)[]> = {
  ...(Object.fromEntries(NAMES.map((name) => [name, column(name)])) as Record<string, (string | number | null)[]>),
  day: ROWS.map(({ day }) => (day === null ? null : `${day}T00:00:00.000Z`)),
  open: ROWS.map(({ open }) => Number(open)),
}

async function check(source: TableSource): Promise<OpenedTable> {
  const table = await openTable(source)
  assert.deepEqual(shownTable(table), EXPECTED)
  assert.deepEqual(
    table.report.columns.map(({ type }) => type),
    ['time', 'time', 'category', 'number', 'number', 'flag'],
  )
  assert.deepEqual(
    table.report.columns.map(({ missing }) => missing),
    [1, 0, 1, 1, 0, 0],
  )
  assert.equal(table.rows, 6)
  return table
}

test('CSV and Parquet, as pandas and pyarrow write them', async () => {
  await check(tableFixture('table.csv'))
  for (const codec of ['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4']) await check(tableFixture(`${codec}.parquet`))
  const two = await openTable([tableFixture('none.parquet'), tableFixture('zstd.parquet')], { only: ['price', 'day'] })
  assert.deepEqual(shownTable(two), {
    price: [...EXPECTED.price!, ...EXPECTED.price!],
    day: [...EXPECTED.day!, ...EXPECTED.day!],
  })
})

test('JSON Lines and JSON', async (context) => {
  const lines = ROWS.map((row) => JSON.stringify(row)).join('\n')
  await check(newFile(context, 'x.jsonl', lines))
  await check(newFile(context, 'x', `\n${lines}\r\n\n`))
  await check(newFile(context, 'x.json', JSON.stringify(ROWS, undefined, 2)))
  const without = ROWS.map((row) =>
    JSON.stringify(Object.fromEntries(Object.entries(row).filter(([, v]) => v !== null))),
  )
  await check(newFile(context, 'x.jsonl', without.join('\n')))
})

test('records and columns in memory', async () => {
  await check(ROWS)
  await check(new Set(ROWS))
  await check(
    (async function* () {
      yield* ROWS
    })(),
  )
  await check(
    ROWS.map((row) => ({ ...row, day: row.day && new Date(row.day), at: new Date(row.at), open: Number(row.open) })),
  )
  await check(ROWS.map((row) => ({ ...row, sales: row.sales && BigInt(row.sales), price: String(row.price) })))
  await check(Object.fromEntries(NAMES.map((name) => [name, column(name)])))
  await check({
    ...(Object.fromEntries(NAMES.map((name) => [name, column(name)])) as Record<string, (string | number | null)[]>),
    price: Float64Array.from(ROWS, (row) => row.price),
  })
  const sales = Float64Array.from(ROWS, (row) => row.sales ?? Number.NaN)
  const table = await openTable({ sales })
  assert.notEqual((table.columns[0] as { values: Float64Array }).values.buffer, sales.buffer)
})

test('a decimal comma is for texts, not for numbers', async () => {
  const rows = [
    { a: '1,5', b: 1.234 },
    { a: '2', b: 2.5 },
  ]
  assert.deepEqual(shownTable(await openTable(rows)), { a: [1.5, 2], b: [1.234, 2.5] })
  assert.deepEqual(shownTable(await openTable(rows, { decimal: ',' })), { a: [1.5, 2], b: [1.234, 2.5] })
})

test('sequences a line become rows', async (context) => {
  const long = { id: [7, 7, 8], label: ['walk', 'walk', 'run'] }
  const cases: readonly [string, object][] = [
    [
      '{"id":7,"label":"walk","steps":[[1,2],[3,null]]}\n{"label":"run","id":8,"steps":[[5,6]]}',
      { ...long, value1: [1, 3, 5], value2: [2, null, 6] },
    ],
    ['{"id":7,"label":"walk","steps":[1,3]}\n{"id":8,"label":"run","steps":[5]}', { ...long, value: [1, 3, 5] }],
    [
      '{"id":7,"label":"walk","steps":[{"x":1},{"x":3}]}\n{"id":8,"label":"run","steps":[{"x":5}]}',
      { ...long, x: [1, 3, 5] },
    ],
    ['{"steps":[1,3]}\n{"steps":[]}\n{"steps":[5]}', { id: [1, 1, 3], value: [1, 3, 5] }],
  ]
  for (const [text, expected] of cases) {
    assert.deepEqual(shownTable(await openTable(newFile(context, 'x.jsonl', text))), expected, text)
  }
})

test('arrays of NumPy, of every kind and order', async () => {
  const x = Array.from({ length: 24 }, (_, i) => i)
  const three = Object.fromEntries([0, 1, 2].map((c) => [`value${c + 1}`, x.filter((i) => i % 3 === c)]))
  const files = fs.readdirSync(tableFixture('.')).filter((name) => /^(little|big)-/.test(name))
  assert.equal(files.length, 22)
  for (const name of files) assert.deepEqual(shownTable(await openTable(tableFixture(name))), three, name)
  assert.deepEqual(shownTable(await openTable(tableFixture('sequences.npz'))), {
    id: [0, 0, 0, 0, 1, 1, 1, 1],
    x1: three.value1,
    x2: three.value2,
    x3: three.value3,
    label: [...Array(4).fill('walk'), ...Array(4).fill('rün')],
    weight: [...Array(4).fill(1.5), ...Array(4).fill(null)],
  })
  const { day, price, open } = EXPECTED as { [name: string]: (string | number | null)[] }
  assert.deepEqual(shownTable(await openTable(tableFixture('columns.npz'))), {
    day,
    price,
    open,
    code: ['a', 'b', 'a', 'b', 'c', 'd'],
  })
})

test('what they cannot hold is refused in one line', async (context) => {
  const cases: readonly [TableSource, RegExp][] = [
    [tableFixture('objects.npy'), /expected an array of NumPy but it holds objects of Python: save numbers or words/],
    [tableFixture('complex.npy'), /but its type is <c16: save it as float64, or as words/],
    [tableFixture('nested.parquet'), /list: expected a value in each row but it holds lists or records/],
    [
      newFile(context, 'x.parquet', fs.readFileSync(tableFixture('zstd.parquet')).subarray(0, 3000)),
      /expected a whole Parquet file but/,
    ],
    [
      newFile(context, 'x.npz', fs.readFileSync(tableFixture('columns.npz')).subarray(0, 700)),
      /expected a zip archive but its end is missing/,
    ],
    [
      newFile(context, 'x.jsonl', '{"a":1}\n{"a":'),
      /x\.jsonl: line 2: expected JSON but received "\{\\"a\\":": write one record a line/,
    ],
    [
      newFile(context, 'x.jsonl', '{"a":1}\n[2]'),
      /x\.jsonl: line 2: expected a record, as in .* but received an array of 1/,
    ],
    [
      newFile(context, 'x.jsonl', '{"a":1}\n{"a":{"b":2}}'),
      /x\.jsonl: a: line 2: expected a number, a word, .* but received an object with b/,
    ],
    [
      newFile(context, 'x.jsonl', '{"steps":[[1,2]]}\n{"steps":[[1]]}'),
      /line 2: steps: 0: expected 2 values, as before, but received 1/,
    ],
    [
      newFile(context, 'x.jsonl', '{"steps":[{"a":1}]}\n{"steps":[{"b":1}]}'),
      /line 2: steps: 0: expected the keys a, as before, but received b/,
    ],
    [newFile(context, 'x.json', '[{"a":1},'), /x\.json: expected JSON in UTF-8 but it does not parse/],
    [newFile(context, 'x.json', '[1,2]'), /x\.json: row 1: expected a record/],
    [{ a: [1, 2], b: [1] }, /table: b: expected 2 values, as many as a, but received 1/],
    [{ a: 5 as unknown as number[] }, /table: a: expected an array of values but received 5/],
    [{}, /table: expected columns but received none/],
    [[], /table: expected rows but received none/],
    [{ a: [] }, /table: expected rows but there are none, only the columns a/],
    [[{ a: 1 }, { a: [2] }], /table: a: row 2: expected a number, a word, .* but received an array of 1/],
    [[{ a: 1 }, { a: () => 1 }], /table: a: row 2: expected a number, .* but received a function/],
    [
      5 as unknown as string,
      /openTable: expected the name of a file, records, or an object of columns, but received 5/,
    ],
  ]
  for (const [source, message] of cases) await refusesTable(source, message)
  await refusesTable([], /openTable: sql: expected/, { sql: '' })
})

test('a query needs DuckDB', async (context) => {
  const file = newFile(context, 'x.csv', 'a\n1\n')
  await refusesTable(file, /^sql: expected the package @duckdb\/node-api, .* npm install @duckdb\/node-api$/, {
    sql: 'select 1',
  })
})
