import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { identity } from '../../src/init.ts'
import { irnn, lstm } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { CELLS, regression } from '../../src/model/spec.ts'
import { backends, relativeError } from '../support/backends.ts'
import { counting } from '../support/counting.ts'
import { allGradients, batch, gradientsOf, K, type Shape, spec } from '../support/models.ts'

const reference = referenceBackend()

describe('parameters', () => {
  test('names, shapes and order are PyTorch’s; each is a view of the one array', () => {
    const shape: Shape = { cell: 'lstm', layers: 2, bidirectional: true, tokens: true, projection: true }
    const model = createModel(spec(shape), { backend: reference })
    assert.deepEqual(
      model.parameters.map(({ name, shape }) => `${name} ${shape}`),
      [
        'embedding.weight 11,5',
        ...['_l0', '_l0_reverse']
          .flatMap((l) => [`weight_ih${l} 36,5`, `weight_hh${l} 36,9`, `bias_ih${l} 36`, `bias_hh${l} 36`])
          .map((s) => `rnn.${s}`),
        ...['_l1', '_l1_reverse']
          .flatMap((l) => [`weight_ih${l} 36,18`, `weight_hh${l} 36,9`, `bias_ih${l} 36`, `bias_hh${l} 36`])
          .map((s) => `rnn.${s}`),
        'projection.weight 6,18',
        'projection.bias 6',
        'head.weight 4,6',
        'head.bias 4',
      ],
    )
    assert.deepEqual(
      model.parameters.flatMap(({ data }) => [...data]),
      [...model.weights],
    )
    model.weights.fill(7)
    assert.ok(
      model.parameters.every(
        ({ data, start }) => data[0] === 7 && data.byteOffset === model.weights.byteOffset + 8 * start,
      ),
    )
  })

  test('an IRNN starts as the paper says', () => {
    const model = createModel({ input: 2, rnn: irnn(3, { scale: 0.5 }), head: regression(1) }, { backend: reference })
    const [ih, hh, bx, bh, , bias] = model.parameters.map(({ data }) => [...data])
    assert.deepEqual(hh, [0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5])
    assert.deepEqual([bx, bh, bias], [[0, 0, 0], [0, 0, 0], [0]])
    assert.ok(ih!.every((w) => w !== 0 && Math.abs(w) < 0.006))
  })

  test('each gate is initialised by itself; the forget bias goes to the forget gate', () => {
    const rnn = lstm(2, { forgetBias: 4, recurrent: identity(3) })
    const model = createModel({ input: 1, rnn, head: regression(1, { bias: 2 }) }, { backend: reference })
    const named = Object.fromEntries(model.parameters.map(({ name, data }) => [name, [...data]]))
    assert.deepEqual(named['rnn.weight_hh_l0'], [3, 0, 0, 3, 3, 0, 0, 3, 3, 0, 0, 3, 3, 0, 0, 3])
    assert.deepEqual(named['rnn.bias_ih_l0'], [0, 0, 4, 4, 0, 0, 0, 0])
    assert.deepEqual(named['rnn.bias_hh_l0'], [0, 0, 0, 0, 0, 0, 0, 0])
    assert.deepEqual(named['head.bias'], [2])
  })

  test('a seed draws the same weights on every backend, up to their rounding', () => {
    const shape = spec({ cell: 'gru', layers: 2 })
    const weights = [...createModel(shape, { backend: reference, seed: 5 }).weights]
    for (const { label, backend } of backends) {
      const rounded = backend.name === 'reference' ? weights : weights.map(Math.fround)
      assert.deepEqual([...createModel(shape, { backend, seed: 5 }).weights], rounded, label)
    }
    assert.notDeepEqual([...createModel(shape, { backend: reference, seed: 6 }).weights], weights)
    const taller = createModel(spec({ cell: 'gru', layers: 3 }), { backend: reference, seed: 5 })
    assert.deepEqual([...taller.weights.subarray(0, 27 * 3)], weights.slice(0, 27 * 3), 'another layer moves no weight')
  })
})

