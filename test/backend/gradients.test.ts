/**
 * Every gradient of the reference against central differences, in float64. The loss is Σ r ⊙ outputs with random r, the
 * final states included; for the losses it is the loss itself. Each input number is moved by ±EPSILON in turn.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WHOLE } from '../../src/backend/backend.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import cells, { type Cell } from '../../src/layers/cells.ts'
import { random } from './random.ts'
import { KERNEL_CELLS, lengthsOf } from './recurrentCases.ts'

const EPSILON = 1e-5
// The difference quotient errs by EPSILON² f'''/6 ~ 1e-10 and by rounding, 1e-16 |loss| / EPSILON ~ 1e-10.
const TOLERANCE = 1e-6

const reference = referenceBackend()

interface Differentiable {
  loss(): number
  /** Fills the gradients, which start at zero. */
  backward(): void
  readonly pairs: Record<string, readonly [values: Float64Array, gradient: Float64Array]>
}

function checkGradients({ loss, backward, pairs }: Differentiable): void {
  loss() // leaves the states and gates that backward reads
  backward()
  for (const [name, [values, gradient]] of Object.entries(pairs)) {
    const numeric = values.map((value, i) => {
      values[i] = value + EPSILON
      const above = loss()
      values[i] = value - EPSILON
      const below = loss()
      values[i] = value
      return (above - below) / (2 * EPSILON)
    })
    const largest = numeric.reduce((max, v) => Math.max(max, Math.abs(v)), 0)
    assert.ok(largest > 1e-6, `${name}: the loss does not depend on it, so the check is empty`)
    for (const [i, v] of numeric.entries()) {
      const apart = Math.abs(gradient[i]! - v) / largest
      assert.ok(
        apart <= TOLERANCE,
        `d${name}[${i}]: expected ${v} but received ${gradient[i]}, ${apart.toExponential(1)} of the largest`,
      )
    }
  }
}

const zeros = (like: Float64Array): Float64Array => new Float64Array(like.length)
const pair = (values: Float64Array): [Float64Array, Float64Array] => [values, zeros(values)]
const product = (r: Float64Array, out: Float64Array, at: number): number =>
  r.reduce((sum, v, i) => sum + v * out[at + i]!, 0)

const [T, B, I, H] = [4, 3, 3, 4]
type AnyKernel = (...args: unknown[]) => void

/** Outputs of padded steps get no weight in the loss: their gradients are ignored by contract. */
function recurrence(cell: Cell, reverse: 0 | 1, ragged: boolean, seed: number): Differentiable {
  const r = random(seed)
  const { kernel, kernelOptions, gates, saved, cellState } = cells[cell]
  const rows = H * gates
  const lengths = ragged ? lengthsOf(T, B, r) : null
  const x = pair(r.uniform(T * B * I))
  const Wxh = pair(r.uniform(rows * I))
  const Whh = pair(r.uniform(rows * H, 0.7))
  const bx = pair(r.uniform(rows))
  const bh = pair(r.uniform(rows))
  const h0 = pair(r.uniform(B * H))
  const c0 = pair(r.uniform(B * H))
  const [h, c] = [new Float64Array((T + 1) * B * H), new Float64Array((T + 1) * B * H)]
  const kept = [...(cellState ? [c] : []), ...(saved ? [new Float64Array(T * B * saved * H)] : [])]
  const da = new Float64Array(T * B * (saved || 1) * H)
  const dh = r
    .uniform(T * B * H)
    .map((v, i) => (lengths !== null && Math.floor(i / (B * H)) >= lengths[Math.floor(i / H) % B]! ? 0 : v))
  const [dhT, dcT] = [r.uniform(B * H), r.uniform(B * H)]
  const [first, last] = reverse ? [T * B * H, 0] : [0, T * B * H]
  const sizes = [T, B, I, H, ...kernelOptions, reverse, lengths]
  const weights = [Wxh[0], Whh[0]]
  const outputs = [Wxh[1], Whh[1], bx[1], bh[1], x[1], 0]
  const [finals, initials] = cellState
    ? [
        [dhT, dcT],
        [h0[1], c0[1]],
      ]
    : [[dhT], [h0[1]]]
  const [forward, backward] = [reference[`${kernel}_forward`], reference[`${kernel}_backward`]] as [
    AnyKernel,
    AnyKernel,
  ]
  return {
    loss() {
      h.set(h0[0], first)
      c.set(c0[0], first)
      forward(...sizes, x[0], ...weights, bx[0], bh[0], h, ...kept)
      return product(dh, h, reverse ? 0 : B * H) + product(dhT, h, last) + (cellState ? product(dcT, c, last) : 0)
    },
    backward: () =>
      backward(
        ...sizes,
        0,
        x[0],
        ...weights,
        h,
        ...kept,
        dh,
        ...finals,
        da,
        ...outputs,
        ...initials,
        null,
        WHOLE,
        T * B,
      ),
    pairs: { x, Wxh, Whh, bx, bh, h0, ...(cellState && { c0 }) },
  }
}

