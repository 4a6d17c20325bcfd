// irnn train words as people meet it: Brown and text of one's own; resume, eval, sample, baseline; bad input.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { rng } from '../../src/rng.ts'
import { findCorpus } from '../../src/tasks/words/corpus.node.ts'
import { decodeEvent } from '../../src/train/events.ts'
import { home, run as runArgs, start } from '../support/command.ts'

const TINY = '--hidden 12 --batch 4 --length 5 --eval-every 20'
const run = (line: string) => runArgs(...line.split(' '))
const at = (...names: string[]) => path.join(home, ...names)
const config = (dir: string) => JSON.parse(fs.readFileSync(at(dir, 'config.json'), 'utf8'))

const WORDS = ['the', 'a', 'cat', 'dog', 'saw', 'chased', 'quickly', '.', 'über']

/** Sentences that mean nothing; a file's lines differ from another's. */
function write(file: string, lines: number, seed = 1): void {
  const generator = rng(seed, 'text')
  const sentence = () => Array.from({ length: 3 + generator.below(6) }, () => WORDS[generator.below(WORDS.length)])
  fs.mkdirSync(path.dirname(at(file)), { recursive: true })
  fs.writeFileSync(at(file), `${Array.from({ length: lines }, () => sentence().join(' ')).join('\n')}\n`)
}

write('one.txt', 1000)
for (let i = 0; i < 5; i++) write(`many/part${i}.txt`, 200, i + 1)
for (const [i, name] of ['train', 'valid', 'test'].entries()) write(`named/ptb.${name}.txt`, 200, i + 1)
for (let i = 1; i < 4; i++) write(`lm/training-monolingual.tokenized.shuffled/news.en-0000${i}-of-00100`, 200, i)
for (let i = 0; i < 3; i++)
  write(`lm/heldout-monolingual.tokenized.shuffled/news.en.heldout-0000${i}-of-00050`, 90, i + 9)

test('Brown: train, eval, info, sample, baseline', async () => {
  const flags = `${TINY} --vocabulary-size 500 --iterations 40 --cell lstm --projection 6`
  const { code, out, err } = await run(`train words ${flags}`)
  assert.equal(code, 0, err)
  assert.match(
    err,
    /^Brown corpus: 450 documents to train on, 25 held out, 25 to test\nvocabulary of 500 words; of 61,089/,
  )
  assert.match(err, /words\/s .* left +train perplexity [\d.]+ +test perplexity [\d.]+, held-out [\d.]+/)
  assert.match(out, /^test perplexity [\d.]+, held-out [\d.]+ after 40 iterations/)
  const dir = 'runs/words-lstm-seed1'
  const { task, model } = config(dir)
  assert.deepEqual(
    { ...task.options, vocabulary: '' },
    { corpus: 'brown', vocabulary: '', T: 5, order: 'text', reset: 'none', seed: 1 },
  )
  assert.deepEqual([model.input.vocabulary, model.input.embedding, model.projection.size], [500, 12, 6])
  assert.equal(fs.readFileSync(at(dir, 'vocabulary.txt'), 'utf8').split('\n').length, 501)

  const [scored, beside, info, baseline] = await Promise.all([
    run(`eval ${dir} --json`),
    run(`eval ${dir}`),
    run(`info ${dir}`),
    run('baseline words --vocabulary-size 500 --json'),
  ])
  const done = decodeEvent(fs.readFileSync(at(dir, 'metrics.jsonl'), 'utf8').trim().split('\n').at(-1)!)
  const event = decodeEvent(scored.out)
  assert.ok(event.type === 'eval' && done.type === 'done')
  assert.deepEqual(event.test, done.test)
  const scores = JSON.parse(baseline.out)
  assert.ok(scores['Kneser-Ney trigram, test'] < scores['unigram, test'] && scores['unigram, test'] < 500)
  assert.match(
    beside.out,
    /61,089 tokens, [\d,]+ of them <\/S>, [\d.]+ % <UNK>\nKneser-Ney trigram: test perplexity [\d.]+/,
  )
  assert.match(info.out, /score +test perplexity [\d.]+, held-out/)

  const sample = (more: string) => run(`sample ${dir} --words 30 ${more}`)
  const prompt = runArgs('sample', dir, '--prompt', 'The  cat', '--words', '5')
  const [one, same, other, cold, begun] = await Promise.all([
    sample('--seed 3'),
    sample('--seed 3'),
    sample('--seed 4'),
    sample('--temperature 0'),
    prompt,
  ])
  assert.equal(one.code, 0, one.err)
  assert.equal(one.out, same.out)
  assert.notEqual(one.out, other.out)
  assert.ok(one.out.endsWith('\n') && !/<UNK>|<S>|<\/S>/.test(one.out + cold.out))
  assert.match(begun.out, /^The cat /)
})

