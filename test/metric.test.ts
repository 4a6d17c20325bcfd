// Which way is better, and that the loop, the evaluation and the experiments all ask the one table.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackend } from '../src/backend/choose.ts'
import { classification, createModel, gaussian, irnn } from '../src/index.ts'
import { beats, isAsGood, METRICS, type Metric, metricOf } from '../src/metric.ts'
import { rng } from '../src/rng.ts'
import type { Task } from '../src/task.ts'
import { evaluate } from '../src/train/evaluate.ts'
import type { EvalEvent } from '../src/train/events.ts'
import { train } from '../src/train/loop.ts'
import { sgd } from '../src/train/optim.ts'

const [T, V] = [5, 7]

/** The next token is this one plus 1: learnt at once. */
function counting(metric: Metric): Task {
  const batch = (B: number, from: number) => {
    const tokens = Int32Array.from({ length: T * B }, (_, n) => (from + Math.floor(n / B) + (n % B)) % V)
    return { T, B, tokens, y: tokens.map((token) => (token + 1) % V) }
  }
  return {
    name: 'counting',
    options: {},
    T,
    input: { vocabulary: V },
    head: { kind: 'classification', size: V, steps: 'every' },
    metric,
    trainSize: 50,
    testSize: 10,
    train(B) {
      const generator = rng(1, 'counting')
      const state = { epoch: 0, position: 0 }
      return { epoch: 0, next: () => batch(B, generator.below(V)), getState: () => state, setState: () => {} }
    },
    test: (B) => [batch(Math.min(B, 10), 0)],
  }
}

function tiny(backend: Awaited<ReturnType<typeof createBackend>>, std = 0.3) {
  const head = classification(V, { steps: 'every', init: gaussian(std) })
  const input = { vocabulary: V, embedding: 8, init: gaussian(0.5) }
  return createModel({ input, rnn: irnn(12, { inputStd: 0.3 }), head }, { backend })
}

test('lower and higher: NaN beats nothing, and is as good as nothing', () => {
  for (const metric of Object.keys(METRICS) as Metric[]) {
    const [good, bad] = metric === 'accuracy' ? [2, 1] : [1, 2]
    assert.ok(beats(metric, good, bad) && !beats(metric, bad, good) && !beats(metric, good, good), metric)
    assert.ok(isAsGood(metric, good, good) && isAsGood(metric, good, bad) && !isAsGood(metric, bad, good), metric)
    assert.ok(!beats(metric, Number.NaN, bad) && !isAsGood(metric, Number.NaN, bad), metric)
    assert.equal(metricOf({ [metric]: 0 }), metric)
  }
  assert.equal(metricOf({}), undefined)
})

test('a model that knows nothing scores the vocabulary as perplexity', async () => {
  const backend = await createBackend({})
  const { loss, perplexity } = await evaluate(tiny(backend, 0), counting('perplexity'))
  assert.ok(Math.abs(perplexity! - V) < 1e-5 && Math.abs(loss - Math.log(V)) < 1e-6, String(perplexity))
})

for (const [metric, target] of [
  ['perplexity', 1.5],
  ['frameError', 0.02],
  ['accuracy', 0.98],
] as const)
  test(`a run ends at its target in ${metric}, and knows which evaluation was the best`, async () => {
    const backend = await createBackend({})
    const model = tiny(backend)
    const options = { iterations: 2000, evalEvery: 20, optimizer: sgd({ lr: 0.3 }), target, checkpoints: { every: 20 } }
    const run = train(model, counting(metric), options)
    const scores: number[] = []
    let best: number | undefined
    for await (const event of run) {
      if (event.type === 'eval') {
        scores.push(event.test[metric]!)
        best = run.getState().best!.test[metric]
        assert.equal(best, METRICS[metric].lowerIsBetter ? Math.min(...scores) : Math.max(...scores))
      }
      if (event.type !== 'done') continue
      assert.equal(event.reason, 'target')
      assert.ok(isAsGood(metric, event.test![metric]!, target) && !isAsGood(metric, scores[0]!, target), String(scores))
      assert.ok(scores.length > 1 && scores.slice(0, -1).every((score) => !isAsGood(metric, score, target)))
    }
    assert.ok(best !== undefined)
  })

test('where there is a held-out set it decides: what is best, and when to stop', async () => {
  const backend = await createBackend({})
  const task = counting('perplexity')
  // Held out: targets that contradict training, so the more is learnt the worse it is scored.
  const heldOut: Task['heldOut'] = (B) =>
    [...task.test(B)].map((batch) => ({ ...batch, y: (batch.y as Int32Array).map((y) => (y + 1) % V) }))
  const options = { iterations: 60, evalEvery: 20, optimizer: sgd({ lr: 0.3 }), target: 3 }
  const run = train(tiny(backend, 0), { ...task, heldOut }, options)
  const evals: EvalEvent[] = []
  for await (const event of run) {
    if (event.type === 'eval') evals.push(event)
    if (event.type !== 'done') continue
    assert.equal(event.reason, 'iterations', 'a test score as good as the target ends no run')
    assert.deepEqual([event.test, event.heldOut], [evals.at(-1)!.test, evals.at(-1)!.heldOut])
  }
  assert.ok(evals.at(-1)!.test.perplexity! < 3 && evals.at(-1)!.heldOut!.perplexity! > evals[0]!.heldOut!.perplexity!)
  const { best } = run.getState()
  assert.deepEqual(best, { iteration: 20, test: evals[0]!.test, heldOut: evals[0]!.heldOut })
})
