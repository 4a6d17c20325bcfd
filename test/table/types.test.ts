// What the texts of a column are taken for, what is said of it, and what is refused: all by way of CSV.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openTable } from '../../src/table/openTable.node.ts'
import type { TableOptions } from '../../src/table/options.ts'
import { newFile, refusesTable, shownColumn } from '../support/tables.ts'

/** One column in quotes, so that its texts may hold anything. */
const csv = (name: string, texts: readonly string[]) =>
  [`row,${name}`, ...texts.map((text, i) => `r${i},"${text.replaceAll('"', '""')}"`), ''].join('\n')

async function column(context: TestContext, name: string, texts: readonly string[], options: TableOptions = {}) {
  const { columns, report } = await openTable(newFile(context, 'x.csv', csv(name, texts)), options)
  const notes = report.notes.filter((note) => note.column === name).map((note) => `${note.level}: ${note.text}`)
  return { ...report.columns[1]!, values: shownColumn(columns[1]!), column: columns[1]!, notes }
}

const times = (n: number, text: (i: number) => string) => Array.from({ length: n }, (_, i) => text(i))

const day = (text: string) => `${text}T00:00:00.000Z`
const COLUMNS: readonly [string, readonly string[], string, readonly (string | number | null)[], TableOptions?][] = [
  ['a', ['1', '2.5', '-3e2', ' 4 '], 'number', [1, 2.5, -300, 4]],
  ['a', ['1,5', '2,25', '3'], 'number', [1.5, 2.25, 3]],
  ['a', ['1.234,5', '2,25'], 'number', [1234.5, 2.25]],
  ['a', ['1,234', '12,345,678'], 'number', [1234, 12345678]],
  ['a', ['1,234', '12,345'], 'number', [1.234, 12.345], { decimal: ',' }],
  ['a', ['1 234,5', '1\u00a0234\u202f567'], 'number', [1234.5, 1234567]],
  ['a', ["1'234.5", '7'], 'number', [1234.5, 7]],
  ['a', ['12.5 %', '3%'], 'number', [12.5, 3]],
  ['a', ['$1,200', '-$7.50', '3'], 'number', [1200, -7.5, 3]],
  ['a', ['5 €', '6,50 €'], 'number', [5, 6.5]],
  ['a', ['', 'NA', 'null'], 'number', [null, null, null]],
  ['a', ['0', '1', 'NA'], 'flag', [0, 1, null]],
  ['a', ['yes', 'No', ''], 'flag', [1, 0, null]],
  ['a', ['True', 'False', 'true'], 'flag', [1, 0, 1]],
  ['a', ['y', 'n'], 'flag', [1, 0]],
  ['a', ['y', 'y'], 'category', ['y', 'y']],
  ['a', ['f', 'm', '-'], 'category', ['f', 'm', null]],
  ['a', ['01234', '99999'], 'category', ['01234', '99999']],
  ['a', ['01', '12'], 'number', [1, 12]],
  ['a', ['12345678901234567', '12345678901234568'], 'category', ['12345678901234567', '12345678901234568']],
  ['a', ['12', '13'], 'category', ['12', '13'], { types: { a: 'category' } }],
  ['a', ['yes', 'no'], 'category', ['yes', 'no'], { types: { a: 'category' } }],
  ['a', ['0', '1'], 'number', [0, 1], { types: { a: 'number' } }],
  ['a', ['12', 'none yet'], 'number', [12, null], { missing: ['none yet'] }],
  ['a', ['2015-01-31', '2015-02-01'], 'time', [day('2015-01-31'), day('2015-02-01')]],
  ['a', ['2015-01-31', '2015-02-01 12:00'], 'time', [day('2015-01-31'), '2015-02-01T12:00:00.000Z']],
  ['a', ['31.12.2015', '01.02.2015', '?'], 'time', [day('2015-12-31'), day('2015-02-01'), null]],
  ['a', ['01/02/2015', '13/02/2015'], 'time', [day('2015-02-01'), day('2015-02-13')]],
  ['a', ['01/02/2015', '02/13/2015'], 'time', [day('2015-01-02'), day('2015-02-13')]],
  ['a', ['01/02/2015', '02/02/2015'], 'time', [day('2015-02-01'), day('2015-02-02')], { dayFirst: true }],
  ['a', ['01-02-15', '02-02-99'], 'time', [day('2015-01-02'), day('1999-02-02')], { dayFirst: false }],
  ['a', ['Jan 1 2000', 'Feb 1 2000'], 'time', [day('2000-01-01'), day('2000-02-01')]],
  ['a', ['2000Q1', '2000Q2'], 'time', [day('2000-01-01'), day('2000-04-01')]],
  ['a', ['2000-01', '2000-02'], 'time', [day('2000-01-01'), day('2000-02-01')]],
  ['a', ['20150101', '20150102'], 'time', [day('2015-01-01'), day('2015-01-02')]],
  ['a', ['20150101', '20150199'], 'number', [20150101, 20150199]],
  ['year', ['1999', '2000'], 'time', [day('1999-01-01'), day('2000-01-01')]],
  ['price', ['1999', '2000'], 'number', [1999, 2000]],
  ['timestamp', ['1420070400', '1420074000.5'], 'time', [day('2015-01-01'), '2015-01-01T01:00:00.500Z']],
  ['ts', ['1420070400000', '1420074000000'], 'time', [day('2015-01-01'), '2015-01-01T01:00:00.000Z']],
  ['x', ['1420070400', '1420074000'], 'number', [1420070400, 1420074000]],
  [
    'x',
    ['1420070400', '1420074000'],
    'time',
    [day('2015-01-01'), '2015-01-01T01:00:00.000Z'],
    { types: { x: 'time' } },
  ],
  ['a', ['2015-03-29T01:00+01:00', '2015-03-29T03:00+02:00'], 'time', [day('2015-03-29'), '2015-03-29T01:00:00.000Z']],
  ['a', times(40, (i) => `word ${i}`), 'text', times(40, (i) => `word ${i}`)],
  ['__proto__', ['x', 'y'], 'category', ['x', 'y']],
]

