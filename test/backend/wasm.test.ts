/** A full wasm memory is an error and nothing more: what was there stays, and the backend goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Floats } from '../../src/backend/backend.ts'
import { createBackend } from '../../src/backend/choose.ts'

test('after a full memory the arrays are whole and kernels work', async () => {
  const backend = await createBackend({ name: 'wasm' })
  const x = backend.floats(1000).fill(2)
  backend.fma_peak(1, 1) // scratch slot 0 has something small
  const taken: Floats[] = []
  for (let n = 2 ** 28; n >= 16; ) {
    try {
      taken.push(backend.floats(n).subarray(0, 1))
    } catch {
      n /= 2
    }
  }
  for (let i = 0; i < 200; i++) {
    assert.throws(() => backend.fma_peak(2 ** 20, 0), /^RangeError: wasm memory: expected room for 16 MiB but/)
  }
  assert.throws(() => backend.fma_peak(2 ** 27, 0), /^RangeError: wasm memory: expected room for 2048 MiB but/)
  const last = taken.at(-1)!
  last.fill(3)
  backend.free(taken[1]!)
  const fresh = backend.floats(1000).fill(5)
  assert.equal(backend.fma_peak(1, 1), 96)
  assert.equal(backend.sum_of_squares(1000, x), 4000)
  assert.ok(fresh.every((value) => value === 5))
  assert.equal(last[0], 3)
})
