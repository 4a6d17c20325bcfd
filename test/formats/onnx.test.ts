/** ONNX files: what PyPI's onnx writes is read, what we write we read back, and the rest is refused in a line. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { joined } from '../../src/arrays.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { encodeOnnx } from '../../src/formats/onnx/encode.ts'
import type { OnnxModel, OnnxNode } from '../../src/formats/onnx/model.ts'
import { bytesField, type Parts, textField, varintField } from '../../src/formats/protobufFields.ts'
import { refused } from '../support/refused.ts'

const fixture = JSON.parse(fs.readFileSync(new URL('../../../test/fixtures/onnx.json', import.meta.url), 'utf8')) as {
  file: string
  tensors: Record<string, (number | string)[]>
}
const file = Uint8Array.from(Buffer.from(fixture.file, 'base64'))

test("a file of PyPI's onnx: every kind of number, raw and in fields, and every kind of attribute", () => {
  const model = decodeOnnx(file)
  const { initializers, nodes, inputs, outputs, name } = model.graph
  for (const [key, expected] of Object.entries(fixture.tensors)) {
    const { type, shape, data } = initializers.get(key)!
    assert.deepEqual(
      [shape, Array.from<unknown, unknown>(data as ArrayLike<unknown>, type === 'int64' ? String : Number)],
      [[2, 2], expected],
      key,
    )
  }
  assert.equal(initializers.size, 22)
  const [node] = nodes as [OnnxNode]
  assert.deepEqual({ ...node, attributes: Object.fromEntries(node.attributes) }, {
    name: 'ünder',
    op: 'Anything',
    domain: 'here',
    inputs: ['x', '', 'FLOAT-raw'],
    outputs: ['y'],
    attributes: {
      f: { type: 'float', value: 0.5 },
      i: { type: 'int', value: -3 },
      s: { type: 'string', value: 'text' },
      t: { type: 'tensor', value: { type: 'int64', shape: [], data: BigInt64Array.of(5n) } },
      floats: { type: 'floats', value: [0.5, 1.5] },
      ints: { type: 'ints', value: [-1, 2, 2 ** 40] },
      strings: { type: 'strings', value: ['a', 'b'] },
    },
  } as object)
  assert.deepEqual(inputs, [{ name: 'x', type: 'float32', shape: ['T', null, 3], doc: 'what goes in' }])
  assert.deepEqual(outputs, [{ name: 'y', type: 'int64', shape: null }])
  assert.deepEqual(
    [model.irVersion, model.opset, [...model.otherOpsets], [...model.metadata], model.producer, name],
    [
      8,
      17,
      [['here', 1]],
      [
        ['a', '1'],
        ['b', 'zwei ä'],
      ],
      'test',
      'graph',
    ],
  )
})

test('what is written is read back; a Buffer is read as its bytes are, and copied', () => {
  const model = decodeOnnx(Buffer.from(file))
  const wide = new Set(['float16', 'bfloat16']) // are held as float32, and written by nobody
  const initializers = new Map([...model.graph.initializers].filter(([, { type }]) => !wide.has(type)))
  const kept: OnnxModel = { ...model, graph: { ...model.graph, initializers } }
  const bytes = encodeOnnx(kept)
  const back = decodeOnnx(bytes)
  assert.deepEqual(back, kept)
  bytes.fill(0)
  assert.deepEqual(back, kept)
})

const bytes = (parts: Parts) => joined(Uint8Array, parts)
const opset = (version = 17) => bytesField(8, varintField(2, version))
const shaped = (name: string, type: Parts = bytesField(1, varintField(1, 1))) => [
  ...textField(1, name),
  ...bytesField(2, type),
]
const node = (inputs: string[], outputs: string[], more: Parts = []) =>
  bytesField(1, [
    ...inputs.flatMap((name) => textField(1, name)),
    ...outputs.flatMap((name) => textField(2, name)),
    ...textField(4, 'Add'),
    ...more,
  ])
const input = bytesField(11, shaped('x'))
const output = bytesField(12, shaped('y'))
const whole = (graph: Parts, more: Parts = opset()) => bytes([...varintField(1, 8), ...bytesField(7, graph), ...more])
const plain = [...node(['x', 'x'], ['y']), ...input, ...output]
const tensor = (...parts: Parts[]) => whole([...plain, ...bytesField(5, [...textField(8, 'w'), ...parts.flat()])])
const dims = (...sizes: (number | bigint)[]) => sizes.flatMap((size) => varintField(1, size))
const floats = varintField(2, 1)
const empty = bytesField(5, [...textField(8, 'w'), ...dims(0), ...floats])
const external = bytesField(13, [...textField(1, 'location'), ...textField(2, '../../etc/passwd')])

test('the smallest file that is one is read', () => {
  assert.equal(decodeOnnx(whole(plain)).graph.nodes.length, 1)
  assert.deepEqual(
    decodeOnnx(tensor(dims(0, 2 ** 31 - 1), floats)).graph.initializers.get('w')!.data,
    new Float32Array(0),
  )
})

const graphAttribute = bytesField(5, [...textField(1, 'body'), ...varintField(20, 5), ...bytesField(6, plain)])
const HOSTILE: readonly [string, Uint8Array, RegExp][] = [
  ['empty', new Uint8Array(0), /^ONNX file: expected a model but it is empty$/],
  ['text', new TextEncoder().encode('{"irnn": 1}'), /it is (damaged|cut off)/],
  [
    'a group',
    Uint8Array.of(0x0b, 0x0c),
    /^ONNX file: expected fields of a protocol buffer but found field 1 of the unknown kind 3/,
  ],
  ['field 0', Uint8Array.of(0x00, 0x01), /found field number 0 at byte 0: it is damaged$/],
  [
    'a varint without end',
    Uint8Array.of(0x08, 0x80, 0x80),
    /^ONNX file: expected a varint at byte 1 but it is cut off$/,
  ],
  [
    'a varint of 11 bytes',
    new Uint8Array([0x08, ...new Array(10).fill(0x80), 1]),
    /a varint of more than 64 bits at byte 1/,
  ],
  [
    'a varint of 70 bits',
    new Uint8Array([0x08, ...new Array(9).fill(0xff), 0x7f]),
    /a varint of more than 64 bits at byte 1/,
  ],
  [
    'a length of 2^63',
    new Uint8Array([0x3a, ...new Array(9).fill(0xff), 1]),
    /^ONNX file: expected 18446744073709552000 bytes of field 7/,
  ],
  ['fields without end', new Uint8Array(2_100_000).fill(0x08), /expected at most 1000000 fields/],
  [
    'no version',
    bytes([...bytesField(7, plain), ...opset()]),
    /expected version 3 … 14 of the format but received none/,
  ],
  ['a version to come', bytes([...varintField(1, 99), ...bytesField(7, plain), ...opset()]), /received 99/],
  ['a field of another kind', bytes(textField(1, 'x')), /field 1: expected a varint but received a length and bytes/],
  [
    'a graph twice',
    bytes([...varintField(1, 8), ...opset(), ...bytesField(7, plain), ...bytesField(7, plain)]),
    /expected it once but received it 2 times/,
  ],
  ['no graph', bytes([...varintField(1, 8), ...opset()]), /expected a graph but it has none/],
  ['no opset', whole(plain, []), /expected opset 7 … 28 but received none: save the model again with one of these/],
  ['an old opset', whole(plain, opset(6)), /received 6/],
  ['an opset to come', whole(plain, opset(29)), /received 29/],
  ['an opset twice', whole(plain, [...opset(), ...opset()]), /opset of "": it is given twice/],
  [
    'no UTF-8',
    bytes([...varintField(1, 8), ...bytesField(2, [Uint8Array.of(255)]), ...opset(), ...bytesField(7, plain)]),
    /text in UTF-8/,
  ],
  [
    'a circle',
    whole([...node(['x', 'b'], ['a']), ...node(['a', 'a'], ['b']), ...node(['a', 'b'], ['y']), ...input, ...output]),
    /^ONNX file: node 0, "Add": .* nothing before it gives "b": its nodes go in a circle/,
  ],
  ['a node that reads itself', whole([...node(['x', 'y'], ['y']), ...input, ...output]), /nothing before it gives "y"/],
  ['a value from nowhere', whole([...node(['z', 'x'], ['y']), ...input, ...output]), /nothing before it gives "z"/],
  ['a value twice', whole([...plain, ...node(['x', 'x'], ['y'])]), /node 1, "Add": .* "y" is given twice$/],
  ['an output from nowhere', whole([...node(['x', 'x'], ['z']), ...input, ...output]), /output "y": nothing gives it/],
  ['no output', whole([...node(['x', 'x'], ['y']), ...input]), /at least one output/],
  ['an input twice', whole([...plain, ...input]), /"x" is given twice/],
  [
    'a graph within a node',
    whole([...node(['x', 'x'], ['y'], graphAttribute), ...input, ...output]),
    /attribute "body": .* a graph of its own \(If, Loop, Scan\), which is not read/,
  ],
  [
    'an attribute of no type',
    whole([...node(['x', 'x'], ['y'], bytesField(5, textField(1, 'a'))), ...input, ...output]),
    /ONNX's attribute type 0/,
  ],
  [
    'a sequence',
    whole([...node(['x', 'x'], ['y']), ...input, ...bytesField(12, shaped('y', bytesField(4, [])))]),
    /output 0, "y": expected a tensor/,
  ],
  ['no operator', whole([...bytesField(1, textField(1, 'x')), ...plain]), /node 0: expected an operator/],
  [
    'other files',
    tensor(dims(1), floats, external),
    /^ONNX file: initialiser "w": .* in another, "..\/..\/etc\/passwd", which is not read: save the model as one file$/,
  ],
  ['other files, unnamed', tensor(dims(1), floats, varintField(14, 1)), /they are in another, ""/],
  ['a segment', tensor(dims(1), floats, bytesField(3, [])), /it is a segment/],
  ['strings', tensor(dims(1), varintField(2, 8), bytesField(6, [])), /ONNX's data type 8, which is not read/],
  [
    'huge sizes',
    tensor(dims(2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1), floats),
    /expected at most 2147483647 numbers but its shape/,
  ],
  ['a huge size', tensor(dims(2n ** 62n), floats), /expected sizes of 0 … 2147483647/],
  ['a size below 0', tensor(dims(-1, -1), floats), /its shape is \[-1,-1\]/],
  [
    'many dimensions',
    tensor(dims(...new Array(33).fill(1)), floats),
    /field 1: expected at most 32 numbers but received 33/,
  ],
  [
    'fewer numbers than its shape',
    tensor(dims(2 ** 30), floats, bytesField(9, [new Uint8Array(4)])),
    /expected 4294967296 bytes for \[1073741824\] but received 4/,
  ],
  ['no numbers', tensor(dims(3), floats), /expected 3 numbers for \[3\] but received 0/],
  ['numbers of another kind', tensor(dims(1), floats, bytesField(7, [Uint8Array.of(1)])), /field 7 is there as well/],
  [
    'parts of numbers',
    tensor(dims(1), floats, bytesField(4, [new Uint8Array(3)])),
    /numbers of 4 bytes but received 3 bytes/,
  ],
  [
    'an initialiser twice',
    whole([...plain, ...empty, ...empty]),
    /initialiser 1: expected a name of its own but received "w"/,
  ],
  ['sparse numbers', whole([...plain, ...bytesField(15, [])]), /sparse initialisers/],
]

for (const [name, damaged, line] of HOSTILE) test(`refused: ${name}`, () => refused(() => decodeOnnx(damaged), line))

test('a file that is cut off anywhere is refused', () => {
  for (let n = 0; n < file.length; n += 7) refused(() => decodeOnnx(file.subarray(0, n)), /^ONNX file/)
})

test('what is no bytes is refused', () => {
  for (const given of [null, 'text', {}, [1]])
    refused(() => decodeOnnx(given as never), /^ONNX file: expected a Uint8Array or an ArrayBuffer but received /)
})
