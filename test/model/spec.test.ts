import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import { gaussian, glorot, identity, npRnn, orthogonal, randomWalk, uniform } from '../../src/init.ts'
import { gru, irnn, lstm, relu, tanh } from '../../src/layers/cells.ts'
import { parameterShapes } from '../../src/model/parameters.ts'
import { CELLS, classification, modelSpec, regression } from '../../src/model/spec.ts'

const small = { input: 2, rnn: irnn(100), head: regression(1) }

test('a spec is filled in completely, and stays as it is when it is read again', () => {
  const spec = modelSpec(small)
  assert.deepEqual(spec, {
    input: { size: 2 },
    rnn: {
      cell: 'irnn',
      hidden: 100,
      layers: 1,
      bidirectional: false,
      init: { recurrent: { kind: 'identity', scale: 1 }, input: { kind: 'gaussian', std: 0.001 } },
    },
    head: { kind: 'regression', size: 1, steps: 'last', init: { kind: 'gaussian', std: 0.001 }, bias: 0 },
  })
  assert.deepEqual(modelSpec(JSON.parse(JSON.stringify(spec))), spec)
})

test('every cell has its own defaults', () => {
  const rnn = (input: Parameters<typeof modelSpec>[0]) => modelSpec({ ...small, rnn: input }).rnn
  assert.deepEqual(rnn(relu(3)).init, { recurrent: randomWalk(), input: gaussian(0.001) })
  assert.deepEqual(rnn(tanh(3)).init, { recurrent: randomWalk(), input: gaussian(0.001) })
  assert.deepEqual(rnn(lstm(3)).init, { recurrent: orthogonal(1), input: glorot() })
  assert.deepEqual(rnn(gru(3)).init, { recurrent: orthogonal(1), input: glorot() })
  assert.equal(rnn(lstm(3)).forgetBias, 1)
  assert.equal('forgetBias' in rnn(gru(3)), false)
  assert.deepEqual(modelSpec({ ...small, rnn: gru(3) }).head.init, glorot())
})

test('the makers take what they document', () => {
  const { rnn } = modelSpec({ ...small, rnn: irnn(5, { layers: 3, bidirectional: true, scale: 0.01, inputStd: 1 }) })
  assert.deepEqual(rnn, {
    cell: 'irnn',
    hidden: 5,
    layers: 3,
    bidirectional: true,
    init: { recurrent: identity(0.01), input: gaussian(1) },
  })
  assert.deepEqual(modelSpec({ ...small, rnn: tanh(5, { recurrent: npRnn() }) }).rnn.init.recurrent, npRnn())
  assert.equal(modelSpec({ ...small, rnn: lstm(5, { forgetBias: 4 }) }).rnn.forgetBias, 4)
  const { head } = modelSpec({
    ...small,
    head: classification(10, { steps: 'every', init: gaussian(0.03), bias: 0.5 }),
  })
  assert.deepEqual(head, { kind: 'classification', size: 10, steps: 'every', init: gaussian(0.03), bias: 0.5 })
})

test('a number is short for a size: of the input, of the projection', () => {
  const spec = modelSpec({ ...small, projection: 7 })
  assert.deepEqual(spec.projection, { size: 7, init: glorot() })
  const words = modelSpec({ ...small, input: { vocabulary: 50, embedding: 4 } })
  assert.deepEqual(words.input, { vocabulary: 50, embedding: 4, init: uniform(0.1) })
})