test('a column has the type that its texts have', async (context) => {
  for (const [name, texts, type, values, options] of COLUMNS) {
    const found = await column(context, name, texts, options)
    assert.deepEqual({ type: found.type, values: found.values }, { type, values }, texts.join(' | '))
    assert.equal(found.column.type, type === 'flag' ? 'number' : type === 'text' ? 'category' : type)
    assert.equal('flag' in found.column, type === 'flag')
    assert.equal(found.missing, values.filter((value) => value === null).length)
    assert.equal(found.distinct, new Set(values.filter((value) => value !== null)).size, texts.join(' | '))
  }
})

test('what was decided is said', async (context) => {
  const cases: readonly [string, readonly string[], RegExp][] = [
    ['a', ['1,5', '2,25'], /^note: a: numbers with a decimal comma \(1,5 is 1.5\)$/],
    ['a', ['1,234', '2,345'], /^warning: a: 1,234 is taken for 1234: if it is 1.234, say --decimal ,$/],
    ['a', ['5 %', '6 %'], /^note: a: numbers with percent signs \(12.5 % is 12.5\)$/],
    ['a', ['1', 'NA', 'NA', '-'], /^note: a: "NA" \(2 rows\), "-" \(1 row\) taken as missing$/],
    ['a', ['x', 'NA', 'x'], /^note: a: "NA" \(1 row\) taken as missing$/],
    ['a', ['01/02/2015', '13/02/2015'], /^note: a: moments as DD\/MM\/YYYY, as 13\/02\/2015 on line 3 shows$/],
    ['a', ['2015-01-01 10:00Z'], /^note: a: moments as YYYY-MM-DD HH:mmZ$/],
    ['a', ['01234', '99999'], /^note: a: codes \(leading zeros, or over 16 digits\): a category; say --types a=number/],
    ['a', ['1420070400'], /^warning: a: these may be unix seconds: if so, say --types a=time$/],
    [
      'a',
      times(100, (i) => (i % 4 ? `${i}` : `A/${i}`)),
      /^warning: a: words beside numbers: it is read as a category$/,
    ],
  ]
  for (const [name, texts, note] of cases) {
    const { notes } = await column(context, name, texts)
    assert.ok(
      notes.some((text) => note.test(text)),
      `${texts[0]}: ${notes.join('; ')}`,
    )
  }
  assert.deepEqual((await column(context, 'a', ['1', '2'])).notes, [])
})

