/**
 * Models out of ONNX files: those that PyTorch's two exporters wrote (test/fixtures/onnx-models.json, which
 * onnx_models.py beside it makes) answer as PyTorch does, those that irnn wrote come back; the rest is refused.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { encodeOnnx } from '../../src/formats/onnx/encode.ts'
import type { OnnxAttribute, OnnxModel, OnnxNode } from '../../src/formats/onnx/model.ts'
import { classification, createModel, describeModel, gru, lstm, regression, relu } from '../../src/index.ts'
import { exportOnnx } from '../../src/model/onnx/export.ts'
import { importOnnx, onnxStateDict } from '../../src/model/onnx/import.ts'
import { onnxSpecs } from '../support/onnxSpecs.ts'

interface Case {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly T: number
  readonly B: number
  readonly tokens: boolean
  readonly softmax: boolean
  readonly x: number[]
  readonly answer: number[]
}

const fixture = new URL('../../../test/fixtures/onnx-models.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: Case[] }
const backend = referenceBackend()
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))
const KIND = { spec: { head: { kind: 'regression' } } } as const

function close(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length)
  const worst = Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i]!)))
  assert.ok(worst <= 1e-6, `off by ${worst}`)
}

function softmax(logits: ArrayLike<number>, K: number): number[] {
  return Array.from({ length: logits.length }, (_, i) => {
    const row = Array.from({ length: K }, (_, k) => Math.exp(logits[i - (i % K) + k]!))
    return row[i % K]! / row.reduce((a, b) => a + b)
  })
}

test('the file holds 8 models', () => assert.equal(cases.length, 8))

for (const { name, files, T, B, tokens, x, answer, softmax: squashed } of cases) {
  for (const [exporter, file] of Object.entries(files)) {
    if (name === 'last-of-both') {
      test(`${name}, ${exporter} exporter: refused, for irnn has no such head`, () => {
        const message = /it picks the last step of both directions, of which the backward one has seen only one step$/
        assert.throws(() => importOnnx(bytesOf(file), { backend, ...KIND }), { name: 'InputError', message })
      })
      continue
    }
    test(`${name}, ${exporter} exporter: answers as PyTorch does`, () => {
      const model = importOnnx(bytesOf(file), { backend, ...(!squashed && KIND) })
      assert.equal(model.spec.head.kind, squashed ? 'classification' : 'regression')
      const { logits } = model.forward({ T, B, ...(tokens ? { tokens: x } : { x }) })
      close(squashed ? softmax(logits, 2) : logits, answer)
      model.dispose()
    })
  }
}

test('what irnn exported comes back: the weights to the bit, scales within the head', () => {
  let scaled = 0
  for (const [n, { name, spec, normalisation, options }] of onnxSpecs().entries()) {
    if (n % 23 !== 0) continue
    const model = createModel(spec, { backend, seed: n, normalisation })
    const again = importOnnx(exportOnnx(model, options), { backend })
    if (model.spec.output) {
      scaled++
      const { logits } = again.forward({ T: 2, B: 1, x: [1, 2, 3, 4, 5, 6], tokens: [1, 2] } as never)
      const expected = model.forward({ T: 2, B: 1, x: [1, 2, 3, 4, 5, 6], tokens: [1, 2] } as never).logits
      for (const [i, value] of logits.entries()) {
        assert.ok(Math.abs(value - expected[i]!) <= 1e-5 * Math.abs(expected[i]!), name)
      }
    } else {
      assert.deepEqual([again.spec.rnn.cell, again.spec.head.kind], [model.spec.rnn.cell, model.spec.head.kind], name)
      assert.deepEqual(Array.from(again.weights), Array.from(model.weights, Math.fround), name)
    }
    assert.deepEqual(again.normalisation, model.normalisation, name)
    model.dispose()
    again.dispose()
  }
  assert.ok(scaled > 0)
})

/** A small model's graph, changed. */
function changed(
  of: 'lstm' | 'gru' | 'relu',
  change: (node: OnnxNode, model: OnnxModel) => Partial<OnnxNode>,
): Uint8Array {
  const rnn = { lstm, gru, relu }[of](2)
  const file = exportOnnx(createModel({ input: 2, rnn, head: classification(2) }, { backend }), { state: false })
  const model = decodeOnnx(file)
  const nodes = model.graph.nodes.map((node) => ({ ...node, ...change(node, model) }))
  return encodeOnnx({ ...model, graph: { ...model.graph, nodes } })
}

