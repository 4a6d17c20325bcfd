/** Decisions of a dry run from the first rows of a large file. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { home, run } from '../support/command.ts'

const file = (name: string) => path.join(home, name)

test('a dry run decides from the first 100,000 rows, and from all where these do not', async () => {
  const hour = (i: number) => new Date(Date.UTC(2000, 0, 1, i)).toISOString().slice(0, 16)
  const large = (value: (i: number) => number) => {
    const lines = Array.from({ length: 130_000 }, (_, i) => `${hour(i)},${value(i)}`)
    return `time,sales\n${lines.join('\n')}\n`
  }
  fs.writeFileSync(
    file('large.csv'),
    large((i) => (i * 37) % 101),
  )
  const dry = 'fit large.csv --target sales --dry-run'.split(' ')
  const { code, out, err } = await run(...dry)
  assert.equal(code, 0, err)
  assert.match(out, /^large.csv: the first 100,000 rows, 2 columns\n {2}time .* to 2011-05-29T15:00$/m)
  assert.match(err, /^ {2}decided from the first 100,000 rows: there are more/m)

  fs.writeFileSync(
    file('large.csv'),
    large((i) => (i < 100_000 ? 7 : (i * 37) % 101)),
  )
  const all = await run(...dry, '--validation', '2000', '--test', '20000', '--json')
  assert.equal(all.code, 0, all.err)
  assert.match(all.err, /^ {2}the first 100,000 rows do not decide it, so all are read: .*always the same/m)
  const { schema, notes } = JSON.parse(all.out)
  assert.equal(schema.split.end, 130_000)
  assert.ok(!notes.some(({ kind }: { kind: string }) => kind === 'sample'))
})
