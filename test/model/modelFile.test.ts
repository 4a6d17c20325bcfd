/** A model's file: what is saved is what is loaded, and nothing else is. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { createModel } from '../../src/model/model.ts'
import { loadModel, modelParts, saveModel } from '../../src/model/modelFile.ts'
import { CELLS } from '../../src/model/spec.ts'
import { backends } from '../support/backends.ts'
import { batch, type Shape, spec } from '../support/models.ts'

const reference = referenceBackend()

for (const { label, backend } of backends) {
  test(`${label}: a model comes back with its spec, the bits of its weights, and its answers`, () => {
    for (const cell of CELLS) {
      const shape: Shape = { cell, layers: 2, bidirectional: cell === 'gru', tokens: cell === 'tanh', projection: true }
      const model = createModel(spec(shape), { backend, seed: 3 })
      const bytes = saveModel(model)
      const loaded = loadModel(bytes, { backend })
      assert.deepEqual(loaded.spec, model.spec)
      assert.deepEqual(loaded.weights, model.weights)
      const data = batch(shape, { T: 3, B: 2 })
      assert.deepEqual(loaded.forward(data), model.forward(data))
      assert.deepEqual(saveModel(loaded), bytes)
      assert.deepEqual(
        saveModel(createModel(spec(shape), { backend, seed: 3 })),
        bytes,
        'the run alone decides the bytes',
      )
      model.dispose()
      loaded.dispose()
    }
  })

  test(`${label}: a file of any backend loads`, () => {
    const model = createModel(spec({ cell: 'lstm' }), { backend: reference })
    const loaded = loadModel(saveModel(model), { backend })
    const expected = backend.name === 'reference' ? [...model.weights] : [...model.weights].map(Math.fround)
    assert.deepEqual([...loaded.weights], expected)
    const back = loadModel(saveModel(loaded), { backend: reference })
    assert.deepEqual([...back.weights], expected)
    loaded.dispose()
  })
}

describe('a file that is not the model it says is refused, and nothing is allocated for it', () => {
  const bytes = saveModel(createModel(spec({ cell: 'gru', hidden: 2 }), { backend: reference }))
  const { tensors, metadata } = decode(bytes)
  const list = [...tensors].map(([name, { shape, read }]) => ({ name, shape, data: read() }))
  const stored = metadata.get('irnn')!
  const changed = (name: string, change: object) => list.map((t) => (t.name === name ? { ...t, ...change } : t))
  const withSpec = (irnn: string) => encode(list, { irnn })
  const spoilt = Float64Array.from(tensors.get('head.weight')!.read())
  spoilt[5] = Infinity

  const cases: [string, Uint8Array, RegExp | string][] = [
    [
      'no spec',
      encode(list),
      /^model file: expected head\.kind \(classification or regression\) and head\.steps .* to be said/,
    ],
    ['a spec that is no JSON', withSpec('{'), 'model file: metadata irnn: expected JSON but received "{"'],
    ['a spec with an unknown key', withSpec(stored.replace('{', '{"run":"rm",')), /^model spec: unknown key "run"/],
    ['a spec with __proto__', withSpec(stored.replace('{', '{"__proto__":{"a":1},')), /^model spec: /],
    [
      'a spec too large to hold',
      withSpec(stored.replace('"hidden":2', '"hidden":16777216')),
      /^model spec: expected fewer than 2\^31 parameters/,
    ],
    [
      'a spec larger than the file',
      withSpec(stored.replace('"hidden":2', '"hidden":2000')),
      'model file: rnn.weight_ih_l0: expected shape [6000,3], as its spec says, but received [6,3]',
    ],
    [
      'a missing tensor',
      encode(list.slice(1), { irnn: stored }),
      /^model file: expected a tensor \S+ \[[\d,]+\], as its spec says, but there is none$/,
    ],
    [
      'a tensor too many',
      encode([...list, { name: 'extra', shape: [1], data: Float32Array.of(1) }], { irnn: stored }),
      'model file: tensor "extra" is not one of its spec\'s parameters',
    ],
    [
      'a transposed tensor',
      encode(changed('head.weight', { shape: [2, 4] }), { irnn: stored }),
      'model file: head.weight: expected shape [4,2], as its spec says, but received [2,4]',
    ],
    [
      'a flattened tensor',
      encode(changed('head.weight', { shape: [8] }), { irnn: stored }),
      'model file: head.weight: expected shape [4,2], as its spec says, but received [8]',
    ],
    ['half a file', bytes.subarray(0, bytes.length / 2), /^safetensors file: /],
  ]
  for (const [name, file, message] of cases) {
    test(name, () => {
      const none = () => assert.fail('allocated')
      const backend = Object.assign(Object.create(reference), { floats: none, ints: none })
      assert.throws(() => loadModel(file, { backend }), { name: 'InputError', message })
    })
  }

  test('a model that has diverged is not saved: no loader would have it', () => {
    for (const bad of [Number.NaN, Infinity]) {
      const model = loadModel(bytes, { backend: reference })
      model.weights[model.weights.length - 1] = bad
      const message = `model: head.bias[3]: expected a finite number but received ${bad}: save weights of before it diverged`
      for (const save of [saveModel, modelParts]) assert.throws(() => save(model), { name: 'InputError', message })
    }
  })

  test('an infinite weight, which is read to where it shall be: that is given back', () => {
    const file = encode(changed('head.weight', { data: spoilt }), { irnn: stored })
    const freed: unknown[] = []
    const backend = Object.assign(Object.create(reference), { free: (array: unknown) => freed.push(array) })
    assert.throws(() => loadModel(file, { backend }), {
      name: 'InputError',
      message: 'model file: head.weight[5]: expected a finite number but received Infinity',
    })
    assert.equal(freed.length, 1)
  })
})
