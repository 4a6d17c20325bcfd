/** A problem on one of our backends: an iteration to time, its answer to check, and how much of it the kernels take. */

import { WHOLE } from '../src/backend/backend.ts'
import { clipGradients } from '../src/clip.ts'
import { type Backend, type Batch, createModel } from '../src/index.ts'
import { createOptimizer } from '../src/optim.ts'
import { milliseconds } from './measure.ts'
import { modelInput, type Problem } from './problems.ts'
import { CLIP, OPTIMIZER } from './trained.ts'

/** What a library must agree on before it is timed. */
export interface Answer {
  readonly loss: number
  /** Euclidean norm of the gradients of all weights, before clipping; null of a forward pass. */
  readonly gradNorm: number | null
}

export interface Job {
  run(): void
  /** Of the last run. */
  answer(): Answer
  /** Share of h that is not 0. */
  live(): number
  dispose(): void
}

/** Milliseconds spent in the kernels that do the products. */
export interface Stopwatch {
  ms: number
}

const PRODUCTS = /^(rnn|lstm|gru)_/

/** The backend with a stopwatch around its recurrences, and around dense layers too if `dense`. */
export function timed(backend: Backend, { dense }: { dense: boolean }): { backend: Backend; watch: Stopwatch } {
  const watch = { ms: 0 }
  const entries = Object.entries(backend).map(([name, value]) => {
    const wanted = PRODUCTS.test(name) || (dense && /^(dense_|softmax_cross_entropy)/.test(name))
    if (typeof value !== 'function' || !wanted) return [name, value]
    return [name, (...args: unknown[]) => {
      watch.ms += milliseconds(() => value.apply(backend, args))
    }]
  })
  return { backend: Object.fromEntries(entries) as Backend, watch }
}

/** One iteration of training: forward, loss, backward, clip, update (S6: forward, loss, backward). */
export function trainingJob(problem: Problem, backend: Backend): Job {
  return problem.cell === 'softmax' ? softmaxJob(problem, backend) : recurrentJob(problem, backend, true)
}

/** The forward pass and its loss. */
export function forwardJob(problem: Problem, backend: Backend): Job {
  return recurrentJob(problem, backend, false)
}

export function batchOf({ T, B, K, x, y }: Problem): Batch {
  return { T, B, x, y: K > 0 ? Int32Array.from(y) : y }
}

function recurrentJob(problem: Problem, backend: Backend, training: boolean): Job {
  const { T, B, inputGradient } = problem
  const model = createModel(modelInput(problem), { backend })
  const { weights } = model
  weights.set(problem.weights)
  const plan = model.plan({ T, B, training, inputGradient: inputGradient && training })
  const optimizer = createOptimizer(OPTIMIZER, backend, weights, plan.gradients)
  const batch = batchOf(problem)
  const lossOptions = { reduction: 'mean', gradient: training } as const
  const clipped = { norm: 0, clipped: false }
  let loss = Number.NaN
  return {
    run() {
      plan.forward(batch)
      loss = plan.loss(batch, lossOptions).loss
      if (!training) return
      plan.backward(batch)
      clipGradients(CLIP, backend, plan.gradients, clipped)
      optimizer.update(OPTIMIZER.lr)
    },
    answer: () => ({ loss, gradNorm: training ? clipped.norm : null }),
    live: () => plan.liveFraction(),
    dispose() {
      plan.dispose()
      optimizer.dispose()
      model.dispose()
    },
  }
}

function softmaxJob({ T, B, I, K, x, y, weights }: Problem, backend: Backend): Job {
  const N = T * B
  const filled = (values: Float32Array) => {
    const array = backend.floats(values.length)
    array.set(values)
    return array
  }
  const arrays = {
    x: filled(x),
    W: filled(weights.subarray(0, K * I)),
    b: filled(weights.subarray(K * I)),
    logits: backend.floats(N * K),
    gradients: backend.floats(K * I + K),
    dx: backend.floats(N * I),
    y: backend.ints(N),
  }
  arrays.y.set(y)
  const stats = backend.doubles(3)
  const { gradients } = arrays
  const dW = gradients.subarray(0, K * I)
  const db = gradients.subarray(K * I)
  return {
    run() {
      backend.dense_forward(N, I, K, arrays.x, arrays.W, arrays.b, arrays.logits)
      backend.softmax_cross_entropy(1, N, K, null, arrays.logits, arrays.y, 1 / N, arrays.logits, stats)
      gradients.fill(0)
      backend.dense_backward(1, N, I, K, arrays.x, arrays.W, arrays.logits, dW, db, arrays.dx, null, WHOLE)
    },
    answer: () => ({
      loss: stats[0]! / N,
      gradNorm: Math.sqrt(backend.sum_of_squares(gradients.length, gradients)),
    }),
    live: () => 1,
    dispose() {
      for (const array of Object.values(arrays)) backend.free(array)
    },
  }
}