describe('gradients of the reference equal central differences', () => {
  for (const cell of KERNEL_CELLS)
    for (const reverse of [0, 1] as const)
      for (const ragged of [false, true])
        test(`${cell}${reverse ? ', reverse' : ''}${ragged ? ', unequal lengths' : ''}`, () => {
          for (const seed of [1, 2, 3]) checkGradients(recurrence(cell, reverse, ragged, seed))
        })

  test('dense', () => {
    const r = random(1)
    const K = 5
    const [x, W, b] = [pair(r.uniform(T * B * I)), pair(r.uniform(K * I)), pair(r.uniform(K))]
    const y = new Float64Array(T * B * K)
    const dy = r.uniform(T * B * K)
    checkGradients({
      loss() {
        reference.dense_forward(T * B, I, K, x[0], W[0], b[0], y)
        return product(dy, y, 0)
      },
      backward: () => reference.dense_backward(T, B, I, K, x[0], W[0], dy, W[1], b[1], x[1], null, WHOLE),
      pairs: { x, W, b },
    })
  })

  test('embedding', () => {
    const r = random(1)
    const [N, E, V] = [9, 4, 3]
    const tokens = Int32Array.from({ length: N }, () => r.below(V))
    const table = pair(r.uniform(V * E))
    const y = new Float64Array(N * E)
    const dy = r.uniform(N * E)
    checkGradients({
      loss() {
        reference.embedding_forward(N, E, tokens, table[0], y)
        return product(dy, y, 0)
      },
      backward: () => reference.embedding_backward(N, E, tokens, dy, table[1]),
      pairs: { table },
    })
  })
})

for (const ragged of [false, true])
  test(`gradients of losses${ragged ? ', unequal lengths' : ''}`, () => {
    const r = random(1)
    const [K, scale] = [5, 0.3]
    const lengths = ragged ? lengthsOf(T, B, r) : null
    const stats = new Float64Array(3)
    const classes = Int32Array.from({ length: T * B }, () => r.below(K + 1) - 1)
    const logits = pair(r.uniform(T * B * K, 3))
    const weights = r.uniform(K).map(Math.abs)
    for (const weight of [null, weights]) {
      const crossEntropy = (gradient: Float64Array | null): number => {
        reference.softmax_cross_entropy(T, B, K, lengths, logits[0], classes, weight, scale, gradient, stats)
        return scale * stats[0]!
      }
      checkGradients({ loss: () => crossEntropy(null), backward: () => crossEntropy(logits[1]), pairs: { logits } })
    }
    const target = r.uniform(T * B * K).map((v, i) => (i % 7 === 3 ? Number.NaN : v))
    const quantiles = Float64Array.of(0.1, 0.6)
    type Tail = [scale: number, dy: Float64Array | null, stats: Float64Array]
    const losses: [width: number, run: (y: Float64Array, ...tail: Tail) => void][] = [
      [1, (y, ...tail) => reference.squared_error(T, B, K, lengths, y, target, ...tail)],
      [2, (y, ...tail) => reference.pinball(T, B, K, 2, lengths, y, target, quantiles, ...tail)],
      [1, (y, ...tail) => reference.huber(T, B, K, lengths, y, target, 0.4, ...tail)],
      [2, (y, ...tail) => reference.gaussian_nll(T, B, K, lengths, y, target, ...tail)],
    ]
    for (const [width, run] of losses) {
      const y = pair(r.uniform(T * B * K * width))
      const loss = (): number => {
        run(y[0], scale, null, stats)
        return scale * stats[0]!
      }
      checkGradients({ loss, backward: () => run(y[0], scale, y[1], stats), pairs: { y } })
    }
  })
