// Files of one sentence a line: every line in one block, whatever the cuts; what is no sentence is refused by file and
// line.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { InputError } from '../../../src/error.ts'
import { blocksOf, countWords, type Text, tokensOf } from '../../../src/tasks/words/text.node.ts'
import { chooseVocabulary } from '../../../src/tasks/words/vocabulary.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-text-'))
after(() => fs.rmSync(home, { recursive: true }))

function text(content: string | Uint8Array, form: Text['form'] = 'plain'): Text {
  const file = path.join(home, 'text')
  fs.writeFileSync(file, content)
  return { pieces: [{ file, from: 0, to: fs.statSync(file).size }], form }
}

function sentences(from: Text, blockBytes?: number): string[][] {
  const { counts, sentences: n } = countWords(from)
  const vocabulary = chooseVocabulary(counts, n)
  const tokens = tokensOf(from, vocabulary, blockBytes === undefined ? {} : { blockBytes })
  const found: string[][] = []
  const sentence: string[] = []
  for (let block = 0; block < tokens.blocks; block++) {
    for (const token of tokens.load(block).tokens) {
      if (token !== vocabulary.end) sentence.push(vocabulary.words[token]!)
      else found.push(sentence.splice(0))
    }
  }
  assert.equal(sentence.length, 0, 'every sentence ends')
  return found
}

test('the same sentences in blocks of any size', () => {
  const word = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('a', 'b', 'ü', '日', '𝛼', '/') })
  const line = fc.array(word, { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (lines, size) => {
      fc.pre(lines.some((words) => words.length > 0))
      const content = text(lines.map((words) => words.join(' ')).join('\n'))
      assert.deepEqual(
        sentences(content, size),
        lines.filter((words) => words.length > 0),
      )
    }),
    { seed: 1, numRuns: 200 },
  )
})

test('white space, line ends, a byte order mark; tags are stripped', () => {
  assert.deepEqual(sentences(text('\ufeffa  b\tc \r\n\r\n \n d\n')), [['a', 'b', 'c'], ['d']])
  assert.deepEqual(sentences(text('1/2/cd The/at\n\n\t./.\n', 'tagged')), [['1/2', 'The'], ['.']])
})

test('a piece has the lines that start in it', () => {
  const file = path.join(home, 'pieces')
  fs.writeFileSync(file, 'aa\nbb\ncc\n')
  const of = (from: number, to: number) => sentences({ pieces: [{ file, from, to }], form: 'plain' }).flat()
  assert.deepEqual(of(0, 4), ['aa', 'bb'])
  assert.deepEqual(of(3, 4), ['bb'])
  assert.deepEqual(of(4, 9), ['cc'])
  assert.throws(() => of(4, 6), /there is none/)
})

test('blocks gather small files and cut large ones, to about equal sizes', () => {
  const pieces = Array.from({ length: 100 }, (_, i) => ({ file: `f${i}`, from: 0, to: i === 50 ? 1000 : 10 }))
  const blocks = blocksOf({ pieces, form: 'plain' }, 300)
  const sizes = blocks.map((block) => block.reduce((sum, { from, to }) => sum + to - from, 0))
  assert.ok(sizes.length >= 6 && sizes.length <= 8 && Math.max(...sizes) <= 600, String(sizes))
  assert.equal(
    sizes.reduce((a, b) => a + b),
    1990,
  )
})

test('what cannot be sentences is refused by file and line', () => {
  const refused = (content: string | Uint8Array, pattern: RegExp, form: Text['form'] = 'plain') =>
    assert.throws(
      () => countWords(text(content, form)),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    )
  const latin1 = Buffer.from('eins\nzwei\nfünf\n', 'latin1')
  refused(latin1, /text: line 3: expected UTF-8 but it is not: convert the file/)
  refused(`a b\n${'word '.repeat(1_000_000)}\n`, /text: line 2: expected one sentence a line .* more than 10000 words/)
  refused(`a\nb\n${'x'.repeat(2000)}\n`, /text: line 3: .* a word of 2000 letters/)
  refused(`a\n${'x'.repeat(40_000_000)}`, /text: line 2: .* is longer than 1048576 bytes|a word of 40000000 letters/)
  refused('The/at fish\n', /line 1: .* a word without its part of speech/, 'tagged')
})
