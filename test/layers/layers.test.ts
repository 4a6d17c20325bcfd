/** Layers by themselves: the buffers they ask for, and where their views lie. Their numbers are in golden.test.ts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { bidirectionalLayer } from '../../src/layers/bidirectional.ts'
import cells, { type Cell } from '../../src/layers/cells.ts'
import { denseLayer } from '../../src/layers/dense.ts'
import { embeddingLayer } from '../../src/layers/embedding.ts'
import {
  type Memory,
  memory,
  type RecurrentOptions,
  type RecurrentWeights,
  type Steps,
  states,
} from '../../src/layers/layer.ts'
import { recurrentLayer } from '../../src/layers/recurrent.ts'

const backend = referenceBackend()
const [T, B, I, H] = [5, 2, 3, 4]

function weights(gates: number, value = 0): RecurrentWeights {
  const of = (n: number) => new Float64Array(n).fill(value)
  const G = gates * H
  return {
    Wxh: of(G * I),
    Whh: of(G * H),
    bx: of(G),
    bh: of(G),
    dWxh: new Float64Array(G * I),
    dWhh: new Float64Array(G * H),
    dbx: new Float64Array(G),
    dbh: new Float64Array(G),
  }
}

function options(steps: Steps, training: boolean, reverse: 0 | 1 = 0): RecurrentOptions {
  return { T, B, I, H, steps, training, reverse }
}

/** Elements that `build` asks for. */
function asked(build: (arena: Memory) => unknown): number {
  let total = 0
  build({
    ...memory(backend),
    floats(n) {
      total += n
      return backend.floats(n)
    },
  })
  return total
}

describe('states', () => {
  const numbered = (reverse: 0 | 1) => {
    const made = states(memory(backend), options('last', false, reverse))
    for (let i = 0; i < made.all.length; i++) made.all[i] = i
    return made
  }
  test('forward in time: slot 0, then one after each step', () => {
    const { all, initial, output, final } = numbered(0)
    assert.equal(all.length, (T + 1) * B * H)
    assert.deepEqual([initial[0], initial.length], [0, B * H])
    assert.deepEqual([output[0], output.length], [B * H, T * B * H])
    assert.deepEqual([final[0], final.length], [T * B * H, B * H])
  })
  test('in reverse: slot T, then one before each step', () => {
    const { initial, output, final } = numbered(1)
    assert.deepEqual([initial[0], initial.length], [T * B * H, B * H])
    assert.deepEqual([output[0], output.length], [0, T * B * H])
    assert.deepEqual([final[0], final.length], [0, B * H])
  })
  test('a smaller batch lies at the front', () => {
    const made = numbered(0)
    made.shape(2, 1)
    assert.deepEqual([made.initial[0], made.output[0], made.final[0]], [0, H, 2 * H])
    assert.deepEqual([made.initial.length, made.output.length, made.final.length], [H, 2 * H, H])
  })
})

describe('memory: what each layer holds for T·B·H', () => {
  const N = T * B * H
  const S = (T + 1) * B * H
  const cases: [string, number, (arena: Memory) => unknown][] = [
    ['dense, inference', T * B * H, (a) => denseLayer(a, dense(), { T, B, I, K: H, training: false })],
    ['dense, training', 2 * T * B * H, (a) => denseLayer(a, dense(), { T, B, I, K: H, training: true })],
  ]
  for (const cell of Object.keys(cells) as Cell[]) {
    const { gates, saved, cellState } = cells[cell]
    const held = (cellState ? 2 * S : S) + saved * N // states, and what forward saves for backward to write da over it
    const layer = (steps: Steps, training: boolean) => (arena: Memory) =>
      recurrentLayer(cells[cell], arena, weights(gates), options(steps, training))
    cases.push([`${cell}, inference`, held, layer('every', false)])
    cases.push([`${cell}, every step: and dh, which da overwrites if nothing is saved`, held + N, layer('every', true)])
    cases.push([`${cell}, last step: and dhT, da`, held + (saved ? 0 : N) + B * H, layer('last', true)])
  }
  for (const [name, expected, build] of cases) test(name, () => assert.equal(asked(build), expected))
})

