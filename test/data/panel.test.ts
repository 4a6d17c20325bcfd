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
