/** Drawings go the way of MNIST's own digits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digitFrom } from '../../../page/play/digit.ts'

const SIZE = 280

/** A thick seven at a place and size. */
function seven(x: number, y: number, size: number, stroke: number) {
  const pixels = new Uint8Array(SIZE * SIZE)
  const inside = (column: number, row: number) => {
    const [u, v] = [(column - x) / size, (row - y) / size]
    if (u < 0 || v < 0 || u > 0.7 || v > 1) return false
    return v < stroke || Math.abs(u - (0.7 - stroke / 2 - 0.4 * v)) < stroke / 2
  }
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) if (inside(column, row)) pixels[row * SIZE + column] = 255
  }
  return { width: SIZE, height: SIZE, pixels }
}

test('a digit drawn anywhere is the same 28 by 28 pixels', () => {
  const wanted = digitFrom(seven(40, 40, 200, 0.15))!
  assert.deepEqual(digitFrom(seven(80, 70, 200, 0.15)), wanted)
  assert.deepEqual(digitFrom(seven(0, 0, 200, 0.15)), wanted)
  const half = digitFrom(seven(13, 150, 100, 0.15))!
  const apart = half.map((value, i) => Math.abs(value - wanted[i]!)).reduce((sum, one) => sum + one, 0)
  const all = wanted.reduce((sum, one) => sum + one, 0)
  assert.ok(apart < 0.12 * all, `half as large, ${apart} of ${all} differ`)
})

test('ink fills 20 pixels, and its centre of mass is in the middle', () => {
  const pixels = digitFrom(seven(90, 20, 160, 0.2))!
  const rows = Array.from({ length: 28 }, (_, row) =>
    pixels.subarray(28 * row, 28 * row + 28).some((value) => value > 0),
  )
  assert.equal(rows.filter(Boolean).length, 20)
  let [sum, x, y] = [0, 0, 0]
  for (const [i, value] of pixels.entries()) {
    sum += value
    x += value * ((i % 28) + 0.5)
    y += value * (Math.floor(i / 28) + 0.5)
  }
  assert.ok(Math.abs(x / sum - 14) <= 0.5 && Math.abs(y / sum - 14) <= 0.5, `${x / sum}, ${y / sum}`)
})

test('an empty sheet is no digit; a dot and a line are', () => {
  const pixels = new Uint8Array(SIZE * SIZE)
  const sheet = { width: SIZE, height: SIZE, pixels }
  assert.equal(digitFrom(sheet), null)
  pixels[0] = 255
  assert.equal(digitFrom(sheet)!.filter((value) => value > 0).length, 400)
  pixels.fill(255, 0, SIZE)
  assert.ok(digitFrom(sheet)!.some((value) => value > 0))
})
