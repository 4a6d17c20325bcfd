// A task that scores itself sees every batch of an evaluation with its logits, and the score stays what it is without.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian, irnn, regression } from '../../src/index.ts'
import { createModel } from '../../src/model/model.ts'
import type { Scorer } from '../../src/task.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { evaluate } from '../../src/train/evaluate.ts'
import { backends, relativeError } from '../support/backends.ts'

for (const { label, backend } of backends) {
  test(`${label}: the squared error by a scorer's own sum is the metric`, async () => {
    const head = regression(1, { init: gaussian(0.1) })
    const model = createModel({ input: 2, rnn: irnn(6, { inputStd: 0.1 }), head }, { backend, seed: 3 })
    const task = adding({ T: 5, train: 10, test: 23 })
    let squares = 0
    let count = 0
    const scorer: Scorer<number> = {
      add({ B, y }, logits) {
        for (let b = 0; b < B; b++) squares += (logits[b]! - y![b]!) ** 2
        count += B
      },
      result: () => squares / count,
    }
    const score = await evaluate(model, task, { batch: 10, scorer })
    assert.equal(count, 23)
    assert.ok(relativeError(Float64Array.of(scorer.result()), Float64Array.of(score.mse!)) < 1e-5)
    assert.deepEqual(await evaluate(model, task, { batch: 10 }), score)
    model.dispose()
  })
}