test('one file, many, named ones, a pattern, the benchmark: what each split is', async () => {
  const splits: [string, RegExp][] = [
    ['one.txt', /one.txt: the first 90 % to train on, the next 5 % held out, the last 5 % to test/],
    ['many', /many: 3 of 5 files to train on; part3.txt held out, part4.txt to test/],
    ['many/part[]?.txt'.replace('[]', ''), /3 of 5 files to train on; part3.txt held out/],
    ['named', /named: as the names of the files say/],
    [
      'lm',
      /benchmark: 3 training files; news.en.heldout-00001-of-00050 held out, news.en.heldout-00000-of-00050 to test/,
    ],
  ]
  const results = await Promise.all(
    splits.map(([data], i) => run(`train words ${TINY} --data ${data} --iterations 4 --out split${i}`)),
  )
  for (const [i, { code, err }] of results.entries()) {
    assert.equal(code, 0, err)
    assert.match(err, splits[i]![1])
  }
  assert.equal(config('split4').task.options.order, 'sentences', 'the benchmark is shuffled')
  assert.equal(config('split0').task.options.order, 'text')
  const { train, heldOut, test: tests } = findCorpus()
  const files = [train, heldOut, tests].map(({ pieces }) => pieces.map(({ file }) => file))
  assert.deepEqual(
    files.map(({ length }) => length),
    [450, 25, 25],
  )
  assert.equal(new Set(files.flat()).size, 500, 'no document is in two splits')
  // The benchmark's vocabulary file: given, not counted.
  fs.writeFileSync(at('given.txt'), `<S>\n</S>\n<UNK>\n${WORDS.slice(0, 6).join('\n')}\n`)
  const given = await run(`train words ${TINY} --data lm --vocabulary given.txt --iterations 4 --out given`)
  assert.equal(given.code, 0, given.err)
  assert.equal(config('given').model.input.vocabulary, 9)
})

for (const [kind, flags] of [
  ['full', '--layers 1'],
  ['sampled', '--samples 5 --dropout 0.2'],
] as const)
  test(`${kind} softmax: killed in the middle of an epoch and resumed, a run ends in the same bits`, async () => {
    const [whole, killed] = [`whole-${kind}`, `killed-${kind}`]
    const line = (dir: string) =>
      `train words ${TINY} --data many --cell lstm ${flags} --iterations 240 --checkpoint-every 7 --out ${dir}`
    assert.equal((await run(line(whole))).code, 0)
    const { child, result } = start(...line(killed).split(' '), '--json')
    await new Promise<void>((resolve) => {
      child.stdout!.on('data', (data) => {
        if (/"type":"checkpoint","iteration":2/.test(String(data))) resolve()
      })
    })
    child.kill('SIGKILL')
    await result
    const resumed = await run(`train --resume ${killed} --data many`)
    assert.equal(resumed.code, 0, resumed.err)
    for (const name of ['model.safetensors', 'vocabulary.txt']) {
      assert.deepEqual(fs.readFileSync(at(killed, name)), fs.readFileSync(at(whole, name)), name)
    }
  })

test('--samples and --dropout: in the config with the seed of their draws, and a loss that is no perplexity', async () => {
  const line = (seed: number) =>
    `train words ${TINY} --data many --cell lstm --iterations 20 --samples 5 --dropout 0.2 --seed ${seed} --out drawn${seed}`
  const [first] = await Promise.all([1, 2].map((seed) => run(line(seed))))
  assert.equal(first!.code, 0, first!.err)
  assert.match(first!.err, /norm clip 1, dropout 0.2, softmax over 5 samples, batch 4/)
  assert.match(first!.err, /left +sampled loss [\d.]+ +test perplexity [\d.]+/)
  for (const seed of [1, 2]) {
    const { softmax, dropout, seed: drawn } = config(`drawn${seed}`).training
    assert.deepEqual(
      { softmax, dropout, drawn },
      { softmax: { kind: 'sampled', samples: 5 }, dropout: 0.2, drawn: seed },
    )
  }
})

