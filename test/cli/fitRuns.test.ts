/** Runs of `irnn fit`: stopped, scored, asked with rows that do not fit, and what other commands say of them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { after, before, test } from 'node:test'
import { evalRun } from '../../cli/eval.ts'
import { infoRun } from '../../cli/info.ts'
import { predictRun } from '../../cli/predict.ts'
import { resumeRun } from '../../cli/resume.ts'
import { home, run, start } from '../support/command.ts'
import { said } from '../support/said.ts'
import { csv, date, days, fit, value } from '../support/sales.ts'

const cwd = process.cwd()
before(() => process.chdir(home))
after(() => process.chdir(cwd))

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
  const later = await said(() => evalRun('run', [csv(past.slice(100), HEAD)], { json: true }))
  assert.deepEqual(JSON.parse(later.out).methods[0], stored.methods[0], 'MASE by the scale of the fit')
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
