/** What part of the axis is in view, wherever a reader or an address moves it. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { axisX, crosshair, logX, panBy, view, zoom, zoomBy } from '../../../page/dashboard/store.ts'

beforeEach(() => {
  zoom.value = null
  crosshair.value = null
  logX.value = false
  axisX.value = 'iteration'
})

/** The server refuses a part whose end is not after its beginning, and an address has eight digits. */
function isDrawn({ from, to }: { from: number; to: number }): boolean {
  const [begin, end] = [Number(from.toPrecision(8)), Number(to.toPrecision(8))]
  return Number.isFinite(end) && begin >= 0 && end > begin
}

test('however often a reader looks closer or from farther, there is a part that can be drawn', () => {
  for (const log of [false, true]) {
    for (const x of ['iteration', 'seconds'] as const) {
      for (const times of [1 / 2, 2]) {
        logX.value = log
        axisX.value = x
        zoom.value = { from: 1e6, to: 2e6, follow: false }
        crosshair.value = { x: 1.9e6, reach: 0, key: 'loss', of: 'steps' }
        for (let i = 0; i < 1200; i++) zoomBy(times)
        assert.ok(isDrawn(view.value) && isDrawn(zoom.value!), JSON.stringify([view.value, zoom.value]))
      }
    }
  }
})

test('the narrowest part is an iteration wide, and grows and moves from there', () => {
  zoom.value = { from: 400, to: 600, follow: false }
  for (let i = 0; i < 60; i++) zoomBy(1 / 2)
  assert.deepEqual(zoom.value, { from: 499.5, to: 500.5, follow: false })
  zoomBy(2)
  panBy(1)
  assert.deepEqual(zoom.value, { from: 501, to: 503, follow: false })
})

test('a part that an address names and that is nowhere on the axis is one at its edge', () => {
  for (const [from, to] of [
    [-10, -5],
    [7, 7.0000001],
    [-1e308, 1e308],
    [1e300, 1e301],
  ] as const) {
    for (const follow of [false, true]) {
      zoom.value = { from, to, follow }
      assert.ok(isDrawn(view.value), JSON.stringify(view.value))
    }
  }
  zoom.value = { from: -10, to: -5, follow: false }
  assert.deepEqual([view.value.from, view.value.to], [0, 1])
})
