/** The parts of labelling against plain formulas. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sideBySide } from '../../../src/data/ensemble.ts'
import { warping } from '../../../src/data/labels/dtw.ts'
import { endingIn, endingsOf } from '../../../src/data/labels/endings.ts'
import { itemScores, labelScores } from '../../../src/data/labels/labelScores.ts'
import { meanOverTime } from '../../../src/data/labels/meanLoss.ts'
import { nearest, ridge } from '../../../src/data/labels/tabular.ts'
import { gru } from '../../../src/layers/cells.ts'
import { createModel } from '../../../src/model/model.ts'
import { classification } from '../../../src/model/spec.ts'
import { backends, relativeError } from '../../support/backends.ts'

test('dynamic time warping', () => {
  const values = Float32Array.from([1, 2, 3, 3, 1, 1, 2, 3])
  const data = { width: 1, vocabulary: 0, starts: Int32Array.of(0, 4, 8), values, tokens: new Int32Array(0) }
  assert.equal(warping(data, 0, 1, Number.POSITIVE_INFINITY), 0)
  const other = { ...data, values: Float32Array.from([0, 0, 2, 0, 0, 0, 0, 0]) }
  assert.equal(warping(other, 0, 1, Number.POSITIVE_INFINITY), 4)
  assert.equal(warping(other, 0, 1, 3), Number.POSITIVE_INFINITY)
})

test('ridge and nearest neighbour find a line between two clouds', () => {
  const values = Float64Array.from({ length: 80 }, (_, i) => (i % 2 === 0 ? i % 7 : (i >> 1) % 2 === 0 ? 5 : -5))
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2)
  const rows = Int32Array.from(labels, (_, i) => i)
  const features = { F: 2, values }
  assert.deepEqual(ridge(features, labels, 2, rows.subarray(0, 30), rows), labels)
  assert.deepEqual(nearest(features, labels, rows.subarray(0, 30), rows), labels)
})

test('accuracy, macro-F1 and confusion are those of scikit-learn', () => {
  // f1_score([0, 1, 2, 2, 1, 0], [0, 2, 2, 2, 1, 1], average="macro") = (2/3 + 1/2 + 4/5) / 3
  const { accuracy, macroF1, confusion } = labelScores([0, 1, 2, 2, 1, 0, -1], [0, 2, 2, 2, 1, 1, 0], 3)
  assert.equal(accuracy, 4 / 6)
  assert.ok(Math.abs(macroF1 - (2 / 3 + 1 / 2 + 4 / 5) / 3) < 1e-12)
  assert.deepEqual([...confusion], [1, 1, 0, 0, 1, 1, 0, 0, 2])
})

test('an item beyond those of training is a miss, and no probability is asked of it', () => {
  const scores = itemScores([0, 11, 12, -1], 12, (_, k) => (k === 11 ? 0.01 : 0.09))
  assert.equal(scores.hitRate, 1 / 3)
  assert.ok(Math.abs(scores.perplexity - Math.exp(-(Math.log(0.09) + Math.log(0.01)) / 2)) < 1e-9)
})

test('rare words have tokens by how they end', () => {
  const endings = endingsOf(['walking', 'sinking', 'barking', 'asking', 'peeking', 'London', '1st'])
  const places = new Map(endings.map((ending, i) => [ending, i]))
  assert.equal(endings[endingIn(places, 'marking')], 'a…ing')
  assert.equal(endingIn(places, 'Paris'), -1)
})

test('the gradient of the mean over time is the slope of its loss', () => {
  const [T, B, K] = [3, 2, 2]
  const logits = Float32Array.from({ length: T * B * K }, (_, i) => Math.sin(3 * i))
  const y = Int32Array.from([-1, -1, -1, 1, 0, -1])
  const counts = Uint8Array.from(y, (label) => (label < 0 ? 0 : 1))
  const { compute } = meanOverTime([1, 3])
  const gradient = new Float32Array(logits.length)
  compute({ T, B, K, logits, y, counts }, gradient)
  for (let i = 0; i < logits.length; i++) {
    const at = (step: number) => {
      const moved = Float64Array.from(logits)
      moved[i]! += step
      return compute({ T, B, K, logits: moved as never, y, counts }, null)
    }
    assert.ok(Math.abs((at(1e-4) - at(-1e-4)) / 2e-4 - gradient[i]!) < 1e-5, String(i))
  }
})

for (const { label, backend } of backends) {
  test(`${label}: networks side by side answer as each alone`, () => {
    const spec = {
      input: { size: 2, vocabulary: 5, embedding: 3 },
      rnn: gru(4, { bidirectional: true }),
      head: classification(3, { steps: 'every' }),
    }
    const models = [1, 2, 3].map((seed) => createModel(spec, { backend, seed }))
    const joint = sideBySide(models)
    const [T, B] = [5, 2]
    const x = Float32Array.from({ length: T * B * 2 }, (_, i) => Math.cos(i))
    const tokens = Int32Array.from({ length: T * B }, (_, i) => i % 5)
    const batch = { T, B, x, tokens, lengths: Int32Array.of(5, 3) }
    const { logits } = joint.forward(batch)
    const known = (all: ArrayLike<number>, m: number, members: number) =>
      Array.from({ length: T * B }, (_, i) => i)
        .filter((i) => Math.floor(i / B) < batch.lengths[i % B]!)
        .flatMap((i) => [0, 1, 2].map((k) => all[i * 3 * members + 3 * m + k]!))
    for (const [m, model] of models.entries()) {
      assert.ok(relativeError(known(logits, m, 3), known(model.forward(batch).logits, 0, 1)) < 1e-5)
      model.dispose()
    }
    joint.dispose()
  })
}