describe('gradients of whole models by central differences (reference)', () => {
  const shapes: Shape[] = [
    { cell: 'tanh', tokens: true, projection: true, layers: 2, steps: 'every' },
    { cell: 'lstm', tokens: true, projection: true, bidirectional: true },
    { cell: 'gru', projection: true, layers: 2, bidirectional: true, head: 'regression', steps: 'every' },
    { cell: 'irnn', layers: 3, bidirectional: true, head: 'regression' },
  ]
  for (const shape of shapes) {
    test(JSON.stringify(shape), () => {
      const model = createModel(spec({ ...shape, hidden: 4 }), { backend: reference })
      const size = { T: 5, B: 3, lengths: [5, 1, 3] }
      const plan = model.plan({ T: 6, B: 4 })
      const { gradients } = gradientsOf(model, plan, shape, size)
      const data = batch(shape, size)
      const lossAt = (i: number, w: number) => {
        model.weights[i] = w
        plan.forward(data)
        return plan.loss(data, { reduction: 'mean', gradient: false }).loss
      }
      const numeric = Float64Array.from(model.weights, (w, i) => {
        const difference = lossAt(i, w + 1e-5) - lossAt(i, w - 1e-5)
        model.weights[i] = w
        return difference / 2e-5
      })
      assert.ok(numeric.every((g) => Number.isFinite(g)) && numeric.some((g) => Math.abs(g) > 0.01))
      // The differences themselves are good to some 1e-16 / 1e-5.
      assert.ok(relativeError(gradients, numeric) < 1e-8, `off by ${relativeError(gradients, numeric)}`)
      for (const { backend, label } of backends) {
        const other = createModel(spec({ ...shape, hidden: 4 }), { backend })
        const otherPlan = other.plan({ T: 5, B: 3 })
        const error = relativeError(gradientsOf(other, otherPlan, shape, size).gradients, gradients)
        assert.ok(error < 1e-4, `${label}: off by ${error}`)
        otherPlan.dispose()
        other.dispose()
      }
    })
  }
})

