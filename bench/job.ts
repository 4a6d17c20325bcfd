/** A problem on one of our backends: an iteration to time, its answer to check, and how much of it the kernels take. */

import type { Engine } from '../src/backend/backend.ts'
import { type Batch, createModel, type Floats } from '../src/index.ts'
import { memory } from '../src/layers/layer.ts'
import { softmaxLayer } from '../src/layers/softmax.ts'
import { clipGradients } from '../src/train/clip.ts'
import { createOptimizer } from '../src/train/optim.ts'
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

/** The backend with a stopwatch around its recurrences, and around products and softmax too if `dense`. */
export function timed(backend: Engine, { dense }: { dense: boolean }): { backend: Engine; watch: Stopwatch } {
  const watch = { ms: 0 }
  const entries = Object.entries(backend).map(([name, value]) => {
    const wanted = PRODUCTS.test(name) || (dense && /^(gemm|dense_|softmax_)/.test(name))
    if (typeof value !== 'function' || !wanted) return [name, value]
    return [
      name,
      (...args: unknown[]) => {
        watch.ms += milliseconds(() => value.apply(backend, args))
      },
    ]
  })
  return { backend: Object.fromEntries(entries) as Engine, watch }
}

/** One iteration of training: forward, loss, backward, clip, update (S6: forward, loss, backward). */
export function trainingJob(problem: Problem, backend: Engine): Job {
  return problem.cell === 'softmax' ? softmaxJob(problem, backend) : recurrentJob(problem, backend, true)
}

/** The forward pass and its loss. */
export function forwardJob(problem: Problem, backend: Engine): Job {
  return recurrentJob(problem, backend, false)
}

export function batchOf({ T, B, K, x, y }: Problem): Batch {
  return { T, B, x, y: K > 0 ? Int32Array.from(y) : y }
}

function recurrentJob(problem: Problem, backend: Engine, training: boolean): Job {
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

/** The head of a language model as a plan has it: logits by blocks, loss, and their gradient. */
function softmaxJob({ T, B, I, K, x, y, weights }: Problem, backend: Engine): Job {
  const N = T * B
  const arena = memory(backend)
  const all = arena.floats(K * I + K)
  all.set(weights)
  const gradients = arena.floats(K * I + K)
  const of = (array: Floats) => [array.subarray(0, K * I), array.subarray(K * I)] as const
  const [W, b] = of(all)
  const [dW, db] = of(gradients)
  const layer = softmaxLayer(arena, { W, b, dW, db }, { T, B, I, K, training: true })
  const input = arena.floats(N * I)
  input.set(x)
  const dx = arena.floats(N * I)
  const classes = arena.ints(N)
  classes.set(y)
  const result = { loss: 0, correct: 0 }
  return {
    run() {
      gradients.fill(0)
      layer.run(input, classes, K, K, 1 / N, dx, result)
    },
    answer: () => ({
      loss: result.loss / N,
      gradNorm: Math.sqrt(backend.sum_of_squares(gradients.length, gradients)),
    }),
    live: () => 1,
    dispose: () => arena.release(),
  }
}
