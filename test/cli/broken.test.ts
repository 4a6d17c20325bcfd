/**
 * Tables as people have them, broken in the ways that other tools stumble over: each is mended with a line that says
 * so, or refused in one line that names file, row, what was expected and what came. In this process, for speed.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { after, before, test } from 'node:test'
import { evalRun } from '../../cli/eval.ts'
import { type FitFlags, fitFiles } from '../../cli/fit.ts'
import { infoRun } from '../../cli/info.ts'
import { predictRun } from '../../cli/predict.ts'
import { resumeRun } from '../../cli/resume.ts'
import { InputError } from '../../src/error.ts'
import { home, run, start } from '../support/command.ts'

const cwd = process.cwd()
before(() => process.chdir(home))
after(() => process.chdir(cwd))

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What a command says. An error counts as it does in main: its line, and code 2 if it is the user's. */
async function said(work: () => Promise<number>): Promise<Said> {
  const text = { stdout: '', stderr: '' }
  const writes = { stdout: process.stdout.write, stderr: process.stderr.write }
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (...args: unknown[]) => {
      const [chunk] = args
      if (typeof chunk !== 'string') return (writes[name] as (...all: unknown[]) => boolean).apply(process[name], args)
      text[name] += chunk // the test runner writes bytes
      return true
    }
  }
  let code: number
  try {
    code = await work()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    text.stderr += error.message
    code = 2
  } finally {
    for (const name of ['stdout', 'stderr'] as const) process[name].write = writes[name]
  }
  return { code, out: text.stdout, err: text.stderr }
}

/** With the column `sales` as its target, unless there is another or labels. */
const fit = (file: string, flags: Partial<FitFlags> = {}) => {
  const target = flags.label === undefined ? { target: ['sales'] } : {}
  return said(() => fitFiles([file], { seed: 1, dryRun: true, ...target, ...flags }))
}
const date = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
const value = (i: number) => (100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11)).toFixed(3)
const days = (n: number, row = (i: number) => `${date(i)},${value(i)}`) => Array.from({ length: n }, (_, i) => row(i))
const hours = (n: number, from: number, row: (text: string, i: number) => string) =>
  Array.from({ length: n }, (_, i) => row(new Date(from + 3.6e6 * i).toISOString().slice(0, 16).replace('T', ' '), i))

function csv(rows: readonly string[], head = 'day,sales'): string {
  fs.writeFileSync('t.csv', `${[head, ...rows].join('\n')}\n`)
  return 't.csv'
}

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

test('a file that grows while it is read is refused, and nothing is written', async () => {
  const begin = Date.UTC(1990, 0, 1)
  const minutes = Array.from({ length: 200_000 }, (_, i) => `${new Date(begin + 6e4 * i).toISOString()},${i % 7}`)
  fs.writeFileSync('growing.csv', `${['at,sales', ...minutes].join('\n')}\n`)
  const growing = setInterval(() => fs.appendFileSync('growing.csv', `${new Date().toISOString()},5\n`), 2)
  const { code, out, err } = await run('fit', 'growing.csv', '--target', 'sales', '--out', 'grown').finally(() =>
    clearInterval(growing),
  )
  assert.deepEqual([code, out], [2, ''])
  assert.equal(err, 'irnn: growing.csv: it grew while it was read: read it again when nothing writes to it\n')
  assert.ok(!fs.existsSync('grown'))
})

test('a signal ends a fit with one line, wherever it is, and nothing is written', async (context) => {
  if (!fs.existsSync('/proc/self/fd')) return context.skip('nobody tells when a file is opened')
  csv(days(150))
  const args = ['fit', 't.csv', '--target', 'sales', '--out', 'stopped']
  // The first while a model is trained; the other while the file is read, or before.
  for (const [signal, expected, when] of [
    ['SIGINT', 130, 'trained'],
    ['SIGTERM', 143, 'read'],
  ] as const) {
    const { child, result } = start(...args.with(1, when === 'read' ? 'growing.csv' : 't.csv'), '--json')
    if (when === 'trained') child.stdout!.once('data', () => child.kill(signal))
    else await opened(child.pid!, 'growing.csv').then(() => child.kill(signal))
    const { code, err } = await result
    assert.equal(code, expected, err)
    assert.equal(err, 'stopping: nothing is written; once more to quit at once\n')
    assert.deepEqual(
      fs.readdirSync('.').filter((name) => name.startsWith('stopped')),
      [],
    )
  }
})

/** Until a process has the file open, as Linux tells. */
async function opened(pid: number, file: string): Promise<void> {
  const end = Date.now() + 20_000
  while (Date.now() < end) {
    const open = fs.existsSync(`/proc/${pid}/fd`) ? fs.readdirSync(`/proc/${pid}/fd`) : []
    const target = (fd: string) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return '' // closed since
      }
    }
    if (open.some((fd) => target(fd).endsWith(file))) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error(`${file} was not opened`)
}

const HEAD = 'day,sales,promo,shop'
const row = (i: number, promo = String(i % 5), shop = `s${i % 3}`) => `${date(i)},${value(i)},${promo},${shop}`