test('a column that no type fits is refused with its rows', async (context) => {
  const days = times(100, (i) => `2015-01-${String(1 + (i % 28)).padStart(2, '0')}`)
  const put = (texts: readonly string[], at: number, text: string) => texts.map((one, i) => (i === at ? text : one))
  const numbers = times(100, (i) => `${i}.5`)
  const cases: readonly [readonly string[], RegExp, TableOptions?][] = [
    [
      put(put(put(numbers, 7, 'oops'), 9, 'n.v.'), 60, 'oops'),
      /x\.csv: a: expected numbers but received "oops" on lines 9, 62; "n\.v\." on line 11: correct them, or say --types a=category$/,
    ],
    [put(numbers, 7, 'Infinity'), /expected numbers but received "Infinity" on line 9/],
    [
      put(days, 50, '01/04/2015'),
      /a: expected moments like YYYY-MM-DD but received "01\/04\/2015" on line 52: write all dates alike/,
    ],
    [put(days, 50, '2015-02-30'), /expected moments like YYYY-MM-DD but received "2015-02-30" on line 52/],
    [put(days, 50, '2015-01-01T00:00Z'), /received "2015-01-01T00:00Z" on line 52/],
    [
      [...days, ...times(100, () => '01/04/2015')],
      /received "01\/04\/2015" on lines 102, 103, 104, 105, 106 and 95 more/,
    ],
    [
      ['13/02/2015', '02/13/2015'],
      /expected dates of one order but 13\/02\/2015 on line 2 has the day first, 02\/13\/2015 on line 3 the month/,
    ],
    [
      ['01/02/2015', '02/02/2015'],
      /expected dates of one meaning but every row may be DD\/MM\/YYYY or MM\/DD\/YYYY: say --day-first/,
    ],
    [
      ['02/13/2015'],
      /expected dates with the day first, as told, but received 02\/13\/2015 on line 2/,
      { dayFirst: true },
    ],
    [['x', 'y'], /expected numbers but received "x" on line 2; "y" on line 3/, { types: { a: 'number' } }],
    [['yes', 'maybe'], /expected yes or no, .* but received "maybe" on line 3/, { types: { a: 'flag' } }],
    [['1', '2'], /types: expected one of row, a but received b/, { types: { b: 'number' } }],
    [['1'], /only: expected one of row, a but received A: did you mean a\?/, { only: ['A'] }],
    [
      ['1'],
      /types: a: expected one of number, category, flag, time, text but received "int"/,
      { types: { a: 'int' as 'number' } },
    ],
    [['1'], /openTable: timezone: expected the name of a time zone/, { timezone: 'Mars' }],
    [['1'], /openTable: delimiter: expected one character/, { delimiter: '::' }],
  ]
  for (const [texts, message, options] of cases) {
    await refusesTable(newFile(context, 'x.csv', csv('a', texts)), message, options)
  }
})

test('rows beyond the first ones change what is decided', async (context) => {
  const many = (text: string) => times(4100, () => text)
  const cases: readonly [readonly string[], string, number | string][] = [
    [[...many('1'), '1,5'], 'number', 1.5],
    [[...many('01/02/2015'), '13/02/2015'], 'time', '2015-02-13T00:00:00.000Z'],
    [[...many(''), 'x'], 'category', 'x'],
    [[...many(''), '2015-01-01'], 'time', '2015-01-01T00:00:00.000Z'],
    [[...many('1'), '1420070400'], 'number', 1420070400],
    [[...many('yes'), 'no', 'maybe'], 'category', 'maybe'],
    [[...many('1'), ...times(2000, (i) => `w${i % 9}`)], 'category', 'w1'],
    [[...times(4100, (i) => (i % 2 ? 'a' : 'b')), '01234'], 'category', '01234'],
  ]
  for (const [texts, type, last] of cases) {
    const found = await column(context, 'a', texts)
    assert.deepEqual([found.type, found.values.at(-1)], [type, last], String(last))
    assert.equal(found.values.length, texts.length)
  }
  const late = newFile(context, 'x.csv', csv('a', [...many('1'), 'foo', 'bar']))
  await refusesTable(late, /a: expected numbers but received "foo" on line 4102; "bar" on line 4103/)
})
