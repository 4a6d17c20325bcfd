/** Losses of tasks and runs: what is learnt by them, what is measured, what config.json keeps of them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Batch,
  classification,
  createModel,
  crossEntropy,
  evaluate,
  gaussianNll,
  gru,
  huber,
  type LossSpec,
  type Metric,
  type OwnLoss,
  ownLoss,
  pinball,
  type RunState,
  regression,
  squaredError,
  type Task,
  train,
  trainSpec,
} from '../../src/index.ts'
import { rng } from '../../src/rng.ts'
import { backends } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

const T = 5
const B = 32

/** y is x of the last step and noise of deviation 1, or whether that is above 0. */
function batchOf(seed: number, classes: boolean): Batch {
  const { normal } = rng(seed, 'losses')
  const x = Float32Array.from({ length: T * B }, normal)
  const y = Array.from(x.subarray((T - 1) * B), (v) => 3 + v + normal())
  return { T, B, x, y: classes ? Int32Array.from(y, (v) => (v > 4 ? 1 : 0)) : Float32Array.from(y) }
}

function taskOf(size: number, metric: Metric, loss?: LossSpec | OwnLoss, classes = false): Task {
  return {
    name: 'noisy',
    options: {},
    T,
    input: { size: 1 },
    head: { kind: classes ? 'classification' : 'regression', size, steps: 'last' },
    metric,
    loss,
    trainSize: B,
    testSize: 16 * B,
    train() {
      let n = 0
      return {
        next: () => batchOf(n++, classes),
        epoch: 0,
        getState: () => ({ epoch: 0, position: n }),
        setState: ({ position }) => {
          n = position
        },
      }
    },
    test: () => Array.from({ length: 16 }, (_, i) => batchOf(1e6 + i, classes)),
  }
}

const [{ backend }] = backends.filter(({ backend }) => backend.name !== 'reference') as [(typeof backends)[number]]
const modelOf = ({ head }: Task) =>
  createModel(
    { input: 1, rnn: gru(6), head: head.kind === 'regression' ? regression(head.size) : classification(2) },
    { backend },
  )
const OPTIONS = { iterations: 500, batch: B, evalEvery: 500 }

async function learn(task: Task, options: object = {}) {
  const model = modelOf(task)
  for await (const event of train(model, task, { ...OPTIONS, ...options })) void event
  return { model, score: await evaluate(model, task) }
}

describe('what is learnt', () => {
  test('quantiles cover what they say, and stand at the quantiles of the noise', async () => {
    const { model, score } = await learn(taskOf(3, 'pinball', pinball([0.1, 0.5, 0.9])), { iterations: 1500 })
    let below = [0, 0, 0]
    for (let i = 0; i < 20; i++) {
      const batch = batchOf(2e6 + i, false)
      const { logits } = model.forward(batch)
      below = below.map(
        (n, q) => n + Array.from(batch.y!).reduce((m: number, y, b) => m + (y < logits[3 * b + q]! ? 1 : 0), 0),
      )
    }
    for (const [q, share] of [0.1, 0.5, 0.9].entries())
      assert.ok(Math.abs(below[q]! / (20 * B) - share) < 0.06, `${below[q]! / (20 * B)} below the quantile ${share}`)
    // Mean pinball loss of a normal at its quantiles q: φ(Φ^-1(q)), here (0.1755 + 0.3989 + 0.1755) / 3.
    assert.ok(score.pinball! < 0.28 && score.pinball! > 0.22, `${score.pinball}`)
    assert.equal(score.pinball, score.loss)
  })

  test('gaussianNll finds the deviation of the noise', async () => {
    const { model, score } = await learn(taskOf(2, 'gaussianNll', gaussianNll()), { iterations: 1000 })
    const { logits } = model.forward(batchOf(3e6, false))
    const mean = Array.from(logits).reduce((sum, v, i) => sum + (i % 2 === 1 ? v : 0), 0) / B
    assert.ok(Math.abs(mean) < 0.15, `log of the deviation ${mean}, not 0`)
    assert.ok(Math.abs(score.gaussianNll! - 1.42) < 0.12, `${score.gaussianNll}`) // 0.5 ln(2πe)
  })

  test('weights move the decision to the class that counts more', async () => {
    const share = async (weights: number[]) => {
      const { model } = await learn(taskOf(2, 'accuracy', crossEntropy({ weights }), true))
      const { logits } = model.forward(batchOf(4e6, true))
      return (
        Array.from({ length: B }, (_, b) => Number(logits[2 * b + 1]! > logits[2 * b]!)).reduce((a, b) => a + b) / B
      )
    }
    assert.ok((await share([1, 9])) > (await share([9, 1])) + 0.3)
  })
})

