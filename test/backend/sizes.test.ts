/**
 * What kernels say of sizes: the same blocks and shards on every backend, and room that segments of a sequence keep to.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FIRST, type Floats, LAST, RELU } from '../../src/backend/backend.ts'
import { backends } from '../support/backends.ts'
import { faultsOf, guarded, input } from './arguments.ts'
import { random } from './random.ts'

const [T, B] = [32, 17]

for (const { label, backend } of backends)
  describe(label, () => {
    test('shards and blocks', () => {
      assert.deepEqual([backend.shard_rows(), backend.block_steps()], [8, 16])
    })

    test('packed weights have at least their weights and one bias', () => {
      for (const [N, I, H] of [
        [1, 1, 1],
        [17, 3, 0],
        [400, 1, 100],
        [5, 0, 7],
      ] as const) {
        assert.ok(backend.packed_floats(N, I, H) >= N * (1 + I + H))
      }
    })

    // Small gradients lie in the recurrence, large ones of few rows after it; I = 9 is too wide for GRU to take x along
    // with h.
    for (const cell of ['rnn', 'lstm', 'gru'] as const)
      for (const [I, H] of [
        [2, 3],
        [9, 17],
        [2, 100],
        [9, 290],
      ] as const) {
        if (backend.name === 'reference' && H > 17) continue // minutes; it keeps no running sums
        test(`running sums of ${cell} I=${I} H=${H} stay in the room that sums_floats says`, () => {
          const r = random(H)
          const floats = (n: number): Floats => {
            const array = backend.floats(n)
            array.set(r.uniform(n))
            return array
          }
          const G = { rnn: 1, lstm: 4, gru: 3 }[cell]
          const M = cell === 'rnn' ? H : 4 * H
          const sums = guarded(backend, input('sums', new Float64Array(backend.sums_floats(B, M, H + I + 1))), 5)
          const made = {
            x: floats(T * B * I),
            Wxh: floats(G * H * I),
            Whh: floats(G * H * H),
            h: floats((T + 1) * B * H),
          }
          const [c, gates, dh, da] = [
            floats((T + 1) * B * H),
            floats(T * B * 4 * H),
            floats(T * B * H),
            floats(T * B * M),
          ]
          const [dWxh, dWhh, dbx, dbh] = [G * H * I, G * H * H, G * H, G * H].map((n) => backend.floats(n)) as [
            Floats,
            Floats,
            Floats,
            Floats,
          ]
          const arrays = [...Object.values(made), c, gates, dh, da, dWxh, dWhh, dbx, dbh, sums.whole]
          for (const part of [FIRST, 0, LAST]) {
            const before = [made.x, made.Wxh, made.Whh, made.h] as const
            const after = [dWxh, dWhh, dbx, dbh, null, 0, null] as const
            if (cell === 'rnn')
              backend.rnn_backward(
                T,
                B,
                I,
                H,
                RELU,
                0,
                null,
                0,
                ...before,
                dh,
                null,
                da,
                ...after,
                sums.view as Floats,
                part,
                3 * T * B,
              )
            if (cell === 'lstm')
              backend.lstm_backward(
                T,
                B,
                I,
                H,
                0,
                null,
                0,
                ...before,
                c,
                gates,
                dh,
                null,
                null,
                da,
                ...after,
                null,
                sums.view as Floats,
                part,
                3 * T * B,
              )
            if (cell === 'gru')
              backend.gru_backward(
                T,
                B,
                I,
                H,
                0,
                null,
                0,
                ...before,
                gates,
                dh,
                null,
                da,
                ...after,
                sums.view as Floats,
                part,
                3 * T * B,
              )
          }
          assert.deepEqual(faultsOf('sums', sums, true), [])
          for (const array of arrays) backend.free(array)
        })
      }
  })
