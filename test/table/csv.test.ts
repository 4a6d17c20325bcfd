// Files of CSV: their names, several of one table, and what is wrong with them.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { memoryFile, unpacked } from '../../src/table/byteFile.node.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import { newFile, refusesTable, shownTable } from '../support/tables.ts'

test('a first line of numbers and dates is no header, which is said', async (context) => {
  const { report, columns } = await openTable(newFile(context, 'x.csv', '2015-01-01,5\n2015-01-02,6\n'))
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['column1', 'column2'],
  )
  assert.equal(report.header, false)
  assert.match(report.notes[0]!.text, /the first line is numbers, not names: the columns are called column1 … column2$/)
  const told = await openTable(newFile(context, 'x.csv', '2000,2001\n5,6\n'), { header: true })
  assert.deepEqual(shownTable(told), { 2000: [5], 2001: [6] })
})

test('names are trimmed; the first may be empty', async (context) => {
  const { report, columns } = await openTable(newFile(context, 'x.csv', '"", b ,constructor\n1,2,3\n'))
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['column1', 'b', 'constructor'],
  )
  assert.equal(report.notes[0]!.kind, 'no-name')
})

test('several files of one table are one after the other, whatever the order of their columns', async (context) => {
  const files = ['a,b\n1,x\n', 'b;a\ny;2\n', 'a,b\n3,z'].map((text) => newFile(context, 'x.csv', text))
  const table = await openTable(files)
  assert.deepEqual(shownTable(table), { a: [1, 2, 3], b: ['x', 'y', 'z'] })
  assert.deepEqual(table.report.files, files)
  const other = newFile(context, 'y.csv', 'a,c\n1,x\n')
  await refusesTable(
    [files[0]!, other],
    /y\.csv: expected the columns of .*x\.csv but there is no b, and c in its place/,
  )
  const wider = newFile(context, 'y.csv', 'a,b,c\n1,x,2\n')
  await refusesTable([files[0]!, wider], /y\.csv: expected the columns of .*x\.csv but c is one more/)
  await refusesTable([files[0]!, newFile(context, 'y.jsonl', '{"a":1}')], /expected csv, as .* but it is jsonl/)
})

test('gzip, byte order mark, carriage returns and latin1 make no difference', async (context) => {
  const text = '\ufeffstadt,wert\r\n"Köln",1\r\nBonn,2'
  const expected = { stadt: ['Köln', 'Bonn'], wert: [1, 2] }
  assert.deepEqual(shownTable(await openTable(newFile(context, 'x.csv', text))), expected)
  assert.deepEqual(shownTable(await openTable(newFile(context, 'x', gzipSync(text)))), expected)
  const latin = newFile(context, 'x.csv', Buffer.from(text.slice(1), 'latin1'))
  assert.deepEqual(shownTable(await openTable(latin, { encoding: 'latin1' })), expected)
  await refusesTable(latin, /x\.csv: stadt: expected UTF-8 but the text of row 1 is not: .* --encoding latin1/)
})

