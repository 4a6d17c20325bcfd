// .PHN segments and Kaldi's alignments: what is whole is read, what is not is refused by its line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAlignments } from '../../src/formats/kaldi.ts'
import { encodePhn, parsePhn } from '../../src/formats/phn.ts'
import { refused } from '../support/refused.ts'

const known = new Set(['h#', 'sh', 'iy', 'ax-h'])
const parse = (text: string) => parsePhn(text, 'S.PHN', known)

test('segments come back, with any line end and label in either case, and are written again', () => {
  const segments = [
    { start: 0, end: 3050, phone: 'h#' },
    { start: 3050, end: 4559, phone: 'sh' },
    { start: 4600, end: 5723, phone: 'ax-h' },
  ]
  assert.deepEqual(parse('0 3050 h#\n3050 4559 sh\n4600 5723 ax-h\n'), segments)
  assert.deepEqual(parse('0 3050 H#\r\n3050 4559 SH\r\n\r\n4600 5723 AX-H'), segments)
  assert.deepEqual(parse('0 3050 h#\r3050 4559 sh\r\r4600 5723 ax-h\r'), segments)
  assert.deepEqual(parse(encodePhn(segments)), segments)
})

test('segments that overlap, end before they start or have no phone are refused by their line', () => {
  refused(() => parse('0 100 h#\n90 200 sh\n'), /^S\.PHN: line 2: the segment 90 … 200 overlaps .* ends at 100/)
  refused(
    () => parse('0 100 h#\n100 100 sh\n'),
    /^S\.PHN: line 2: expected an end after the start 100 but received 100/,
  )
  refused(() => parse('0 100 h#\n100 200 xx\n'), /^S\.PHN: line 2: unknown phone "xx": expected one of TIMIT's labels/)
  refused(() => parse('0 100 h#\n100 200\n'), /line 2: expected "start end phone" but received "100 200"/)
  refused(() => parse('-5 100 h#\n'), /line 1: expected "start end phone"/)
  refused(() => parse('0 1e3 h#\n'), /line 1: expected "start end phone"/)
  refused(() => parse('0 100 h#\r\r100 x sh\r'), /line 3: expected "start end phone" but received "100 x sh"/)
  for (const large of ['9007199254740993', '9'.repeat(400)]) {
    refused(() => parse(`0 ${large} h#\n`), /line 1: expected the number of a sample but received "9/)
  }
  refused(() => parse('\n'), /expected segments but it has none: the utterance is empty/)
})

test('alignments are found by the name of the utterance in lower case', () => {
  const alignments = parseAlignments('FADG0_SI1279 12 12 13\n\nfadg0_sx19  0 65535 \n', 'ali.txt')
  assert.deepEqual([...alignments.keys()], ['fadg0_si1279', 'fadg0_sx19'])
  assert.deepEqual(alignments.get('fadg0_si1279'), Int32Array.of(12, 12, 13))
  assert.deepEqual(alignments.get('fadg0_sx19'), Int32Array.of(0, 65535))
  const lines = ['a 1 2', 'b 3', '', 'c 4 5 6', '']
  const [expected, ...others] = ['\n', '\r\n', '\r'].map((end) => parseAlignments(lines.join(end), 'ali.txt'))
  for (const other of others) assert.deepEqual(other, expected)
})

test('an archive that is binary, empty, or has what is no id is refused by its line', () => {
  const parse = (text: string) => () => parseAlignments(text, 'ali.txt')
  refused(parse('fadg0 \0B\x04'), /binary: write it with ark,t:FILE/)
  refused(parse('\n \n'), /it is empty/)
  refused(parse('a 1 2\nb 1 -2\n'), /^ali\.txt: line 2: frame 1: expected an id, 0 … 65535, but received "-2"/)
  refused(parse('a 1 [\n'), /line 1: frame 1: .* received "\["/)
  refused(parse('a 65536\n'), /received "65536"/)
  refused(parse(`a 1\rb ${'9'.repeat(400)}\r`), /line 2: frame 0: .* received "9999/)
  refused(parse('a 1\nA 2\n'), /line 2: utterance "A" occurs twice/)
  refused(parse('a\n'), /utterance "a" has no frames/)
})
