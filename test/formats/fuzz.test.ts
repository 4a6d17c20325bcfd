// Every reader on files that are cut, flipped and lie about their lengths: a value or one line, and no more memory than
// the file accounts for. What a stream is cut into makes no difference.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import { soundStream, speech } from '../../src/formats/audio.ts'
import { parseIdx, parseLabelled } from '../../src/formats/idx.ts'
import { parseAlignments } from '../../src/formats/kaldi.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { parsePhn } from '../../src/formats/phn.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { idx, pictures } from '../support/mnist.ts'
import { phn, riff, samplesOf, sphere } from '../support/speech.ts'

const RUNS = { seed: 21, numRuns: 1500 }
const fixture = (name: string) =>
  new Uint8Array(fs.readFileSync(new URL(`../../../test/fixtures/cases/${name}`, import.meta.url)))
const text = (content: string) => new TextEncoder().encode(content)

/** Numbers that lengths, counts and rates are not, and those at the edges of what holds them. */
const NUMBERS = [0, 1, 2, 3, 7, 255, 2 ** 15, 2 ** 16, 2 ** 24, 2 ** 31 - 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const DIGITS = [
  '0',
  '-1',
  '1.5',
  '1e9',
  '4294967296',
  '9007199254740993',
  '9'.repeat(30),
  'NaN',
  '',
  '[]',
  '"x"',
  'null',
]

type Change = (bytes: Uint8Array) => Uint8Array
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const at = (share: number, bytes: Uint8Array) => Math.floor(share * bytes.length)

/** Half of the places are in the first 64 bytes, where headers are. */
const somewhere = fc.tuple(fc.boolean(), place, fc.nat(63)).map(([early, share, near]) => {
  return (bytes: Uint8Array) => Math.min(early ? near : at(share, bytes), Math.max(0, bytes.length - 1))
})
const change: fc.Arbitrary<Change> = fc.oneof(
  place.map((share) => (bytes: Uint8Array) => bytes.slice(0, at(share, bytes))),
  fc.tuple(somewhere, fc.nat(7)).map(([where, bit]) => (bytes: Uint8Array) => {
    return bytes.map((byte, i) => (i === where(bytes) ? byte ^ (1 << bit) : byte))
  }),
  fc
    .tuple(somewhere, fc.constantFrom(...NUMBERS), fc.boolean(), fc.constantFrom(4, 8))
    .map(([where, value, little, size]) => (bytes: Uint8Array) => {
      if (bytes.length < size) return bytes
      const copy = bytes.slice()
      const from = Math.min(where(bytes), bytes.length - size)
      if (size === 4) new DataView(copy.buffer).setUint32(from, value, little)
      else new DataView(copy.buffer).setBigUint64(from, BigInt(value) * 2n ** 32n, little)
      return copy
    }),
  // A number in text becomes another.
  fc.tuple(somewhere, fc.constantFrom(...DIGITS)).map(([where, digits]) => (bytes: Uint8Array) => {
    const found = /\d+/.exec(Buffer.from(bytes.subarray(where(bytes))).toString('latin1'))
    if (!found) return bytes
    const from = where(bytes) + found.index
    return Buffer.concat([bytes.subarray(0, from), text(digits), bytes.subarray(from + found[0].length)])
  }),
  // A piece is there twice, or is missing.
  fc.tuple(somewhere, fc.nat(40), fc.boolean()).map(([where, length, twice]) => (bytes: Uint8Array) => {
    const from = where(bytes)
    return Buffer.concat([
      bytes.subarray(0, twice ? from + length : from),
      bytes.subarray(twice ? from : from + length),
    ])
  }),
)
const damaged = (...good: Uint8Array[]) =>
  fc
    .oneof(
      { weight: 9, arbitrary: fc.tuple(fc.constantFrom(...good), fc.array(change, { minLength: 1, maxLength: 4 })) },
      { weight: 1, arbitrary: fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.array(change, { maxLength: 1 })) },
    )
    .map(([bytes, changes]) => changes.reduce((bytes, change) => change(bytes), bytes))

/**
 * What `read` makes of the bytes, or the one line that it refuses them with; it allocates in proportion to them at
 * most.
 */
function outcome<T>(bytes: Uint8Array, read: (bytes: Uint8Array) => T): T | string {
  const before = process.memoryUsage().arrayBuffers
  try {
    return read(bytes)
  } catch (error) {
    assert.ok(error instanceof InputError, (error as Error).stack)
    assert.match(error.message, /^[^\n\r]{1,1000}$/)
    return error.message
  } finally {
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown <= 16 * bytes.length + 2 ** 16, `${grown} bytes for a file of ${bytes.length}`)
  }
}

const sounds = [
  sphere(samplesOf(40)),
  sphere(samplesOf(40), { bigEndian: true, fields: { prompt: '-s11 hello\nworld', sample_rate: '-r 16000.0' } }),
  riff(samplesOf(40)),
  riff(samplesOf(40), { bigEndian: true, tag: 0xfffe, behind: { LIST: [1, 2, 3] } }),
  riff(samplesOf(40), { magic: 'RF64', size: 0xffffffff, riffSize: 0xffffffff, before: { ds64: new Uint8Array(28) } }),
  riff(samplesOf(40), { size: 0x7ffff000 }),
]

test('sound', () => {
  fc.assert(
    fc.property(damaged(...sounds), (bytes) => {
      const samples = outcome(bytes, (bytes) => speech(bytes, 'f'))
      if (typeof samples !== 'string') assert.ok(2 * samples.length <= bytes.length)
    }),
    RUNS,
  )
})

