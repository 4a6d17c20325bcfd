/**
 * Tables as people have them, broken in the ways that other tools stumble over: each is mended with a line that says
 * so, or refused in one line that names file, row, what was expected and what came. In this process, for speed.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { after, before, test } from 'node:test'
import type { FitFlags } from '../../cli/fit.ts'
import { home } from '../support/command.ts'
import { csv, date, days, fit, value } from '../support/sales.ts'

const cwd = process.cwd()
before(() => process.chdir(home))
after(() => process.chdir(cwd))

const hours = (n: number, from: number, row: (text: string, i: number) => string) =>
  Array.from({ length: n }, (_, i) => row(new Date(from + 3.6e6 * i).toISOString().slice(0, 16).replace('T', ' '), i))

/** The 25th of October 2015 in Berlin: two o'clock comes twice. */
const clock = () => {
  const begin = Date.UTC(2015, 9, 11)
  const twice = hours(600, begin, (text, i) => `${text},${value(i)}`)
  twice.splice(14 * 24 + 3, 0, `2015-10-25 02:00,${value(3)}`)
  return csv(twice, 'at,sales')
}

const MENDED: readonly [string, () => string, Partial<FitFlags>, RegExp][] = [
  [
    'a row twice',
    () => csv([...days(150), `${date(7)},5`]),
    {},
    /! 1 rows .*, the first row 151, 2015-01-08: the last/,
  ],
  ['days without a row', () => csv(days(150).filter((_, i) => i % 50 !== 20)), {}, /3 missing values: never a target/],
  [
    'an hour twice',
    clock,
    {},
    /! 1 rows are of a step that has another, the first row \d+, 2015-10-25.*: say --timezone/,
  ],
  ['an hour twice, and a place', clock, { timezone: 'Europe/Berlin' }, /clocks of Europe\/Berlin/],
  [
    'months, stamped by a clock of summer and winter',
    () =>
      csv(
        days(
          90,
          (i) => `${new Date(Date.UTC(2000, i, 1, i % 12 > 3 && i % 12 < 10 ? 7 : 8)).toISOString()},${value(i)}`,
        ),
      ),
    {},
    /the hour of the stamps changes .*: counted by calendar month/,
  ],
  [
    'values that are missing',
    () => csv(days(150, (i) => `${date(i)},${i % 50 ? value(i) : 'NaN'}`)),
    {},
    /"NaN" \(3 rows\) taken as missing/,
  ],
  [
    'a column that never changes',
    () =>
      csv(
        days(150, (i) => `${date(i)},${value(i)},7`),
        'day,sales,seven',
      ),
    { past: ['seven'] },
    /! seven: it is always the same: left out/,
  ],
  [
    'a column of ids',
    () =>
      csv(
        days(150, (i) => `${date(i)},${value(i)},u${i}`),
        'day,sales,user',
      ),
    { past: ['user'] },
    /! user: nearly every row has a value of its own, so it tells nothing: left out/,
  ],
  [
    'words of its own for what is missing',
    () => csv(days(150, (i) => `${date(i)},${i % 50 ? value(i) : 'closed'}`)),
    { missingWords: ['closed'] },
    /"closed" \(3 rows\) taken as missing/,
  ],
  [
    'a column named __proto__',
    () => csv(days(150), 'day,__proto__'),
    { target: ['__proto__'] },
    /target +__proto__ \(/,
  ],
]

for (const [name, file, flags, expected] of MENDED) {
  test(`mended, and said: ${name}`, async () => {
    const { code, out, err } = await fit(file(), flags)
    assert.equal(code, 0, err)
    assert.match(out + err, expected)
  })
}

test('a mark of bytes, carriage returns and quotes change no decision', async () => {
  const plain = await fit(csv(days(150)))
  const quoted = days(150, (i) => `"${date(i)}","${value(i)}"`)
  fs.writeFileSync('t.csv', `\ufeff${['"day","sales"', ...quoted].join('\r\n')}\r\n`)
  assert.deepEqual(await fit('t.csv'), plain)
})

const REFUSED: readonly [string, () => string, Partial<FitFlags>, RegExp][] = [
  ['three rows', () => csv(days(3)), {}, /^t\.csv: expected at least 4 steps .* received \d of 3: give more rows/],
  [
    'gaps, more than values',
    () => csv(days(300).filter((_, i) => i % 5 < 2)),
    {},
    /^t\.csv: expected a value for most of the steps but \d\d % of \d+ steps from 2015-01-01 on have none: say what/,
  ],
  [
    'three words in a column of numbers',
    () => csv(days(150, (i) => `${date(i)},${i % 50 ? value(i) : 'oops'}`)),
    {},
    /t\.csv: .*sales.*expected.*"oops"/,
  ],
  [
    'a category for each row as a label',
    () =>
      csv(
        days(150, (i) => `${date(i)},${value(i)},u${i}`),
        'day,sales,user',
      ),
    { label: 'user' },
    /^--label: expected labels that several .* have but "user" has 150 in 150 .*: is it an id\?/,
  ],
  [
    'two columns of times',
    () =>
      csv(
        days(150, (i) => `${date(i)},${date(i + 1)},${value(i)}`),
        'day,delivered,sales',
      ),
    {},
    /^--time: expected the column of times to be named, for there are day, delivered: name one/,
  ],
  [
    'dates of two formats',
    () => csv(days(150, (i) => `${i < 100 ? date(i) : date(i).split('-').reverse().join('.')},${value(i)}`)),
    { time: 'day' },
    /^t\.csv: day: .*expected.*line 102/,
  ],
  [
    'a target that is always the same',
    () => csv(days(150, (i) => `${date(i)},7`)),
    {},
    /^t\.csv: sales: expected values that differ but they are always the same/,
  ],
  [
    'a horizon longer than the test part',
    () => csv(days(150)),
    { horizon: 40, test: '30' },
    /^t\.csv: expected a horizon of at most 30, the steps of the test part, but received 40: shorten it/,
  ],
  [
    'a time that is missing',
    () => csv(days(150, (i) => `${i === 9 ? '' : date(i)},${value(i)}`)),
    {},
    /^t\.csv: row 10: day: expected a time in every row but received none: fill it in or remove the row/,
  ],
]

for (const [name, file, flags, expected] of REFUSED) {
  test(`refused in one line: ${name}`, async () => {
    const { code, out, err } = await fit(file(), flags)
    assert.deepEqual([code, out], [2, ''])
    const lines = err.split('\n').filter((line) => !line.startsWith('  ')) // notes of the reader
    assert.equal(lines.length, 1, err)
    assert.match(lines[0]!, expected)
  })
}