test('bad input: exit code 2, one clear line, nothing written', async () => {
  fs.mkdirSync(at('nothing'))
  fs.mkdirSync(at('latin'))
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(at('latin', name), Buffer.from('ein\nfünf\n', 'latin1'))
  fs.writeFileSync(at('empty.txt'), '')
  fs.writeFileSync(at('blank.txt'), '\n\n\n\n\n\n')
  fs.writeFileSync(at('long.txt'), `a b\n${'word '.repeat(1_000_000)}\n`)
  fs.writeFileSync(at('marks.txt'), '<S>\n</S>\nthe\n')
  const cases: [string, RegExp][] = [
    ['--data nowhere', /--data: nowhere: expected a file or folder of text but there is none of that name/],
    ['--data nothing', /--data: nothing: expected files of one sentence a line but there is none/],
    ['--data many/x*', /expected files of one sentence a line but there is none/],
    ['--data empty.txt', /empty.txt: expected one sentence a line but it is empty/],
    ['--data blank.txt', /vocabulary: expected words seen at least 1 times but there is none/],
    ['--data latin', /latin\/a: line 2: expected UTF-8 but it is not/],
    ['--data long.txt', /long.txt: line 2: .* more than 10000 words: break it into lines/],
    ['--data one.txt --vocabulary marks.txt', /marks.txt: .* it has no <UNK>: add a line <UNK>/],
    ['--data one.txt --vocabulary none.txt', /none.txt: cannot be read: there is no such file/],
    ['--data one.txt --vocabulary marks.txt --min-count 2', /--min-count: .*remove one of the two/],
    [
      '--data one.txt --length 50000',
      /^irnn: --length: expected at most \d+, all the words there are to train on, but received 50000: give more text$/m,
    ],
    ['--data one.txt --length 200000', /^irnn: --length: expected a number <= 100000 but received 200000$/m],
    ['--data one.txt --batch 4000', /batch: expected at most \d+/],
    ['--data one.txt --order chapters', /--order: expected one of sentences, text but/],
    ['--data one.txt --bidirectional', /--bidirectional: .*remove it/],
    ['--data one.txt --samples 12', /--samples: expected fewer than the 12 words of the vocabulary but received 12: /],
    ['--data one.txt --samples 0', /--samples: expected a whole number >= 1/],
    ['--data one.txt --dropout 1', /--dropout: expected a number >= 0 and < 1/],
  ]
  const held = fs.readdirSync(home).toSorted()
  const results = await Promise.all(cases.map(([flags]) => run(`train words ${flags} --json --out never`)))
  for (const [i, { code, out, err }] of results.entries()) {
    const [flags, pattern] = cases[i]!
    assert.equal(code, 2, `${flags}: ${err}`)
    assert.match(err, pattern, flags)
    assert.equal(err.trim().split('\n').length, 1, err)
    assert.equal(out, '')
  }
  assert.deepEqual(fs.readdirSync(home).toSorted(), held)
})

test('a run knows its text and its vocabulary', async () => {
  const trained = await run(`train words ${TINY} --data many --iterations 4 --out mine`)
  assert.equal(trained.code, 0, trained.err)
  const other = await run('eval mine --data named')
  assert.equal(other.code, 2)
  assert.match(
    other.err,
    /expected the text "text-\w{32}" that the run was made with but received "text-\w{32}": give --data/,
  )
  fs.cpSync(at('many'), at('altered'), { recursive: true })
  const file = at('altered', 'part4.txt')
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('cat', 'dog'))
  for (const line of ['eval mine --data altered', 'train --resume mine --data altered --iterations 9']) {
    assert.match((await run(line)).err, /expected the text "text-/, `${line}: another text of the same names and sizes`)
  }
  fs.appendFileSync(at('mine', 'vocabulary.txt'), 'more\n')
  for (const line of ['eval mine --data many', 'sample mine', 'train --resume mine --data many --iterations 9']) {
    const { code, err } = await run(line)
    assert.equal(code, 2, line)
    assert.match(err, /vocabulary.txt: expected the vocabulary "\w{16}" that the run was made with but it is "\w{16}"/)
  }
  const digits = await run('sample runs')
  assert.match(digits.err, /runs: expected the folder of a run/)
})
