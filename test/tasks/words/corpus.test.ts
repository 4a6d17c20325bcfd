/** Text as people have it: packed, in other encodings and line ends, in one line, with marks, under any names. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { findCorpus } from '../../../src/tasks/words/corpus.node.ts'
import { openWords, readVocabulary, textOfRun } from '../../../src/tasks/words/load.node.ts'
import type { Piece } from '../../../src/tasks/words/textFile.node.ts'
import { tally } from '../../../src/tasks/words/words.ts'
import { refused } from '../../support/refused.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-corpus-'))
after(() => fs.rmSync(home, { recursive: true }))

const SENTENCES = 'the cat saw a dog .\na dog ran\n'.repeat(40)
const VOCABULARY = '<S>\n</S>\n<UNK>\nthe\ncat\n'

let folders = 0
/** A new folder with these files; one without content is a folder. */
function folder(files: Readonly<Record<string, string | Uint8Array | null>>): string {
  const dir = path.join(home, `f${folders++}`)
  fs.mkdirSync(dir)
  for (const [name, content] of Object.entries(files)) {
    if (content === null) fs.mkdirSync(path.join(dir, name))
    else fs.writeFileSync(path.join(dir, name), content)
  }
  return dir
}

function file(content: string | Uint8Array): string {
  return path.join(folder({ text: content }), 'text')
}

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat([...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))])
const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16()

const NO_TEXT: Readonly<Record<string, [Uint8Array, RegExp]>> = {
  gzip: [gzipSync(SENTENCES), /packed by gzip: unpack it with gunzip$/],
  bzip2: [bytes('BZh61AY&SY', [1, 2, 3]), /bzip2/],
  xz: [bytes([0xfd], '7zXZ', [0, 0, 4]), /packed by xz/],
  zstd: [bytes([0x28, 0xb5, 0x2f, 0xfd, 4, 0]), /zstd/],
  lz4: [bytes([4, 0x22, 0x4d, 0x18, 9]), /lz4/],
  zip: [bytes('PK', [3, 4, 20, 0]), /zip archive/],
  tar: [bytes('train.txt', Array(248).fill(0), 'ustar'), /tar archive/],
  pdf: [bytes('%PDF-1.7\n'), /a PDF/],
  'UTF-16 of little ends': [bytes([0xff, 0xfe], SENTENCES), /UTF-16: convert it with iconv -f UTF-16 -t UTF-8$/],
  'UTF-16 of large ends': [Buffer.concat([bytes([0xfe, 0xff]), swapped(SENTENCES)]), /UTF-16/],
  'UTF-32': [bytes([0xff, 0xfe, 0, 0, 97, 0, 0, 0]), /UTF-32/],
}

test('what is no text is named, wherever text is read', () => {
  for (const [kind, [content, said]] of Object.entries(NO_TEXT)) {
    const among = { 'train.txt': SENTENCES, 'valid.txt': SENTENCES, 'test.txt': SENTENCES }
    const places = [file(content), folder({ a: SENTENCES, b: content, c: SENTENCES }), folder({ a: content })]
    for (const name of Object.keys(among)) places.push(folder({ ...among, [name]: content }))
    for (const place of places) refused(() => openWords({}, { data: place }), said)
    refused(() => readVocabulary(file(content)), said)
    // A file that is in no part is not read.
    assert.equal(openWords({}, { data: folder({ ...among, notes: content }) }).task.name, 'words', kind)
  }
})

test('UTF-16 without a mark, or a byte 0, is refused by its line', () => {
  refused(
    () => openWords({}, { data: file(Buffer.from(SENTENCES, 'utf16le')) }),
    /text: line 1: .* a NUL byte: is it UTF/,
  )
  refused(() => openWords({}, { data: file(`a b\nc \0 d\n${SENTENCES}`) }), /text: line 2: .* a NUL byte/)
})

