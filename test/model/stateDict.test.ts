/**
 * State dicts of PyTorch (test/fixtures/state-dicts.json, which state_dicts.py beside it makes) as models: every cell,
 * one to three layers, both directions, lengths, half precision, under the names that people give. They answer as
 * PyTorch does, to 1e-6, at once and step by step; what could be two things is refused.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { lstm } from '../../src/layers/cells.ts'
import type { Model } from '../../src/model/model.ts'
import { describeModel, loadModel, saveModel } from '../../src/model/modelFile.ts'
import { classification, modelSpec } from '../../src/model/spec.ts'
import type { StateDictOptions } from '../../src/model/stateDict.ts'
import { backends } from '../support/backends.ts'
import { file, LSTM, linear, SAID, type Shapes, stack } from '../support/stateDicts.ts'

interface Case {
  readonly name: string
  readonly file: string
  readonly options: StateDictOptions
  readonly T: number
  readonly B: number
  readonly lengths: number[] | null
  readonly x: number[]
  readonly tokens: boolean
  readonly logits: number[]
  readonly output: number[]
  readonly h: number[]
  readonly c: number[] | null
}

const fixture = new URL('../../../test/fixtures/state-dicts.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: Case[] }
const reference = referenceBackend()

function close(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length, what)
  const worst = Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i]!)))
  assert.ok(worst <= 1e-6, `${what}: off by ${worst}`)
}

test('the file holds the 12 cases', () => assert.equal(cases.length, 12))

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const golden of cases) {
      test(`${golden.name}: answers as PyTorch does`, () => {
        const { T, B, lengths } = golden
        const model = loadModel(Buffer.from(golden.file, 'base64'), { backend, ...golden.options })
        const { spec } = model
        const batch = { T, B, ...(golden.tokens ? { tokens: golden.x } : { x: golden.x }), ...(lengths && { lengths }) }
        const { logits, output, state } = model.forward(batch)
        // What a head says at padded steps is of no account.
        const K = spec.head.size
        const counts = (i: number) =>
          !lengths || spec.head.steps === 'last' || Math.floor(i / (B * K)) < lengths[Math.floor(i / K) % B]!
        const kept = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => counts(i))
        close('logits', kept(logits), kept(golden.logits))
        close('output', output, golden.output)
        close('h', state.h, golden.h)
        if (golden.c) close('c', state.c!, golden.c)
        if (!spec.rnn.bidirectional && !lengths) stepped(golden, model)
        assert.deepEqual(loadModel(saveModel(model), { backend }).weights, model.weights)
        model.dispose()
      })
    }
  })
}

/** Step by step, as in a stream. */
function stepped({ T, B, x, tokens, logits, output }: Case, model: Model): void {
  const stepper = model.stepper({ B })
  const { hidden } = model.spec.rnn
  const width = x.length / T
  for (let t = 0; t < T; t++) {
    const input = x.slice(t * width, (t + 1) * width)
    const answered = stepper.step(tokens ? Int32Array.from(input) : input)
    const every = model.spec.head.steps === 'every'
    const K = B * model.spec.head.size
    if (every || t === T - 1) close(`logits of step ${t}`, answered, every ? logits.slice(t * K, (t + 1) * K) : logits)
    if (t === T - 1) close('output', stepper.getState().h.slice(-B * hidden), output.slice(t * B * hidden))
  }
  stepper.dispose()
}

describe('what is found', () => {
  const found = (shapes: Shapes, options: StateDictOptions = SAID) => {
    const { spec, origins, left } = describeModel(file(shapes), options)
    return { ...spec, left, head: [spec.head.size, origins.get('head.weight')], first: origins.get('rnn.weight_ih_l0') }
  }

  test('other tensors are named and left alone, whatever their numbers', () => {
    const counter = new Uint8Array(file({ ...LSTM, 'bn.num_batches_tracked': [2], 'bn.weight': [5] }))
    const text = new TextDecoder('latin1').decode(counter)
    counter.set(Buffer.from(text.replace(/("bn.num[^}]*)F32(.*?)\[2\]/, '$1I64$2[1]'), 'latin1'))
    assert.equal(decode(counter).tensors.get('bn.num_batches_tracked')!.dtype, 'I64')
    assert.deepEqual(describeModel(counter, SAID).left.toSorted(), ['bn.num_batches_tracked', 'bn.weight'])
    loadModel(counter, { backend: reference, ...SAID }).dispose()
  })

  test('a bare network, and a cell of the least name', () => {
    assert.equal(found({ ...stack(''), ...linear('fc.') }).first, 'weight_ih_l0')
    assert.equal(found({ ...stack('', { layer: '' }), ...linear('fc.') }).first, 'weight_ih')
  })

  test('two cells as two layers, by names', () => {
    const shapes = { ...stack('a.', { layer: '' }), ...stack('b.', { layer: '', I: 5 }), ...linear('fc.') }
    const names = Object.fromEntries(
      Object.keys({ ...stack('a.', { layer: '' }), ...stack('b.', { layer: '' }) }).map((name) => {
        return [name, `rnn.${name.slice(2)}_l${name.startsWith('a') ? 0 : 1}`]
      }),
    )
    assert.equal(found(shapes, { ...SAID, names }).rnn.layers, 2)
  })

  test('one of two networks, by its name, and a head, by its', () => {
    const shapes = { ...stack('encoder.'), ...stack('decoder.'), ...linear('a.'), ...linear('b.', 2) }
    const { first, head, left } = found(shapes, { ...SAID, names: { decoder: 'rnn', 'b.': 'head.' } })
    assert.deepEqual([first, head, left.length], ['decoder.weight_ih_l0', [2, 'b.weight'], 6])
  })

  test('an embedding, or none where the caller says so', () => {
    const shapes = { 'emb.weight': [9, 3], ...LSTM }
    assert.deepEqual(
      found(shapes).input,
      modelSpec({ input: { vocabulary: 9, embedding: 3 }, rnn: lstm(5), head: classification(4) }).input,
    )
    assert.deepEqual(found(shapes, { spec: { ...SAID.spec, input: 3 } }).input, { size: 3 })
    const both = { spec: { ...SAID.spec, input: { size: 1, vocabulary: 9, embedding: 2 } } }
    assert.equal('size' in found({ ...LSTM, 'emb.weight': [9, 2] }, both).input, true)
  })

  test('mean and deviation of the inputs, by names', () => {
    const tensors = [...decode(file({ ...LSTM, mean: [3], std: [3] })).tensors].map(([name, { shape, read }]) => {
      return { name, shape, data: name === 'std' ? read().fill(2) : read() }
    })
    const names = { mean: 'input.mean', std: 'input.std' }
    const spec = { ...SAID.spec, input: { size: 3, normalise: true } }
    const model = loadModel(encode(tensors), { backend: reference, spec, names })
    assert.deepEqual([...model.normalisation!.std], [2, 2, 2])
    const normalisation = { mean: [0, 0, 0], std: [3, 3, 3] }
    const given = loadModel(file(LSTM), { backend: reference, spec, normalisation })
    assert.deepEqual([...given.normalisation!.std], [3, 3, 3])
    assert.throws(() => describeModel(file(LSTM), { spec }), /expected a tensor input\.mean \[3\], for input\.mean/)
  })

  test('a whole spec has its defaults: the head reads the last step', () => {
    const spec = { input: 3, rnn: lstm(5), head: classification(4) }
    assert.deepEqual(describeModel(file(LSTM), { spec }).spec, modelSpec(spec))
  })
})
