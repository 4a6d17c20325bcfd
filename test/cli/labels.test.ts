/** `irnn fit --label`, `--next` and `predict`: sessions and bad input. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { brownSentences } from '../support/brown.ts'
import { home, run } from '../support/command.ts'

const file = (name: string) => path.join(home, name)
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const sentences = brownSentences('ca01', 60)
const words = sentences.flatMap(({ words, tags }, n) =>
  words.map((word, at) => `${n},${at},${quoted(word)},${quoted(tags[at]![0]!)}`),
)
fs.writeFileSync(file('words.csv'), `${['id,at,word,tag', ...words].join('\n')}\n`)
/** Waves of two kinds, a sequence a row. */
const wide = Array.from({ length: 40 }, (_, n) => {
  const cells = Array.from({ length: 12 }, (_, t) => Math.sin(t * (n % 2 === 0 ? 1 : 1.7) + n).toFixed(4))
  return [n % 2 === 0 ? 'slow' : 'fast', ...cells].join(',')
})
const HEAD = ['kind', ...Array.from({ length: 12 }, (_, t) => `t${t + 1}`)].join(',')
fs.writeFileSync(file('wide.csv'), `${[HEAD, ...wide].join('\n')}\n`)
const QUICK = ['--iterations', '40', '--trials', '1', '--members', '1']

test('labels of rows: decisions, methods, a result for programs, labels as CSV', async () => {
  const dry = await run('fit', 'words.csv', '--label', 'tag', '--time', 'at', '--dry-run', '--out', 'schema.json')
  assert.equal(dry.code, 0, dry.err)
  for (const line of [/^ {2}label {4}tag: .*; one for each row$/m, /^ {2}steps {4}rows of one id, sorted by at$/m]) {
    assert.match(dry.out, line)
  }
  const forwards = await run('fit', 'words.csv', '--label', 'tag', '--one-way', '--dry-run')
  assert.match(forwards.out, /^ {2}steps {4}rows of one id, .*; read forwards only$/m)
  const misplaced = await run('fit', 'words.csv', '--next', 'tag', '--one-way', '--dry-run')
  assert.match(misplaced.err.trim(), /^irnn: --one-way: expected no such option beside --next: leave it out$/m)
  // Schemas of before do not say in which directions a network reads: in both.
  const schema = JSON.parse(fs.readFileSync(file('schema.json'), 'utf8'))
  assert.equal(schema.oneWay, false)
  fs.writeFileSync(file('schema.json'), JSON.stringify({ ...schema, oneWay: undefined }))
  const { code, out, err } = await run(
    'fit',
    'words.csv',
    '--schema',
    'schema.json',
    ...QUICK.slice(0, 4),
    '--out',
    'tags',
    '--json',
  )
  assert.equal(code, 0, err)
  const result = JSON.parse(out.trim().split('\n').at(-1)!)
  assert.equal(result.type, 'result')
  const names = result.methods.map(({ name }: { name: string }) => name)
  assert.deepEqual(names, ['most frequent label', 'most frequent label of each word', 'network'])
  for (const { accuracy, macroF1 } of result.methods) assert.ok(accuracy > 0 && accuracy <= 1 && macroF1 <= 1)
  assert.ok(names.includes(result.winner))
  const predicted = await run('predict', 'tags', 'words.csv')
  const lines = predicted.out.trim().split('\n')
  assert.match(lines[0]!, /^id,row,label,probability,/)
  assert.equal(lines.length, words.length + 1)
  const tested = fs.readFileSync(file('tags/predictions.csv'), 'utf8').trim().split('\n').slice(1)
  const start = tested[0]!.split(',').slice(0, 4).join(',')
  assert.ok(
    lines.some((line) => line.startsWith(`${start},`)),
    start,
  )
})

