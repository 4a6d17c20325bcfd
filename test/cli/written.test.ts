/** Flags for how the texts of a file are written. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { home, run } from '../support/command.ts'

const file = (name: string) => path.join(home, name)

const day = (i: number) => `01/${String(1 + (i % 12)).padStart(2, '0')}/${2000 + Math.floor(i / 12)}`
const rows = (n: number) => Array.from({ length: n }, (_, i) => `${day(i)};1,${200 + ((i * 37) % 90)};é`)
const text = (n: number) => Buffer.from(`day;sales;é\n${rows(n).join('\n')}\n`, 'latin1')
const WRITTEN = '--day-first --decimal , --delimiter ; --encoding latin1'.split(' ')

test('what is said of how texts are written is kept with the run, and new rows are read so', async () => {
  fs.writeFileSync(file('months.csv'), text(120))
  const fit = 'fit months.csv --target sales --horizon 3 --iterations 10 --trials 1 --out run'.split(' ')
  const fitted = await run(...fit, ...WRITTEN)
  assert.equal(fitted.code, 0, fitted.err)
  assert.match(fitted.out, /^ {2}time .* one month a step, to 2009-12-01$/m)
  assert.match(fitted.out, /^ {2}target {3}sales \(1\.2 … 1\.289\)/m)
  const { written } = JSON.parse(fs.readFileSync(file('run/schema.json'), 'utf8'))
  assert.deepEqual(written, { decimal: ',', dayFirst: true, delimiter: ';', encoding: 'latin1' })
  fs.writeFileSync(file('new.csv'), text(60))
  const { code, out, err } = await run('predict', 'run', 'new.csv')
  assert.equal(code, 0, err)
  assert.deepEqual(
    out.split('\n').map((line) => line.split(',')[0]),
    ['time', '2005-01-01', '2005-02-01', '2005-03-01', ''],
  )
  fs.writeFileSync(file('other.csv'), text(60).toString('latin1').replaceAll(',', '.').replaceAll(';', '\t'))
  const other = await run('predict', 'run', 'other.csv', '--decimal', '.', '--delimiter', 'tab', '--encoding', 'utf-8')
  assert.deepEqual([other.code, other.out], [0, out])
})

for (const [flags, expected] of [
  [['--delimiter', ';;'], /^irnn: --delimiter: expected one character .* but received ";;"$/],
  [['--decimal', 'x'], /^irnn: --decimal: expected one of \., , but received "x"$/],
  [['--day-first', '--month-first'], /^irnn: --day-first: expected no --month-first beside it .*: leave one out$/],
] as const) {
  test(`refused: ${flags.join(' ')}`, async () => {
    fs.writeFileSync(file('months.csv'), text(60))
    const { code, out, err } = await run('fit', 'months.csv', '--target', 'sales', '--dry-run', ...flags)
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err.trim(), expected)
  })
}
