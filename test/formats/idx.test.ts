// IDX: what is whole is read, without a copy; what is not is refused in one line that says what came instead.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parseIdx, parseLabelled } from '../../src/formats/idx.ts'
import { idx, pictures } from '../support/mnist.ts'
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
  refused(() => parseIdx(idx([4], [1, 2, 3, 4]), 'f', 3), /3 dimensions but it has 1$/)
  refused(() => parseIdx(gzipSync(idx([4], [1, 2, 3, 4])), 'f'), /packed by gzip: unpack it/)
  refused(() => parseIdx(Uint8Array.of(0, 0, 8, 0, 1), 'f'), /it has no dimensions/)
  refused(() => parseIdx(idx(new Array(255).fill(9), []), 'f'), /: 9×9×9×9×9×9×9×9×… elements/)
  refused(() => parseIdx(idx([0, 28, 28], []), 'f', 3), /shape is 0×28×28: it is empty/)
  // Dimensions whose product is beyond any memory are a matter of numbers, not of allocation.
  const hostile = Uint8Array.of(0, 0, 8, 3, ...new Array(12).fill(255))
  refused(() => parseIdx(hostile, 'f', 3), /it is cut off/)
})

const parse = (images: Uint8Array, labels: Uint8Array) =>
  parseLabelled({ images: { bytes: images, name: 'pictures' }, labels: { bytes: labels, name: 'classes' } })

test('images and labels that do not belong together are refused', () => {
  const { images, labels } = pictures(12, 2, 3)
  const set = parse(images, labels)
  assert.deepEqual([set.N, set.rows, set.columns, set.images.length, set.classes], [12, 2, 3, 72, 10])
  assert.deepEqual(Array.from(set.labels), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
  const eleven = idx([11], new Uint8Array(11))
  refused(() => parse(images, eleven), /^classes: expected 12 labels, .* of pictures, but received 11/)
  refused(
    () => parse(images, images),
    /^classes: expected one label .* its shape is 12×2×3: are images and labels exch/,
  )
  refused(
    () => parse(labels, images),
    /^pictures: expected images, .* its shape is 12: are images and labels exchanged/,
  )
  const oneHot = idx([12, 10], new Uint8Array(120))
  refused(() => parse(images, oneHot), /^classes: .* its shape is 12×10: give the number of its class/)
})

test('labels of any range: as many classes as the largest label says', () => {
  const { images } = pictures(6, 2, 3)
  const classes = (...labels: number[]) => parse(images, idx([6], labels)).classes
  assert.equal(classes(0, 1, 2, 3, 4, 0), 5)
  assert.equal(classes(1, 26, 3, 4, 5, 6), 27)
  assert.equal(classes(46, 0, 0, 0, 0, 0), 47)
  assert.equal(classes(255, 0, 0, 0, 0, 0), 256)
  assert.equal(classes(0, 0, 0, 0, 0, 0), 1)
  assert.equal(parse(images, idx([6, 1], [0, 1, 2, 0, 1, 2])).classes, 3)
})

test('images in a shape that says the same are read, with colours refused', () => {
  const data = Uint8Array.from({ length: 72 }, (_, i) => i)
  const labels = idx([3], [0, 1, 2])
  const shape = (...sizes: number[]) => {
    const { N, rows, columns, images } = parse(idx(sizes, data), labels)
    assert.deepEqual(images, data)
    return [N, rows, columns]
  }
  assert.deepEqual(shape(3, 24), [3, 1, 24])
  assert.deepEqual(shape(3, 4, 6), [3, 4, 6])
  assert.deepEqual(shape(3, 4, 6, 1), [3, 4, 6])
  assert.deepEqual(shape(3, 1, 4, 6), [3, 4, 6])
  refused(() => shape(3, 2, 4, 3), /^pictures: expected images, .* its shape is 3×2×4×3: convert them to .* grey value/)
  refused(() => shape(3, 24, 1, 1, 1), /its shape is 3×24×1×1×1: convert/)
})
