/**
 * A ReLU recurrence leaves out units that are zero for all rows of a shard. That must not change a bit of what
 * kernels.h says, nothing left out and every sum in its order: here it is in plain JavaScript, with the multiply-add of
 * each instruction set. A unit hears one input, and two of the three inputs come and go, so that blocks of steps have
 * different live units.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Engine, type Floats, RELU, WHOLE } from '../../src/backend/backend.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { rng } from '../../src/rng.ts'
import { kernelBackends } from '../support/backends.ts'

const T = 37
const B = 19
const I = 3
const reference = referenceBackend()
const SHARD = reference.shard_rows()
const BLOCK = reference.block_steps()

interface Case {
  readonly H: number
  readonly bias: number
  readonly reverse: 0 | 1
  readonly clip: number
  readonly dh0: boolean
}

type Fma = (a: number, b: number, c: number) => number
const { fround } = Math
// In float64 the product is exact and the sum all but exact, so that rounding it gives the fused result.
const fused: Fma = (a, b, c) => fround(a * b + c)
const unfused: Fma = (a, b, c) => fround(fround(a * b) + c)

function filled(backend: Engine, n: number, next: (i: number) => number): Floats {
  const array = backend.floats(n)
  for (let i = 0; i < n; i++) array[i] = next(i)
  return array
}

/** Steps in the order of the recurrence: t, the slot before and the slot after. */
function steps(reverse: 0 | 1): { t: number; from: number; to: number }[] {
  const all = Array.from({ length: T }, (_, t) => (reverse ? { t, from: t + 1, to: t } : { t, from: t, to: t + 1 }))
  return reverse ? all.reverse() : all
}

function forward({ H, reverse }: Case, fma: Fma, x: Floats, Wxh: Floats, Whh: Floats, b: Floats, h: Floats): void {
  for (const { t, from, to } of steps(reverse))
    for (let row = 0; row < B; row++)
      for (let n = 0; n < H; n++) {
        let a = b[n]!
        for (let i = 0; i < I; i++) a = fma(x[(t * B + row) * I + i]!, Wxh[n * I + i]!, a)
        for (let k = 0; k < H; k++) a = fma(h[(from * B + row) * H + k]!, Whh[n * H + k]!, a)
        h[(to * B + row) * H + n] = Math.max(a, 0)
      }
}

/**
 * da, and the gradients [H, H | I | 1] of a shard: blocks in the order of back-propagation, inside a block steps and
 * rows ascend.
 */
function backward(
  { H, reverse, clip }: Case,
  fma: Fma,
  x: Floats,
  Whh: Floats,
  h: Floats,
  dhT: Floats,
  da: Float32Array,
  dh0: Float32Array,
): Float32Array[] {
  const carry = Float32Array.from(dhT)
  for (const { t, to } of steps(reverse).reverse())
    for (let row = 0; row < B; row++) {
      const delta = da.subarray((t * B + row) * H, (t * B + row + 1) * H)
      for (let n = 0; n < H; n++) {
        const d = h[(to * B + row) * H + n]! > 0 ? carry[row * H + n]! + 0 : 0
        delta[n] = clip > 0 ? Math.max(-fround(clip), Math.min(fround(clip), d)) : d
      }
      for (let n = 0; n < H; n++) {
        let d = 0
        for (let k = 0; k < H; k++) d = fma(delta[k]!, Whh[k * H + n]!, d)
        carry[row * H + n] = d
      }
    }
  dh0.set(carry)
  const columns = H + I + 1
  const blocks = Array.from({ length: Math.ceil(T / BLOCK) }, (_, k) => k * BLOCK)
  return Array.from({ length: Math.ceil(B / SHARD) }, (_, s) => {
    const sum = new Float32Array(H * columns)
    for (const t0 of reverse ? blocks : blocks.toReversed())
      for (let t = t0; t < Math.min(T, t0 + BLOCK); t++)
        for (let row = s * SHARD; row < Math.min(B, (s + 1) * SHARD); row++)
          for (let m = 0; m < H; m++) {
            const d = da[(t * B + row) * H + m]!
            for (let n = 0; n < columns; n++) {
              const from = (reverse ? t + 1 : t) * B + row
              const right = n < H ? h[from * H + n]! : n < H + I ? x[(t * B + row) * I + n - H]! : 1
              sum[m * columns + n] = fma(d, right, sum[m * columns + n]!)
            }
          }
    return sum
  })
}