describe('what is measured', () => {
  test('the metric is of its own loss, the loss that of the task', async () => {
    const plain = taskOf(1, 'mse')
    const { model, score } = await learn(taskOf(1, 'mse', huber()))
    const { loss, mse } = await evaluate(model, plain)
    assert.equal(score.mse, mse)
    assert.equal(loss, mse)
    assert.ok(score.loss < 0.7 * loss)
    assert.equal((await evaluate(model, plain, { loss: huber() })).loss, score.loss)
  })

  test('accuracy does not depend on the weights of the loss', async () => {
    const { model } = await learn(taskOf(2, 'accuracy', undefined, true))
    const scores = [undefined, crossEntropy({ weights: [1, 5] })].map((loss) =>
      evaluate(model, taskOf(2, 'accuracy', loss, true)),
    )
    const [plain, weighted] = await Promise.all(scores)
    assert.equal(plain!.accuracy, weighted!.accuracy)
    assert.notEqual(plain!.loss, weighted!.loss)
  })

  test('a metric that is not to be had of the loss is refused', () => {
    const [one, three] = [taskOf(1, 'pinball'), taskOf(3, 'mse', pinball([0.1, 0.5, 0.9]))]
    refused(
      () => train(modelOf(one), one),
      /^task noisy: metric pinball: expected the loss pinball but it is squaredError/,
    )
    refused(
      () => train(modelOf(three), three),
      /^task noisy: metric mse: expected the loss squaredError but it is pinball: measure by pinball$/,
    )
  })
})

describe('the option of a run', () => {
  const absolute = ownLoss({ name: 'absolute', compute: () => 0 })

  test("takes the place of the task's loss", async () => {
    const task = taskOf(1, 'loss')
    const losses: number[] = []
    for (const loss of [null, squaredError(), huber({ delta: 0.01 })]) {
      for await (const event of train(modelOf(task), task, { ...OPTIONS, iterations: 20, evalEvery: 20, loss }))
        if (event.type === 'done') losses.push(event.test!.loss)
    }
    assert.equal(losses[0], losses[1])
    assert.ok(losses[2]! < 0.1 * losses[0]!)
  })

  test("is recorded; a loss of one's own by its name, and is asked for when the run goes on", () => {
    const stored = (loss: LossSpec | OwnLoss) => JSON.parse(JSON.stringify(trainSpec({ loss })))
    for (const loss of [pinball([0.5]), huber(), crossEntropy({ weights: [1, 2] })]) {
      assert.deepEqual(stored(loss).loss, loss)
      assert.deepEqual(trainSpec(stored(loss)).loss, loss)
    }
    assert.deepEqual(stored(absolute).loss, { kind: 'own', name: 'absolute' })
    refused(
      () => trainSpec(stored(absolute)),
      /^training: loss: compute: expected a function, which no file can hold: give it again$/,
    )
    assert.equal(trainSpec({ ...stored(absolute), loss: absolute }).loss, absolute)
  })

  test('a run that goes on by another loss is refused', async () => {
    const task = taskOf(1, 'loss')
    const going = train(modelOf(task), task, { ...OPTIONS, iterations: 4, loss: absolute, checkpoints: { every: 2 } })
    let state: RunState | null = null
    for await (const { type, iteration } of going) {
      if (type === 'checkpoint' && iteration === 2) state = structuredClone(going.getState())
    }
    const goOn = (loss?: LossSpec | OwnLoss) => () => train(modelOf(task), task, { ...OPTIONS, loss, resume: state! })
    const message = /^resume: loss: expected "absolute", by which the run has learnt so far, but received squaredError/
    refused(goOn(), message)
    goOn(absolute)().return()
    state = { ...state!, loss: huber() }
    refused(goOn(huber({ delta: 2 })), /^resume: loss: expected huber, .* but received another huber/)
  })

  test('must fit the head', () => {
    const task = taskOf(1, 'loss')
    const misfit = /^training: loss: pinball: expected a head of a multiple of 2, .* but its size is 1$/
    refused(() => train(modelOf(task), task, { loss: pinball([0.1, 0.9]) }), misfit)
    refused(() => trainSpec({ loss: 'huber' as never }), /^training: loss: expected an object but received "huber"$/)
  })
})
