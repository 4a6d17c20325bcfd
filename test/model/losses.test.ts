/**
 * Losses at a plan: values and gradients are PyTorch's in float64 (test/fixtures/losses.json, which losses.py beside it
 * makes), a loss of one's own goes through the same seam, and what is no loss of the head is refused.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../src/backend/backend.ts'
import {
  type Batch,
  classification,
  createModel,
  crossEntropy,
  gaussianNll,
  gru,
  huber,
  irnn,
  type LossSpec,
  type OwnLoss,
  ownLoss,
  pinball,
  regression,
  squaredError,
} from '../../src/index.ts'
import { backends, relativeError } from '../support/backends.ts'
import { refused } from '../support/refused.ts'

interface Case {
  readonly K: number
  readonly logits: number[]
  readonly y: (number | null)[]
  readonly loss: number
  readonly gradient: number[]
}

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url))
const { cases } = JSON.parse(readFileSync(fixture('losses.json'), 'utf8')) as { cases: Record<string, Case> }

const LOSSES: Record<string, LossSpec> = {
  crossEntropy: crossEntropy(),
  'crossEntropy, weights': crossEntropy({ weights: [0.5, 2, 0, 1.25] }),
  squaredError: squaredError(),
  huber: huber({ delta: 0.6 }),
  pinball: pinball([0.1, 0.5, 0.9]),
  gaussianNll: gaussianNll(),
}

const python = process.env.IRNN_TORCH_PYTHON
const skip = python === undefined && 'IRNN_TORCH_PYTHON names no Python that has torch'
test('PyTorch still says what the file says', { skip }, () => {
  const { status, stdout, stderr } = spawnSync(python!, [fixture('losses.py')], { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

/** A plan whose logits are what is given to it: x goes through identities, no unit of it below 0. */
function throughIdentity(backend: Engine, K: number, kind: 'classification' | 'regression', rows: number) {
  const head = kind === 'classification' ? classification : regression
  const model = createModel({ input: K, rnn: irnn(K), head: head(K) }, { backend })
  for (const { name, data } of model.parameters) {
    data.fill(0)
    if (/weight_ih|head.weight/.test(name)) for (let k = 0; k < K; k++) data[k * K + k] = 1
  }
  const plan = model.plan({ T: 1, B: rows, inputGradient: true })
  return { model, plan }
}

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const [name, { K, logits, y, loss: expected, gradient }] of Object.entries(cases)) {
      test(`${name}: PyTorch's loss and gradient`, () => {
        const classes = name.startsWith('crossEntropy')
        const rows = logits.length / K
        const { model, plan } = throughIdentity(backend, K, classes ? 'classification' : 'regression', rows)
        // The head's bias takes the shift back that keeps every unit above 0.
        const x = logits.map((v) => v + 10)
        model.parameters.at(-1)!.data.fill(-10)
        const batch = { T: 1, B: rows, x, y: y.map((v) => v ?? Number.NaN) }
        plan.forward(batch)
        const { loss } = plan.loss(batch, { reduction: 'mean', gradient: true, loss: LOSSES[name] })
        plan.backward(batch)
        const tolerance = backend.name === 'reference' ? 1e-9 : 3e-5
        assert.ok(Math.abs(loss - expected) < tolerance * Math.max(1, Math.abs(expected)), `${loss} is not ${expected}`)
        assert.ok(relativeError(plan.inputGradient!, gradient) < tolerance)
        model.dispose()
      })
    }
  })
}

const T = 4
const B = 3
const K = 4
const lengths = Int32Array.of(4, 2, 3)
const x = Float32Array.from({ length: T * B * 2 }, (_, i) => Math.sin(3 * i))
const values = Float32Array.from({ length: T * B * K }, (_, i) => (i % 5 === 2 ? Number.NaN : Math.cos(i)))

interface Outcome {
  readonly loss: number
  readonly count: number
  readonly gradient: ArrayLike<number>
}

/** log cosh of what is left over. */
const logCosh = ownLoss({
  name: 'log cosh',
  compute({ logits, y, counts, K }, gradient) {
    let sum = 0
    for (let i = 0; i < logits.length; i++) {
      if (counts[Math.floor(i / K)] === 0 || Number.isNaN(y[i])) continue
      const e = logits[i]! - y[i]!
      sum += Math.log(Math.cosh(e))
      if (gradient) gradient[i] = Math.tanh(e)
    }
    return sum
  },
})

