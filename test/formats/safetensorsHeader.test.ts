// What strangers' files say of themselves: all of it is checked, and what is wrong is said in one line.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { InputError } from '../../src/error.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { entry, file } from '../support/safetensors.ts'

describe('a hostile or damaged file is refused in one line', () => {
  const good = encode([{ name: 'w', shape: [3], data: Float32Array.of(1, 2, 3) }])
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /expected at least 8 bytes but received 0/],
    ['7 bytes', new Uint8Array(7), /expected at least 8 bytes but received 7/],
    ['a header beyond the file', file('{}', 0, 3n), /expected a header within its 10 bytes but it says 3/],
    ['a header of 2^64-1', file('{}', 0, 2n ** 64n - 1n), /but it says 18446744073709551615/],
    ['no header', file(''), /expected a header in JSON but it does not parse/],
    ['half a header', file('{"w":{"dtype":"F3'), /expected a header in JSON but it does not parse/],
    ['text after the header', file('{} x'), /expected a header in JSON but it does not parse/],
    ['bad UTF-8', file('{"\u0001":1}').map((b) => (b === 1 ? 0xff : b)), /expected a header in JSON/],
    ['an array for a header', file('[]'), /expected the header to be an object but received an empty array/],
    ['null for a header', file('null'), /expected the header to be an object but received null/],
    [
      'a missing last byte',
      good.subarray(0, -1),
      /tensor "w": expected offsets within 11 bytes of data but received \[0, 12\]/,
    ],
    ['an extra byte', Uint8Array.of(...good, 0), /expected 12 bytes of data, as its header says, but received 13/],
    ['an offset beyond the data', file(`{"w":${entry(0, 8)}}`, 4), /expected offsets within 4 bytes of data/],
    [
      'offsets the wrong way',
      file(`{"w":${entry(4, 0, [1])}}`, 4),
      /expected offsets within 4 bytes of data but received \[4, 0\]/,
    ],
    [
      'a negative offset',
      file(`{"w":${entry(-4, 0, [1])}}`, 4),
      /data_offsets.0: expected a number >= 0 but received -4/,
    ],
    [
      'an offset with a fraction',
      file(`{"w":${entry(0.5, 4.5)}}`, 8),
      /data_offsets.0: expected a whole number but received 0.5/,
    ],
    ['an overlap', file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12), /tensor "b" overlaps the one before it/],
    ['the same bytes twice', file(`{"a":${entry(0, 8)},"b":${entry(0, 8)}}`, 8), /tensor "b" overlaps/],
    [
      'a hole',
      file(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12),
      /tensor "b" leaves a hole before it: expected it to begin at 4/,
    ],
    ['a hole at the start', file(`{"a":${entry(4, 8)}}`, 8), /tensor "a" leaves a hole before it/],
    [
      'an unknown dtype',
      file(`{"w":${entry(0, 4, [2], 'F17')}}`, 4),
      /tensor "w": dtype: expected one of F64, F32, F16, .*F4 but received "F17"/,
    ],
    [
      'a size that is not whole bytes',
      file(`{"w":${entry(0, 2, [3], 'F4')}}`, 2),
      /expected 1.5 bytes for F4 \[3\] but its offsets hold 2/,
    ],
    ['a name that is half a character', file('{"\\ud800":{}}'), /tensor "\\ud800": expected a name of Unicode text/],
    ['metadata that is half a character', file('{"__metadata__":{"a":"\\udc00"}}'), /"a": expected Unicode text/],
    [
      'metadata that is an array',
      file('{"__metadata__":["a"]}'),
      /expected an object of strings but received an array/,
    ],
    [
      'objects in objects in objects',
      file(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
      /it nests deeper than that/,
    ],
    [
      'a shape too large',
      file(`{"w":${entry(0, 4, [2])}}`, 4),
      /expected 8 bytes for F32 \[2\] but its offsets hold 4/,
    ],
    ['a shape past 2^53', file(`{"w":${entry(0, 4, [2 ** 52, 2 ** 52, 0.5])}}`, 4), /shape.2: expected a whole number/],
    [
      'a shape whose product overflows',
      file(`{"w":${entry(0, 0, [2 ** 32, 2 ** 32])}}`),
      /expected 73786976294838210000 bytes/,
    ],
    ['a negative size', file(`{"w":${entry(0, 4, [-1])}}`, 4), /shape.0: expected a number >= 0 but received -1/],
    [
      'no shape',
      file('{"w":{"dtype":"F32","data_offsets":[0,4]}}', 4),
      /shape: expected an array but received nothing/,
    ],
    [
      'an unknown key',
      file('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', 4),
      /tensor "w": unknown key "x"/,
    ],
    ['a name twice', file(`{"w":${entry(0, 4)},"w":${entry(0, 4)}}`, 4), /the name "w" occurs twice/],
    [
      'a name twice, once escaped',
      file(`{"w":${entry(0, 4)},"\\u0077" :${entry(0, 4)}}`, 4),
      /the name "w" occurs twice/,
    ],
    [
      'a key of a tensor twice',
      file('{"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /"dtype" occurs twice/,
    ],
    [
      'metadata that is no text',
      file('{"__metadata__":{"a":1}}'),
      /__metadata__: "a": expected a string but received 1/,
    ],
    ['__proto__ for a tensor', file('{"__proto__":{"dtype":"F32"}}'), /tensor "__proto__": shape: expected an array/],
  ]
  for (const [name, bytes, message] of cases) {
    test(name, () =>
      assert.throws(
        () => decode(bytes),
        (error) => {
          assert.ok(error instanceof InputError, String(error))
          assert.match(error.message, message)
          assert.match(error.message, /^safetensors file: [^\n]+$/)
          return true
        },
      ),
    )
  }
  test('equal names in different objects are fine', () => {
    const bytes = file(`{"__metadata__":{"w":"{\\"w\\":1,\\"w\\":2}"},"w":${entry(0, 4)}}`, 4)
    assert.deepEqual([...decode(bytes).tensors.keys()], ['w'])
  })
  test('every single changed byte gives a file or one line', () => {
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 0x22, 0x7d, 0xff, good[at]! ^ 1]) {
        const bytes = Uint8Array.from(good)
        bytes[at] = value
        try {
          decode(bytes)
        } catch (error) {
          assert.ok(error instanceof InputError, `byte ${at}: ${error}`)
          assert.doesNotMatch(error.message, /\n/)
        }
      }
    }
  })
  test('every truncation is refused', () => {
    for (let length = 0; length < good.length; length++) {
      assert.throws(() => decode(good.subarray(0, length)), InputError)
    }
  })
})
