/**
 * Optimisers: data that says which and how, and the state that one run of it needs. The formulas are PyTorch's and live in
 * the kernels (kernels/update.cc). State arrays and the iteration are plain and reachable: a checkpoint saves exactly them.
 */
import { z } from 'zod'
import type { Backend, Floats } from './backend/backend.ts'

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

/** An optimiser at work on n weights. */
export interface Optimizer {
  readonly spec: OptimizerSpec
  /** Its arrays by name, each [n]: v (sgd with momentum), s (rmsprop), m and v (adam); empty for plain sgd. */
  readonly state: Readonly<Record<string, Floats>>
  /** Updates done. Set it, with the arrays of `state`, to go on from a checkpoint. */
  iteration: number
  /** w [n] by gradient g [n] at this iteration's rate; both arrays belong to the optimiser's backend. */
  update(w: Floats, g: Floats, lr: number): void
  /** Gives the state arrays back to the backend. */
  dispose(): void
}

/** An optimiser for n weights, its state zero. */
export function createOptimizer(spec: OptimizerSpec, backend: Backend, n: number): Optimizer {
  const state: Record<string, Floats> = {}
  const array = (name: string): Floats => {
    state[name] = backend.floats(n)
    return state[name]
  }
  const apply = rule(spec, backend, n, array)
  return {
    spec,
    state,
    iteration: 0,
    update(w, g, lr) {
      this.iteration += 1
      apply(w, g, lr, this.iteration)
    },
    dispose() {
      for (const name of Object.keys(state)) {
        backend.free(state[name]!)
        delete state[name]
      }
    },
  }
}

type Rule = (w: Floats, g: Floats, lr: number, iteration: number) => void

function rule(spec: OptimizerSpec, backend: Backend, n: number, array: (name: string) => Floats): Rule {
  if (spec.kind === 'sgd') {
    const { momentum } = spec
    const v = momentum > 0 ? array('v') : null
    return (w, g, lr) => backend.sgd_update(n, lr, momentum, w, g, v)
  }
  if (spec.kind === 'rmsprop') {
    const { alpha, eps } = spec
    const s = array('s')
    return (w, g, lr) => backend.rmsprop_update(n, lr, alpha, eps, w, g, s)
  }
  const { beta1, beta2, eps } = spec
  const m = array('m')
  const v = array('v')
  return (w, g, lr, k) => backend.adam_update(n, lr, beta1, beta2, eps, 1 - beta1 ** k, 1 - beta2 ** k, w, g, m, v)
}
