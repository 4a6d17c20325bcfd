/**
 * Sampled softmax (Jean et al. 2015, as in TensorFlow's sampled_softmax_loss). Each row's target competes with
 * candidates that the whole minibatch shares. From each logit is subtracted the log of how often its class is expected
 * among the candidates; a candidate that is the target counts once, as the target. The rows of W that take part are
 * gathered, and a softmax runs over them: first the candidates, which belong to all rows, then the targets that are no
 * candidates, each of which belongs to its rows alone. The cost does not depend on V.
 */
import type { Floats } from '../backend/backend.ts'
import { InputError } from '../error.ts'
import type { Memory } from './layer.ts'
import { type SoftmaxOptions, type SoftmaxResult, softmaxLayer } from './softmax.ts'

/** Draws candidates (src/train/logUniform.ts). */
export interface Sampler {
  /** Fills `classes` with different classes, the candidates of one minibatch. */
  draw(classes: Int32Array): void
  /** ln of how often class k is expected among the candidates of the last draw. */
  logExpected(k: number): number
}

export interface SampledLayer {
  /**
   * The classes that took part in the last minibatch, and the gradients of their rows of W [count,I] and b [count].
   */
  readonly touched: { readonly rows: Int32Array; readonly dW: Floats; readonly db: Floats; readonly count: number }
  shape(T: number, B: number): void
  /**
   * As in SoftmaxLayer: the loss of x [T,B,I] against the classes y [T·B] and, unless dx is null, its gradients, all =.
   */
  run(x: Floats, y: Int32Array, scale: number, dx: Floats | null, result: SoftmaxResult): void
}

export function sampledLayer(
  arena: Memory,
  { W, b }: { W: Floats; b: Floats },
  { samples, sampler }: { samples: number; sampler: Sampler },
  options: SoftmaxOptions,
): SampledLayer {
  const { backend } = arena
  const { T, B, I, K: V } = options
  const most = Math.min(V, samples + T * B)
  const rows = arena.ints(most)
  const own = { W: arena.floats(most * I), b: arena.floats(most), dW: arena.floats(most * I), db: arena.floats(most) }
  const layer = softmaxLayer(arena, own, { ...options, K: most })
  const columns = arena.ints(T * B) // of each row's target, among the classes that take part
  const candidates = rows.subarray(0, samples)
  const places = new Int32Array(V) // for each class, 1 + its column; 0: takes no part
  const touched = { rows, dW: own.dW, db: own.db, count: 0 }

  /** Gives candidates and targets their columns; returns how many there are. */
  function choose(y: Int32Array, N: number): number {
    sampler.draw(candidates)
    let count = samples
    for (let j = 0; j < samples; j++) {
      const k = candidates[j]!
      if (!(k >= 0 && k < V) || places[k] !== 0) {
        places.fill(0)
        throw new InputError(`sampler: draw: expected ${samples} different classes, 0 … ${V - 1}, but ${j} is ${k}`)
      }
      places[k] = j + 1
    }
    for (let n = 0; n < N; n++) {
      const k = y[n]!
      if (k >= 0 && places[k] === 0) {
        rows[count] = k
        places[k] = ++count
      }
      columns[n] = k < 0 ? -1 : places[k]! - 1
    }
    for (let j = 0; j < count; j++) places[rows[j]!] = 0
    return count
  }

  let N = T * B
  return {
    touched,
    shape(T, B) {
      N = T * B
      layer.shape(T, B)
    },
    run(x, y, scale, dx, result) {
      const count = choose(y, N)
      backend.embedding_forward(count, I, rows, W, own.W)
      backend.embedding_forward(count, 1, rows, b, own.b)
      for (let j = 0; j < count; j++) own.b[j]! -= sampler.logExpected(rows[j]!)
      if (dx) {
        own.dW.fill(0, 0, count * I)
        own.db.fill(0, 0, count)
      }
      layer.run(x, columns, count, samples, scale, dx, result)
      touched.count = count
    },
  }
}
