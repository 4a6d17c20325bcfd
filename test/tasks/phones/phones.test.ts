// The phones task: targets by hand, batches beside features computed alone, every utterance once an epoch, and padding
// that costs nothing.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Batch } from '../../../src/batch.ts'
import { features } from '../../../src/features/speech.ts'
import { gaussian } from '../../../src/init.ts'
import { createModel, type Model } from '../../../src/model/model.ts'
import { classification, modelSpec } from '../../../src/model/spec.ts'
import { loadSpeech } from '../../../src/tasks/phones/load.node.ts'
import { phones, reopenPhones } from '../../../src/tasks/phones/phones.ts'
import { frameStates, THIRDS } from '../../../src/tasks/phones/targets.ts'
import { PHONES } from '../../../src/tasks/phones/timit.ts'
import { train } from '../../../src/train/loop.ts'
import { backends, relativeError } from '../../support/backends.ts'
import { refused } from '../../support/refused.ts'
import { storedSpeech } from '../../support/speech.ts'

const { corpus, timit } = storedSpeech()

/** What a batch has of its b-th sequence, as the text of its features and targets. */
function column({ T, B, x, y, lengths }: Batch, b: number): string {
  const rows: number[] = []
  for (let t = 0; t < lengths![b]!; t++)
    rows.push(...x!.subarray((t * B + b) * 120, (t * B + b + 1) * 120), y![t * B + b]!)
  for (let t = lengths![b]!; t < T; t++) {
    assert.equal(y![t * B + b], -1)
    assert.ok(x!.subarray((t * B + b) * 120, (t * B + b + 1) * 120).every((value) => value === 0))
  }
  return rows.join(' ')
}

/** The same of an utterance alone. */
function alone({ samples, segments }: (typeof timit.train)[number]): string {
  const all = features(samples())
  const targets = frameStates(segments, all.length / 120)
  return Array.from(targets, (target, f) => [...all.subarray(f * 120, (f + 1) * 120), target].join(' ')).join(' ')
}

test('a frame has the state of its middle sample: thirds of a segment; none in q, in gaps, behind the end', () => {
  const state = (phone: string, third: number) => 3 * PHONES.indexOf(phone) + third
  const segments = [
    { start: 0, end: 600, phone: 'h#' }, // thirds end at 200 and 400
    { start: 600, end: 1000, phone: 'q' },
    { start: 1100, end: 1400, phone: 'iy' }, // at 1200 and 1300
  ]
  // Frames' middles: 200, 360, 520, 680, 840, 1000, 1160, 1320, 1480.
  const expected = [state('h#', 1), state('h#', 1), state('h#', 2), -1, -1, -1, state('iy', 0), state('iy', 2), -1]
  assert.deepEqual([...frameStates(segments, 9)], expected)
  assert.deepEqual([THIRDS.states, PHONES[THIRDS.phoneOf[179]!], PHONES[THIRDS.phoneOf[3]!]], [180, 'zh', 'ae'])
})

test('batches hold the utterances: dev and core test each once, in order of length', () => {
  const task = phones({ corpus })
  assert.deepEqual([task.trainSize, task.testSize, task.head.size, task.input], [9, 3, 180, { size: 120 }])
  for (const [batches, set] of [
    [task.heldOut!(2), timit.dev],
    [task.test(2), timit.test],
  ] as const) {
    const found: string[] = []
    const lengths: number[] = []
    for (const batch of batches) {
      assert.ok(batch.T <= task.T && batch.T === Math.max(...batch.lengths!))
      for (let b = 0; b < batch.B; b++) found.push(column(batch, b))
      lengths.push(...batch.lengths!)
    }
    assert.deepEqual(found.toSorted(), set.map(alone).toSorted())
    assert.deepEqual(
      lengths,
      lengths.toSorted((a, b) => a - b),
    )
  }
})

