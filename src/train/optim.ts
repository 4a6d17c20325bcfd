/**
 * Optimisers: data that describes one, and the state that it needs at work. The formulas are PyTorch's and live
 * in the kernels (kernels/update.cc). State arrays and the iteration are plain and reachable: a checkpoint saves
 * exactly them.
 */

import type { Engine, Floats } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { refuseUnknown } from '../error.ts'
import { type Memory, withMemory } from '../layers/layer.ts'
import type { Gradients } from '../model/gradients.ts'
import type { Parameter, RecurrentMatrix } from '../model/parameters.ts'
import * as z from '../schema.ts'
import {
  cut,
  denseRule,
  divide,
  type Elementwise,
  muonRule,
  type Range,
  type TableUpdate,
  tableRules,
} from './rules.ts'

/** Stochastic gradient descent, as data; `sgd` makes it. */
export interface Sgd {
  readonly kind: 'sgd'
  readonly lr: number
  readonly momentum: number
}
/** RMSprop, as data; `rmsprop` makes it. */
export interface RmsProp {
  readonly kind: 'rmsprop'
  readonly lr: number
  readonly alpha: number
  readonly eps: number
}
/** Adam, as data; `adam` makes it. */
export interface Adam {
  readonly kind: 'adam'
  readonly lr: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
}
/** Adam with decoupled weight decay, as data; `adamw` makes it. */
export interface AdamW extends Omit<Adam, 'kind'> {
  readonly kind: 'adamw'
  readonly weightDecay: number
}
/** Muon for recurrent matrices and Adam for all other weights, as data; `muon` makes it. */
export interface Muon {
  readonly kind: 'muon'
  readonly lr: number
  readonly momentum: number
  readonly weightDecay: number
  /** Where sequences have T steps, the rate is at most perSequence / T. Absent: no such limit. */
  readonly perSequence?: number
  /** How the other weights are updated. */
  readonly adam: Omit<Adam, 'kind'>
}
/** Which optimiser, as data: what `train` takes and config.json stores. */
export type OptimizerSpec = Sgd | RmsProp | Adam | AdamW | Muon
export type OptimizerKind = OptimizerSpec['kind']
export const OPTIMIZERS: readonly OptimizerKind[] = ['sgd', 'rmsprop', 'adam', 'adamw', 'muon']

/** The paper's optimiser, SGD: v = momentum · v + g, w -= lr · v. Defaults: lr 0.01, momentum 0. */
export function sgd(options: Partial<Omit<Sgd, 'kind'>> = {}): Sgd {
  refuseUnknown('sgd', options, ['lr', 'momentum'])
  const { lr = 0.01, momentum = 0 } = options
  return { kind: 'sgd', lr, momentum }
}

/**
 * RMSprop (Hinton's lecture 6e); s = alpha · s + (1 - alpha) · g², w -= lr · g / (√s + eps). Defaults: lr 0.001,
 * alpha 0.99, eps 1e-8.
 */
export function rmsprop(options: Partial<Omit<RmsProp, 'kind'>> = {}): RmsProp {
  refuseUnknown('rmsprop', options, ['lr', 'alpha', 'eps'])
  const { lr = 1e-3, alpha = 0.99, eps = 1e-8 } = options
  return { kind: 'rmsprop', lr, alpha, eps }
}