test('names may hold anything; messages stay one line', async (context) => {
  const texts = Array.from({ length: 20 }, (_, i) => (i === 7 ? 'x' : `${i}.5`)).join('\n')
  const file = newFile(context, 'x.csv', `"a\n\u001b[2J"\n${texts}`)
  await refusesTable(file, /x\.csv: a\\u000a\\u001b\[2J: expected numbers but received "x" on line 10/)
})

test('columns are chosen in the order in which they are named', async (context) => {
  const table = await openTable(newFile(context, 'x.csv', 'a,b,c\n1,x,3\n'), { only: ['c', 'a'] })
  assert.deepEqual(
    table.columns.map(({ name }) => name),
    ['c', 'a'],
  )
})

test('numbers are float32 if that is wanted, moments are not', async (context) => {
  const table = await openTable(newFile(context, 'x.csv', 't,v\n2015-01-01 00:01,0.1\n'), { float32: true })
  assert.deepEqual(
    table.columns.map((column) => column.type !== 'category' && column.values),
    [Float64Array.of(Date.UTC(2015, 0, 1, 0, 1)), Float32Array.of(0.1)],
  )
})

test('what is no table is refused in one line', async (context) => {
  const zip = (inside: string) => Buffer.from(`PK\x03\x04${'\0'.repeat(26)}${inside}`, 'latin1')
  const cases: readonly [string | Uint8Array, RegExp][] = [
    ['', /expected a table but there is nothing in it/],
    ['\n\r\n', /expected a table but there is nothing in it/],
    ['\ufeff', /expected a table but there is nothing in it/],
    ['a,b\n', /expected rows but there are none, only the columns a, b/],
    ['a,b\n1,"2\n', /line 2, column 2: the quote that opens this field is never closed/],
    ['a,b\n1,2\n3\n', /line 3: expected 2 columns, as many as in the first line, but received 1/],
    ['a,b,a\n1,2,3\n', /line 1: expected different names but columns 1 and 3 are both called a: rename one/],
    ['a,,c\n1,2,3\n', /line 1, column 2: expected the name of a column but it is empty/],
    [Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), /expected a table but it is UTF-16: save it as UTF-8/],
    [Buffer.from('a,b\n1,2\n', 'utf16le'), /line 1, column 1: expected text but received a NUL byte/],
    [Buffer.from([1, 2, 3, 0, 5]), /line 1, column 1: expected text but received a NUL byte/],
    [zip('xl/workbook.xml'), /expected a table but it is an Excel workbook: save it as CSV/],
    ['ARROW1\0\0', /expected a table but it is an Arrow file: save it as Parquet or CSV/],
    ['<!DOCTYPE html>\n', /expected a table but it is a page of HTML or XML/],
    [gzipSync('a,b\n1,2\n').subarray(0, 20), /expected a whole gzip file but it is cut off/],
    [gzipSync('a,b\n1,2\n').fill(255, 10, 14), /expected a whole gzip file but its data are damaged/],
    [gzipSync(gzipSync('a,b\n1,2\n')), /expected a table in the gzip file but it holds gzip: unpack it/],
  ]
  for (const [content, message] of cases) await refusesTable(newFile(context, 'x.csv', content), message)
  await refusesTable('/nowhere/x.csv', /^\/nowhere\/x\.csv: cannot be read: there is no such file$/)
  await refusesTable('/', /^\/: cannot be read: it is a folder, not a file$/)
})

test('a gzip file that unpacks to far more than a table does is given up', async () => {
  const bomb = unpacked(memoryFile('x.csv.gz', gzipSync(Buffer.alloc(2 ** 22, '1,2\n'))), 2 ** 20)
  let size = 0
  const read = async () => {
    for await (const chunk of bomb.chunks()) size += chunk.length
  }
  await assert.rejects(read, /^InputError: x\.csv\.gz: .* it unpacks to more than 300 times its size, as no table does/)
  assert.ok(size < 2 ** 21)
})

test('a file that changes while it is read is noticed', async (context) => {
  const lines = `${'2015-01-01,1.5,abc\n'.repeat(50_000)}`
  const changes: readonly [(file: string) => void, RegExp][] = [
    [(file) => fs.appendFileSync(file, '2015-01-02,2.5,abc\n'), /it grew while it was read: read it again/],
    [(file) => fs.truncateSync(file, 500_000), /it became shorter while it was read/],
    [(file) => fs.utimesSync(file, 1, 1), /it was written to while it was read/],
  ]
  for (const [change, message] of changes) {
    const file = newFile(context, 'x.csv', `day,v,w\n${lines}`)
    let calls = 0
    const onProgress = ({ bytes, total }: { bytes: number; total: number }) => {
      assert.ok(bytes <= total)
      if (++calls === 6) change(file)
    }
    await refusesTable(file, message, { onProgress })
  }
})