test('training: every utterance once an epoch, in another order each; the same from the same seed and state', () => {
  const task = phones({ corpus, seed: 3 })
  const stream = task.train(4)
  const epochs = [0, 1].map(() => {
    const found: string[] = []
    for (let i = 0; i < 3; i++) {
      const batch = stream.next()
      for (let b = 0; b < batch.B; b++) found.push(column(batch, b))
    }
    return found
  })
  const expected = timit.train.map(alone).toSorted()
  for (const found of epochs) assert.deepEqual(found.toSorted(), expected)
  assert.notDeepEqual(epochs[0], epochs[1])
  assert.equal(stream.epoch, 2)

  const again = phones({ corpus, seed: 3 }).train(4)
  again.setState({ epoch: 1, position: 1 })
  const rest: string[] = []
  for (let i = 0; i < 2; i++) {
    const batch = again.next()
    for (let b = 0; b < batch.B; b++) rest.push(column(batch, b))
  }
  assert.deepEqual(epochs[1]!.slice(-rest.length), rest)
  assert.deepEqual(again.getState(), { epoch: 1, position: 3 })
  refused(() => again.setState({ epoch: 0, position: 4 }), /stream state: position/)
  refused(
    () => task.train(10),
    /phones: train: batch: expected a whole number from 1 to 9, all there are to train on, but received 10/,
  )
})

test('mean and deviation are those of all training frames', () => {
  const rows = timit.train.flatMap(({ samples }) => [...features(samples())])
  const { mean, std } = phones({ corpus }).normalisation!
  for (const i of [0, 39, 40, 79, 80, 119]) {
    const values = rows.filter((_, at) => at % 120 === i)
    const m = values.reduce((sum, value) => sum + value, 0) / values.length
    const s = Math.sqrt(values.reduce((sum, value) => sum + (value - m) ** 2, 0) / values.length)
    assert.ok(Math.abs(mean[i]! - m) < 1e-5 * Math.max(1, Math.abs(m)), `mean ${i}`)
    assert.ok(Math.abs(std[i]! / s - 1) < 1e-5, `std ${i}`)
  }
})

test('the baseline always answers the most frequent state of training', () => {
  const known = [...corpus.train.targets].filter((state) => state >= 0)
  const most = Math.max(...THIRDS.phoneOf.map((_, state) => known.filter((s) => s === state).length))
  const candidates = Array.from(THIRDS.phoneOf.keys()).filter(
    (state) => known.filter((s) => s === state).length === most,
  )
  const asked = [...corpus.test.targets].filter((state) => state >= 0)
  const error = 1 - asked.filter((state) => state === candidates[0]).length / asked.length
  assert.equal(phones({ corpus }).baseline!.value, error)
})

test('a stored run is of its corpus', () => {
  const { options } = phones({ corpus, seed: 7 })
  assert.deepEqual(options, { corpus: corpus.id, targets: 'phones', seed: 7 })
  assert.deepEqual(reopenPhones(options, corpus).options, options)
  refused(() => reopenPhones(options, { ...corpus, id: 'other' }), /received "other": give --data DIR/)
  const states = { ...corpus, set: { ...corpus.set, kind: 'alignments' as const } }
  refused(() => reopenPhones(options, states), /targets "phones" .* "alignments": remove --alignments$/)
  refused(
    () => reopenPhones({ ...options, targets: 'alignments' }, corpus),
    /targets "alignments" .* "phones": give --alignments with the same files$/,
  )
  refused(() => loadSpeech({}), /give --data DIR, the folder with TRAIN and TEST/)
  const set = { ...corpus.set, kind: 'alignments' as const }
  refused(() => reopenPhones(options, { ...corpus, set }), /targets "phones" .* received "alignments"/)
})

