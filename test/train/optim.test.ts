// Three updates of each optimiser against its equations written out here, on every backend.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import { gru, irnn } from '../../src/layers/cells.ts'
import { elements, parameterShapes, recurrentMatrices, viewParameters } from '../../src/model/parameters.ts'
import { modelSpec, regression } from '../../src/model/spec.ts'
import {
  adam,
  adamw,
  createOptimizer,
  type Muon,
  muon,
  type OptimizerSpec,
  optimizerSchema,
  rmsprop,
  sgd,
} from '../../src/train/optim.ts'

const START = [1, -2, 0.5, 0, 3]
const GRADIENTS = [
  [0.5, -1, 0, 2, 1e-3],
  [-0.25, -1, 0.125, 0, 1e-3],
  [4, 0.5, -3, 1, 1e-3],
]
const RATES = [0.1, 0.05, 0.2]

/** The weights after the three updates, one element at a time. */
function expected(spec: Exclude<OptimizerSpec, Muon>): number[] {
  return START.map((start, i) => {
    let [w, m, v] = [start, 0, 0]
    GRADIENTS.forEach((gradient, at) => {
      const g = gradient[i]!
      const lr = RATES[at]!
      if (spec.kind === 'sgd') {
        v = spec.momentum * v + g
        w -= lr * v
      } else if (spec.kind === 'rmsprop') {
        v = spec.alpha * v + (1 - spec.alpha) * g * g
        w -= (lr * g) / (Math.sqrt(v) + spec.eps)
      } else {
        m = spec.beta1 * m + (1 - spec.beta1) * g
        v = spec.beta2 * v + (1 - spec.beta2) * g * g
        const hat = Math.sqrt(v / (1 - spec.beta2 ** (at + 1))) + spec.eps
        const decay = spec.kind === 'adamw' ? lr * spec.weightDecay * w : 0
        w -= (lr * (m / (1 - spec.beta1 ** (at + 1)))) / hat + decay
      }
    })
    return w
  })
}

// What Muon is for: whatever the singular values of a gradient, an update has all of them near one. Here the gradient
// is a rotation times unequal scales, and the matrix lies between other weights, which go by Adam.
const ROTATION = [0.6, -0.8, 0.8, 0.6] as const
for (const options of await availableBackends()) {
  const backend = await createEngine(options)
  test(`${backend.description}: muon turns a matrix by its rate, the weights around it go by Adam`, () => {
    const [w, g] = [backend.floats(6), backend.floats(6)]
    g.set([3, ROTATION[0] * 5, ROTATION[1] * 0.5, ROTATION[2] * 5, ROTATION[3] * 0.5, -2])
    const spec = muon({ lr: 0.1, momentum: 0, adam: { lr: 0.02 } })
    const optimizer = createOptimizer(spec, backend, w, { start: 0, dense: g, tables: [] }, [
      { start: 1, H: 2, identity: 1 },
    ])
    optimizer.update(0.05) // half the rate: half of both
    assert.ok(Math.abs(w[0]! + 0.01) < 1e-6 && Math.abs(w[5]! - 0.01) < 1e-6, `${w[0]} ${w[5]}`)
    for (const column of [0, 1]) {
      const along = -(w[1 + column]! * ROTATION[column]! + w[3 + column]! * ROTATION[2 + column]!) / 0.05
      assert.ok(along > 0.65 && along < 1.25, `singular value ${along}`)
    }
  })

  test(`${backend.description}: muon's weight decay pulls a matrix to the identity it began at, and nothing else`, () => {
    const [w, g] = [backend.floats(6), backend.floats(6)]
    w.set([3, 1, 0.5, -0.25, 0.75, -2])
    const spec = muon({ weightDecay: 0.5 })
    const optimizer = createOptimizer(spec, backend, w, { start: 0, dense: g, tables: [] }, [
      { start: 1, H: 2, identity: 0.875 },
    ])
    optimizer.update(0.5) // a quarter of the way
    assert.deepEqual([...w], [3, 0.96875, 0.375, -0.1875, 0.78125, -2])
  })
}

test('muon is for every matrix from h to h, gate by gate, of all layers and directions', () => {
  const spec = modelSpec({ input: 2, rnn: gru(3, { layers: 2, bidirectional: true }), head: regression(1) })
  const shapes = parameterShapes(spec)
  const parameters = viewParameters(
    shapes,
    new Float64Array(shapes.reduce((sum, { shape }) => sum + elements(shape), 0)),
  )
  const recurrent = parameters.filter(({ name }) => name.startsWith('rnn.weight_hh'))
  assert.deepEqual(
    recurrentMatrices(spec, parameters),
    recurrent.flatMap(({ start }) => [0, 9, 18].map((offset) => ({ start: start + offset, H: 3, identity: 0 }))),
  )
  const irnns = modelSpec({ input: 2, rnn: irnn(3, { scale: 0.5 }), head: regression(1) })
  assert.equal(recurrentMatrices(irnns, parameters)[0]!.identity, 0.5)
  assert.equal(recurrent.length, 4)
})

const SPECS: [Exclude<OptimizerSpec, Muon>, string[]][] = [
  [sgd(), []],
  [sgd({ momentum: 0.9 }), ['v']],
  [rmsprop({ alpha: 0.9 }), ['s']],
  [adam({ eps: 1e-6 }), ['m', 'v']],
  [adamw({ weightDecay: 0.25 }), ['m', 'v']],
]

for (const options of await availableBackends()) {
  const backend = await createEngine(options)
  for (const [spec, names] of SPECS) {
    test(`${backend.description}: ${JSON.stringify(spec)}`, () => {
      const n = START.length
      const w = backend.floats(n)
      const g = backend.floats(n)
      w.set(START)
      const optimizer = createOptimizer(spec, backend, w, { start: 0, dense: g, tables: [] })
      assert.deepEqual(Object.keys(optimizer.state), names)
      GRADIENTS.forEach((gradient, at) => {
        g.set(gradient)
        optimizer.update(RATES[at]!)
      })
      assert.equal(optimizer.iteration, 3)
      const tolerance = backend.name === 'reference' ? 1e-12 : 2e-6
      expected(spec).forEach((value, i) => {
        assert.ok(Math.abs(w[i]! - value) <= tolerance * Math.max(1, Math.abs(value)), `${i}: ${w[i]} is not ${value}`)
      })
    })
  }
  test(`${backend.description}: state and iteration are all it takes to go on`, () => {
    const n = START.length
    const g = backend.floats(n)
    const go = (stopAfter: number): number[] => {
      const w = backend.floats(n)
      w.set(START)
      const make = () => createOptimizer(adam(), backend, w, { start: 0, dense: g, tables: [] })
      let optimizer = make()
      GRADIENTS.forEach((gradient, at) => {
        if (at === stopAfter) {
          const before = optimizer
          optimizer = make()
          optimizer.iteration = before.iteration
          for (const name of Object.keys(before.state)) optimizer.state[name]!.set(before.state[name]!)
        }
        g.set(gradient)
        optimizer.update(RATES[at]!)
      })
      return Array.from(w)
    }
    assert.deepEqual(go(2), go(99))
  })
}

test('rates above 0 and decays below 1 only', () => {
  for (const bad of [
    sgd({ lr: 0 }),
    sgd({ lr: Number.NaN }),
    sgd({ momentum: 1 }),
    adam({ beta2: 1 }),
    rmsprop({ eps: 0 }),
  ]) {
    assert.equal(optimizerSchema.safeParse(bad).success, false, JSON.stringify(bad))
  }
  assert.equal(optimizerSchema.safeParse({ ...sgd(), beta1: 0.9 }).success, false)
})
