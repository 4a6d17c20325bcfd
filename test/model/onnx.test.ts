/** Models as ONNX files: what a file computes, run by our own interpreter, is what the model computes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { createModel } from '../../src/model/model.ts'
import { checkOnnx, TOLERANCE } from '../../src/model/onnx/check.ts'
import { exportOnnx, settingsOf } from '../../src/model/onnx/export.ts'
import { backends } from '../support/backends.ts'
import { onnxSpecs } from '../support/onnxSpecs.ts'

const specs = onnxSpecs()

/** So many specs apart, which is a prime, so that every kind of head and input comes up; other backends run a few. */
const APART = [23, 149] as const

for (const [place, { label, backend }] of backends.entries()) {
  test(`${label}: files of all kinds of models do as the models`, () => {
    const apart = APART[Math.min(place, 1)]!
    for (const [n, { name, spec, normalisation, options }] of specs.entries()) {
      if (n % apart !== place) continue // scripts/check-onnx.mjs runs all, in onnxruntime
      const model = createModel(spec, { backend, seed: n, normalisation })
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
