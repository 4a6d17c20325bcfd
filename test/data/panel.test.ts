/** Rows of a table as values at regular steps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inferForecast } from '../../src/data/infer.ts'
import { type Panel, panelOf } from '../../src/data/panel.ts'
import { openTable } from '../../src/table/openTable.node.ts'

const N = 120
const day = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)

/** A table of N days without the rows of `left`, and with those of `more` after them. */
async function panel(left: readonly number[], more: readonly number[], choices = {}): Promise<Panel> {
  const rows = [...Array.from({ length: N }, (_, i) => i).filter((i) => !left.includes(i)), ...more]
  const table = await openTable({
    date: rows.map(day),
    sales: rows.map((i, row) => 100 + ((i * 37) % 11) + (row >= N - left.length ? 50 : 0)),
    promo: rows.map((i) => (i === 7 ? null : i % 5)),
    kind: rows.map((i) => (i % 2 === 0 ? 'even' : 'odd')),
  })
  return panelOf(table, inferForecast(table, { target: 'sales', known: ['promo', 'kind'], ...choices }).schema)
}

/** Target, kind and promo of a step: inputs stand in the order of their names. */
const at = ({ series: [one] }: Panel, i: number) => [one!.target[i], ...one!.inputs.map((input) => input[i])]

test('a step without a row, and a row without a value, is NaN in target and inputs', async () => {
  const found = await panel([3], [])
  assert.equal(found.series[0]!.target.length, N)
  assert.deepEqual(at(found, 3), [Number.NaN, Number.NaN, Number.NaN])
  assert.deepEqual(at(found, 4), [100 + ((4 * 37) % 11), 0, 4])
  assert.deepEqual(at(found, 7), [100 + ((7 * 37) % 11), 1, Number.NaN])
  assert.deepEqual(found.levels, [['even', 'odd'], []])
})

test('gaps of zeros are zeros of the target alone', async () => {
  assert.deepEqual(at(await panel([3], [], { gaps: 'zero' }), 3), [0, Number.NaN, Number.NaN])
})

test('of rows of one step the last counts, or their sum', async () => {
  const first = 100 + ((9 * 37) % 11)
  assert.deepEqual(at(await panel([], [9]), 9), [first + 50, 1, 4])
  assert.deepEqual(at(await panel([], [9], { duplicates: 'sum' }), 9), [2 * first + 50, 1, 8])
})

test('gaps that are skipped: the moments of rows are the steps, for all series', async () => {
  // Days that lie further and further apart; the second series lacks one of them, and has one of its own.
  const days = Array.from({ length: 60 }, (_, i) => i + ((i * i) >> 4))
  const rows = days.map((n, i) => ({ date: day(n), store: 'a', sales: i % 7, promo: i % 5 }))
  const other = rows.filter((_, i) => i !== 4).map((row) => ({ ...row, store: 'b', sales: row.sales + 1 }))
  const own = { date: day(days[50]! + 1), store: 'b', sales: 9, promo: 0 }
  const table = await openTable([...other, ...rows, own])
  const choices = { target: 'sales', series: 'store', known: ['promo'], gaps: 'skip', horizon: 3 } as const
  const { schema, notes } = inferForecast(table, choices)
  const { series, axis } = panelOf(table, schema)
  assert.deepEqual([...series[0]!.target.slice(48, 54)], [6, 0, 1, Number.NaN, 2, 3])
  assert.deepEqual([...series[1]!.target.slice(2, 6)], [3, 4, Number.NaN, 6])
  assert.equal(series[1]!.target[51], 9)
  assert.deepEqual([schema.calendar, schema.seasons, schema.lags, schema.time.step], [[], [], [], '1'])
  assert.deepEqual([schema.split.end, schema.split.test], [61, 49])
  assert.equal(axis.text(schema.split.end - 1), rows.at(-1)!.date)
  assert.equal(axis.text(62), `${rows.at(-1)!.date} +2`)
  assert.ok(notes.some(({ kind }) => kind === 'skip'))
  const split = inferForecast(table, { ...choices, test: day(days[55]!), seasons: [5] }).schema
  assert.deepEqual([split.split.test, split.lags], [56, [5]])
  const bad: [object, RegExp][] = [
    [{ every: '1d' }, /^--every: expected none beside --gaps skip/],
    [{ time: 'store' }, /^--time: expected a column of times but "store" has words/],
  ]
  for (const [more, message] of bad) {
    assert.throws(() => inferForecast(table, { ...choices, ...more }), { name: 'InputError', message })
  }
  const untimed = await openTable(rows.map(({ sales, promo }) => ({ sales, promo })))
  assert.throws(() => inferForecast(untimed, { target: 'sales', gaps: 'skip' }), /expected a column of times beside/)
})