test('a sequence a row, and JSON Lines with steps', async () => {
  const { code, out, err } = await run('fit', 'wide.csv', '--label', 'kind', ...QUICK, '--out', 'wide')
  assert.equal(code, 0, err)
  assert.match(out, /^ {2}steps {4}cells of a row, t1 … t12$/m)
  for (const name of ['most frequent label', 'summary statistics', '1-NN DTW', 'network']) {
    assert.match(out, new RegExp(`^ {2}${name}.* %  +[01]\\.\\d{3}$`, 'm'))
  }
  assert.match(out, /the network (has \d+ % fewer errors than|is no better than) "/)
  assert.match(err, /too few for validation to choose/)
  const steps = wide.map((row, id) => {
    const [label, ...cells] = row.split(',')
    return JSON.stringify({ id, label, steps: cells.slice(0, 6 + (id % 5)).map(Number) })
  })
  fs.writeFileSync(file('steps.jsonl'), `${steps.join('\n')}\n`)
  const json = await run('fit', 'steps.jsonl', '--label', 'label', ...QUICK, '--out', 'steps')
  assert.equal(json.code, 0, json.err)
  assert.match(json.out, /one for each sequence$/m)
})

test('next items', async () => {
  const { code, out, err } = await run('fit', 'words.csv', '--next', 'tag', '--time', 'at', ...QUICK, '--out', 'next')
  assert.equal(code, 0, err)
  assert.match(out, /^ {2}item after item +\d+\.\d % +[\d.]+$/m)
  const { out: items } = await run('predict', 'next', 'words.csv')
  assert.equal(items.trim().split('\n').length, sentences.length + 1)
})

const rows = (n: number, row: (i: number) => string, head = 'id,x,label') =>
  `${[head, ...Array.from({ length: n }, (_, i) => row(i))].join('\n')}\n`
const BAD: [string, string, string[], RegExp][] = [
  [
    'one label',
    rows(40, (i) => `${i >> 2},${i},a`),
    [],
    /--label: expected at least 2 labels but "label" has "a" alone/,
  ],
  [
    'a label a row',
    rows(60, (i) => `${i},${i % 7},l${i}`),
    ['--of', 'row'],
    /--label: expected labels .* is it an id\?/,
  ],
  ['numbers', rows(60, (i) => `${i},${i % 7},${i}.5`), ['--of', 'row'], /to forecast numbers, say --target/],
  [
    'a label of one sequence',
    rows(40, (i) => `${i >> 2},${i},${i < 4 ? 'rare' : (i >> 2) % 2}`),
    [],
    /label: expected at least 2 sequences of each label, .* "rare" has 1: remove it/,
  ],
  [
    'rows of an id with one label',
    rows(40, (i) => `${i >> 2},${i},${(i >> 2) % 2}`),
    ['--of', 'row'],
    /--of row: expected labels that change within "id" .* say --of sequence/,
  ],
  [
    'rows of an unnamed id with one label',
    rows(400, (i) => `p${i >> 5},${i},${(i >> 5) % 2}`, 'patient,x,label'),
    ['--of', 'row'],
    /--id: expected the rows of one "patient" .* say --id patient --of sequence/,
  ],
  [
    'two labels in a sequence',
    rows(40, (i) => `${i >> 2},${i},${i % 3}`),
    ['--of', 'sequence'],
    /row 2: label: expected one label in all rows of "0", "0", but received "1"/,
  ],
  [
    'empty sequences',
    rows(20, (i) => `${i % 2},${i % 4 ? `abc${i}` : ''}`, 'label,x'),
    [],
    /row 1: expected the steps of a/,
  ],
  [
    'three rows',
    rows(3, (i) => `${i},${i},${i % 2}`),
    [],
    /expected at least 2 labels in the training part, 1 of 3 sequences, but received 1: give more/,
  ],
  ['no id', rows(20, (i) => `${i},w${i % 3},${i % 2}`, 'x,w,label'), ['--of', 'sequence'], /--id: expected the column/],
  ['a wrong column', rows(20, (i) => `${i >> 2},${i},a`), ['--inputs', 'y'], /--inputs: expected one of id, x, label/],
  [
    'an option of forecasts',
    rows(20, (i) => `${i >> 2},${i},a`),
    ['--horizon', '3'],
    /--horizon: expected no such option/,
  ],
  [
    'parts of other names',
    rows(40, (i) => `${i >> 2},${i},${(i >> 2) % 2},${i < 20 ? 'train' : 'later'}`, 'id,x,label,part'),
    ['--split', 'part'],
    /part: expected train, validation or test but received "later"/,
  ],
]

for (const [name, text, more, expected] of BAD) {
  test(`refused in one line, nothing written: ${name}`, async () => {
    fs.writeFileSync(file('bad.csv'), text)
    const { code, out, err } = await run('fit', 'bad.csv', '--label', 'label', '--out', 'bad', ...more)
    const line = err.trim().split('\n').at(-1)!
    assert.equal(code, 2, out + err)
    assert.match(line, expected)
    assert.match(line, /^irnn: /)
    assert.ok(!err.includes('    at '), err)
    assert.ok(!fs.existsSync(file('bad')))
  })
}

test('columns and labels may have any name', async () => {
  const text = rows(
    80,
    (i) => `${i >> 2},${i % 5},${(i >> 2) % 2 ? 'constructor' : '__proto__'}`,
    'id,__proto__,toString',
  )
  fs.writeFileSync(file('names.csv'), text)
  const { code, err } = await run('fit', 'names.csv', '--label', 'toString', ...QUICK, '--out', 'names')
  assert.equal(code, 0, err)
  const { out } = await run('predict', 'names', 'names.csv')
  assert.match(out, /^id,row,label,probability,__proto__,constructor\n/)
  assert.doesNotMatch(out, /NaN|undefined|,,/)
})