test('sound as a stream, cut anywhere, is the sound of the whole or the same line', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(damaged(...sounds), pieces, fc.boolean(), (bytes, sizes, piped) => {
      const read = (sizes: readonly number[]) => (bytes: Uint8Array) => {
        const stream = soundStream('f', { piped })
        const samples: number[] = []
        for (let from = 0, i = 0; from < bytes.length; from += sizes[i++ % sizes.length]!) {
          samples.push(...stream.push(bytes.subarray(from, from + sizes[i % sizes.length]!)))
        }
        stream.end()
        return samples
      }
      assert.deepEqual(outcome(bytes, read(sizes)), outcome(bytes, read([Math.max(1, bytes.length)])))
    }),
    RUNS,
  )
})

test('IDX', () => {
  const { images, labels } = pictures(6, 2, 3)
  const flat = idx([6, 4], new Uint8Array(24))
  const colours = idx([6, 2, 2, 1], new Uint8Array(24))
  fc.assert(
    fc.property(damaged(images, flat, colours), damaged(labels, images), fc.boolean(), (images, labels, whole) => {
      const array = outcome(images, (bytes) => parseIdx(bytes, 'f'))
      if (typeof array !== 'string')
        assert.equal(
          array.data.length,
          array.shape.reduce((product, n) => product * n, 1),
        )
      const both = Buffer.concat([images, labels])
      const other = whole ? pictures(6, 2, 3).labels : labels
      const set = outcome(both, () => {
        return parseLabelled({ images: { bytes: images, name: 'images' }, labels: { bytes: other, name: 'labels' } })
      })
      if (typeof set === 'string') return
      assert.equal(set.images.length, set.N * set.rows * set.columns)
      assert.equal(set.labels.length, set.N)
      assert.ok(set.labels.every((label) => label < set.classes))
    }),
    RUNS,
  )
})

test('safetensors, with all that is in them', () => {
  const good = [
    encode(
      [
        { name: 'w', shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, Number.NaN]) },
        { name: 'v', shape: [2], data: Float64Array.of(1e39, 2) },
      ],
      { a: '1', b: '{"c":1}' },
    ),
    ...['st-f16', 'st-bf16', 'st-f32-plus-one-i64'].map((name) => fixture(`${name}.safetensors`)),
  ]
  fc.assert(
    fc.property(damaged(...good), (bytes) => {
      const read = outcome(bytes, decode)
      if (typeof read === 'string') return
      for (const { dtype, shape, read: numbers } of read.tensors.values()) {
        const data = outcome(bytes, () => numbers())
        if (typeof data === 'string') assert.ok(!/^(F64|F32|F16|BF16)$/.test(dtype), data)
        else
          assert.equal(
            data.length,
            shape.reduce((product, n) => product * n, 1),
          )
      }
    }),
    RUNS,
  )
})

test('ONNX', () => {
  const { file } = JSON.parse(fs.readFileSync(new URL('../../../test/fixtures/onnx.json', import.meta.url), 'utf8'))
  fc.assert(
    fc.property(damaged(Uint8Array.from(Buffer.from(file, 'base64'))), (bytes) => {
      const read = outcome(bytes, decodeOnnx)
      if (typeof read === 'string') return
      for (const { shape, data } of read.graph.initializers.values()) {
        assert.equal(
          data.length,
          shape.reduce((product, n) => product * n, 1),
        )
      }
    }),
    { ...RUNS, numRuns: 500 }, // a file of 22 tensors takes longer than the others
  )
})

test('headers of safetensors that lie', () => {
  const number = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, 16, -1, 1.5, 2 ** 31, 2 ** 53, 1e300), fc.nat(20))
  const entry = fc.record({
    dtype: fc.constantFrom('F32', 'F64', 'F16', 'I64', 'BOOL', 'F4', 'x'),
    shape: fc.array(number, { maxLength: 4 }),
    data_offsets: fc.tuple(number, number),
  })
  const header = fc.dictionary(
    fc.string({ maxLength: 3 }),
    fc.oneof({ weight: 9, arbitrary: entry }, fc.jsonValue() as fc.Arbitrary<never>),
  )
  fc.assert(
    fc.property(header, fc.nat(32), (header, size) => {
      const json = text(JSON.stringify(header))
      const bytes = new Uint8Array(8 + json.length + size)
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
      bytes.set(json, 8)
      const read = outcome(bytes, decode)
      if (typeof read === 'string') return
      for (const tensor of read.tensors.values()) outcome(bytes, () => [...tensor.parts()])
    }),
    RUNS,
  )
})

test('segments and alignments', () => {
  const known = { has: (label: string) => label.length > 0 }
  const good = [text(phn(4000)), text('fadg0_si1279 12 12 13\r\nfadg0_sx19 0 65535\n'), text('0 10 h#\r10 20 sh\r')]
  fc.assert(
    fc.property(damaged(...good), (bytes) => {
      const content = new TextDecoder().decode(bytes)
      const segments = outcome(bytes, () => parsePhn(content, 'f', known))
      if (typeof segments !== 'string') {
        for (const { start, end } of segments) assert.ok(start < end && Number.isSafeInteger(end))
      }
      const alignments = outcome(bytes, () => parseAlignments(content, 'f'))
      if (typeof alignments !== 'string') {
        for (const states of alignments.values()) assert.ok(states.every((id) => id >= 0 && id < 65_536))
      }
    }),
    RUNS,
  )
})