/** Adam (Kingma & Ba, arXiv:1412.6980) with bias correction. Defaults: lr 0.001, beta1 0.9, beta2 0.999, eps 1e-8. */
export function adam(options: Partial<Omit<Adam, 'kind'>> = {}): Adam {
  refuseUnknown('adam', options, ADAM_OPTIONS)
  const { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options
  return { kind: 'adam', lr, beta1, beta2, eps }
}

/**
 * AdamW (Loshchilov & Hutter, arXiv:1711.05101; torch.optim.AdamW): Adam, and beside it all weights shrink by
 * lr · weightDecay of themselves, whatever their gradients. Defaults: as adam(), and weightDecay 0.01. It pulls the
 * recurrent matrix of an IRNN away from the identity too, towards 0: `muon` has a decay that does not.
 */
export function adamw(options: Partial<Omit<AdamW, 'kind'>> = {}): AdamW {
  refuseUnknown('adamw', options, [...ADAM_OPTIONS, 'weightDecay'])
  const { weightDecay = 0.01, ...rest } = options
  return { ...adam(rest), kind: 'adamw', weightDecay }
}

/**
 * Muon (Jordan 2024, "Muon: an optimizer for hidden layers in neural networks"; torch.optim.Muon) for the recurrent
 * matrices, gate by gate, and Adam for all other weights: m = momentum · m + (1 - momentum) · g, W -= lr · (m with all
 * its singular values made about 1). A step is as large in every direction of state space, while the gradient of a
 * recurrence over hundreds of steps has few that drown the rest. No Nesterov momentum, and lr is the change of a
 * singular value, whatever the size. A schedule moves both rates alike; the default of Adam's is a third of Muon's.
 *
 * weightDecay pulls, decoupled from the gradient: W -= lr · weightDecay · (W - scale · I) where the matrix began at the
 * scaled identity, else W -= lr · weightDecay · W. Towards 0 it would take the memory of an IRNN away. Adam's weights
 * do not decay.
 *
 * perSequence, if given, bounds lr by perSequence / T: after a step of spectral norm lr, what T steps of a recurrence
 * make of a state may be (1 + lr)^T, some e^(lr · T), times as large.
 */
export function muon(options: MuonOptions = {}): Muon {
  refuseUnknown('muon', options, ['lr', 'momentum', 'weightDecay', 'perSequence', 'adam'])
  const { lr = 3e-4, momentum = 0.9, weightDecay = 0, perSequence, adam = {} } = options
  refuseUnknown('muon: adam', adam, ADAM_OPTIONS)
  const { lr: other = lr / 3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = adam
  const limit = perSequence !== undefined && { perSequence }
  return { kind: 'muon', lr, momentum, weightDecay, ...limit, adam: { lr: other, beta1, beta2, eps } }
}

/** Options of `muon`. */
export interface MuonOptions {
  lr?: number
  momentum?: number
  weightDecay?: number
  /** Where sequences have T steps, the rate is at most perSequence / T. Default: no such limit. */
  perSequence?: number
  /** How the other weights are updated. */
  adam?: Partial<Omit<Adam, 'kind'>>
}

const ADAM_OPTIONS = ['lr', 'beta1', 'beta2', 'eps']

const lr = z.number().gt(0)
const decay = z.number().min(0).lt(1)
const eps = z.number().gt(0)
const adamSchema = { lr, beta1: decay, beta2: decay, eps }

/** What the options of a run may say. */
export const optimizerSchema: z.Schema<OptimizerSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sgd'), lr, momentum: decay }),
  z.strictObject({ kind: z.literal('rmsprop'), lr, alpha: decay, eps }),
  z.strictObject({ kind: z.literal('adam'), ...adamSchema }),
  z.strictObject({ kind: z.literal('adamw'), ...adamSchema, weightDecay: z.number().min(0) }),
  z.strictObject({
    kind: z.literal('muon'),
    lr,
    momentum: decay,
    weightDecay: z.number().min(0),
    perSequence: z.number().gt(0).exactOptional(),
    adam: z.strictObject(adamSchema),
  }),
])

/**
 * An optimiser at work on the weights of a model. After `dispose`, or after that of the model, it refuses to be used.
 */
export interface Optimizer extends Disposable {
  readonly spec: OptimizerSpec
  /**
   * Its arrays by name, each as long as the weights: v (sgd with momentum), s (rmsprop), m and v (adam, muon); empty
   * for plain sgd.
   */
  readonly state: Readonly<Record<string, Floats>>
  /** The rate before any schedule: the spec's, or the limit of muon's `perSequence` where that is lower. */
  readonly lr: number
  /** Updates done. Set it, with the arrays of `state`, to go on from a checkpoint. */
  iteration: number
  /** Begins anew, after so many updates, for sequences of T steps: the state is zero, as that of a new optimiser. */
  restart(iteration: number, T: number): void
  /** The weights by the gradients that it was made for, at this iteration's rate. */
  update(lr: number): void
  /** Gives the state arrays back to the backend; a second time it does nothing. */
  dispose(): void
}