describe('what is no spec is refused in one line', () => {
  const cases: [string, unknown, string][] = [
    ['nothing', undefined, 'model spec: expected an object but received nothing'],
    ['null', null, 'model spec: expected an object but received null'],
    ['no head', { input: 1, rnn: irnn(1) }, 'model spec: head: expected an object but received nothing'],
    [
      'an unknown cell',
      { ...small, rnn: { cell: 'gruu', hidden: 3 } },
      `model spec: rnn.cell: expected one of ${CELLS.join(', ')} but received "gruu"; did you mean gru?`,
    ],
    ['hidden 0', { ...small, rnn: irnn(0) }, 'model spec: rnn.hidden: expected a number >= 1 but received 0'],
    ['hidden 2.5', { ...small, rnn: irnn(2.5) }, 'model spec: rnn.hidden: expected a whole number but received 2.5'],
    ['hidden NaN', { ...small, rnn: irnn(Number.NaN) }, 'model spec: rnn.hidden: expected a number but received NaN'],
    [
      'hidden as text',
      { ...small, rnn: { cell: 'irnn', hidden: '5' } },
      'model spec: rnn.hidden: expected a number but received "5"',
    ],
    [
      'hidden beyond all models',
      { ...small, rnn: irnn(1e9) },
      'model spec: rnn.hidden: expected a number <= 16777216 but received 1000000000',
    ],
    [
      'an unknown key',
      { ...small, rnn: { cell: 'irnn', hidden: 3, hiden: 4 } },
      'model spec: rnn: unknown key "hiden": remove it or correct its spelling; did you mean hidden?',
    ],
    [
      'unknown keys at the top',
      { ...small, seed: 1, lr: 2 },
      'model spec: unknown keys "seed", "lr": remove them or correct their spelling',
    ],
    ['input 0', { ...small, input: 0 }, 'model spec: input: size: expected a number >= 1 but received 0'],
    ['input as text', { ...small, input: '2' }, 'model spec: input: expected a number or an object but received "2"'],
    [
      'tokens without an embedding',
      { ...small, input: { vocabulary: 5 } },
      'model spec: input: embedding: expected a number but received nothing',
    ],
    [
      'layers 0',
      { ...small, rnn: irnn(3, { layers: 0 }) },
      'model spec: rnn.layers: expected a number >= 1 but received 0',
    ],
    [
      'a forget bias where there is no gate',
      { ...small, rnn: { cell: 'gru', hidden: 3, forgetBias: 1 } },
      'model spec: rnn.forgetBias: only an lstm has a forget gate, and this is gru: remove it',
    ],
    [
      'an unknown initialiser',
      { ...small, rnn: { cell: 'irnn', hidden: 3, init: { recurrent: { kind: 'identety' } } } },
      'model spec: rnn.init.recurrent.kind: expected one of identity, gaussian, random-walk, orthogonal, glorot, np-rnn, uniform, constant but received "identety"; did you mean identity?',
    ],
    [
      'an infinite scale',
      { ...small, rnn: irnn(3, { scale: Infinity }) },
      'model spec: rnn.init.recurrent.scale: expected a number but received Infinity',
    ],
    [
      'a negative std',
      { ...small, rnn: irnn(3, { inputStd: -1 }) },
      'model spec: rnn.init.input.std: expected a number >= 0 but received -1',
    ],
    [
      'a recurrent initialiser elsewhere',
      { ...small, rnn: irnn(3, { input: npRnn() }) },
      'model spec: rnn.init.input: np-rnn is for the recurrent matrix only: use gaussian or glorot',
    ],
  ]
  for (const [name, value, message] of cases) {
    test(name, () => assert.throws(() => modelSpec(value), { name: 'InputError', message }))
  }
  test('more parameters than the kernels can count', () => {
    const spec = modelSpec({ ...small, rnn: irnn(50_000) })
    assert.throws(
      () => parameterShapes(spec),
      /^InputError: model spec: expected fewer than 2\^31 parameters but it has/,
    )
  })
})

test('whatever is thrown at it, the answer is a spec or one line', () => {
  const anything = fc.record(
    {
      input: fc.oneof(fc.anything(), fc.constant(2)),
      rnn: fc.oneof(
        fc.anything(),
        fc.record({ cell: fc.oneof(fc.constantFrom(...CELLS), fc.anything()), hidden: fc.anything() }),
      ),
      head: fc.oneof(fc.anything(), fc.constant(regression(1))),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(anything, (value) => {
      try {
        modelSpec(value)
      } catch (error) {
        assert.ok(error instanceof InputError, String(error))
        assert.match(error.message, /^model spec: [^\n]+$/)
      }
    }),
    { seed: 1, numRuns: 500 },
  )
})
