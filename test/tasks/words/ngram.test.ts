// Kneser-Ney against a plain slow one; probabilities that sum to 1; perplexity by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rng } from '../../../src/rng.ts'
import { openWords } from '../../../src/tasks/words/load.node.ts'
import { kneserNey, ngramPerplexity, unigram } from '../../../src/tasks/words/ngram.ts'

const { data } = openWords({}, { choice: { size: 300 } })
const { vocabulary } = data
const { start, end, size: V } = vocabulary
const tokens = data.train.load(0).tokens.subarray(0, 20_000)
const whole = tokens.subarray(0, tokens.lastIndexOf(end) + 1)
const others = data.test.load(0).tokens.subarray(0, 500)

/** As the formulas stand (Chen & Goodman 1999; sentence starts as in Heafield et al. 2013), from counts by text. */
function plain(sentences: readonly number[][]) {
  const grams = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()] as const
  const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
  for (const sentence of sentences) {
    const padded = [start, ...sentence]
    for (let i = 1; i < padded.length; i++) {
      if (i > 1) add(grams[2], padded.slice(i - 2, i + 1).join())
      if (i === 1) add(grams[1], padded.slice(0, 2).join())
    }
  }
  for (const key of grams[2].keys()) add(grams[1], key.split(',').slice(1).join())
  for (const key of grams[1].keys()) add(grams[0], key.split(',')[1]!)
  const discounts = grams.map((map) => {
    const n = [0, 1, 2, 3, 4].map((count) => [...map.values()].filter((c) => c === count).length)
    const y = n[1]! / (n[1]! + 2 * n[2]!)
    return [0, 1, 2, 3].map((c) => (c === 0 ? 0 : c - (c + 1) * y * (n[c + 1]! / n[c]!)))
  })
  const p = (h: number[], w: number): number => {
    const order = h.length
    const map = grams[order]!
    const lower = order === 0 ? 1 / (V - 1) : p(h.slice(1), w)
    const prefix = h.map((word) => `${word},`).join('')
    const following = [...map].filter(([key]) => key.startsWith(prefix))
    const total = following.reduce((sum, [, c]) => sum + c, 0)
    if (total === 0) return lower
    const taken = (c: number) => discounts[order]![Math.min(c, 3)]!
    const c = map.get(prefix + w) ?? 0
    const held = following.reduce((sum, [, count]) => sum + taken(count), 0)
    return (c - taken(c)) / total + (held / total) * lower
  }
  return p
}

function sentencesOf(of: Int32Array): number[][] {
  const found: number[][] = [[]]
  for (const token of of) {
    found.at(-1)!.push(token)
    if (token === end) found.push([])
  }
  found.pop()
  return found
}

test('a trigram model is the plain one’s', () => {
  const fast = kneserNey(whole, vocabulary)
  const slow = plain(sentencesOf(whole))
  let checked = 0
  for (const sentence of sentencesOf(others).slice(0, 12)) {
    let [u, v] = [-1, start]
    for (const w of sentence) {
      const expected = Math.log(slow(u < 0 ? [v] : [u, v], w))
      assert.ok(Math.abs(fast.logProbability(u, v, w) - expected) < 1e-9, `${u} ${v} ${w}`)
      u = v
      v = w
      checked += 1
    }
  }
  assert.ok(checked > 100)
})

test('probabilities of all words but <S> sum to 1, after any history', () => {
  const generator = rng(1, 'histories')
  const models = [kneserNey(whole, vocabulary), unigram(whole, vocabulary)]
  const small = [kneserNey(Int32Array.from([5, 6, end, 5, 7, end]), vocabulary), unigram(new Int32Array(0), vocabulary)]
  for (const model of [...models, ...small]) {
    for (let i = 0; i < 50; i++) {
      const at = generator.below(whole.length - 2)
      const seen = i % 2 === 0 && whole[at] !== end && whole[at + 1] !== end
      const [u, v] =
        i === 1 ? [-1, start] : seen ? [whole[at]!, whole[at + 1]!] : [generator.below(V - 1), generator.below(V - 1)]
      let sum = 0
      for (let w = 0; w < V; w++) if (w !== start) sum += Math.exp(model.logProbability(u, v, w))
      assert.ok(Math.abs(sum - 1) < 1e-9, `${u} ${v}: ${sum}`)
    }
  }
})

test('perplexity: by hand, and histories that end with sentences', () => {
  const asked: string[] = []
  const model = {
    logProbability(u: number, v: number, w: number) {
      asked.push(`${u} ${v} ${w}`)
      return Math.log(w === end ? 0.5 : 0.125)
    },
  }
  const value = ngramPerplexity(model, [Int32Array.from([7, end]), Int32Array.from([8, 9, end])], vocabulary)
  assert.ok(Math.abs(value - 2 ** (11 / 5)) < 1e-12)
  const S = start
  const E = end
  assert.deepEqual(asked, [`-1 ${S} 7`, `${S} 7 ${E}`, `-1 ${S} 8`, `${S} 8 9`, `8 9 ${E}`])
})

test('on Brown the trigram is far better than the unigram, and both than chance', () => {
  const scores = [kneserNey, unigram].map((make) => ngramPerplexity(make(whole, vocabulary), [others], vocabulary))
  assert.ok(scores[0]! < 0.85 * scores[1]! && scores[1]! < V / 2, String(scores))
})