const attribute =
  (op: string, name: string, value: OnnxAttribute) =>
  (node: OnnxNode): Partial<OnnxNode> =>
    node.op === op ? { attributes: new Map([...node.attributes, [name, value]]) } : {}
const int = (value: number): OnnxAttribute => ({ type: 'int', value })
const texts = (...value: string[]): OnnxAttribute => ({ type: 'strings', value })

const REFUSED: readonly [string, Uint8Array, RegExp][] = [
  [
    'a reset gate before the product',
    changed('gru', attribute('GRU', 'linear_before_reset', int(0))),
    /"GRU".*linear_before_reset is 0: /,
  ],
  ['clip', changed('gru', attribute('GRU', 'clip', { type: 'float', value: 3 })), /: it clips what its gates see$/],
  ['layout 1', changed('lstm', attribute('LSTM', 'layout', int(1))), /: its layout is 1/],
  [
    'one gate for two',
    changed('lstm', attribute('LSTM', 'input_forget', int(1))),
    /gates for input and forgetting are one$/,
  ],
  [
    'hard sigmoid',
    changed('lstm', attribute('LSTM', 'activations', texts('HardSigmoid', 'Tanh', 'Tanh'))),
    /: its activations are hardsigmoid, tanh, tanh, where irnn has sigmoid, tanh, tanh$/,
  ],
  [
    'backward alone',
    changed('relu', attribute('RNN', 'direction', { type: 'string', value: 'reverse' })),
    /: its direction is reverse/,
  ],
  [
    'parameters of activations',
    changed('relu', attribute('RNN', 'activation_alpha', { type: 'floats', value: [1] })),
    /parameters of their own$/,
  ],
  [
    'peepholes',
    changed('lstm', (node) =>
      node.op === 'LSTM' ? { inputs: [...node.inputs.slice(0, 4), '', '', '', 'head.weight'] } : {},
    ),
    /: it has peepholes$/,
  ],
  [
    'a state of its own',
    changed('relu', (node) => (node.op === 'RNN' ? { inputs: [...node.inputs.slice(0, 4), '', 'rnn.R_l0'] } : {})),
    /: it starts from a state of its own, not from zero$/,
  ],
  [
    'an activation before the head',
    changed('gru', ({ op }) => (op === 'MatMul' ? { op: 'Relu' } : {})),
    /"Relu".*does not know this operator/,
  ],
  [
    'no network',
    changed('gru', ({ op }) => (op === 'GRU' ? { op: 'Loop' } : {})),
    /expected an operator RNN, GRU or LSTM but it has none/,
  ],
  [
    'an operator of others',
    changed('gru', ({ op }) => (op === 'MatMul' ? { domain: 'com.example' } : {})),
    /does not know this operator/,
  ],
]

describe('what irnn has not is refused', () => {
  for (const [name, file, message] of REFUSED) {
    test(name, () => {
      assert.throws(() => importOnnx(file, { backend }), { name: 'InputError', message })
    })
  }

  test('a spec that the graph contradicts', () => {
    const file = changed('gru', () => ({}))
    const wrong = { head: { steps: 'every' } } as const
    const message = /^spec: head\.steps: expected last, as the file's graph says, but received every$/
    assert.throws(() => importOnnx(file, { backend, spec: wrong }), { name: 'InputError', message })
    const other = { rnn: { cell: 'lstm' } } as const
    assert.throws(() => importOnnx(file, { backend, spec: other }), {
      name: 'InputError',
      message: /^spec: rnn\.cell: /,
    })
  })

  test('what is left is named', () => {
    const model = createModel({ input: 2, rnn: gru(2), head: classification(3) }, { backend })
    const { notes, file, spec } = onnxStateDict(exportOnnx(model, { probabilities: {} }))
    assert.deepEqual(notes, ['outputs probabilities are left alone'])
    assert.deepEqual(describeModel(file, { spec }).left, [])
    const value = createModel({ input: 2, rnn: gru(2), head: regression(1) }, { backend })
    assert.equal(importOnnx(exportOnnx(value), { backend }).spec.head.kind, 'regression')
  })
})
