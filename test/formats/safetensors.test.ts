import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import * as vm from 'node:vm'
import * as fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import {
  decode as decodeFile,
  encode,
  encodeParts,
  type NamedTensor,
  type Source,
  type StoredTensor,
} from '../../src/formats/safetensors.ts'
import { refused } from '../support/refused.ts'
import { entry, file } from '../support/safetensors.ts'

/** With all tensors read. */
function decode(file: ArrayBufferLike | ArrayBufferView | Source) {
  const { tensors, metadata } = decodeFile(file)
  const held = ({ dtype, shape, read }: StoredTensor) => ({ dtype, shape, data: read() })
  return { metadata, tensors: new Map([...tensors].map(([name, tensor]) => [name, held(tensor)])) }
}

test('a file by the format’s definition, byte for byte', () => {
  const bytes = encode([{ name: 'w', shape: [1, 2], data: Float32Array.of(1, -2) }], { b: '2', a: '1' })
  const header = '{"__metadata__":{"a":"1","b":"2"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
  const expected = file(padded, 8)
  new DataView(expected.buffer).setFloat32(8 + padded.length, 1, true)
  new DataView(expected.buffer).setFloat32(12 + padded.length, -2, true)
  assert.deepEqual(bytes, expected)
})

test('what is written is read back, F32 and F64, empty and scalar, whatever the order given', () => {
  const tensors = [
    { name: 'z', shape: [2, 1], data: Float32Array.of(1.5, Number.NaN) },
    { name: 'scalar', shape: [], data: Float32Array.of(3) },
    { name: '__proto__', shape: [1], data: Float64Array.of(Math.PI) },
    { name: 'constructor', shape: [0, 5], data: new Float32Array(0) },
  ]
  const bytes = encode(tensors, { note: 'a "quoted" ü\n' })
  assert.deepEqual(encode([...tensors].reverse(), { note: 'a "quoted" ü\n' }), bytes)
  assert.deepEqual(decode(Buffer.from(bytes)).tensors, decode(bytes).tensors) // as fs.readFile returns it
  // Read from the middle of a larger buffer, at an odd address.
  const shifted = new Uint8Array(bytes.length + 3).subarray(3)
  shifted.set(bytes)
  const { tensors: read, metadata } = decode(shifted)
  assert.equal(read.size, 4)
  for (const { name, shape, data } of tensors) {
    assert.deepEqual(read.get(name), { dtype: data instanceof Float64Array ? 'F64' : 'F32', shape, data })
  }
  assert.deepEqual([...metadata], [['note', 'a "quoted" ü\n']])
})

test('any tensors and any metadata come back bit by bit, or are refused', () => {
  const data = fc.oneof(fc.float32Array({ maxLength: 6 }), fc.float64Array({ maxLength: 6 }))
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', '', '__metadata__', '\ud800', 'toString'),
  )
  const tensors = fc.array(fc.record({ name, data }), { maxLength: 5 })
  fc.assert(
    fc.property(tensors, fc.dictionary(name, name), (list, metadata) => {
      const names = list.map(({ name }) => name)
      const good =
        new Set(names).size === names.length &&
        !names.includes('__metadata__') &&
        [...names, ...Object.entries(metadata).flat()].every((text) => !/\p{Surrogate}/u.test(text))
      const given = list.map(({ name, data }) => ({ name, shape: [data.length], data }))
      if (!good) return assert.throws(() => encode(given, metadata), InputError)
      const read = decode(encode(given, metadata))
      assert.deepEqual(read.metadata, new Map(Object.entries(metadata)))
      const bits = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')
      assert.deepEqual(
        new Map([...read.tensors].map(([name, { data }]) => [name, bits(data)])),
        new Map(list.map(({ name, data }) => [name, bits(data)])),
      )
    }),
    { seed: 1, numRuns: 150 },
  )
})

test('a large tensor is written from where it lies and read a part at a time, to where it is wanted', () => {
  const data = Float32Array.from({ length: 2 ** 21 + 5 }, (_, i) => Math.sin(i))
  const [header, part] = encodeParts([{ name: 'w', shape: [data.length], data }])
  assert.equal(part!.buffer, data.buffer)
  const file = Buffer.concat([header!, part!])
  let most = 0
  const read = (at: number, into: Uint8Array) => {
    most = Math.max(most, into.length)
    file.copy(into, 0, at)
  }
  const tensor = decodeFile({ size: file.length, read }).tensors.get('w')!
  assert.deepEqual(tensor.read(), data)
  assert.deepEqual(tensor.read(new Float64Array(data.length)), Float64Array.from(data))
  assert.equal(most, 2 ** 22)
})