/** Squared error, and cross-entropy, as somebody else would write them. */
const twins: { kind: 'regression' | 'classification'; own: OwnLoss; twin: LossSpec; y: Batch['y'] }[] = [
  {
    kind: 'regression',
    y: values,
    twin: squaredError(),
    own: ownLoss({
      name: 'squares',
      compute({ logits, y, counts, K }, gradient) {
        let sum = 0
        for (let i = 0; i < logits.length; i++) {
          if (counts[Math.floor(i / K)] === 0 || Number.isNaN(y[i])) continue
          sum += (logits[i]! - y[i]!) ** 2
          if (gradient) gradient[i] = 2 * (logits[i]! - y[i]!)
        }
        return sum
      },
    }),
  },
  {
    kind: 'classification',
    y: Int32Array.from({ length: T * B }, (_, n) => (n % (K + 1)) - 1),
    twin: crossEntropy(),
    own: ownLoss({
      name: 'nats',
      compute({ logits, y, counts, K }, gradient) {
        let sum = 0
        for (let n = 0; n < counts.length; n++) {
          if (counts[n] === 0) continue
          const row = Array.from(logits.subarray(n * K, (n + 1) * K), Math.exp)
          const all = row.reduce((a, b) => a + b)
          sum -= Math.log(row[y[n]!]! / all)
          if (gradient) for (let k = 0; k < K; k++) gradient[n * K + k] = row[k]! / all - (k === y[n] ? 1 : 0)
        }
        return sum
      },
    }),
  },
]

for (const { label, backend } of backends) {
  for (const { kind, own, twin, y } of twins) {
    test(`${label}: a ${kind} loss of one's own is as good as the built-in one`, () => {
      const head = { kind, size: K, steps: 'every' } as const
      const model = createModel({ input: 2, rnn: gru(5), head }, { backend, seed: 2 })
      const plan = model.plan({ T: 6, B: 5 })
      const batch = { T, B, x, y, lengths }
      const [mine, theirs] = [own, twin].map((loss) => {
        plan.forward(batch)
        const result = { ...plan.loss(batch, { reduction: 'mean', gradient: true, loss }) }
        plan.backward(batch)
        return { ...result, gradient: plan.gradients.dense.slice() }
      }) as Outcome[] as [Outcome, Outcome]
      assert.equal(mine.count, theirs.count)
      assert.ok(Math.abs(mine.loss - theirs.loss) < 1e-6)
      assert.ok(relativeError(mine.gradient, theirs.gradient) < 1e-5)
      model.dispose()
    })
  }
}

const [{ backend }] = backends as [(typeof backends)[number]]
const model = (head: object) => createModel({ input: 2, rnn: gru(3), head: head as never }, { backend })

test("the gradient of a loss of one's own reaches the weights: central differences", () => {
  const net = model(regression(K, { steps: 'every' }))
  const plan = net.plan({ T, B })
  const batch = { T, B, x, y: values, lengths }
  const run = (gradient: boolean) => {
    plan.forward(batch)
    return plan.loss(batch, { reduction: 'mean', gradient, loss: logCosh }).loss
  }
  run(true)
  plan.backward(batch)
  const { dense } = plan.gradients
  const found = dense.slice()
  const numeric = found.map((_, i) => {
    const [w, before] = [net.weights, net.weights[i]!]
    w[i] = before + 1e-5
    const above = run(false)
    w[i] = before - 1e-5
    const below = run(false)
    w[i] = before
    return (above - below) / 2e-5
  })
  assert.ok(relativeError(found, numeric) < 1e-6)
})

test('a loss may have more targets than the head has values', () => {
  const plan = model(regression(1)).plan({ T: 1, B: 2 })
  const weighted = ownLoss({
    name: 'weighted',
    targets: 2,
    compute: ({ logits, y }) => Array.from(logits).reduce((sum, v, n) => sum + y[2 * n + 1]! * (v - y[2 * n]!) ** 2, 0),
  })
  const batch = { T: 1, B: 2, x: new Float32Array(4), y: [3, 1, 5, 2] }
  plan.forward(batch)
  assert.equal(plan.loss(batch, { reduction: 'sum', gradient: false, loss: weighted }).loss, 9 + 2 * 25)
})