/**
 * An optimiser for `weights` and what a plan leaves in `gradients`, its state zero. All arrays belong to the backend.
 * `recurrent`, ascending, are the matrices that muon is for (parameters.ts has them).
 *
 * A table has a gradient, kept by rows, for the rows of the last minibatch: they are updated, weights and state, as any
 * other weight is at this iteration. A lazy update leaves the other rows alone, weights and state (TensorFlow's
 * LazyAdam, PyTorch's SparseAdam); a dense one is by a gradient of 0, as of any other weight, so that what the state
 * remembers of them goes on to move them (decisions/017). For plain sgd the two are the same.
 *
 * @param within the life of the model that the weights are of
 * @param tables how rows are updated for which a minibatch has no gradient
 * @param parameters what the weights are; a dense update needs them, to know where tables end
 * @param frozen those of the parameters that are left alone
 */
export function createOptimizer(
  spec: OptimizerSpec,
  backend: Engine,
  weights: Floats,
  gradients: Gradients,
  recurrent: readonly RecurrentMatrix[] = [],
  within: Life = backend.life,
  { tables = 'lazy', parameters = [], frozen = [] }: Partial<Updated> = {},
): Optimizer {
  const life = new Life('optimizer', 'train anew', within)
  return withMemory(backend, (arena) =>
    build(spec, arena, weights, gradients, { recurrent, tables, parameters, frozen }, life),
  )
}

interface Updated {
  readonly tables: TableUpdate
  readonly parameters: readonly Parameter[]
  readonly frozen: readonly Parameter[]
}

const rangeOf = ({ start, data }: Parameter): Range => ({ start, end: start + data.length })

function build(
  spec: OptimizerSpec,
  arena: Memory,
  weights: Floats,
  { start, dense, tables }: Gradients,
  { recurrent, tables: update, parameters, frozen }: Updated & { readonly recurrent: readonly RecurrentMatrix[] },
  life: Life,
): Optimizer {
  const { backend } = arena
  const state: Record<string, Floats> = {}
  for (const name of stateNames(spec)) state[name] = arena.floats(weights.length)
  const arrays = Object.values(state)
  const { matrices, gaps } = divide(start, dense.length, spec.kind === 'muon' ? recurrent : [], frozen.map(rangeOf))
  const gradient = (from: number, to: number) => dense.subarray(from - start, to - start)
  const elementwise: Elementwise & { readonly lr: number } =
    spec.kind === 'muon' ? { kind: 'adam', ...spec.adam } : spec
  let base = spec.lr
  let begin = 0 // Adam's corrections count from here
  const rules = [
    ...gaps.map(([from, to]) => denseRule(elementwise, backend, gradient(from, to), cut(weights, arrays, from, to))),
    ...tables
      .filter((table) => !frozen.some(({ start }) => start === table.start))
      .flatMap((table) => {
        const known = parameters.find(({ start }) => start === table.start)
        const part = cut(weights, arrays, table.start, known && rangeOf(known).end)
        return tableRules(elementwise, arena, table, known ? update : 'lazy', part)
      }),
  ]
  const work = arena.floats(4 * Math.max(0, ...matrices.map(({ H }) => H * H)))
  const muonRules = matrices.map(({ start: from, H, identity }) => {
    const to = from + H * H
    return muonRule(spec as Muon, backend, { H, identity, work, g: gradient(from, to) }, cut(weights, arrays, from, to))
  })
  const dispose = (): void => {
    if (!life.end()) return
    arena.release()
    for (const name of Object.keys(state)) delete state[name]
  }
  return {
    spec,
    get state() {
      if (Object.keys(state).length > 0) life.check()
      return state
    },
    get lr() {
      return base
    },
    iteration: 0,
    restart(iteration, T) {
      life.check()
      this.iteration = iteration
      begin = iteration
      base = spec.kind === 'muon' ? Math.min(spec.lr, (spec.perSequence ?? Number.POSITIVE_INFINITY) / T) : spec.lr
      for (const array of arrays) array.fill(0)
    },
    update(lr) {
      life.check()
      this.iteration += 1
      const k = this.iteration - begin
      const share = elementwise.lr / base // 1, but for the weights that muon leaves to Adam
      for (let i = 0; i < rules.length; i++) rules[i]!(share * lr, k)
      for (let i = 0; i < muonRules.length; i++) muonRules[i]!(lr, k)
    },
    dispose,
    [DISPOSE]: dispose,
  }
}

function stateNames(spec: OptimizerSpec): string[] {
  if (spec.kind === 'rmsprop') return ['s']
  if (spec.kind !== 'sgd') return ['m', 'v']
  return spec.momentum > 0 ? ['v'] : []
}