describe('padding costs nothing: an utterance in a batch of unequal lengths has the loss and gradients that it has alone', () => {
  const whole = phones({ corpus }).train(4).next()
  assert.ok(new Set(whole.lengths).size >= 3, 'unequal lengths')
  const run = (model: Model, data: Batch) => {
    const plan = model.plan({ T: data.T, B: data.B })
    plan.forward(data)
    const { loss } = plan.loss(data, { reduction: 'sum', gradient: true })
    plan.backward(data)
    const gradients = Float64Array.from(plan.gradients.dense)
    plan.dispose()
    return { loss, gradients }
  }
  for (const { label, backend } of backends) {
    for (const cell of ['irnn', 'tanh', 'lstm', 'gru'] as const) {
      for (const bidirectional of [false, true]) {
        test(`${label}: ${cell}, two layers${bidirectional ? ', both directions' : ''}`, () => {
          const init = { recurrent: gaussian(0.2), input: gaussian(0.1) }
          const spec = modelSpec({
            input: { size: 120, normalise: true },
            rnn: { cell, hidden: 10, layers: 2, bidirectional, init },
            head: classification(180, { steps: 'every', init: gaussian(0.3) }),
          })
          const model = createModel(spec, { backend, normalisation: corpus.normalisation })
          const tolerance = backend.name === 'reference' ? 1e-12 : 2e-5
          for (let b = 0; b < whole.B; b++) {
            // In the batch, with the targets of the others taken away.
            const y = whole.y!.map((target, n) => (n % whole.B === b ? target : -1)) as Int32Array
            const inside = run(model, { ...whole, y })
            const T = whole.lengths![b]!
            const rows = Array.from({ length: T }, (_, t) => t * whole.B + b)
            const single = run(model, {
              T,
              B: 1,
              x: Float32Array.from(rows.flatMap((n) => [...whole.x!.subarray(n * 120, (n + 1) * 120)])),
              y: Int32Array.from(rows, (n) => whole.y![n]!),
            })
            assert.ok(Math.abs(inside.loss / single.loss - 1) < tolerance, `loss ${inside.loss}, alone ${single.loss}`)
            assert.ok(relativeError(inside.gradients, single.gradients) < tolerance, `gradients of utterance ${b}`)
          }
        })
      }
    }
  }
})

test('a small network learns its training set, and a run that goes on ends in the same bits', async () => {
  const { backend } = backends.find(({ label }) => label.startsWith('wasm')) ?? backends[0]!
  const spec = modelSpec({
    input: { size: 120, normalise: true },
    rnn: { cell: 'tanh', hidden: 24, bidirectional: true },
    head: classification(180, { steps: 'every', init: gaussian(0.01) }),
  })
  const task = phones({ corpus })
  const fresh = () => createModel(spec, { backend, normalisation: task.normalisation })
  const options = {
    batch: 4,
    iterations: 150,
    optimizer: { kind: 'adam', lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  } as const
  const whole = fresh()
  let first: number | undefined
  let last: number | undefined
  for await (const event of train(whole, task, { ...options, evalEvery: 20 })) {
    if (event.type === 'eval') assert.ok(event.heldOut!.frameError! <= 1 && event.test.frameError! <= 1)
    if (event.type !== 'step') continue
    first ??= event.loss.max
    last = event.loss.mean
  }
  assert.ok(first! > 5 && last! < 1.5, `loss ${first} → ${last}, ln 180 = 5.2`)

  const begun = fresh()
  const stop = new AbortController()
  const run = train(begun, task, { ...options, evalEvery: 20, signal: stop.signal, checkpoints: { every: 7 } })
  for await (const event of run) {
    if (event.type !== 'checkpoint' || event.iteration !== 35) continue
    const other = createModel(spec, { backend, normalisation: task.normalisation })
    other.weights.set(begun.weights)
    for await (const _ of train(other, phones({ corpus }), { ...options, evalEvery: 20, resume: run.getState() }));
    assert.deepEqual(other.weights, whole.weights)
    stop.abort()
  }
  assert.ok(stop.signal.aborted)
})
