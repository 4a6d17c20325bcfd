import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'csv-parse/sync'
import { InputError } from '../../src/error.ts'
import { CsvScanner } from '../../src/formats/csv.ts'
import { delimiterOf } from '../../src/formats/csvDelimiter.ts'
import { type Rng, rng as rngOf } from '../../src/rng.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** All records as strings, with the line of each, from chunks that end at the given places. */
function scanned(text: string | Uint8Array, delimiter = ',', cuts: readonly number[] = []) {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text
  const scanner = new CsvScanner('file.csv', delimiter.charCodeAt(0))
  const [records, lines]: [string[][], number[]] = [[], []]
  const places = [0, ...cuts, bytes.length]
  for (let p = 1; p < places.length; p++) {
    const batch = scanner.scan(bytes.slice(places[p - 1]!, places[p]!), p === places.length - 1)
    for (let r = 0; r < batch.rows; r++) {
      const at = Array.from({ length: batch.columns }, (_, c) => r * batch.columns + c)
      records.push(at.map((f) => decoder.decode(batch.bytes.subarray(batch.starts[f]!, batch.ends[f]!))))
      lines.push(batch.lineOf(r))
    }
  }
  return { records, lines }
}

/** A random file of RFC 4180 and what is in it. */
function randomFile(rng: Rng) {
  const delimiter = [',', '\t', ';', '|'][rng.below(4)]!
  const end = ['\n', '\r\n', '\r'][rng.below(3)]!
  const columns = 2 + rng.below(4)
  const pieces = ['a', 'é', '7', '"', delimiter, ' ', end, '-', '𝄞', '.', '']
  const field = () => {
    const quoted = rng.next() < 0.4
    const parts = Array.from({ length: rng.below(5) }, () => pieces[rng.below(pieces.length)]!)
    const text = parts.join('')
    const bare = !/["\r\n]/.test(text) && !text.includes(delimiter)
    return quoted || !bare ? `"${text.replaceAll('"', '""')}"` : text
  }
  const record = () => Array.from({ length: columns }, field).join(delimiter)
  const body = Array.from({ length: 1 + rng.below(8) }, record).join(end)
  return { text: (rng.next() < 0.2 ? '\ufeff' : '') + body + (rng.next() < 0.5 ? end : ''), delimiter, end }
}

describe('CsvScanner', () => {
  it('reads 10,000 random files of RFC 4180 as csv-parse does, whole and in chunks', () => {
    const rng = rngOf(4180)
    for (let n = 0; n < 10_000; n++) {
      const { text, delimiter, end } = randomFile(rng)
      const expected = parse(text, { delimiter, record_delimiter: end, bom: true }) as string[][]
      const bytes = encoder.encode(text)
      const cuts = Array.from({ length: rng.below(6) }, () => rng.below(bytes.length + 1)).sort((a, b) => a - b)
      assert.deepEqual(scanned(bytes, delimiter, cuts).records, expected, JSON.stringify({ text, cuts }))
    }
  })

  it('divides at every place of a file alike', () => {
    const text = '\ufeffa,"b\r\nb","c ""x"""\r\n\r\n1,,3\r\n"","""",z\n4,5,6'
    const whole = scanned(text)
    assert.deepEqual(whole.records, [
      ['a', 'b\r\nb', 'c "x"'],
      ['1', '', '3'],
      ['', '"', 'z'],
      ['4', '5', '6'],
    ])
    assert.deepEqual(whole.lines, [1, 4, 5, 6])
    const bytes = encoder.encode(text)
    const all = bytes.map((_, i) => i)
    assert.deepEqual(scanned(bytes, ',', [...all]), whole)
    for (const cut of all) assert.deepEqual(scanned(bytes, ',', [cut]), whole, `cut at ${cut}`)
  })

  it('keeps empty lines of a single column, but not at its end', () => {
    const text = '\nx\n1\n\n\n2\n\n\n'
    for (const cuts of [[], [5], [7], [8], [9], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
      assert.deepEqual(scanned(text, ',', cuts).records.flat(), ['x', '1', '', '', '2'], String(cuts))
    }
    assert.deepEqual(scanned('x\n""\n').records.flat(), ['x', ''])
  })

  it('takes spaces around quotes away, and a quote within a word as it is', () => {
    assert.deepEqual(scanned('a, "b, c" ,d\n6" pipe, x,"y"\n').records, [
      ['a', 'b, c', 'd'],
      ['6" pipe', ' x', 'y'],
    ])
  })
})

describe('CsvScanner on what is no CSV', () => {
  it('refuses what is broken, with line and column', () => {
    const cases: readonly [string, RegExp][] = [
      ['a,b\n"1\n2",3\n4,"5\n', /^file.csv: line 4, column 2: the quote that opens this field is never closed/],
      ['a,b\n1,"2"x\n', /^file.csv: line 2, column 2: expected the end of the field .* received "x(\\n)?": double/],
      [
        'a,b\n1,2\n3\n',
        /^file.csv: line 3: expected 2 columns, as many as in the first line, but received 1: complete/,
      ],
      ['a,b\n"x\ny",2\n3,4,5\n', /^file.csv: line 4: expected 2 columns, .* received 3: put fields/],
      ['a,b\n1,\0\n', /^file.csv: line 2, column 2: expected text but received a NUL byte/],
      ['a,b\n1,"\0"\n', /^file.csv: line 2, column 2: expected text but received a NUL byte/],
    ]
    for (const [text, message] of cases) {
      const every = [...text].map((_, i) => i)
      for (const cuts of [[], every]) {
        assert.throws(
          () => scanned(text, ',', cuts),
          (error: Error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
          text,
        )
      }
    }
  })

  it('gives a record up that does not end', () => {
    const scanner = new CsvScanner('file.csv', 44)
    const chunk = encoder.encode(`"${'x'.repeat(2 ** 23)}`)
    scanner.scan(chunk, false)
    scanner.scan(encoder.encode('x'.repeat(2 ** 23 - 1)), false)
    assert.throws(() => scanner.scan(chunk.subarray(1), false), /line 1: expected the record .* within 16 MB/)
  })
})

describe('delimiterOf', () => {
  it('finds what divides every line alike', () => {
    const cases: readonly [string, string][] = [
      ['a,b\n1,2\n', ','],
      ['a\tb\n1,5\t2,5\n', '\t'],
      ['1,5;2,5\n3,5;4,5\n', ';'],
      ['a|b|c\nx, y|1|2\n', '|'],
      ['title,genres\n"A; B",x|y\nC,z\n', ','],
      ['"a;b";c\n"d";e\n', ';'],
      ['a,b,c\n1,2\n', ','],
      ['value\n1\n2\n', ','],
      ['', ','],
      ['a,b\n1,2\n3,"4', ','],
    ]
    for (const [text, delimiter] of cases) assert.equal(delimiterOf(encoder.encode(text), false), delimiter, text)
  })
})
