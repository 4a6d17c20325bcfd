import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dictionary } from '../../src/formats/dictionary.ts'
import { rng as rngOf } from '../../src/rng.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

test('a word has the same code whenever it comes, as in a Map', () => {
  const random = rngOf(5)
  const words = new Dictionary()
  const codes = new Map<string, number>()
  for (let n = 0; n < 100_000; n++) {
    const text = random.below(3) === 0 ? '' : `ü${random.below(20_000)}`.slice(0, 1 + random.below(6))
    const bytes = encoder.encode(`<${text}>`)
    if (!codes.has(text)) codes.set(text, codes.size)
    assert.equal(words.codeOf(bytes, 1, bytes.length - 1), codes.get(text), text)
  }
  assert.equal(words.size, codes.size)
  for (const [text, code] of codes) assert.equal(decoder.decode(words.word(code)), text)
})

test('words that differ in their last bytes alone do not slow it down', () => {
  const words = new Dictionary()
  const bytes = new Uint8Array(64)
  const view = new DataView(bytes.buffer)
  for (let n = 0; n < 200_000; n++) {
    view.setUint32(60, n)
    assert.equal(words.codeOf(bytes, 0, 64), n)
  }
})