const fixture = (name: string) =>
  decodeFile(fs.readFileSync(new URL(`../../../test/fixtures/cases/${name}.safetensors`, import.meta.url)))

test('F16 and BF16 are read as float32, every bit pattern as the value that it is', () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  const value = (bits: number, exponentBits: number, mantissaBits: number) => {
    const bias = 2 ** (exponentBits - 1) - 1
    const mantissa = (bits % 2 ** mantissaBits) / 2 ** mantissaBits
    const exponent = (bits >> mantissaBits) % 2 ** exponentBits
    const sign = bits >> 15 ? -1 : 1
    if (exponent === 2 ** exponentBits - 1) return mantissa > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY
    return sign * (exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias))
  }
  for (const [dtype, exponentBits, mantissaBits] of [
    ['F16', 5, 10],
    ['BF16', 8, 7],
  ] as const) {
    const bytes = file(`{"w":${entry(0, 131_072, [65_536], dtype)}}`, 131_072)
    bytes.set(new Uint8Array(halves.buffer), bytes.length - 131_072)
    const tensor = decodeFile(bytes).tensors.get('w')!
    const read = tensor.read()
    assert.ok(read instanceof Float32Array)
    const expected = Float32Array.from(halves, (bits) => value(bits, exponentBits, mantissaBits))
    assert.deepEqual(Array.from(read), Array.from(expected))
    assert.deepEqual(Array.from(tensor.read(new Float64Array(65_536))), Array.from(expected))
    // A NaN keeps its sign and what it carries.
    assert.equal(new Uint32Array(read.buffer)[0xffc1]! >>> 0, dtype === 'F16' ? 0xfff82000 : 0xffc10000)
  }
})

test('files of PyTorch: half precision to its digits; what is no float is named and left alone', () => {
  const floats = fixture('st-f32-plus-one-i64')
  assert.deepEqual([...floats.metadata], [['format', 'pt']])
  const counter = floats.tensors.get('head.num_batches_tracked')!
  assert.deepEqual([counter.dtype, counter.shape], ['I64', []])
  const refusal =
    /^InputError: safetensors file: tensor "head.num_batches_tracked": expected numbers of F64.* it has I64/
  assert.throws(() => counter.read(), refusal)
  assert.throws(() => counter.read(new Float64Array(1)), refusal)
  assert.throws(() => [...counter.parts()], refusal)
  for (const [name, digits] of [
    ['st-f16', 2 ** -11],
    ['st-bf16', 2 ** -8],
  ] as const) {
    const { tensors } = fixture(name)
    assert.equal(tensors.size, floats.tensors.size - 1)
    for (const [key, tensor] of tensors) {
      const expected = floats.tensors.get(key)!.read()
      for (const [i, x] of tensor.read().entries())
        assert.ok(Math.abs(x - expected[i]!) <= digits * Math.abs(expected[i]!))
    }
  }
  const lstm = fixture('st-torch-lstm-state-dict').tensors
  assert.deepEqual(lstm.get('rnn.weight_ih_l1')!.shape, [20, 5])
  assert.equal(lstm.get('rnn.weight_ih_l1')!.read().length, 100)
})

