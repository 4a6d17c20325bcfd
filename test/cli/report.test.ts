// A report is one file that asks for nothing, the same for the same runs, and whatever their files hold, text in it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Curves, paperOf } from '../../cli/reportPaper.ts'
import type { TrainEvent } from '../../src/train/events.ts'
import { home, run } from '../support/command.ts'

const RUNS = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))
const at = (...names: string[]) => path.join(home, ...names)
const text = (name: string) => fs.readFileSync(at(name), 'utf8')
for (const name of ['adding', 'words']) fs.cpSync(path.join(RUNS, name), at(name), { recursive: true })

/** Tags in order, each closed; no script, no handler, nothing from elsewhere. */
function harmless(page: string): void {
  const open: string[] = []
  const alone = /^(meta|img)$/
  for (const [tag, close, name] of page.matchAll(/<(\/?)([a-zA-Z][\w-]*)\b[^<>]*>/g)) {
    if (close) assert.equal(open.pop(), name)
    else if (!tag.endsWith('/>') && !alone.test(name!)) open.push(name!)
    assert.doesNotMatch(tag, /<(script|iframe|link|object|embed|form|base)|\son\w+=|\sstyle=/i)
    for (const [, address] of tag.matchAll(/\s(?:href|src|srcset|action)="([^"]*)"/g)) assert.match(address!, /^data:/)
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(page.replace('http://www.w3.org/2000/svg', ''), /url\(|@import|NaN|undefined/)
}

test('one file and nothing else, the same a second time; its style sheets are those of its policy', async () => {
  const before = fs.readdirSync(home)
  const { code, out, err } = await run('report', 'adding', 'words', '--out', 'a.html')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /^a\.html: 2 runs, [\d,]+ bytes\n$/)
  assert.deepEqual(fs.readdirSync(home), [...before, 'a.html'].toSorted())
  const page = text('a.html')
  harmless(page)
  assert.ok(!page.includes(home) && !page.includes('/runs-0.1.0'))
  const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(page)!
  assert.match(policy!, /^default-src 'none'; style-src '[^;]*'; img-src data:$/)
  const styles = new Set([...page.matchAll(/<style>([^<]*)<\/style>/g)].map(([, style]) => style!))
  for (const style of styles) {
    assert.ok(policy!.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`))
  }
  for (const word of ['adding, T = 200: irnn, 20 units', 'training loss', 'least to most', 'training.optimizer.lr']) {
    assert.ok(page.includes(word), word)
  }
  const again = await run('report', 'adding', 'words', '--out', 'b.html', '--json')
  assert.deepEqual(JSON.parse(again.out), {
    type: 'report',
    file: 'b.html',
    bytes: Buffer.byteLength(page),
    runs: ['adding', 'words'],
  })
  assert.equal(text('b.html'), page)
})

test('the CSV in it has every record', () => {
  const [, packed] = /data:application\/gzip;base64,([^"]*)"/.exec(text('a.html'))!
  const [head, ...rows] = gunzipSync(Buffer.from(packed!, 'base64')).toString().trimEnd().split('\n')
  const records = text('adding/metrics.jsonl').trimEnd().split('\n')
  assert.equal(rows.length, records.length)
  const columns = head!.split(',')
  const first = Object.fromEntries(rows[0]!.split(',').map((cell, i) => [columns[i], cell]))
  const { type, iteration, loss, lr } = JSON.parse(records[0]!)
  assert.deepEqual(
    [first.type, first.iteration, first['loss.mean'], first['loss.max'], first.lr],
    [type, iteration, loss.mean, loss.max, lr].map(String),
  )
})

test('a run with probes: a map of its gradient, the command that repeats it, and where the paper begins', async () => {
  const words =
    'train adding --cell tanh --length 150 --train-size 40 --test-size 10 --hidden 4 --batch 2 --iterations 20'
  assert.equal((await run(...words.split(' '), '--eval-every', '10', '--probe-every', '10', '--out', 'probed')).code, 0)
  assert.equal((await run('report', 'probed', '--out', 'p.html')).code, 0)
  const page = text('p.html')
  harmless(page)
  assert.ok(!page.includes(home))
  for (const part of [
    '<title>gradient flow</title>',
    '<dt>repeat command</dt><dd>npx irnn train adding --recipe fast --cell tanh --seed 1 --iterations 20 --backend ',
    '<dt>gradient</dt><dd>at iteration 20 ',
    // Its batches are an eighth of the paper's 16: as much work is 8 times as many iterations.
    "<p>probed: The paper's tanh (after as many sequences) has its first reading at iteration 103,888: this run",
  ]) {
    assert.ok(page.includes(part), part)
  }
  const [, packed] = /data:application\/gzip;base64,([^"]*)"/.exec(page)!
  const csv = gunzipSync(Buffer.from(packed!, 'base64')).toString()
  assert.doesNotMatch(csv, /config\.|flow\.0/)
  assert.match(csv, /\nprobe,0,/)
})

test('beside the paper: at the last iteration that both have, in the unit of the score', () => {
  const begin = { type: 'run', iteration: 0, seconds: 0, B: 16, paper: 'f/irnn' } as unknown as TrainEvent
  const scored = (iteration: number, accuracy: number): TrainEvent => {
    return { type: 'eval', iteration, seconds: 1, test: { loss: 1, accuracy } }
  }
  const curves: Curves = (figure, cell) => {
    if (figure !== 'f' || cell !== 'irnn') throw new Error('none')
    return [
      [2, 10],
      [100, 50],
      [200, 70],
      [300, 80],
    ]
  }
  const events = [begin, scored(150, 0.7), scored(250, 0.7)]
  assert.deepEqual(paperOf({ events }, curves), {
    name: "the paper's irnn",
    points: [
      [2, 0.1],
      [100, 0.5],
      [200, 0.7],
      [300, 0.8],
    ],
    claim: "The paper's irnn has accuracy 75.00 % at iteration 250, this run 70.00 %: worse.",
  })
  assert.match(
    paperOf({ events: [begin, scored(150, 0.7), scored(400, 0.1)] }, curves)!.claim,
    /60.00 % at.* 150.*: better/,
  )
  const early = paperOf({ events: [begin, scored(50, 0.7)] }, curves)!
  assert.deepEqual(early.points, [])
  assert.match(early.claim, /first reading at iteration 100: this run has none there/)
  for (const paper of [null, 'g/irnn', 'f', 3, '../f/irnn']) {
    assert.equal(paperOf({ events: [{ ...begin, paper } as unknown as TrainEvent, scored(9, 1)] }, curves), null)
  }
  for (const B of [0, 'x', null]) {
    assert.equal(paperOf({ events: [{ ...begin, B } as unknown as TrainEvent, scored(9, 1)] }, curves), null)
  }
  assert.equal(paperOf({ events }, null), null)
})

test('what files hold is text, and what is wrong with them is said', async () => {
  const name = 'x"><img src=x onerror=alert(1)>\u202e'
  const dir = process.platform === 'win32' ? 'hostile' : name
  fs.cpSync(at('adding'), at(dir), { recursive: true })
  const config = JSON.parse(text(path.join(dir, 'config.json')))
  const title = '</title></style><script>alert(1)</script>\u001b[31m\n'
  const task = { ...config.task, options: { ...config.task.options, '<b>': '<i>', constructor: '=1+1' } }
  fs.writeFileSync(
    at(dir, 'config.json'),
    JSON.stringify({ ...config, title, recipe: '\'"<a href=javascript:1>', task }),
  )
  const deep = `{"type":"stage","iteration":1,"seconds":1,"T":1,"end":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`
  const bad = '{"type":"collapse","iteration":3,"seconds":1,"loss":"NaN","best":null,"finite":false,"=x":"<u>"}'
  fs.appendFileSync(at(dir, 'metrics.jsonl'), `<script>\n${deep}\n${bad}\n`)
  const { code, err } = await run('report', dir, 'adding', '--out', 'hostile.html')
  assert.equal(code, 0, err)
  assert.match(err, /metrics\.jsonl: line \d+: expected one JSON object/)
  const page = text('hostile.html')
  harmless(page.replaceAll('NaN', ''))
  assert.doesNotMatch(page, /<[biu]>|<a href=j|\u202e/)
  assert.match(page, /! iteration 3: loss or gradient not finite, the minibatch was left out: lower the/)
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;\\u001b\[31m\\n/)
})

test('what cannot be reported, in a line, and nothing is written', async () => {
  const before = fs.readdirSync(home)
  fs.mkdirSync(at('none'), { recursive: true })
  const cases: [string[], RegExp][] = [
    [['adding', 'none', '--out', 'c.html'], /^irnn: none: expected the folder of a run but it has no config.json\n$/],
    [
      ['adding', './adding', '--out', 'c.html'],
      /^irnn: report: expected each run once but received ".\/adding" twice\n$/,
    ],
    [['adding', '--out', 'c.txt'], /^irnn: --out: expected a name that ends in .html but received "c.txt"\n$/],
    [['adding', '--out', 'a.html'], /^irnn: a.html: it exists: name another file, or add --overwrite\n$/],
    [['adding', '--out', 'no/c.html'], /^irnn: no\/c.html: cannot be written: .*\n$/],
    [['adding'], /^irnn: report: expected --out <file> but received nothing: add it; .*\n$/],
  ]
  const all = await Promise.all(cases.map(([args]) => run('report', ...args)))
  for (const [i, { code, out, err }] of all.entries()) {
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err, cases[i]![1])
  }
  assert.deepEqual(fs.readdirSync(home), [...new Set([...before, 'none'])].toSorted())
})
