// IDX: what is whole is read, without a copy; what is not is refused in one line that says what came instead.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIdx, parseLabelled } from '../../src/formats/idx.ts'
import { idx, pictures } from '../support/digits.ts'
import { refused } from '../support/refused.ts'

test('shape and elements come back, as a view of the bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), (shape) => {
      const size = shape.reduce((product, n) => product * n, 1)
      const data = Array.from({ length: size }, (_, i) => (i * 37) % 256)
      const bytes = idx(shape, data)
      const array = parseIdx(bytes, 'file', shape.length)
      assert.deepEqual(array.shape, shape)
      assert.deepEqual(Array.from(array.data), data)
      assert.equal(array.data.buffer, bytes.buffer)
    }),
  )
})

test('bytes that start inside a larger buffer are read from there', () => {
  const file = idx([3], [7, 8, 9])
  const larger = new Uint8Array(file.length + 5)
  larger.set(file, 5)
  assert.deepEqual(Array.from(parseIdx(larger.subarray(5), 'file', 1).data), [7, 8, 9])
})

test('every cut, and every byte too many, is refused', () => {
  const file = idx([2, 3, 4], new Uint8Array(24))
  for (let n = 0; n < file.length; n++) refused(() => parseIdx(file.subarray(0, n), 'f', 3), /^f: expected IDX data/)
  refused(() => parseIdx(file.subarray(0, 30), 'f', 3), /it is cut off: 2×3×4 elements are 24 bytes and it holds 14/)
  refused(() => parseIdx(Uint8Array.of(...file, 0), 'f', 3), /it is too long: .* 24 bytes and it holds 25/)
})

test('what is not IDX of bytes is refused by what it is', () => {
  const text = (content: string) => new TextEncoder().encode(content)
  refused(
    () => parseIdx(text('<!DOCTYPE html>\n<html>'), 'f', 3),
    /it is an HTML page, not data: download the file again/,
  )
  refused(() => parseIdx(text('\ufeff  <html lang="en">'), 'f', 3), /HTML/)
  refused(() => parseIdx(text('<?xml version="1.0"?><Error>'), 'f', 3), /HTML/)
  refused(() => parseIdx(text('Not Found'), 'f', 3), /it starts with the bytes 78 111 116 32, not with 0 0 8 3/)
  refused(() => parseIdx(new Uint8Array(0), 'f', 3), /only 0 bytes/)
  refused(
    () => parseIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0), 'f', 1),
    /32-bit floats, not unsigned bytes/,
  )
  refused(() => parseIdx(Uint8Array.of(0, 0, 77, 1, 0, 0, 0, 1, 0), 'f', 1), /unknown type 77/)
  refused(() => parseIdx(idx([4], [1, 2, 3, 4]), 'f', 3), /3 dimensions but it has 1: are images and labels exchanged/)
  refused(() => parseIdx(idx([0, 28, 28], []), 'f', 3), /shape is 0×28×28: it is empty/)
  // Dimensions whose product is beyond any memory are a matter of numbers, not of allocation.
  const hostile = Uint8Array.of(0, 0, 8, 3, ...new Array(12).fill(255))
  refused(() => parseIdx(hostile, 'f', 3), /it is cut off/)
})

test('images and labels that do not belong together, or a label above 9, are refused', () => {
  const { images, labels } = pictures(12, 2, 3)
  const parse = (labels: Uint8Array) =>
    parseLabelled({ images: { bytes: images, name: 'pictures' }, labels: { bytes: labels, name: 'classes' } })
  const set = parse(labels)
  assert.deepEqual([set.N, set.rows, set.columns, set.images.length], [12, 2, 3, 72])
  assert.deepEqual(Array.from(set.labels), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
  refused(() => parse(idx([11], new Uint8Array(11))), /^classes: expected 12 labels, .* of pictures, but received 11/)
  const ten = new Uint8Array(12)
  ten[5] = 10
  refused(() => parse(idx([12], ten)), /^classes: label 5: expected 0 … 9 but received 10/)
  refused(() => parse(images), /^classes: .*1 dimension but it has 3/)
})