test('a run of known columns: new rows that do not fit, its scores, and what goes on', async () => {
  csv(
    days(150, (i) => row(i)),
    HEAD,
  )
  const fast = { dryRun: false, known: ['promo'], past: ['shop'], horizon: 3, window: 8, iterations: 3, trials: 1 }
  assert.equal((await fit('t.csv', { ...fast, out: 'run', json: true, missingWords: ['closed'] })).code, 0)
  const predict = (rows: string[], head = HEAD) => said(() => predictRun('run', [csv(rows, head)], {}))
  const past = days(150, (i) => row(i))
  const ahead = [150, 151, 152].map((i) => `${date(i)},,1,`)
  const cases: readonly [string[], RegExp][] = [
    [
      past,
      /^t\.csv: promo: expected its values for 2015-05-31 … 2015-06-02 \(known in advance, 3 rows\) .*: add the r/,
    ],
    [
      past.slice(0, 40).map((text) => text.replace(/,\d,/, ',lots,')),
      /^t\.csv: row 1: promo: expected a number, as in/,
    ],
    [ahead, /^t\.csv: sales: expected past values but received none/],
  ]
  for (const [rows, expected] of cases) {
    const { code, err } = await predict(rows)
    assert.equal(code, 2, err)
    assert.match(err, expected)
    assert.ok(!err.includes('\n'), err)
  }
  const strange = await predict([...past.map((text) => text.replace(',s2', ',s9')), ...ahead])
  assert.equal(strange.code, 0, strange.err)
  assert.match(strange.err, /^! shop: 50 values are of no category of the training part, and count as <other>$/m)
  assert.equal(strange.out.trim().split('\n').length, 4)
  // The words that mean "missing" are those of the fit, not the usual ones.
  const closed = await predict([...past.map((text, i) => (i === 9 ? `${date(9)},closed,1,s0` : text)), ...ahead])
  assert.equal(closed.code, 0, closed.err)

  const stored = JSON.parse(fs.readFileSync('run/report.json', 'utf8'))
  const scores = await said(() => evalRun('run', [], { json: true }))
  const { type, kind, part, winner, methods } = JSON.parse(scores.out)
  assert.deepEqual([type, kind, part, winner], ['eval', 'forecast', 'test', stored.winner])
  assert.deepEqual(methods, stored.methods)
  const again = await said(() => evalRun('run', [csv(past, HEAD)], { json: true }))
  assert.deepEqual(JSON.parse(again.out).methods, stored.methods, 'of the same rows')
  assert.match((await said(() => evalRun('run', [], {}))).out, /^ {2}test part +MASE .*\n( {2}.*\n)+ {2}.*network is/)
  const info = await said(() => infoRun('run'))
  assert.match(info.out, /^time +day, .*\ntarget +sales, 3 steps ahead.*\ninputs .*known in advance: promo; .*shop/)
  assert.match(info.out, /^network +\d/m)
  assert.match((await said(() => evalRun('run', [], { best: true }))).err, /^--best: a run of irnn fit has none/)
  assert.match(
    (await said(() => resumeRun({ resume: 'run' }))).err,
    /^run: expected a run of irnn train but it is one of irnn fit, .*: make it anew with irnn fit FILE --out run --o/,
  )
  fs.writeFileSync('run/report.json', '{"winner": "nobody"}')
  assert.match((await said(() => evalRun('run', [], {}))).err, /^run\/report\.json: trial: expected a string but/)
  const damaged = await said(() => infoRun('run'))
  assert.deepEqual([damaged.code, damaged.err], [0, 'run/report.json: trial: expected a string but received nothing\n'])
})

test('labels: the scores of new rows, and rows that have none', async () => {
  const text = (n: number, label: string) =>
    [0, 1, 2].map((t) => `${n},${((n % 2 ? 1 : -1) * (t + 1 + (n % 7) / 9)).toFixed(2)},${label}`)
  const rows = Array.from({ length: 60 }, (_, n) => text(n, n % 2 ? 'up' : 'down')).flat()
  const labels = { label: 'label', id: 'id', dryRun: false, iterations: 30, trials: 1, members: 1 }
  assert.equal((await fit(csv(rows, 'id,x,label'), { ...labels, out: 'labels', json: true })).code, 0)
  const scored = (rows: string[], head: string) => said(() => evalRun('labels', [csv(rows, head)], { json: true }))
  const { count, methods } = JSON.parse((await scored(rows, 'id,x,label')).out)
  assert.equal(count, 60)
  assert.ok(methods[0].name === 'network' && methods[0].accuracy > 0.9, JSON.stringify(methods))
  // A label that training did not have is an error of the network, and one that is missing counts for nothing.
  const other = [...text(1, 'up'), ...text(2, 'sideways'), ...text(3, '')]
  const strange = JSON.parse((await scored(other, 'id,x,label')).out)
  assert.deepEqual([strange.count, strange.methods[0].accuracy], [2, 0.5])
  assert.match((await scored(rows, 'id,x,what')).err, /^t\.csv: expected the column "label", which has what is right/)
  const predicted = await said(() => predictRun('labels', [csv(['1.5', '2', '-3'], 'x')], {}))
  assert.match(predicted.err, /^! no column id: all rows are taken as one sequence$/m)
})
