// Clipping of weight gradients on every backend: norms, what is changed, and what is left alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import {
  type Clip,
  clipDerivative,
  clipGradients,
  clipNorm,
  clipSchema,
  clipValue,
  derivativeLimit,
  noClip,
} from '../../src/train/clip.ts'

const result = () => ({ norm: 0, clipped: false })

for (const options of await availableBackends()) {
  const backend = await createEngine(options)
  const clipped = (clip: Clip, values: number[]) => {
    const g = backend.floats(values.length)
    g.set(values)
    const { norm, clipped } = clipGradients(clip, backend, { start: 0, dense: g, tables: [] }, result())
    return { norm, clipped, g: Array.from(g) }
  }
  test(`${backend.description}: norm scales all to the limit, and only when above it`, () => {
    const { norm, clipped: changed, g } = clipped(clipNorm(2.5), [3, -4, 0])
    assert.equal(norm, 5)
    assert.equal(changed, true)
    assert.deepEqual(g, [1.5, -2, 0])
    assert.deepEqual(clipped(clipNorm(5), [3, -4, 0]), { norm: 5, clipped: false, g: [3, -4, 0] })
  })
  test(`${backend.description}: value bounds each element and reports the norm before`, () => {
    assert.deepEqual(clipped(clipValue(3.5), [3, -4, 0]), { norm: 5, clipped: true, g: [3, -3.5, 0] })
    assert.deepEqual(clipped(clipValue(4), [3, -4, 0]), { norm: 5, clipped: false, g: [3, -4, 0] })
  })
  test(`${backend.description}: none and derivative measure and change nothing`, () => {
    for (const clip of [noClip(), clipDerivative(0.1)]) {
      assert.deepEqual(clipped(clip, [3, -4]), { norm: 5, clipped: false, g: [3, -4] })
    }
  })
  test(`${backend.description}: the norm of gradients that are not finite says so`, () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { norm, clipped: changed } = clipped(clipNorm(1), [1, bad, 2])
      assert.equal(Number.isFinite(norm), false)
      assert.equal(changed, false)
    }
  })
  test(`${backend.description}: a norm beyond float32 is finite, and scaled to the limit`, () => {
    const { norm, g } = clipped(clipNorm(1), [3e30, 4e30])
    assert.ok(Math.abs(norm / 5e30 - 1) < 1e-6, String(norm))
    assert.ok(Math.abs(g[0]! - 0.6) < 1e-6 && Math.abs(g[1]! - 0.8) < 1e-6, String(g))
  })
}

test('the limit for the backward kernels is 0 for every other kind', () => {
  assert.equal(derivativeLimit(clipDerivative(7)), 7)
  for (const clip of [noClip(), clipNorm(7), clipValue(7)]) assert.equal(derivativeLimit(clip), 0)
})

test('limits are above 0, and none has no limit', () => {
  for (const bad of [
    { kind: 'norm', limit: 0 },
    { kind: 'value', limit: Number.NaN },
    { kind: 'norm' },
    { kind: 'none', limit: 1 },
  ]) {
    assert.equal(clipSchema.safeParse(bad).success, false, JSON.stringify(bad))
  }
})