test('line ends: LF and CR LF are read, CR alone is refused; one line is refused where it cannot be split', () => {
  const { vocabulary, train } = openWords({}, { data: file(SENTENCES.replaceAll('\n', '\r\n')) }).data
  const ends = train.load(0).tokens.filter((token) => token === vocabulary.end).length
  assert.deepEqual([vocabulary.size, ends], [10, 72], '90 % of 80 sentences')
  for (const text of [SENTENCES.replaceAll('\n', '\r'), `${SENTENCES.replaceAll('\n', '\r')}\n`, 'a\rb'])
    refused(() => openWords({}, { data: file(text) }), /text: expected lines .* but they end in CR alone: convert it/)
  const line = SENTENCES.replaceAll('\n', ' ')
  for (const text of [line, `${line}\n`, `\n\n${line}\r\n\r\n`]) {
    const said = /: expected one sentence a line but it is one line: put each sentence/
    refused(() => openWords({}, { data: file(text) }), said)
    refused(() => openWords({}, { data: folder({ a: SENTENCES, b: text }) }), said)
    refused(() => openWords({}, { data: folder({ train: text, valid: SENTENCES, test: SENTENCES }) }), said)
  }
  const documents = { a: line, b: line, c: line, d: line, e: line }
  assert.equal(openWords({}, { data: folder(documents) }).data.train.load(0).documents.length, 3, 'a document each')
})

test('marks of sentences are refused, marks of unknown words are unknown words', () => {
  const marks = [
    '<S>',
    '</S>',
    '<s>',
    '</s>',
    '<eos>',
    '<EOS>',
    '<bos>',
    '<sos>',
    '<|endoftext|>',
    '[CLS]',
    '[SEP]',
    '<s>The',
    'cat</s>',
  ]
  const given = path.join(folder({ v: VOCABULARY }), 'v')
  for (const mark of marks) {
    for (const text of [`${mark} a b\n`, `a b ${mark}\n`, `a ${mark} b\n`, `${mark}\n`]) {
      const data = file(SENTENCES + text + SENTENCES)
      const said = /text: line 81: expected one sentence a line but this one has the mark ".*", which is no word: put/
      refused(() => openWords({}, { data }), said)
      refused(() => openWords({}, { data: folder({ train: SENTENCES, valid: text, test: SENTENCES }) }), /the mark/)
      // With a vocabulary, nothing is counted beforehand, but the first block is read.
      refused(() => openWords({}, { data, vocabulary: given }), said)
    }
  }
  for (const mark of ['<unk>', '<UNK>', '<Unk>']) {
    const marked = SENTENCES.replaceAll('cat', mark)
    const { vocabulary, test } = openWords({}, { data: file(marked) }).data
    assert.deepEqual(vocabulary.words.toSorted().slice(0, 5), ['.', '</S>', '<S>', '<UNK>', 'a'])
    assert.ok(!vocabulary.words.includes('cat') && tally(test, vocabulary).unknown > 0)
  }
})

test('a vocabulary of other marks is refused by the line to change; its words may look like marks', () => {
  const read = (text: string) => readVocabulary(file(text))
  refused(() => read('<s>\n</s>\n<unk>\nthe\n'), /it has no <S>: write <S> for "<s>"$/)
  refused(() => read('<S>\n<eos>\n<UNK>\nthe\n'), /it has no <\/S>: write <\/S> for "<eos>"$/)
  refused(() => read('<S>\n</S>\n<unk>\nthe\n'), /it has no <UNK>: write <UNK> for "<unk>"$/)
  refused(() => read('<S>\n</S>\nthe\n'), /it has no <UNK>: add a line <UNK>$/)
  assert.equal(read('<S>\r</S>\r<UNK>\rthe\r').size, 4)
  const vocabulary = path.join(folder({ v: `${VOCABULARY}<s>\n` }), 'v')
  assert.equal(openWords({}, { data: file(`<s> a\n${SENTENCES}`), vocabulary }).data.vocabulary.size, 6)
})

