/** The first rows of a table, and what says that there are more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRows } from '../../src/table/firstRows.ts'
import { readTable } from '../../src/table/openTable.node.ts'
import { columnSource } from '../../src/table/rows.ts'

const rows = Array.from({ length: 50 }, (_, i) => ({ sales: i, store: i < 20 ? 'a' : 'b' }))

for (const [most, count, cut] of [
  [20, 20, true],
  [49, 49, true],
  [50, 50, false],
  [99, 50, false],
] as const) {
  test(`of 50 rows at most ${most}`, async () => {
    const table = await readTable(rows, {}, {}, most)
    assert.equal(table.rows, count)
    const [sales, store] = table.columns
    assert.ok(sales?.type === 'number' && store?.type === 'category')
    assert.deepEqual([...sales.values], [...Array(count).keys()])
    assert.deepEqual(store.levels, count > 20 ? ['a', 'b'] : ['a'])
    assert.equal(store.codes.length, count)
    const notes = table.report.notes.filter(({ kind }) => kind === 'sample')
    assert.deepEqual(
      notes.map(({ text }) => text),
      cut ? [`decided from the first ${most} rows: there are more, and all that follows is of these alone`] : [],
    )
  })
}

test('what lies behind is not read', async () => {
  const source = columnSource('table', new Map([['x', Float64Array.from({ length: 100_000 }, (_, i) => i)]]))
  let read = 0
  const counted = {
    ...source,
    async *batches() {
      for await (const batch of source.batches()) {
        read += batch.rows
        yield batch
      }
    },
  }
  const first = firstRows(counted, 10)
  const given = []
  for await (const batch of first.batches()) given.push(batch.rows)
  assert.deepEqual([given, first.cut], [[10], true])
  assert.ok(read < 100_000, `${read} rows were read`)
})
