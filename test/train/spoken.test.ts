// Scores as people read them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scored } from '../../src/train/spoken.ts'

test('a score in its metric, beside what knows nothing and beside the held-out one', () => {
  assert.equal(
    scored({ test: { loss: 1, accuracy: 0.98765 } }, { metric: 'accuracy', baseline: { name: 'chance', value: 0.1 } }),
    'test accuracy 98.77 % (chance: 10.00 %)',
  )
  const perplexities = { test: { loss: 1, perplexity: 301.4 }, heldOut: { loss: 1, perplexity: 312.4 } }
  assert.equal(scored(perplexities, { metric: 'perplexity' }), 'test perplexity 301, held-out 312')
})