test('a run that 0.1.0 began on text with marks goes on with it, its marks unknown words', () => {
  const dir = folder({ 'vocabulary.txt': VOCABULARY, 'text.txt': `<S> the cat </S>\n${SENTENCES}` })
  const sum = openWords({}, { data: file(SENTENCES), vocabulary: path.join(dir, 'vocabulary.txt') }).data.vocabularyId
  const { train, vocabulary } = textOfRun(dir, sum, path.join(dir, 'text.txt'))
  const { start: _, end, unknown } = vocabulary
  assert.deepEqual([...train.load(0).tokens.slice(0, 5)], [unknown, 3, 4, unknown, end])
})

const names = (pieces: readonly Piece[]) => pieces.map(({ file }) => path.basename(file)).join(' ')
const partsOf = (...files: string[]) => {
  const dir = folder(Object.fromEntries(files.map((name, i) => [name, `a b ${i}\nc d\n`])))
  const { train, heldOut, test, split } = findCorpus(dir)
  return { train: names(train.pieces), heldOut: names(heldOut.pieces), test: names(test.pieces), split }
}

test('a name says what a file is by a whole word of it; what was taken, and what was left out, is said', () => {
  const taken: [string[], string, string, string][] = [
    [['train', 'valid', 'test'], 'train', 'valid', 'test'],
    [['ptb.train.txt', 'ptb.valid.txt', 'ptb.test.txt'], 'ptb.train.txt', 'ptb.valid.txt', 'ptb.test.txt'],
    [['wiki_TRAIN-2.tokens', 'wiki_Dev.tokens', 'wiki_test1'], 'wiki_TRAIN-2.tokens', 'wiki_Dev.tokens', 'wiki_test1'],
    [['training.txt', 'validation.txt', 'testing.txt'], 'training.txt', 'validation.txt', 'testing.txt'],
    [['train00', 'train01', 'held-out', 'test'], 'train00 train01', 'held-out', 'test'],
    [['train', 'heldout.txt', 'val', 'test'], 'train', 'heldout.txt val', 'test'],
  ]
  for (const [files, train, heldOut, test] of taken) {
    const { split, ...found } = partsOf(...files)
    assert.deepEqual(found, { train, heldOut, test })
    assert.match(split, /: as the names of the files say, .* to train on, .* held out, .* to test$/)
  }
  const novels = [
    'training-day.txt',
    'contest.txt',
    'invalid-args.txt',
    'strain.txt',
    'détest.txt',
    'testament',
    'devil',
  ]
  const { split, ...found } = partsOf('train', 'valid', 'test', 'dev-test.txt', ...novels)
  assert.deepEqual(found, { train: 'train', heldOut: 'valid', test: 'test' })
  assert.match(split, /; left out: contest.txt, dev-test.txt, devil, détest.txt, .*, training-day.txt.*$/)
  assert.match(
    partsOf('train', 'valid', 'test', ...Array.from({ length: 20 }, (_, i) => `x${i}`)).split,
    / and 12 more$/,
  )
})

test('names of novels alone split nothing', () => {
  const word = fc.constantFrom('train', 'valid', 'dev', 'test', 'val', 'heldout')
  const letters = fc.constantFrom('a', 'ing', 'ament', 'é', 'ly')
  const novel = fc.tuple(word, letters, fc.boolean()).map(([w, l, after]) => `the-${after ? w + l : l + w}.txt`)
  fc.assert(
    fc.property(fc.uniqueArray(novel, { minLength: 3, maxLength: 6 }), (files) => {
      assert.match(partsOf(...files).split, /: \d of \d files to train on; /)
    }),
    { seed: 3, numRuns: 60 },
  )
  assert.match(partsOf('train.txt', 'test.txt').split, /: no name says valid, so that names count for nothing: of each/)
})

test('folders and hidden files of a folder are left out, and named', () => {
  const dir = folder({ a: SENTENCES, b: SENTENCES, c: SENTENCES, '.notes': 'x', more: null })
  assert.match(findCorpus(dir).split, /c to test; left out: \.notes, more$/)
  assert.match(findCorpus(path.join(dir, '?')).split, /c to test$/)
})
