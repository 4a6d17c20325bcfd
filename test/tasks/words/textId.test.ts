// What a stored run knows its text by: its content, all of it where it is short, samples of it where it is long.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { InputError } from '../../../src/error.ts'
import { findCorpus } from '../../../src/tasks/words/corpus.node.ts'
import { openWords } from '../../../src/tasks/words/load.node.ts'
import type { Text } from '../../../src/tasks/words/text.node.ts'
import type { Piece } from '../../../src/tasks/words/textFile.node.ts'
import { textId } from '../../../src/tasks/words/textId.node.ts'
import { reopenWords } from '../../../src/tasks/words/words.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-text-id-'))
after(() => fs.rmSync(home, { recursive: true }))

function write(name: string, content: Uint8Array): Piece {
  const file = path.join(home, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
  return { file, from: 0, to: content.length }
}

const text = (...pieces: Piece[]): Text => ({ pieces, form: 'plain' })
const changed = (content: Uint8Array, at: number) => content.with(at, content[at]! ^ 1)
const SENTENCES = Buffer.from('the cat saw a dog .\n'.repeat(40))

test('other text of the same names and sizes is another text; the same under other names is the same', () => {
  const idOf = (data: string) => findCorpus(path.join(home, data)).id
  for (const name of ['a', 'b', 'c']) {
    write(`one/${name}.txt`, SENTENCES)
    write(`same/${name}-again.txt`, SENTENCES)
    for (const other of ['a', 'b', 'c'])
      write(`not-${other}/${name}.txt`, name === other ? changed(SENTENCES, 400) : SENTENCES)
  }
  assert.match(idOf('one'), /^text-[0-9a-f]{32}$/)
  assert.equal(idOf('same'), idOf('one'))
  const ids = ['one', 'not-a', 'not-b', 'not-c'].map(idOf)
  assert.equal(new Set(ids).size, 4, String(ids))
  write('one.txt', SENTENCES)
  write('other.txt', changed(SENTENCES, 799))
  assert.notEqual(idOf('one.txt'), idOf('other.txt'))

  for (const dir of ['lm', 'lm2']) {
    const training = dir === 'lm' ? SENTENCES : changed(SENTENCES, 0)
    write(`${dir}/training-monolingual.tokenized.shuffled/news.en-00001-of-00100`, training)
    for (const i of [0, 1])
      write(`${dir}/heldout-monolingual.tokenized.shuffled/news.en.heldout-0000${i}-of-00050`, SENTENCES)
  }
  assert.match(idOf('lm'), /^benchmark-[0-9a-f]{32}$/)
  assert.notEqual(idOf('lm'), idOf('lm2'))
})

test('a short text is read whole: every byte counts, and so does where one file ends and the next begins', () => {
  const content = Uint8Array.from({ length: 100 }, (_, i) => 32 + (i % 90))
  const limits = { whole: 100, blocks: 3, blockBytes: 10 }
  const id = (...pieces: Piece[]) => textId([text(...pieces)], limits)
  const whole = id(write('whole', content))
  for (let at = 0; at < 100; at++) assert.notEqual(id(write('changed', changed(content, at))), whole, `byte ${at}`)
  const [head, tail] = [write('head', content.subarray(0, 37)), write('tail', content.subarray(37))]
  assert.notEqual(id(head, tail), whole)
  assert.equal(
    id(head, tail),
    id(...[0, 37].map((from) => ({ ...write('w', content), from, to: from === 0 ? 37 : 100 }))),
  )
  const [a, b] = [text(head), text(tail)]
  assert.notEqual(textId([a, b], limits), textId([text(head, tail), text()], limits))
})

test('of a long text, blocks are read: the first, the last, and others evenly between, across files', () => {
  const content = Uint8Array.from({ length: 101 }, (_, i) => 32 + (i % 90))
  const limits = { whole: 100, blocks: 4, blockBytes: 5 }
  // 101 - 5 = 96 bytes between the first start and the last: 0, 32, 64, 96.
  const sampled = [0, 32, 64, 96].flatMap((start) => [0, 1, 2, 3, 4].map((i) => start + i))
  for (const cuts of [[], [2, 34], [3, 4, 5, 66, 98]]) {
    const id = (bytes: Uint8Array) => {
      const edges = [0, ...cuts, bytes.length]
      const pieces = edges.slice(1).map((to, i) => write(`part${i}`, bytes.subarray(edges[i], to)))
      return textId([text(...pieces)], limits)
    }
    const same = id(content)
    const noticed = [...content.keys()].filter((at) => id(changed(content, at)) !== same)
    assert.deepEqual(noticed, sampled, String(cuts))
    assert.notEqual(id(content.subarray(0, 100)), same)
  }
})

test('each part of a long text is sampled by itself: a small test set is read whole', () => {
  const long = write('long', new Uint8Array(1000).fill(65))
  const id = (test: Uint8Array) =>
    textId([text(long), text(write('test', test))], { whole: 100, blocks: 2, blockBytes: 5 })
  assert.notEqual(id(SENTENCES.subarray(0, 90)), id(changed(SENTENCES.subarray(0, 90), 50)))
})

test('a run of before ids told of content is refused by a line that says so', () => {
  write('old/a.txt', SENTENCES)
  const { task, data } = openWords({}, { data: path.join(home, 'old') })
  assert.equal(reopenWords(task.options, data).name, 'words')
  for (const corpus of ['text-0123456789abcdef', 'benchmark-0123456789abcdef']) {
    assert.throws(
      () => reopenWords({ ...task.options, corpus }, data),
      (error: Error) =>
        error instanceof InputError &&
        /^words: the run knows its text as "(text|benchmark)-\w{16}", by names and sizes of files/.test(
          error.message,
        ) &&
        /start the run anew$/.test(error.message),
    )
  }
})
