/** Decisions about tables, and tables that no forecast can be made of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ForecastChoices } from '../../src/data/infer.ts'
import { inferForecast } from '../../src/data/infer.ts'
import { parseSchema } from '../../src/data/schema.ts'
import { openTable } from '../../src/table/openTable.node.ts'

const N = 120
const day = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
const dates = Array.from({ length: N }, (_, i) => day(i))
const sales = dates.map((_, i) => 100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11))

type Columns = Record<string, readonly unknown[]>
const infer = async (columns: Columns, choices: Partial<ForecastChoices> = {}) =>
  inferForecast(await openTable(columns), { target: 'sales', ...choices })

test('a table of days: step, season, horizon, lags, calendar and split', async () => {
  const { schema } = await infer({ date: dates, sales })
  assert.equal(schema.time.step, '1d')
  assert.deepEqual(schema.seasons, [7])
  assert.equal(schema.horizon, 12)
  assert.deepEqual(schema.lags, [14])
  assert.deepEqual(schema.calendar, ['weekday'])
  assert.deepEqual(schema.split, { validation: 84, test: 96, end: 120, stride: 1 })
  assert.deepEqual(parseSchema(JSON.parse(JSON.stringify(schema))), schema)
})

test('rows in any order, columns in any order and columns that are not named change no decision', async () => {
  const { schema } = await infer({ date: dates, sales })
  const order = dates.map((_, i) => (i * 37) % N)
  const shuffled = { other: order, sales: order.map((i) => sales[i]), date: order.map((i) => dates[i]) }
  assert.deepEqual((await infer(shuffled)).schema, schema)
})

test('steps: months whose stamps are in UTC, weekdays, half hours, numbers', async () => {
  const steps = async (time: readonly unknown[], step: string) => {
    const { schema } = await infer({ time, sales: time.map((_, i) => sales[i % N]) }, { horizon: 2 })
    assert.equal(schema.time.step, step)
  }
  const summer = (i: number) =>
    `${new Date(Date.UTC(2000, i, 1)).toISOString().slice(0, 10)}T0${i % 12 > 2 && i % 12 < 10 ? 7 : 8}:00:00Z`
  await steps(
    Array.from({ length: 60 }, (_, i) => summer(i)),
    '1mo',
  )
  await steps(
    Array.from({ length: 60 }, (_, i) => new Date(Date.UTC(2000, i + 1, 0)).toISOString().slice(0, 10)),
    '1mo',
  )
  await steps(
    dates.filter((date) => ![0, 6].includes(new Date(date).getUTCDay())),
    'weekday',
  )
  await steps(
    Array.from({ length: 200 }, (_, i) => new Date(1.8e6 * i + 1e12 - (1e12 % 1.8e6)).toISOString()),
    '30min',
  )
})

test('a season of zeros and a panel: the column of series is found where times are double without it', async () => {
  const store = [...dates.map(() => 'a'), ...dates.map(() => 'b')]
  const { schema, panel } = await infer({
    date: [...dates, ...dates],
    store,
    sales: [...sales, ...sales.map((v) => 3 * v)],
  })
  assert.equal(schema.series, 'store')
  assert.deepEqual(
    panel.series.map(({ name }) => name),
    ['a', 'b'],
  )
  const wide = await infer({ date: dates, a: sales, b: sales }, { target: ['a', 'b'] })
  assert.deepEqual(
    wide.panel.series.map(({ name }) => name),
    ['a', 'b'],
  )
})

test('what is mended or dangerous is told', async () => {
  const holes: (number | null)[] = [...sales]
  holes[50] = null
  const tomorrow = [...sales.slice(1), 100]
  const told = async (columns: Columns, choices: Partial<ForecastChoices>, expected: RegExp) => {
    const { notes } = await infer(columns, choices)
    assert.ok(
      notes.some(({ text }) => expected.test(text)),
      notes.map(({ text }) => text).join('; '),
    )
  }
  await told({ date: dates, sales: holes }, {}, /^1 missing values: never a target/)
  await told({ date: dates, sales, copy: sales }, { known: ['copy'] }, /copy is almost sales itself .* is it a leak\?/)
  await told({ date: dates, sales, tomorrow }, {}, /not used: tomorrow/)
  await told({ date: dates, sales, one: sales.map(() => 1) }, { past: ['one'] }, /one: it is always the same: left out/)
  await told(
    { date: dates, sales, id: dates.map((_, i) => `x${i}`) },
    { past: ['id'] },
    /id: nearly every row has a value/,
  )
  await told({ date: [...dates, dates[5]!], sales: [...sales, 7] }, {}, /1 rows are of a step that has another/)
})

const BAD: [string, Columns, Partial<ForecastChoices>, RegExp][] = [
  [
    'a target that is not there',
    { date: dates, sales },
    { target: 'sale' },
    /^--target: expected one of date, sales but received "sale"; did you mean sales\?$/,
  ],
  [
    'a target of words',
    { date: dates, sales: dates.map((_, i) => (i % 5 ? 'a' : 'b')) },
    {},
    /^--target: expected a column of numbers but "sales" has words/,
  ],
  [
    'a constant target',
    { date: dates, sales: dates.map(() => 5) },
    {},
    /^table: sales: expected values that differ but they are always the same/,
  ],
  [
    'three rows',
    { date: dates.slice(0, 3), sales: sales.slice(0, 3) },
    {},
    /^table: expected at least 4 steps before the validation part/,
  ],
  [
    'a horizon longer than the test part',
    { date: dates, sales },
    { horizon: 40, test: 30 },
    /^table: expected a horizon of at most 30, the steps of the test part, but received 40/,
  ],
  [
    'a horizon that does not fit',
    { date: dates, sales },
    { horizon: 60 },
    /^table: expected at least 122 steps before the validation part/,
  ],
  [
    'two columns of times',
    { date: dates, updated: [...dates].reverse(), sales },
    {},
    /^--time: expected the column of times to be named, for there are date, updated/,
  ],
  [
    'times that are double',
    { date: dates.map((_, i) => day(i >> 1)), sales },
    {},
    /^table: expected one row a step but 60 of 120 rows \(50 %\) are of a step that has another, the first row 2, 2015/,
  ],
  [
    'gaps',
    { date: dates.map((_, i) => day(i % 4 === 0 ? 40 * (i / 4) : 0 + i)), sales },
    { duplicates: 'sum' },
    /^table: expected a value for most of the steps/,
  ],
  [
    'a step that does not fit',
    { date: dates, sales },
    { every: '7d' },
    /^table: row 2: date: expected steps of 1w from 2015-01-01 on but received 2015-01-02/,
  ],
  ['a step that is none', { date: dates, sales }, { every: 'daily' }, /^step of time: expected a number and one of/],
  [
    'a column that is used twice',
    { date: dates, sales },
    { known: ['sales'] },
    /^--known: expected another column than the target/,
  ],
  [
    'an option that does not exist',
    { date: dates, sales },
    { horizn: 3 } as object,
    /^forecast: horizn: no such option; did you mean horizon\?$/,
  ],
  ['a test part that is no part', { date: dates, sales }, { test: 'soon' }, /^test: expected a number of steps/],
  [
    'a missing time',
    { date: [null, ...dates.slice(1)], sales },
    {},
    /^table: row 1: date: expected a time in every row but received none/,
  ],
  [
    'a missing series',
    { date: dates, sales, store: [null, ...dates.slice(1).map(() => 'a')] },
    { series: 'store' },
    /^table: row 1: store: expected a name in every row/,
  ],
]

for (const [name, columns, choices, expected] of BAD) {
  test(`refused in one line: ${name}`, async () => {
    await assert.rejects(infer(columns, choices), (error: Error) => {
      assert.equal(error.name, 'InputError', error.stack)
      assert.match(error.message, expected)
      assert.ok(!error.message.includes('\n'))
      return true
    })
  })
}

test('a column named __proto__ is a column', async () => {
  const columns = Object.defineProperty({ date: dates, sales }, '__proto__', {
    value: sales.map((v) => v * v),
    enumerable: true,
  }) as Columns
  const { schema } = await infer(columns, { past: ['__proto__'] })
  assert.deepEqual(schema.past, [{ name: '__proto__', type: 'number' }])
})

test('a schema from outside is checked whole', async () => {
  const { schema } = await infer({ date: dates, sales })
  const bad: [object, RegExp][] = [
    [{ ...schema, kind: 'spell' }, /kind: expected one of forecast/],
    [{ ...schema, horizon: 0 }, /horizon: expected a number >= 1 but received 0/],
    [{ ...schema, lags: [3] }, /lags: expected at least the horizon, 12, but received 3/],
    [{ ...schema, more: 1 }, /unknown key "more"/],
    [{ ...schema, split: { ...schema.split, test: 0 } }, /split: expected validation < test < end/],
    [{ ...schema, known: [{ name: 'sales', type: 'number' }] }, /"sales" has two/],
    [{ ...schema, time: { ...schema.time, step: '1parsec' } }, /step of time/],
  ]
  for (const [value, expected] of bad) assert.throws(() => parseSchema(value), expected)
})