for (const { label, backend } of backends) {
  describe(`${label}: states`, () => {
    for (const cell of CELLS) {
      test(`${cell}: step by step gives the bits of the whole sequence`, () => {
        for (const [B, hidden, projection] of [
          [1, 100, false],
          [3, 9, true],
          [17, 33, false],
        ] as const) {
          const shape: Shape = { cell, hidden, layers: 2, steps: 'every', projection }
          const model = createModel(spec(shape), { backend })
          const data = batch(shape, { T: 7, B })
          const whole = model.forward(data)
          let state: ReturnType<Model['step']>['state'] | undefined
          for (let t = 0; t < 7; t++) {
            const out = model.step(data.x!.subarray(t * B * 3, (t + 1) * B * 3), state)
            assert.deepEqual(out.logits, whole.logits.slice(t * B * K, (t + 1) * B * K), `logits at step ${t}, B ${B}`)
            assert.deepEqual(out.output, whole.output.slice(t * B * hidden, (t + 1) * B * hidden), `output ${t}`)
            state = out.state
          }
          assert.deepEqual(state, whole.state)
          model.dispose()
        }
      })

      test(`${cell}: two halves with the state carried give the bits of the whole`, () => {
        const shape: Shape = { cell, layers: 2, tokens: true, steps: 'every' }
        const model = createModel(spec(shape), { backend })
        const data = batch(shape, { T: 8, B: 3, lengths: [8, 3, 6] })
        const part = (from: number, T: number, lengths: number[]) => ({
          T,
          B: 3,
          tokens: data.tokens!.slice(from * 3, (from + T) * 3),
          lengths: Int32Array.from(lengths),
        })
        const whole = model.forward(data)
        const plan = model.plan({ T: 8, B: 5, training: false })
        plan.forward(part(0, 3, [3, 3, 3]))
        plan.carryState()
        plan.forward({ T: 5, B: 3, tokens: data.tokens!.slice(9), lengths: Int32Array.of(5, 1, 3) })
        assert.deepEqual(plan.output().slice(0, 5 * 3 * 9).length, 5 * 3 * 9)
        const counted = plan.output()
        for (const [b, length] of [
          [0, 8],
          [2, 6],
        ] as const) {
          for (let t = 3; t < length; t++) {
            const of = (values: ArrayLike<number>, row: number) => Array.from(values).slice(row * 9, (row + 1) * 9)
            assert.deepEqual(of(counted, (t - 3) * 3 + b), of(whole.output, t * 3 + b))
          }
        }
        plan.forward(part(0, 3, [3, 3, 3]))
        const fresh = model.forward(part(0, 3, [3, 3, 3]))
        assert.deepEqual(plan.getState(), fresh.state, 'carried once, not for ever')
        plan.setState(fresh.state)
        plan.forward({ T: 5, B: 3, tokens: data.tokens!.slice(9), lengths: Int32Array.of(5, 1, 3) })
        assert.deepEqual(plan.output(), counted, 'setState is carryState with a value')
        plan.setState(fresh.state)
        plan.resetState()
        plan.forward(part(0, 3, [3, 3, 3]))
        assert.deepEqual(plan.getState(), fresh.state, 'reset')
        plan.dispose()
        model.dispose()
      })
    }
  })

  test(`${label}: a smaller batch in a larger plan gives the same bits, before and after another size`, () => {
    for (const shape of [
      { cell: 'irnn', bidirectional: true, layers: 2 },
      { cell: 'lstm', steps: 'every' },
    ] as Shape[]) {
      const model = createModel(spec(shape), { backend })
      const size = { T: 5, B: 3, lengths: [2, 5, 4] }
      const exact = gradientsOf(model, model.plan({ T: 5, B: 3 }), shape, size)
      const roomy = model.plan({ T: 9, B: 8 })
      assert.deepEqual(gradientsOf(model, roomy, shape, size), exact)
      gradientsOf(model, roomy, shape, { T: 9, B: 8 })
      assert.deepEqual(gradientsOf(model, roomy, shape, size), exact)
      model.dispose()
    }
  })

  test(`${label}: what stands in padded steps does not matter`, () => {
    for (const tokens of [true, false]) {
      const shape: Shape = { cell: 'gru', bidirectional: true, layers: 2, steps: 'every', tokens }
      const model = createModel(spec(shape), { backend })
      const lengths = Int32Array.of(4, 1, 3)
      const data = { ...batch(shape, { T: 4, B: 3 }), lengths }
      const plan = model.plan({ T: 4, B: 3 })
      const run = (filler: number) => {
        const changed = {
          ...data,
          y: data.y!.slice() as Int32Array,
          ...(tokens ? { tokens: data.tokens!.slice() } : { x: data.x!.slice() }),
        }
        for (let n = 0; n < 12; n++) {
          if (Math.floor(n / 3) < lengths[n % 3]!) continue
          changed.y[n] = filler % K
          if (changed.tokens) changed.tokens[n] = filler
          else changed.x!.fill(filler, n * 3, n * 3 + 3)
        }
        plan.forward(changed)
        const result = plan.loss(changed, { reduction: 'mean', gradient: true })
        plan.backward(changed)
        return { result, gradients: allGradients(model, plan), output: plan.output() }
      }
      assert.deepEqual(run(1_000_003), run(2))
      model.dispose()
    }
  })

  test(`${label}: nothing is allocated after planning, and everything is given back`, () => {
    const shape: Shape = {
      cell: 'lstm',
      bidirectional: true,
      layers: 2,
      tokens: true,
      projection: true,
      steps: 'every',
    }
    const count = counting(backend)
    const model = createModel(spec(shape), { backend: count.backend })
    const plan = model.plan({ T: 5, B: 3 })
    const before = count.made()
    for (let i = 0; i < 3; i++) gradientsOf(model, plan, shape, { T: 5, B: 3 })
    gradientsOf(model, plan, shape, { T: 2, B: 1 })
    assert.equal(count.made(), before)
    model.forward(batch(shape, { T: 2, B: 2 }))
    model.forward(batch(shape, { T: 3, B: 1 })) // a larger plan takes the place of the first
    plan.dispose()
    model.dispose()
    assert.equal(count.held(), 0)
  })
}