function dense() {
  return {
    W: Float64Array.from({ length: H * I }, (_, i) => i),
    b: Float64Array.of(1, 2, 3, 4),
    dW: new Float64Array(H * I),
    db: new Float64Array(H),
  }
}

test('dense: y = x Wᵀ + b and its gradients, by hand', () => {
  const W = dense()
  const layer = denseLayer(memory(backend), W, { T: 2, B: 1, I, K: H, training: true })
  const x = Float64Array.of(1, 0, -1, 0, 2, 0)
  layer.forward(x, null)
  assert.deepEqual([...layer.y], [-1, 0, 1, 2, 3, 10, 17, 24])
  layer.dy!.set([1, 0, 0, 0, 0, 0, 0, 2])
  const dx = new Float64Array(6)
  layer.backward(x, null, 0, dx, 0)
  assert.deepEqual([...W.dW], [1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 4, 0])
  assert.deepEqual([...W.db], [1, 0, 0, 2])
  assert.deepEqual([...dx], [0, 1, 2, 18, 20, 22])
})

test('embedding: rows are looked up, and the gradients of equal tokens add up', () => {
  const table = Float64Array.of(1, 2, 3, 4, 5, 6)
  const layer = embeddingLayer(memory(backend), table, { N: 4, E: 2, training: true })
  const tokens = Int32Array.of(2, 0, 2)
  layer.forward(3, tokens)
  assert.deepEqual([...layer.y], [5, 6, 1, 2, 5, 6, 0, 0])
  layer.dy!.set([1, 2, 3, 4, 5, 6, 99, 99])
  layer.backward(3, tokens)
  const { rows, values, count } = layer.touched!
  assert.deepEqual(
    [[...rows.subarray(0, count)], [...values.subarray(0, 2 * count)]],
    [
      [2, 0],
      [6, 8, 3, 4],
    ],
  )
})

test('bidirectional: the outputs stand side by side, and dx is the sum of both directions', () => {
  for (const steps of ['last', 'every'] as const) {
    const arena = memory(backend)
    const W = weights(1, 0.5)
    const V = weights(1, 0.25)
    const alone = recurrentLayer(cells.relu, arena, W, options(steps, true, 0))
    const other = recurrentLayer(cells.relu, arena, V, options(steps, true, 1))
    const pair = [
      recurrentLayer(cells.relu, arena, W, options(steps, true, 0)),
      recurrentLayer(cells.relu, arena, V, options(steps, true, 1)),
    ] as const
    const both = bidirectionalLayer(arena, ...pair, options(steps, true))
    const x = Float64Array.from({ length: T * B * I }, (_, i) => Math.sin(i))
    for (const layer of [alone, other, both]) layer.forward(x, null)
    const rows = steps === 'last' ? B : T * B
    assert.equal(both.y.length, rows * 2 * H)
    for (let n = 0; n < rows; n++) {
      const row = both.y.subarray(n * 2 * H, (n + 1) * 2 * H)
      assert.deepEqual([...row], [...alone.y.subarray(n * H, (n + 1) * H), ...other.y.subarray(n * H, (n + 1) * H)])
    }
    both.dy!.forEach((_, i, dy) => {
      dy[i] = Math.cos(i)
    })
    for (let n = 0; n < rows; n++) {
      alone.dy!.set(both.dy!.subarray(n * 2 * H, n * 2 * H + H), n * H)
      other.dy!.set(both.dy!.subarray(n * 2 * H + H, (n + 1) * 2 * H), n * H)
    }
    const [dx, dxAlone, dxOther] = [0, 1, 2].map(() => new Float64Array(T * B * I)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]
    alone.backward(x, null, 0, dxAlone, 0)
    other.backward(x, null, 0, dxOther, 0)
    both.backward(x, null, 0, dx, 0)
    assert.ok(dx.some((value) => value !== 0))
    for (let i = 0; i < dx.length; i++) {
      assert.ok(Math.abs(dx[i]! - dxAlone[i]! - dxOther[i]!) < 1e-12 * (1 + Math.abs(dx[i]!)))
    }
  }
})