test('what no reader would read back is refused when it is written, in one line', () => {
  const data = new Float32Array(1)
  const one = { name: 'a', shape: [1], data }
  const cases: [unknown, unknown, RegExp][] = [
    [[one, one], {}, /tensor "a": it is given twice/],
    [[{ ...one, shape: [3] }], {}, /tensor "a": expected 3 numbers for \[3\] but received 1/],
    [[{ ...one, shape: [], data: new Float32Array(0) }], {}, /expected 1 numbers for \[\] but received 0/],
    [
      [{ ...one, data: [1] }],
      {},
      /expected data as a Float32Array or Float64Array but received an array of 1: convert/,
    ],
    [[{ ...one, data: new Int32Array(1) }], {}, /Float64Array but received Int32Array: convert it/],
    [[{ ...one, data: new DataView(data.buffer) }], {}, /received DataView/],
    [[{ ...one, data: undefined }], {}, /received undefined/],
    [[{ ...one, shape: [1.5] }], {}, /tensor "a": shape: expected whole numbers >= 0 but received 1.5/],
    [[{ ...one, shape: [-1] }], {}, /shape: .* received -1/],
    [[{ ...one, shape: [2 ** 60] }], {}, /shape: .* received 1152921504606847000/],
    [[{ ...one, shape: new Array(1) }], {}, /shape: .* received undefined/],
    [[{ ...one, shape: Int32Array.of(1) }], {}, /shape: .* received Int32Array/],
    [[{ ...one, shape: undefined }], {}, /shape: .* received undefined/],
    [[{ ...one, name: '__metadata__' }], {}, /expected a name of Unicode text, not __metadata__/],
    [[{ ...one, name: 3 }], {}, /expected a name .* received 3/],
    [[{ ...one, name: 'a\ud800' }], {}, /expected a name of Unicode text/],
    [[null], {}, /expected a name .* received undefined/],
    [new Map([['a', one]]), {}, /expected an array of tensors/],
    [[one], { epoch: undefined }, /metadata "epoch": expected Unicode text but received undefined: write it as text/],
    [[one], { epoch: 3 }, /metadata "epoch": .* received 3/],
    [[one], { '\udc00': 'x' }, /metadata .*: expected Unicode text/],
    [[one], { x: '\ud800' }, /metadata "x": expected Unicode text/],
    [[one], new Map([['a', 'b']]), /metadata: expected an object of strings .* Object\.fromEntries\(map\)/],
    [[one], ['a'], /metadata: expected an object of strings but received an array of 1/],
    [[one], null, /metadata: expected an object of strings but received null/],
    [
      [one],
      { large: 'x'.repeat(100_000_000) },
      /expected names and metadata of at most 100000000 bytes but received 100000/,
    ],
  ]
  for (const [tensors, metadata, message] of cases) {
    refused(() => encode(tensors as NamedTensor[], metadata as Record<string, string>), message)
  }
})

test('arrays of another realm are what they are in this one', () => {
  const { floats, doubles, ints } = vm.runInNewContext(
    '({ floats: Float32Array.of(1, 2), doubles: Float64Array.of(Math.PI), ints: Int32Array.of(1) })',
  )
  const bytes = encode([
    { name: 'floats', shape: [2], data: floats },
    { name: 'doubles', shape: [1], data: doubles },
  ])
  const { tensors } = decode(vm.runInNewContext('Uint8Array').from(bytes))
  assert.deepEqual(tensors.get('floats'), { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) })
  assert.deepEqual(tensors.get('doubles'), { dtype: 'F64', shape: [1], data: Float64Array.of(Math.PI) })
  refused(() => encode([{ name: 'a', shape: [1], data: ints }]), /received Int32Array/)
})

test('a file is its bytes, an ArrayBuffer too, or a source; what else is given is named', () => {
  const bytes = encode([{ name: 'w', shape: [1], data: Float32Array.of(3) }], { a: 'b' })
  const buffer = Uint8Array.from(bytes).buffer
  const shared = new SharedArrayBuffer(bytes.length)
  new Uint8Array(shared).set(bytes)
  for (const given of [buffer, new DataView(buffer), shared, Buffer.from(bytes)]) {
    assert.deepEqual(decode(given).tensors.get('w')!.data, Float32Array.of(3))
  }
  for (const given of ['model.safetensors', undefined, null, {}, 3, [1, 2], { size: 3 }]) {
    refused(() => decode(given as Uint8Array), /expected its bytes, a Uint8Array or an ArrayBuffer, but received /)
  }
})

test('a number that float32 cannot hold is not read as Infinity; NaN and Infinity are numbers of a file', () => {
  const tensor = (...data: number[]) =>
    decodeFile(encode([{ name: 'w', shape: [data.length], data: Float64Array.from(data) }])).tensors.get('w')!
  const into = new Float32Array(3)
  refused(() => tensor(1, 1e39, 2).read(into), /tensor "w": number 1: expected at most 3.4e38, .* but received 1e\+39/)
  assert.deepEqual(tensor(1, 1e39, 2).read(), Float64Array.of(1, 1e39, 2))
  const special = [Number.NaN, Number.NEGATIVE_INFINITY, 1e-300]
  assert.deepEqual(tensor(...special).read(into), Float32Array.from(special))
  refused(() => tensor(1, 2).read(into), /expected an array of 2 floats to read into but received 3/)
  refused(() => tensor(1, 2).read(new Int32Array(2) as unknown as Float32Array), /received Int32Array/)
})