/** Of 3 shards: (0 + 1) + 2. */
const tree = (sums: Float32Array[]): Float32Array =>
  sums[0]!.map((_, i) => fround(fround(sums[0]![i]! + sums[1]![i]!) + sums[2]![i]!))

function check(backend: Engine, fma: Fma, row: Case): number {
  const { H, bias, reverse, clip } = row
  const r = rng(5, `sparse ${H} ${bias}`)
  const normal = (std: number) => () => std * r.normal()
  const x = filled(backend, T * B * I, (n) =>
    n % I > 0 && Math.floor(n / (B * I) / 10) % 2 === (n % I) - 1 ? 0 : r.next(),
  )
  const Wxh = filled(backend, H * I, (n) => (Math.floor(n / I) % I === n % I ? 2 * r.next() : 0))
  const Whh = filled(backend, H * H, normal(0.3 / Math.sqrt(H)))
  const bx = filled(backend, H, () => bias + 0.1 * r.normal())
  const h = filled(backend, (T + 1) * B * H, () => Math.max(0, r.normal()))
  const exact = h.slice()
  backend.rnn_forward(T, B, I, H, RELU, reverse, null, x, Wxh, Whh, bx, null, h)
  forward(row, fma, x, Wxh, Whh, bx, exact)
  assert.deepEqual(h, exact, 'h')

  const dhT = filled(backend, B * H, normal(1))
  const da = backend.floats(T * B * H)
  const [dWxh, dWhh, db, dx] = [H * I, H * H, H, T * B * I].map((n) => backend.floats(n))
  const dh0 = row.dh0 ? backend.floats(B * H) : null
  backend.rnn_backward(
    T,
    B,
    I,
    H,
    RELU,
    reverse,
    null,
    clip,
    x,
    Wxh,
    Whh,
    h,
    null,
    dhT,
    da,
    dWxh!,
    dWhh!,
    db!,
    null,
    dx!,
    0,
    dh0,
    null,
    WHOLE,
    T * B,
  )
  const exactDa = new Float32Array(T * B * H)
  const exactDh0 = new Float32Array(B * H)
  const sums = tree(backward(row, fma, x, Whh, h, dhT, exactDa, exactDh0))
  assert.deepEqual(Float32Array.from(da), exactDa, 'da')
  if (dh0) assert.deepEqual(Float32Array.from(dh0), exactDh0, 'dh0')
  const columns = H + I + 1
  const part = (from: number, count: number): Float32Array =>
    Float32Array.from({ length: H * count }, (_, i) => sums[Math.floor(i / count) * columns + from + (i % count)]!)
  assert.deepEqual(Float32Array.from(dWhh!), part(0, H), 'dWhh')
  assert.deepEqual(Float32Array.from(dWxh!), part(H, I), 'dWxh')
  assert.deepEqual(Float32Array.from(db!), part(H + I, 1), 'db')
  return h.subarray(B * H).filter((value) => value === 0).length / (T * B * H)
}

const CASES: readonly (Case & { readonly least: number; readonly most: number })[] = [
  { H: 40, bias: -0.7, reverse: 0, clip: 0, dh0: false, least: 0.6, most: 0.9 },
  { H: 100, bias: -1, reverse: 1, clip: 0, dh0: false, least: 0.7, most: 1 },
  { H: 100, bias: -0.7, reverse: 0, clip: 0.05, dh0: true, least: 0.6, most: 0.9 },
  { H: 40, bias: 0.5, reverse: 0, clip: 0, dh0: false, least: 0, most: 0.5 },
  { H: 40, bias: -20, reverse: 0, clip: 0, dh0: false, least: 1, most: 1 },
  { H: 100, bias: -20, reverse: 1, clip: 0, dh0: true, least: 0.9, most: 1 },
]

for (const { backend } of await kernelBackends(2)) {
  const fma = /FMA|AVX-512|NEON|relaxed/.test(backend.description) ? fused : unfused
  for (const { least, most, ...row } of CASES) {
    test(`${backend.description}: ${JSON.stringify(row)}: what is zero is left out without a trace`, () => {
      const dead = check(backend, fma, row)
      assert.ok(dead >= least && dead <= most, `share of zeros ${dead}`)
    })
  }
}
