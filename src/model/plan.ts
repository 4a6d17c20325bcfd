/**
 * A plan runs a model over batches: layers with buffers for at most T steps of B sequences. A model may have several
 * plans (for training, for evaluation). They share its weights; each keeps its own states and gradients.
 */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import type { Masks } from '../layers/dropout.ts'
import type { Sampler } from '../layers/sampled.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import type { Gradients } from './gradients.ts'
import type { State, StateInput } from './state.ts'
import type { UnitShares } from './units.ts'

/** How a plan trains by sampled softmax. */
export interface Sampled {
  /** Candidates a minibatch. */
  readonly samples: number
  readonly sampler: Sampler
}

/** How large a plan is, and what it can do. */
export interface PlanOptions {
  /** The most steps a batch may have. */
  T: number
  /** The most sequences a batch may have. */
  B: number
  /** false: no buffers for gradients, and no `backward`. Default true. */
  training?: boolean
  /** Also compute the gradient of x (tokens have none). Default false. */
  inputGradient?: boolean
  /**
   * Keep only every √T-th state and compute the others again in `backward` (Chen et al. 2016). Memory grows with √T,
   * the bits are the same, and an iteration takes about a fifth longer. A number, a multiple of 16, says how many steps
   * lie between kept states. x, embeddings and the logits of a head on every step are kept for all steps. `output`
   * throws. Default false.
   */
  activationCheckpointing?: boolean | number
  /**
   * false: do not keep logits that would take more than 8 MB. `loss` then computes them block by block, with their
   * gradient, and `logits` throws. Default true.
   */
  logits?: boolean
  /** Train by sampled softmax: the loss is taken over the sampler's candidates, and `logits` throws. */
  sampled?: Sampled
  /**
   * Train with dropout after the embedding (not where it stands beside values), between the recurrent layers and below
   * the head.
   */
  dropout?: Masks
}

/** How `Plan.loss` reduces the loss, and whether it differentiates it. */
export interface LossOptions {
  /** mean: divide by `count`. sum: do not divide. */
  reduction: 'mean' | 'sum'
  /** Also compute the gradient that `backward` starts from. */
  gradient: boolean
  /**
   * Which loss. Default: crossEntropy() for classification, squaredError() for regression. It must fit the head; a plan
   * that does not keep its logits has none but crossEntropy() without weights.
   */
  loss?: LossSpec | OwnLoss | undefined
}

/** What `Plan.loss` says of a batch. */
export interface Loss {
  /** Reduced loss. */
  loss: number
  /** Rows whose most probable class is the target, by cross-entropy; else 0. */
  correct: number
  /**
   * What the mean divides by. Classification: rows that count, each as much as the weight of its class. Regression:
   * targets that are there, times the quantiles of each.
   */
  count: number
}

/**
 * A model unrolled for batches of at most T steps and B sequences. `Model.plan` makes it. After `dispose`, also by
 * `using`, or after that of its model, every call throws an InputError.
 */
export interface Plan extends Disposable {
  /** The most steps, and the most sequences, of a batch. */
  readonly T: number
  readonly B: number
  /**
   * Runs a batch. It starts from the state that carryState, setState or resetState chose since the last forward. If
   * none was called, it starts as `batch.carry` says, or else from zero. After setState, rows whose `batch.carry` is 0
   * start from zero all the same. A batch that is refused leaves states, logits and output as they were.
   * @throws InputError if the batch does not fit the model or the plan, or a number is not what it should be
   */
  forward(batch: BatchInput): void
  /**
   * Logits of the last forward: [B,K] for a head on the last step, [T,B,K] for a head on every step. A view: the next
   * forward overwrites it.
   * @throws InputError if the plan does not keep them (`logits: false`, `sampled`)
   */
  readonly logits: Floats
  /**
   * The loss of the last forward against batch.y. `batch` is the one given to forward. Pass `result`, which is filled
   * in and returned, to avoid an allocation. Without any target (all -1, or NaN) count, loss and gradient are 0.
   * @throws InputError if y does not fit, or the batch has other sizes or lengths than the one given to forward
   */
  loss(batch: BatchInput, options: LossOptions, result?: Loss): Loss
  /**
   * Computes the gradient of the loss into `gradients`. Call it after `loss` with gradient: true, once per forward.
   * derivativeClip > 0 bounds every element of dL/da_t inside back-propagation (Graves 2013); 0, the default, bounds
   * none.
   */
  backward(batch: BatchInput, options?: { derivativeClip?: number }): void
  /** Gradients of the last backward; empty if the plan is not for training. */
  readonly gradients: Gradients
  /** Gradient of x [T,B,I] of the last backward; null unless the plan was made with inputGradient. */
  readonly inputGradient: Floats | null
  /** The next forward starts from zero, whatever `batch.carry` says. */
  resetState(): void
  /** The next forward starts from the final state of the last one (truncated BPTT). Not for bidirectional models. */
  carryState(): void
  /** The next forward starts from a copy of `state`. @throws InputError if it does not fit or is not finite */
  setState(state: StateInput): void
  /** A copy of the final state of the last forward. */
  getState(): State
  /** A copy of the stack's output in the last forward, [T,B,directions·H]; 0 at padded steps, as PyTorch pads. */
  output(): Floats
  /**
   * Share of h that is not 0, over all layers and steps of the last forward. A padded step repeats the state before it.
   */
  liveFraction(): number
  /**
   * In some rows (t, b) of the last forward: the share of units that are not 0 at least once, and the share of h above
   * 0.95 or below -0.95. null with activation checkpointing.
   */
  unitShares(): UnitShares | null
  /** Gives the memory back; a second time it does nothing. */
  dispose(): void
}
