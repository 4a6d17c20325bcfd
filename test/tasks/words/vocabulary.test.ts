// Vocabularies: counted, written, read, refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InputError } from '../../../src/error.ts'
import {
  chooseVocabulary,
  createVocabulary,
  formatVocabulary,
  parseVocabulary,
} from '../../../src/tasks/words/vocabulary.ts'

const counts = new Map([
  ['the', 9],
  ['cat', 3],
  ['sat', 3],
  ['on', 2],
  ['mat', 1],
  ['<S>', 4],
])

test('most frequent first, the marks where their counts put them, <S> at the end', () => {
  // 3 sentences; left out of all: mat and the <S> of the text, 5.
  assert.deepEqual(chooseVocabulary(counts, 3, { minCount: 2 }).words, [
    'the',
    '<UNK>',
    '</S>',
    'cat',
    'sat',
    'on',
    '<S>',
  ])
  assert.deepEqual(chooseVocabulary(counts, 3, { size: 5 }).words, ['<UNK>', 'the', '</S>', 'cat', '<S>'])
  const { start, end, unknown, size, idOf } = chooseVocabulary(counts, 3, { size: 5 })
  assert.deepEqual([start, end, unknown, size], [4, 2, 0, 5])
  assert.deepEqual(['the', 'mat', '<UNK>', '</S>', '<S>'].map(idOf), [1, 0, 0, 0, 0], 'marks are no words of a text')
  assert.equal(chooseVocabulary(counts, 3).size, 8)
})

test('through a file and back; a million words', () => {
  const words = ['<S>', '</S>', '<UNK>', ...Array.from({ length: 1_000_000 }, (_, i) => `w${i}`)]
  const large = createVocabulary(words)
  const back = parseVocabulary(formatVocabulary(large).replaceAll('\n', '\r\n'))
  assert.deepEqual([back.size, back.idOf('w999999'), back.idOf('x')], [1_000_003, 1_000_002, 2])
})

test('refused, by line', () => {
  const refused = (text: string, pattern: RegExp) =>
    assert.throws(
      () => parseVocabulary(text, 'v.txt'),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    )
  refused('', /v\.txt: expected one word a line but it is empty/)
  refused('<S>\n</S>\nthe\n', /it has no <UNK>: add a line <UNK>/)
  refused('<S>\n</S>\n<UNK>\nthe\nthe\n', /line 5: expected each word once but "the" is on line 4 too/)
  refused('<S>\n</S>\n<UNK>\nthe 12\n', /line 4: expected one word but received "the 12"/)
  refused('<S>\n\n', /line 2: expected one word but received ""/)
  assert.throws(() => chooseVocabulary(counts, 3, { minCount: 10 }), /none: lower --min-count/)
  assert.throws(() => chooseVocabulary(new Map(), 0), InputError)
})

test('a no-break space is part of a word, as it is where text is read', () => {
  const words = ['<S>', '</S>', '<UNK>', 'b\u00a0c', '\u3000']
  assert.equal(createVocabulary(words).idOf('b\u00a0c'), 3)
  assert.throws(() => createVocabulary([...words, 'b c']), /line 6: expected one word but received "b c"/)
  assert.throws(() => createVocabulary([...words, 'b\tc']), /line 6: expected one word/)
})
