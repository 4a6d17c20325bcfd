/**
 * The recurrence leaves out units that are zero for all rows of a shard. That must not change a bit: every step is held
 * against one dense product over [x | h], which sums in the same order and leaves nothing out, and the gradients against dense ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Backend, type Floats, RELU } from '../../src/backend/backend.ts'
import { availableBackends, createBackend } from '../../src/backend/choose.ts'
import { rng } from '../../src/rng.ts'

const T = 12 // one block of the weight gradient's steps, so that it adds in the dense order
const B = 19
const I = 3

function filled(backend: Backend, n: number, next: () => number): Floats {
  const array = backend.floats(n)
  for (let i = 0; i < n; i++) array[i] = next()
  return array
}

for (const options of (await availableBackends()).filter(({ name }) => name !== 'reference')) {
  const backend = await createBackend({ ...options, ...(options.name === 'native' && { threads: 2 }) })
  for (const H of [40, 100]) {
    for (const bias of [-1.5, -0.6, 0.5]) {
      test(`${options.name} ${options.instructionSet ?? ''}: H = ${H}, bias ${bias}: sparse and dense are the same bits`, () => {
        const r = rng(5, `sparse ${H} ${bias}`)
        const normal = (std: number) => () => std * r.normal()
        const x = filled(backend, T * B * I, normal(1))
        const Wxh = filled(backend, H * I, normal(0.3))
        const Whh = filled(backend, H * H, normal(1 / Math.sqrt(H)))
        const bx = filled(backend, H, () => bias + 0.3 * r.normal())
        const h = filled(backend, (T + 1) * B * H, () => Math.max(0, r.normal()))
        backend.rnn_forward(T, B, I, H, RELU, 0, null, x, Wxh, Whh, bx, null, h)

        // The same, densely: relu([x | h] [Wxh | Whh]ᵀ + b).
        const joined = backend.floats(B * (I + H))
        const W = backend.floats(H * (I + H))
        const a = backend.floats(B * H)
        backend.copy_columns(H, I, Wxh, I, 0, W, I + H, 0, 0)
        backend.copy_columns(H, H, Whh, H, 0, W, I + H, I, 0)
        const dense = h.slice(0, B * H)
        for (let t = 0; t < T; t++) {
          backend.copy_columns(B, I, x.subarray(t * B * I), I, 0, joined, I + H, 0, 0)
          backend.copy_columns(B, H, h.subarray(t * B * H), H, 0, joined, I + H, I, 0)
          backend.dense_forward(B, I + H, H, joined, W, bx, a)
          for (let i = 0; i < B * H; i++) dense[i] = Math.max(a[i]!, 0)
          assert.deepEqual(h.slice((t + 1) * B * H, (t + 2) * B * H), dense, `step ${t}`)
        }

        const dhT = filled(backend, B * H, normal(1))
        const da = backend.floats(T * B * H)
        const [dWxh, dWhh, db, dWxhDense, dWhhDense, dbDense] = [H * I, H * H, H, H * I, H * H, H].map((n) => backend.floats(n))
        const dh0 = backend.floats(B * H)
        backend.rnn_backward(
          T, B, I, H, RELU, 0, null, 0, x, Wxh, Whh, h, null, dhT, da, dWxh!, dWhh!, db!, null, null, 0, dh0,
        )
        const carry = dhT.slice()
        for (let t = T - 1; t >= 0; t--) {
          const expected = carry.map((d, i) => (h[(t + 1) * B * H + i]! > 0 ? d + 0 : 0))
          assert.deepEqual(da.slice(t * B * H, (t + 1) * B * H), expected, `da of step ${t}`)
          backend.gemm(0, 0, B, H, H, da.subarray(t * B * H), Whh, a, 0)
          carry.set(a)
        }
        backend.dense_backward(T, B, H, H, h, Whh, da, dWhhDense!, dbDense!, null)
        backend.dense_backward(T, B, I, H, x, Wxh, da, dWxhDense!, null, null)
        assert.deepEqual(dWhh, dWhhDense)
        assert.deepEqual(dWxh, dWxhDense)
        assert.deepEqual(db, dbDense)

        const dead = h.subarray(B * H).filter((value) => value === 0).length / (T * B * H)
        assert.ok(bias > 0 ? dead < 0.7 : dead > 0.7, `share of zeros ${dead}`)
      })
    }
  }
}
