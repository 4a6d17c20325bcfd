/**
 * Linear layer and softmax cross-entropy in one, for vocabularies. Only one block of the logits [T·B,K] exists at a
 * time. Its log-sum-exp is taken, and its gradient goes on to weights and x, before the next block takes its place. If
 * a block of whole rows would hold few rows, columns are cut too and computed a second time for the gradient: a third
 * more arithmetic, but W is read twice instead of once for every few rows.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import type { DenseWeights } from './dense.ts'
import type { Memory } from './layer.ts'

export interface SoftmaxOptions {
  /** The largest minibatch; T is 1 if only the last step is read. */
  T: number
  B: number
  I: number
  /** The most columns. */
  K: number
  training: boolean
}

export interface SoftmaxResult {
  /** Sum of -ln p(target) over the rows that count. */
  loss: number
  /** Rows whose largest logit is the target's. */
  correct: number
}

export interface SoftmaxLayer {
  shape(T: number, B: number): void
  /**
   * Computes the loss of x [T,B,I] against the columns y [T·B] (-1: the row does not count) and, unless dx is null,
   * `scale` times its gradient: of x (=) and of the weights (+=).
   * @param K columns; those below `common` belong to every row, the others to the rows that have them as target
   */
  run(
    x: Floats,
    y: Int32Array,
    K: number,
    common: number,
    scale: number,
    dx: Floats | null,
    result: SoftmaxResult,
  ): void
}

/**
 * Numbers in a block: 16 MB of float32, what 400 rows of 10,000 columns take. With half of it, W and dW, 20 MB each,
 * are read twice: 55 ms instead of 53. Cutting columns as well gains nothing.
 */
const BLOCK = 2 ** 22
/** With so many rows products are fast; with fewer, columns are cut. */
const FEW_ROWS = 128
const MANY_ROWS = 1024
/** Columns are cut at multiples of this, the width of the products' widest panel. */
const PANEL = 48

export function softmaxLayer(arena: Memory, weights: DenseWeights, options: SoftmaxOptions): SoftmaxLayer {
  const { backend } = arena
  const { I } = options
  const { rows, columns } = blockSize(options)
  const logits = arena.floats(rows * columns)
  const scanned = arena.floats(options.T * options.B * 4)
  const part = (array: Floats, k: number, width: number) =>
    array.subarray(k * columns * width, (k + 1) * columns * width)
  const blocks = Array.from({ length: Math.ceil(options.K / columns) }, (_, k) => ({
    W: part(weights.W, k, I),
    b: part(weights.b, k, 1),
    dW: part(weights.dW, k, I),
    db: part(weights.db, k, 1),
  }))
  let { T, B } = options
  let views: readonly View[] = []
  let seen: readonly (Floats | Int32Array | null)[] = []

  /** Blocks of rows are whole steps. Their views are made again if the shape or the arrays have changed. */
  function viewsOf(x: Floats, y: Int32Array, dx: Floats | null): readonly View[] {
    if (views.length > 0 && seen[0] === x && seen[1] === y && seen[2] === dx) return views
    const count = Math.ceil(T / Math.max(1, Math.floor(rows / B)))
    const steps = Math.ceil(T / count)
    seen = [x, y, dx]
    views = Array.from({ length: Math.ceil(T / steps) }, (_, i) => {
      const [t0, t1] = [i * steps, Math.min(T, (i + 1) * steps)]
      const of = <A extends Floats | Int32Array>(array: A, width: number) =>
        array.subarray(t0 * B * width, t1 * B * width) as A
      return { T: t1 - t0, x: of(x, I), y: of(y, 1), scanned: of(scanned, 4), dx: dx && of(dx, I) }
    })
    return views
  }

  return {
    shape(newT, newB) {
      T = newT
      B = newB
      views = []
    },
    run(x, y, K, common, scale, dx, result) {
      const count = Math.ceil(K / columns)
      const width = (k: number): number => Math.min(columns, K - k * columns)
      result.loss = 0
      result.correct = 0
      for (const view of viewsOf(x, y, dx)) {
        const N = view.T * B
        const product = (k: number): void =>
          backend.dense_forward(N, I, width(k), view.x, blocks[k]!.W, blocks[k]!.b, logits)
        for (let k = 0; k < count; k++) {
          product(k)
          backend.softmax_scan(N, width(k), k * columns, common, logits, view.y, view.scanned)
        }
        addLosses(view, result)
        for (let k = 0; view.dx && k < count; k++) {
          const { W, dW, db } = blocks[k]!
          if (count > 1) product(k)
          backend.softmax_slope(N, width(k), k * columns, common, logits, view.y, view.scanned, scale)
          backend.dense_backward(view.T, B, I, width(k), view.x, W, logits, dW, db, null, null, WHOLE)
          backend.gemm(0, 0, N, I, width(k), logits, W, view.dx, k > 0 ? 1 : 0)
        }
      }
    },
  }
}

/** A block of rows: some steps. */
interface View {
  readonly T: number
  readonly x: Floats
  readonly y: Int32Array
  /** [T·B,4], the output of softmax_scan. */
  readonly scanned: Floats
  readonly dx: Floats | null
}

function addLosses({ y, scanned }: View, result: SoftmaxResult): void {
  for (let n = 0; n < y.length; n++) {
    if (y[n]! < 0) continue
    result.loss += Math.log(scanned[4 * n + 1]!) + (scanned[4 * n]! - scanned[4 * n + 2]!)
    if (scanned[4 * n + 3] === y[n]) result.correct += 1
  }
}

/** Rows and columns of a block. */
function blockSize({ T, B, K, training }: SoftmaxOptions): { rows: number; columns: number } {
  const whole = Math.floor(BLOCK / K)
  if (training && whole >= Math.min(T * B, Math.max(FEW_ROWS, B))) return { rows: Math.min(whole, T * B), columns: K }
  const rows = Math.max(B, Math.min(T * B, MANY_ROWS))
  const columns = Math.max(PANEL, Math.floor(BLOCK / rows / PANEL) * PANEL)
  return { rows, columns: Math.min(columns, K) }
}
