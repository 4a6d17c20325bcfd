import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decimal } from '../../src/formats/decimal.ts'
import { rng as rngOf } from '../../src/rng.ts'

const encoder = new TextEncoder()

function read(text: string, mark = '.'): number {
  const bytes = encoder.encode(`7${text}7`) // what stands around it must not matter
  return decimal(bytes, 1, bytes.length - 1, mark.charCodeAt(0))
}

describe('decimal', () => {
  it('rounds 200,000 random decimals as Number does', () => {
    const rng = rngOf(754)
    const below = (n: number) => rng.below(n)
    const digits = (n: number) => Array.from({ length: n }, () => below(10)).join('')
    for (let n = 0; n < 200_000; n++) {
      const sign = ['', '-', '+'][below(3)]!
      const size = below(20)
      const point = below(3) > 0 ? `.${digits(1 + below(20 - size))}` : ''
      const exponent = below(10) === 0 ? `e${below(2) ? '-' : ''}${below(300)}` : ''
      const text = `${sign}${digits(size)}${point}${exponent}`
      const value = text === sign || text === sign + exponent ? Number.NaN : Number(text)
      const expected = Number.isFinite(value) ? value : Number.NaN
      assert.ok(Object.is(read(text), expected), `${text}: ${read(text)} but ${expected}`)
      assert.ok(Object.is(read(text.replace('.', ','), ','), expected), text)
    }
  })

  it('reads every float64 that JavaScript writes', () => {
    const rng = rngOf(53)
    const float = new Float64Array(1)
    const bits = new Uint32Array(float.buffer)
    for (let n = 0; n < 50_000; n++) {
      bits[0] = rng.next() * 2 ** 32
      bits[1] = rng.next() * 2 ** 32
      if (Number.isFinite(float[0])) assert.ok(Object.is(read(String(float[0])), float[0]), String(float[0]))
    }
  })

  it('takes no other text for a number', () => {
    for (const text of [
      '',
      ' ',
      '.',
      '-',
      '+.',
      '--1',
      '1-',
      '1.2.3',
      '1 2',
      '0x10',
      'NaN',
      'Infinity',
      '1e',
      'e5',
      '1e999',
      '1,5',
      '١',
      '1_0',
      '1n',
      '.e1',
      '1e5.5',
    ]) {
      assert.ok(Number.isNaN(read(text)), text)
    }
    assert.ok(Number.isNaN(read('1.5', ',')))
    assert.equal(read(' 12.5\t'), 12.5)
    assert.equal(read('5.'), 5)
    assert.equal(read('.5'), 0.5)
    assert.equal(read('1'.repeat(300)), Number('1'.repeat(300)))
    assert.ok(Number.isNaN(read('1'.repeat(5000))))
  })
})
