/** Models as ONNX files: what a file computes, run by our own interpreter, is what the model computes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import type { OnnxModel, OnnxNode } from '../../src/formats/onnx/model.ts'
import { runOnnx } from '../../src/formats/onnx/run.ts'
import { gru } from '../../src/layers/cells.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { checkOnnx, TOLERANCE } from '../../src/model/onnx/check.ts'
import { exportOnnx, refuseOther, settingsOf } from '../../src/model/onnx/export.ts'
import { classification, type HeadInput, regression } from '../../src/model/spec.ts'
import { backends } from '../support/backends.ts'
import { onnxModel, onnxSpecs } from '../support/onnxSpecs.ts'
import { refused } from '../support/refused.ts'

const specs = onnxSpecs()

/** So many specs apart, which is a prime, so that every kind of head and input comes up; other backends run a few. */
const APART = [23, 149] as const

for (const [place, { label, backend }] of backends.entries()) {
  test(`${label}: files of all kinds of models do as the models`, () => {
    const apart = APART[Math.min(place, 1)]!
    for (const [n, kind] of specs.entries()) {
      if (n % apart !== place) continue // scripts/check-onnx.mjs runs all, in onnxruntime
      const { name, options } = kind
      const model = onnxModel(kind, backend, n)
      const file = exportOnnx(model, options)
      const sizes = [
        { T: 6, B: 2 },
        { T: 1, B: 1 },
      ]
      const off = checkOnnx(model, settingsOf(model.spec, options), file, sizes)
      for (const [output, share] of Object.entries(off)) assert.ok(share < TOLERANCE, `${name}: ${output}: ${share}`)
      assert.deepEqual(JSON.parse(decodeOnnx(file).metadata.get('irnn')!), model.spec)
      model.dispose()
    }
  })
}

const reference = referenceBackend()
const small = (head: HeadInput) => createModel({ input: 2, rnn: gru(3), head }, { backend: reference })

test('what cannot be exported is refused in a line', () => {
  const model = small(classification(4))
  const every = small(classification(4, { steps: 'every' }))
  const three = small(regression(3))
  const bad: [Model, object, RegExp][] = [
    [model, { opset: 18 }, /^exportOnnx: opset: no such option/],
    [model, { batchFirst: 'yes' }, /^exportOnnx: batchFirst: expected true or false but received "yes"$/],
    [model, { lengths: null }, /^exportOnnx: lengths: expected true or false but received null$/],
    [
      model,
      { quantiles: {} },
      /^exportOnnx: quantiles: expected a regression of 3 but the model is a classification of 4/,
    ],
    [
      three,
      { quantiles: { widening: Number.NaN } },
      /^exportOnnx: quantiles: widening: expected a number but received NaN$/,
    ],
    [
      three,
      { quantiles: { widening: 1e39 } },
      /^exportOnnx: quantiles: widening: expected a number but received 1e\+39$/,
    ],
    [
      three,
      { probabilities: {} },
      /^exportOnnx: probabilities: expected a classification but the model is a regression/,
    ],
    [
      model,
      { probabilities: { mean: true } },
      /expected a classification with a head on every step but .* on the last step/,
    ],
    [every, { probabilities: { members: 3 } }, /members: expected a whole number >= 1 that divides 4 but received 3$/],
    [
      every,
      { probabilities: { members: '2' } },
      /members: expected a whole number >= 1 that divides 4 but received "2"$/,
    ],
    [every, { probabilities: {}, quantiles: {} }, /expected probabilities or quantiles but received both/],
    [model, { metadata: { a: 1 } }, /^exportOnnx: metadata "a": expected Unicode text but received 1/],
    [model, { metadata: { a: '\ud800' } }, /^exportOnnx: metadata "a": expected Unicode text/],
    [model, { metadata: { irnn: 'x' } }, /metadata: irnn: it is the spec of the model: take another name$/],
    [model, { metadata: 'text' }, /^exportOnnx: metadata: expected options in an object but received "text"/],
  ]
  for (const [given, options, line] of bad) refused(() => exportOnnx(given, options), line)
  three.parameters[0]!.data[5] = Number.NaN
  refused(
    () => exportOnnx(three),
    /^model: rnn\.weight_ih_l0\[5\]: expected a finite number but received NaN: save weights of/,
  )
  every.parameters[1]!.data[0] = 1e39
  refused(() => exportOnnx(every), /^model: rnn\.weight_hh_l0: expected weights that float32 holds: ONNX has float32$/)
})

test('a file that does not do as its model is no file', () => {
  const model = small(regression(2))
  const file = exportOnnx(model)
  assert.deepEqual(exportOnnx(model), file, 'the model alone decides the bytes')
  const settings = settingsOf(model.spec, {})
  const once = [{ T: 3, B: 1 }]
  refuseOther(checkOnnx(model, settings, file, once))
  const weight = model.parameters.find(({ name }) => name === 'rnn.weight_hh_l0')!.data
  weight[2]! += 0.01
  assert.throws(
    () => refuseOther(checkOnnx(model, settings, file, once)),
    /^Error: ONNX: logits: the file is .* off the model/,
  )
})

test('an operator, an opset or an attribute that irnn does not write is not run', () => {
  const model = decodeOnnx(exportOnnx(small(regression(1)), { lengths: false, state: false }))
  const feeds = new Map([['x', { shape: [1, 1, 2], data: new Float64Array(2) }]])
  const changed = (change: (node: OnnxNode) => Partial<OnnxNode>): OnnxModel => {
    return {
      ...model,
      graph: { ...model.graph, nodes: model.graph.nodes.map((node) => ({ ...node, ...change(node) })) },
    }
  }
  assert.equal(runOnnx(model, feeds).get('logits')!.data.length, 1)
  refused(
    () =>
      runOnnx(
        changed(() => ({ op: 'Conv' })),
        feeds,
      ),
    /node 0, "Conv" .* expected an operator that irnn writes/,
  )
  refused(
    () =>
      runOnnx(
        changed(() => ({ domain: 'x' })),
        feeds,
      ),
    /node 0, "GRU" .* expected an operator that irnn writes/,
  )
  refused(() => runOnnx({ ...model, opset: 18 }, feeds), /expected opset 14 … 17, to be run here, but received 18/)
  refused(() => runOnnx(model, new Map()), /input "x": expected numbers but received none/)
  refused(
    () =>
      runOnnx(
        changed(() => ({ attributes: new Map() })),
        feeds,
      ),
    /GRU: .* it has linear_before_reset 0: it is not run/,
  )
})
