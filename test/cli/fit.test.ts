/** `irnn fit`, `predict`, `backtest`: sessions, files, bad input. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { but } from '../support/adding.ts'
import { home, run } from '../support/command.ts'

const file = (name: string) => path.join(home, name)
const date = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
const value = (i: number) => (100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11)).toFixed(3)
const csv = (rows: readonly string[], head = 'day,sales') => `${[head, ...rows].join('\n')}\n`
const rows = (n: number) => Array.from({ length: n }, (_, i) => `${date(i)},${value(i)}`)
fs.writeFileSync(file('sales.csv'), csv(rows(150)))

const FIT = 'fit sales.csv --target sales --horizon 3 --window 8 --iterations 40 --trials 1'.split(' ')

test('a dry run says every decision and one window, writes the schema and nothing else', async () => {
  const before = fs.readdirSync(home)
  const { code, out } = await run('fit', 'sales.csv', '--target', 'sales', '--dry-run', '--out', 'schema.json')
  assert.equal(code, 0)
  for (const line of [
    /^sales.csv: 150 rows, 2 columns$/m,
    /^ {2}time {5}day, one day a step, to 2015-05-30$/m,
    /^ {2}target {3}sales \(.*\), 14 steps ahead; seasons 7$/m,
    /^ {2}split {4}train to 2015-04-18, validation to 2015-05-02, test to 2015-05-30; a forecast of 14 steps every/m,
    /^ {4}forecasts 2015-05-03 … 2015-05-16, 14 steps whose values are hidden/m,
  ]) {
    assert.match(out, line)
  }
  assert.deepEqual(fs.readdirSync(home).sort(), [...before, 'schema.json'].sort())
  const again = await run('fit', 'sales.csv', '--schema', 'schema.json', '--dry-run')
  assert.equal(again.out.split('\n')[1], out.split('\n')[1])
})

test('a fit ends with a table and a folder that info, predict and backtest read', async () => {
  const { code, out } = await run(...FIT, '--out', 'run')
  assert.equal(code, 0, out)
  for (const name of ['last value', 'value a season before \\(7 steps\\)', 'seasons and trend', 'network']) {
    assert.match(out, new RegExp(`^  ${name}.* \\d\\.\\d{3} `, 'm'))
  }
  assert.match(out, /the network is (\d+ % better|no better) than "/)
  const files = ['forecast.svg', 'model.safetensors', 'predictions.csv', 'report.html', 'report.json', 'schema.json']
  for (const name of files) assert.ok(fs.existsSync(file(`run/${name}`)), name)
  assert.match((await run('info', 'run')).out, /^task {14}forecast: target sales, horizon 3, window 8/m)
  const reported = await run('report', 'run', '--out', 'page.html')
  assert.deepEqual([reported.code, reported.err], [0, ''])
  const page = fs.readFileSync(file('page.html'), 'utf8')
  const picture = fs.readFileSync(file('run/forecast.svg')).toString('base64')
  assert.ok(page.includes(`<img src="data:image/svg+xml;base64,${picture}" alt="`))
  assert.match(
    page,
    /<th>test part<\/th><th>MASE<\/th>[\s\S]*<td>seasons and trend[^<]*<\/td>[\s\S]*<p>.*the network is /,
  )

  const predicted = await run('predict', 'run', 'sales.csv')
  const lines = predicted.out.trim().split('\n')
  assert.equal(lines[0], 'time,series,target,q10,q50,q90')
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(',')[0]),
    [date(150), date(151), date(152)],
  )
  const [firstForecast] = fs.readFileSync(file('run/predictions.csv'), 'utf8').split('\n').slice(1)
  const origin = Number(firstForecast!.split(',').at(0)!.slice(8)) >= 0 ? firstForecast!.split(',')[0]! : ''
  const until = rows(150).findIndex((row) => row.startsWith(origin))
  fs.writeFileSync(file('past.csv'), csv(rows(until)))
  const past = await run('predict', 'run', 'past.csv', '--horizon', '1')
  assert.equal(past.out.trim().split('\n')[1], firstForecast!.split(',').slice(0, 6).join(','))

  const back = await run('backtest', 'run', 'sales.csv', '--json')
  const { methods, winner } = JSON.parse(back.out)
  const report = JSON.parse(fs.readFileSync(file('run/report.json'), 'utf8'))
  assert.equal(winner, report.winner)
  assert.deepEqual(methods, report.methods)
  const again = await run('backtest', 'run', 'sales.csv', '--refit', '2', '--stride', '8')
  assert.match(again.err, /^fitting as of 2015-05-03 \(1\/2\)$/m)
  assert.match(again.out, /^4 forecasts from .* to .*, by a network that was fitted 2 times, each before them$/m)
})

test('--json ends with the result, for scripts', async () => {
  const { code, out } = await run(...FIT, '--json', '--out', 'json')
  assert.equal(code, 0)
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual([...new Set(events.map(({ type }) => type))], ['inferred', 'trial', 'result'])
  const [begin] = fs.readFileSync(file('json/metrics.jsonl'), 'utf8').split('\n', 1)
  const { type, command } = JSON.parse(begin!)
  assert.equal(type, 'run')
  assert.match(command, /^npx irnn fit FILES --seed 1 --backend \w+ --target /)
  assert.doesNotMatch(command, /sales\.csv|--json|--out/)
  const { winner, methods } = events.at(-1)
  assert.ok(methods.some(({ name }: { name: string }) => name === winner))
  for (const { name, mase, smape, coverage } of methods) {
    assert.ok(name === 'network' || /last|season|year/.test(name), name)
    assert.ok(mase > 0 && smape > 0 && (coverage === null || coverage <= 1))
  }
})

const three = csv(rows(3))
const zones = Array.from({ length: 100 }, (_, i) => `${date(i)}${i % 2 ? '' : ' 12:00'},${value(i)}`)
const words = rows(150).map((row, i) => (i < 3 ? `${date(i)},oops` : row))
const BAD: [string, string, string[], RegExp][] = [
  ['three rows', three, [], /^irnn: bad.csv: expected at least 4 steps/],
  ['words among numbers', csv(words), [], /expected .*(number|words)/],
  [
    'no such column',
    csv(rows(150)),
    ['--target', 'sale'],
    /^irnn: --target: expected one of day, sales but received "sale"/,
  ],
  ['a horizon too long', csv(rows(150)), ['--horizon', '99'], /^irnn: bad.csv: expected at least 200 steps/],
  [
    'a constant',
    csv(rows(150).map((row) => `${row.split(',')[0]},7`)),
    [],
    /^irnn: bad.csv: sales: .* always the same before the validation part/,
  ],
  [
    'double times',
    csv([...rows(75), ...rows(75)]),
    [],
    /^irnn: bad.csv: expected one row a step but 75 of 150 rows .*, the first row 76, 2015-01-01: /,
  ],
  [
    'times between steps',
    csv(zones),
    ['--every', '1d'],
    /^irnn: bad.csv: row 2: day: expected steps of 1d .* but received 2015-01-02T00:00/,
  ],
  ['an empty file', '', [], /^irnn: .*bad.csv/],
]

for (const [name, text, more, expected] of BAD) {
  test(`refused in one line, nothing written: ${name}`, async () => {
    fs.writeFileSync(file('bad.csv'), text)
    const { code, out, err } = await run(...but(['fit', 'bad.csv', '--target', 'sales', '--out', 'bad'], ...more))
    assert.equal(code, 2, err)
    assert.equal(out, '')
    const line = err.trim().split('\n').at(-1)!
    assert.match(line, expected)
    assert.ok(!err.includes('    at '), err)
    assert.ok(!fs.existsSync(file('bad')))
  })
}

test('a run of another kind, a folder that is taken and a longer horizon are refused', async () => {
  fs.mkdirSync(file('taken'))
  fs.writeFileSync(file('taken/notes.txt'), 'mine')
  const cases: [string[], RegExp][] = [
    [[...FIT, '--out', 'taken'], /taken: expected a new or empty folder but it holds other files/],
    [['predict', 'run', 'sales.csv', '--horizon', '9'], /--horizon: expected at most 3/],
    [['predict', 'nowhere', 'sales.csv'], /nowhere: expected the folder of a run/],
    [
      ['fit', 'sales.csv', '--schema', 'schema.json', '--horizon', '3'],
      /--horizon: expected no decision beside --schema/,
    ],
    [['fit', 'sales.csv'], /--target: expected the column to forecast, one of day, sales/],
  ]
  for (const [args, expected] of cases) {
    const { code, err } = await run(...args)
    assert.equal(code, 2, err)
    assert.match(err.trim().split('\n').at(-1)!, expected)
  }
})