describe('what is no loss, or none of this head, is refused in one line', () => {
  const makers: [string, () => unknown, RegExp][] = [
    ['quantile 0', () => pinball([0, 0.5]), /^pinball: quantiles.0: expected a number > 0 but received 0$/],
    ['quantile 1', () => pinball([0.5, 1]), /^pinball: quantiles.1: expected a number < 1 but received 1$/],
    ['unsorted quantiles', () => pinball([0.9, 0.1]), /^pinball: quantiles: expected quantiles in ascending order/],
    ['a quantile twice', () => pinball([0.5, 0.5]), /^pinball: quantiles: expected quantiles in ascending order/],
    ['no quantile', () => pinball([]), /^pinball: quantiles: expected as many elements as >= 1/],
    ['a number of quantiles', () => pinball(3 as never), /^pinball: quantiles: expected an array but received 3$/],
    ['a weight below 0', () => crossEntropy({ weights: [1, -1] }), /^crossEntropy: weights.1: expected a number >= 0/],
    ['a weight NaN', () => crossEntropy({ weights: [Number.NaN] }), /^crossEntropy: weights.0: expected a number/],
    ['no weight', () => crossEntropy({ weights: [0, 0] }), /^crossEntropy: weights: expected a weight > 0/],
    ['delta 0', () => huber({ delta: 0 }), /^huber: delta: expected a number > 0 but received 0$/],
    ['another option', () => huber({ beta: 1 } as never), /^huber: beta: no such option; /],
    ['no function', () => ownLoss({ name: 'x' } as never), /^ownLoss: compute: expected a function/],
    [
      'no name',
      () => ownLoss({ compute: () => 0 } as never),
      /^ownLoss: name: expected a string but received nothing$/,
    ],
  ]
  for (const [name, make, pattern] of makers) test(name, () => refused(make, pattern))

  const values3 = regression(3)
  const classes = classification(3)
  const heads: [string, object, unknown, RegExp][] = [
    ['pinball', values3, pinball([0.1, 0.9]), /pinball: expected a head of a multiple of 2, .* but its size is 3$/],
    ['gaussianNll', values3, gaussianNll(), /gaussianNll: expected a head of a multiple of 2, .* but its size is 3$/],
    ['weights', classes, crossEntropy({ weights: [1, 2] }), /weights: expected 3, one a class, but received 2$/],
    ['classes', values3, crossEntropy(), /crossEntropy: expected a classification head but it is regression: use/],
    ['values', classes, huber(), /huber: expected a regression head but it is classification: use crossEntropy\(\)$/],
    ['a word', values3, 'mse', /expected an object but received "mse"$/],
    ['another kind', values3, { kind: 'mae' }, /kind: expected one of .* but received "mae"$/],
  ]
  for (const [name, head, loss, pattern] of heads) {
    test(`${name} for another head`, () => {
      const plan = model(head).plan({ T: 1, B: 1 })
      plan.forward({ T: 1, B: 1, x: [1, 2] })
      const batch = { T: 1, B: 1, y: [0, 0, 0] }
      refused(() => plan.loss(batch, { reduction: 'mean', gradient: false, loss: loss as never }), pattern)
    })
  }

  test("a loss of one's own that returns nothing", () => {
    const plan = model(values3).plan({ T: 1, B: 1 })
    const batch = { T: 1, B: 1, x: [1, 2], y: [0, 0, 0] }
    plan.forward(batch)
    const silent = ownLoss({ name: 'silent', compute: (() => {}) as never })
    const message = /^loss "silent": expected compute to return a number but received undefined$/
    refused(() => plan.loss(batch, { reduction: 'mean', gradient: true, loss: silent }), message)
  })

  test('weights in a plan that keeps no logits', () => {
    const plan = model(classification(2 ** 22)).plan({ T: 1, B: 1, logits: false, training: false })
    const batch = { T: 1, B: 1, x: [1, 2], y: [0] }
    plan.forward(batch)
    const loss = crossEntropy({ weights: new Array(2 ** 22).fill(1) })
    refused(
      () => plan.loss(batch, { reduction: 'mean', gradient: false, loss }),
      /^plan.loss: loss: expected crossEntropy/,
    )
  })
})
