// An average of the weights: what it is, when the model has it, and that a run with one goes on in the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '../../src/backend/backend.ts'
import { InputError } from '../../src/error.ts'
import { gaussian, irnn, regression } from '../../src/index.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/runs/checkpoint.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { evaluate } from '../../src/train/evaluate.ts'
import { createIteration } from '../../src/train/iteration.ts'
import { train } from '../../src/train/loop.ts'
import { muon } from '../../src/train/optim.ts'
import { type TrainOptions, trainSpec } from '../../src/train/options.ts'
import type { RunState } from '../../src/train/runState.ts'
import { backends } from '../support/backends.ts'

const TASK = adding({ T: 6, train: 100, test: 60 })
const OPTIONS: TrainOptions = {
  iterations: 40,
  stepEvery: 10,
  evalEvery: 15,
  evalBatch: 20,
  optimizer: muon({ lr: 0.01 }),
  average: 0.9,
}

function tiny(backend: Backend): Model {
  const head = regression(1, { init: gaussian(0.1) })
  return createModel({ input: 2, rnn: irnn(8, { inputStd: 0.1 }), head }, { backend, seed: 3 })
}

/** A checkpoint's bytes at every iteration, and the weights at the end. */
async function checkpoints(backend: Backend, run: { seed: number; task: typeof TASK; model: object }) {
  const model = tiny(backend)
  const files: Uint8Array[] = []
  const going = train(model, TASK, { ...OPTIONS, checkpoints: { every: 1 } })
  for await (const event of going) {
    if (event.type !== 'checkpoint') continue
    const identity = { ...run, training: trainSpec(OPTIONS) }
    const parts = encodeCheckpoint(model, going.getState(), identity, { count: 0, last: null })
    files.push(Uint8Array.from(Buffer.concat(parts)))
  }
  return { files, weights: Array.from(model.weights) }
}

for (const { label, backend } of backends) {
  test(`${label}: over a ninth of the run at first, then what was counts for a share`, async () => {
    const model = tiny(backend)
    const spec = trainSpec({ ...OPTIONS, average: 0.5 })
    const work = createIteration(model, TASK, spec)
    const plain = tiny(backend)
    const other = createIteration(plain, TASK, { ...spec, average: 0 })
    let expected = new Float64Array(plain.weights.length)
    for (let k = 1; k <= 30; k++) {
      work.iterate()
      other.iterate()
      const share = k < 10 ? 9 / (k + 8) : 0.5
      expected = expected.map((mean, i) => (1 - share) * mean + share * plain.weights[i]!)
      if (k % 7 !== 0) continue
      work.show()
      work.show()
      for (const [i, mean] of expected.entries()) {
        assert.ok(Math.abs(model.weights[i]! - mean) < 1e-6, `iteration ${k}, weight ${i}`)
      }
      assert.deepEqual(Array.from(work.average!.trained), Array.from(plain.weights), 'training goes its own way')
      assert.deepEqual((await work.evaluate())!.test, await evaluate(model, TASK, { batch: 20 }))
    }
    work.dispose()
    other.dispose()
  })

  test(`${label}: the model has the average at every event, and every checkpoint leads to the same end`, async () => {
    const run = { seed: 3, task: TASK, model: tiny(backend).spec }
    const { files, weights } = await checkpoints(backend, run)
    assert.ok(files.length >= 40)
    for (const file of files.filter((_, i) => i % 6 === 5)) {
      const { state, source } = decodeCheckpoint(file, { ...run, training: trainSpec(OPTIONS) })
      const model = loadModel(source, { backend })
      const average = Array.from(model.weights)
      assert.notDeepEqual(Array.from(state.trained!), average)
      for await (const event of train(model, TASK, { ...OPTIONS, resume: state })) {
        if (event.type === 'eval') assert.deepEqual(event.test, await evaluate(model, TASK, { batch: 20 }))
      }
      assert.deepEqual(Array.from(model.weights), weights)
    }
  })
}

const { backend } = backends[0]!

test('without an average nothing of it is stored, and a state must have what the run asks for', async () => {
  const model = tiny(backend)
  const run = train(model, TASK, { ...OPTIONS, average: 0, checkpoints: { every: 20 } })
  let state: RunState | undefined
  for await (const event of run) if (event.type === 'checkpoint') state ??= structuredClone(run.getState())
  assert.equal(Object.hasOwn(state!, 'trained'), false)
  assert.throws(
    () => train(tiny(backend), TASK, { ...OPTIONS, resume: state }),
    (error: Error) => error instanceof InputError && /resume: trained: expected 105 elements/.test(error.message),
  )
  const short = { ...state!, trained: new Float32Array(3) }
  assert.throws(() => train(tiny(backend), TASK, { ...OPTIONS, resume: short }), /received 3/)
  const broken = { ...state!, trained: new Float32Array(105).fill(Number.NaN) }
  assert.throws(() => train(tiny(backend), TASK, { ...OPTIONS, resume: broken }), InputError)
})

test('a run that diverges leaves the average', async () => {
  const model = tiny(backends.at(-1)!.backend) // in float32 the loss is infinite
  const before = Array.from(model.weights)
  const inputs = { ...TASK, train: (B: number) => ({ ...TASK.train(B), next: () => ({ ...TASK.train(B).next(), y }) }) }
  const y = new Float32Array(16).fill(3e38)
  await assert.rejects(async () => {
    for await (const _ of train(model, inputs, { ...OPTIONS, onCollapse: 'stop' })) {
    }
  }, /diverged at iteration 1/)
  assert.deepEqual(Array.from(model.weights), before)
})
