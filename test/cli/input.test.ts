/** Lines that mean something else, or say what nothing listens to; and what every command says as JSON. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { home, run } from '../support/command.ts'

const TINY = '--length 8 --train-size 200 --test-size 50 --hidden 8 --iterations 60 --eval-every 20'.split(' ')
const lines = (text: string) => text.split('\n').filter((line) => line !== '')
const objects = (text: string) => lines(text).map((line) => JSON.parse(line))

fs.writeFileSync(path.join(home, 'text.txt'), 'the cat saw a dog .\na dog ran\n'.repeat(40))
const words = 'train words --data text.txt --hidden 4 --batch 2 --length 4 --iterations 4 --out words'.split(' ')
await Promise.all([run('train', 'adding', ...TINY, '--pause-at', '30', '--out', 'runs/adding'), run(...words)])

test('--pause-at stops at that iteration with 0, and --resume goes on to the same bits', async () => {
  const last = () => objects(fs.readFileSync(path.join(home, 'runs/adding/metrics.jsonl'), 'utf8')).at(-1)
  assert.deepEqual([last().iteration, last().reason], [30, 'stopped'])
  const again = await run('train', '--resume', 'runs/adding', '--pause-at', '45')
  assert.equal(again.code, 0, again.err)
  assert.equal(last().iteration, 45)
  assert.equal((await run('train', '--resume', 'runs/adding')).code, 0)
  await run('train', 'adding', ...TINY, '--out', 'runs/whole')
  const model = (dir: string) => fs.readFileSync(path.join(home, dir, 'model.safetensors'))
  assert.deepEqual(model('runs/adding'), model('runs/whole'))
})

test('help of any command, by its words', async () => {
  for (const args of ['train adding', 'train', 'data speech', 'info']) {
    const [said, asked] = await Promise.all([run('help', ...args.split(' ')), run(...args.split(' '), '--help')])
    assert.deepEqual(said, asked, args)
    assert.match(said.out, new RegExp(`^Usage: irnn ${args}`))
  }
})

test('what was meant, and what nothing listens to: one line, exit code 2', async () => {
  const cases: [string, RegExp][] = [
    ['help train addin', /train: expected one of adding, .* but received "addin"; did you mean adding\?/],
    ['help info x', /help: expected no more words after info but received "x"/],
    ['train adding --cell gruu', /^irnn: --cell: expected one of .*, gru but received "gruu"; did you mean gru\?$/m],
    ['train adding --recipe papr', /did you mean paper\?/],
    ['train adding --optimizer adma', /did you mean adam\?/],
    ['train adding --schedule cosin', /did you mean cosine\?/],
    ['eval words --backend wsam', /did you mean wasm\?/],
    ['data speach --out x', /did you mean speech\?/],
    ['reproduce wordz', /received "wordz"; did you mean words\?/],
    ['reproduce adding --only irnn-15', /received "irnn-15"; did you mean irnn-150\?/],
    ['baseline wrods', /did you mean words\?/],
    ['info runs/addin', /runs\/addin: expected the folder of a run but .*; did you mean runs\/adding\?/],
    ['info addin', /did you mean runs\/adding\?/],
    ['eval runs', /runs: expected the folder of a run .*: it holds runs: name one, say runs\/adding/],
    ['info words/model.safetensors', /did you mean words\?/],
    ['eval runs/adding --data x', /^irnn: --data: a run of adding needs no data: remove it/],
    ['train --resume runs/adding --skip-bad', /^irnn: --skip-bad: a run of adding needs no data/],
    ['eval words --alignments x', /^irnn: --alignments: a run of words takes --data alone: remove it/],
    ['train adding --overwrite', /^irnn: --overwrite: expected --out beside it/],
    ['reproduce adding --collect --budget 5', /^irnn: --budget: --collect runs nothing/],
  ]
  const results = await Promise.all(cases.map(([line]) => run(...line.split(' '))))
  for (const [i, { code, out, err }] of results.entries()) {
    const [line, pattern] = cases[i]!
    assert.deepEqual([code, out, lines(err).length], [2, '', 1], `${line}: ${err}`)
    assert.match(err, pattern, line)
  }
})

test('sample says which words of a prompt it does not know; info and sample as JSON', async () => {
  const prompt = ['--prompt', 'the zebra <UNK> saw Zoë zebra', '--words', '3']
  const [said, json, info] = await Promise.all([
    run('sample', 'words', ...prompt),
    run('sample', 'words', ...prompt, '--json'),
    run('info', 'words', '--json'),
  ])
  assert.equal(lines(said.err).at(-1), '--prompt: not in the vocabulary, so read as <UNK>: "zebra", "Zoë"')
  const [first, ...drawn] = objects(json.out)
  assert.deepEqual([first.type, first.words.length, first.unknown], ['prompt', 6, ['zebra', 'Zoë']])
  assert.deepEqual([drawn.length, drawn.every(({ type }) => /^(word|end)$/.test(type))], [3, true])
  const text = drawn.map(({ type, word }) => (type === 'end' ? '\n' : word)).join(' ')
  assert.equal(said.out.trim().replace(/\s+/g, ' '), `${first.words.join(' ')} ${text}`.trim().replace(/\s+/g, ' '))
  const [record, ...more] = objects(info.out)
  assert.deepEqual([more.length, record.type, record.iteration, record.ended], [0, 'info', 4, 'iterations'])
  assert.deepEqual(
    [record.config.task.name, record.model.file, record.eval.iteration],
    ['words', 'model.safetensors', 4],
  )
})

test('names and titles with line ends and escapes of a terminal stay in their line', async () => {
  fs.cpSync(path.join(home, 'words'), path.join(home, 'odd\n\x1b[31m'), { recursive: true })
  const file = path.join(home, 'words', 'config.json')
  const config = JSON.parse(fs.readFileSync(file, 'utf8'))
  fs.cpSync(path.join(home, 'words'), path.join(home, 'told'), { recursive: true })
  fs.writeFileSync(path.join(home, 'told', 'config.json'), JSON.stringify({ ...config, recipe: 'a\n\x1b[31mb' }))
  fs.writeFileSync(path.join(home, 'words', 'config.json'), '{"a":\n"\x1b[31m",\n]}')
  const all = await Promise.all([run('info', 'told'), run('info', 'words'), run('eval', 'odd\n\x1b[31m')])
  for (const { out, err } of all) assert.doesNotMatch(out + err, /[^\n\P{Cc}]/u)
  assert.match(all[0].out, /recipe a\\n\\u001b\[31mb, seed 1/)
  assert.deepEqual([all[1].code, lines(all[1].err).length], [2, 1])
  assert.deepEqual([all[2].code, lines(all[2].err).length], [2, 1])
})
