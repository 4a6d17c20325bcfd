// Tables that are cut, flipped and made up: a table or one line, never another error.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { InputError } from '../../src/error.ts'
import { rng as rngOf } from '../../src/rng.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import { newFile, tableFixture } from '../support/tables.ts'

const fixture = (name: string) => fs.readFileSync(tableFixture(name))
const LINES = '{"id":7,"label":"walk","steps":[[1,2],[3,4]]}\n{"id":8,"label":"run","steps":[[5,6]]}\n'
const FILES: Readonly<Record<string, Uint8Array>> = {
  'x.csv': fixture('table.csv'),
  'x.csv.gz': gzipSync(fixture('table.csv')),
  'x.npy': fixture('big-f4.npy'),
  'x.npz': fixture('columns.npz'),
  'x.parquet': fixture('zstd.parquet'),
  'x.jsonl': Buffer.from(LINES),
  'x.json': Buffer.from('[{"a":1,"b":"x"},{"a":2,"b":null}]'),
}

for (const [name, whole] of Object.entries(FILES)) {
  test(`${name}, cut and changed, is a table or refused in one line`, async (context) => {
    const random = rngOf(whole.length)
    const file = newFile(context, name, whole)
    for (let n = 0; n < 100; n++) {
      const bytes = Uint8Array.from(random.below(3) === 0 ? whole.subarray(0, random.below(whole.length)) : whole)
      for (let change = random.below(4); change > 0; change--) {
        bytes[random.below(bytes.length)] = [0, 10, 34, 44, 48, 123, 255, random.below(256)][random.below(8)]!
      }
      fs.writeFileSync(file, bytes)
      try {
        const { rows, columns } = await openTable(file)
        for (const column of columns)
          assert.equal((column.type === 'category' ? column.codes : column.values).length, rows)
      } catch (error) {
        const { message, stack } = error as Error
        assert.ok(error instanceof InputError && !message.includes('\n'), `${name}, ${n}: ${stack}`)
      }
    }
  })
}
