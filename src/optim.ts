/**
 * Optimisers: data that says which and how, and the state that one run of it needs. The formulas are PyTorch's and live in
 * the kernels (kernels/update.cc). State arrays and the iteration are plain and reachable: a checkpoint saves exactly them.
 */
import { z } from 'zod'
import type { Backend, Floats } from './backend/backend.ts'
import type { Gradients, RowGradient } from './gradients.ts'

export interface Sgd {
  readonly kind: 'sgd'
  readonly lr: number
  readonly momentum: number
}
export interface RmsProp {
  readonly kind: 'rmsprop'
  readonly lr: number
  readonly alpha: number
  readonly eps: number
}
export interface Adam {
  readonly kind: 'adam'
  readonly lr: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
}
export type OptimizerSpec = Sgd | RmsProp | Adam
export type OptimizerKind = OptimizerSpec['kind']
export const OPTIMIZERS: readonly OptimizerKind[] = ['sgd', 'rmsprop', 'adam']

/** Stochastic gradient descent, the paper's optimiser; v = momentum · v + g, w -= lr · v. */
export function sgd({ lr = 0.01, momentum = 0 }: { lr?: number; momentum?: number } = {}): Sgd {
  return { kind: 'sgd', lr, momentum }
}

/** RMSprop (Hinton's lecture 6e); s = alpha · s + (1 - alpha) · g², w -= lr · g / (√s + eps). */
export function rmsprop({ lr = 1e-3, alpha = 0.99, eps = 1e-8 }: Partial<Omit<RmsProp, 'kind'>> = {}): RmsProp {
  return { kind: 'rmsprop', lr, alpha, eps }
}

/** Adam (Kingma & Ba, arXiv:1412.6980) with bias correction. */
export function adam({ lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: Partial<Omit<Adam, 'kind'>> = {}): Adam {
  return { kind: 'adam', lr, beta1, beta2, eps }
}

const lr = z.number().gt(0)
const decay = z.number().min(0).lt(1)
const eps = z.number().gt(0)

/** What the options of a run may say. */
export const optimizerSchema: z.ZodType<OptimizerSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sgd'), lr, momentum: decay }),
  z.strictObject({ kind: z.literal('rmsprop'), lr, alpha: decay, eps }),
  z.strictObject({ kind: z.literal('adam'), lr, beta1: decay, beta2: decay, eps }),
])

/** An optimiser at work on the weights of a model. */
export interface Optimizer {
  readonly spec: OptimizerSpec
  /** Its arrays by name, each as long as the weights: v (sgd with momentum), s (rmsprop), m and v (adam); empty for plain sgd. */
  readonly state: Readonly<Record<string, Floats>>
  /** Updates done. Set it, with the arrays of `state`, to go on from a checkpoint. */
  iteration: number
  /** The weights by the gradients that it was made for, at this iteration's rate. */
  update(lr: number): void
  /** Gives the state arrays back to the backend. */
  dispose(): void
}

/**
 * An optimiser for `weights` and what a plan leaves in `gradients`, its state zero. All arrays belong to the backend.
 *
 * Of a table, whose gradient is kept by rows, an update is lazy: the rows of the last minibatch are updated, weights and state, as
 * any other weight is at this iteration, and the rest of the table is left alone, weights and state. For plain sgd that is the
 * dense update; with momentum, RMSprop and Adam the state of a row that does not occur neither decays nor moves it, and Adam
 * corrects by the iterations of the run, not of the row (as TensorFlow's LazyAdam and PyTorch's SparseAdam).
 */
export function createOptimizer(
  spec: OptimizerSpec,
  backend: Backend,
  weights: Floats,
  { start, dense, tables }: Gradients,
): Optimizer {
  const state: Record<string, Floats> = {}
  for (const name of stateNames(spec)) state[name] = backend.floats(weights.length)
  const arrays = Object.values(state)
  const end = start + dense.length
  const updateDense = denseRule(spec, backend, dense, cut(weights, arrays, start, end))
  const updateRows = tables.map((table) => rowRule(spec, backend, table, cut(weights, arrays, table.start)))
  return {
    spec,
    state,
    iteration: 0,
    update(lr) {
      this.iteration += 1
      updateDense(lr, this.iteration)
      for (let i = 0; i < updateRows.length; i++) updateRows[i]!(lr, this.iteration)
    },
    dispose() {
      for (const name of Object.keys(state)) {
        backend.free(state[name]!)
        delete state[name]
      }
    },
  }
}

function stateNames(spec: OptimizerSpec): string[] {
  if (spec.kind === 'adam') return ['m', 'v']
  if (spec.kind === 'rmsprop') return ['s']
  return spec.momentum > 0 ? ['v'] : []
}

/** The weights that a gradient is of, and the two arrays of their state that there may be. */
type Part = readonly [w: Floats, first: Floats | null, second: Floats | null]

function cut(weights: Floats, [first, second]: readonly Floats[], start: number, end?: number): Part {
  const part = (array: Floats | undefined) => array?.subarray(start, end) ?? null
  return [weights.subarray(start, end), part(first), part(second)]
}

type Rule = (lr: number, iteration: number) => void

function denseRule(spec: OptimizerSpec, backend: Backend, g: Floats, [w, first, second]: Part): Rule {
  const n = g.length
  if (spec.kind === 'sgd') return (lr) => backend.sgd_update(n, lr, spec.momentum, w, g, first)
  if (spec.kind === 'rmsprop') return (lr) => backend.rmsprop_update(n, lr, spec.alpha, spec.eps, w, g, first!)
  const { beta1, beta2, eps } = spec
  return (lr, k) => backend.adam_update(n, lr, beta1, beta2, eps, 1 - beta1 ** k, 1 - beta2 ** k, w, g, first!, second!)
}

function rowRule(spec: OptimizerSpec, backend: Backend, table: RowGradient, [w, first, second]: Part): Rule {
  const { rows, width: E, values: g } = table
  if (spec.kind === 'sgd') {
    return (lr) => backend.sgd_update_rows(table.count, E, rows, lr, spec.momentum, w, g, first)
  }
  if (spec.kind === 'rmsprop') {
    return (lr) => backend.rmsprop_update_rows(table.count, E, rows, lr, spec.alpha, spec.eps, w, g, first!)
  }
  const { beta1, beta2, eps } = spec
  return (lr, k) => {
    const [c1, c2] = [1 - beta1 ** k, 1 - beta2 ** k]
    backend.adam_update_rows(table.count, E, rows, lr, beta1, beta2, eps, c1, c2, w, g, first!, second!)
  }
}
