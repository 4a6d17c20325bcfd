/**
 * What a plan is: a model unrolled, layers with buffers for at most T steps of B sequences. One model may have several (training,
 * evaluation, streaming): they share the weights, and keep their own states and gradients.
 */
import type { Floats } from '../backend/backend.ts'
import type { Batch } from '../batch.ts'
import type { Masks } from '../layers/dropout.ts'
import type { Gradients } from './gradients.ts'
import type { Sampled } from './stack.ts'
import type { State } from './state.ts'

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
   * Keep only every √T-th state and compute the others again in `backward` (Chen et al. 2016): memory for long sequences, the
   * same bits, some fifth more time. A number says how many steps lie between kept states, a multiple of 16. Default false.
   * What is of every step by nature stays: x, embeddings, and logits of a head on every step. `output` is not there.
   */
  activationCheckpointing?: boolean | number
  /**
   * false: logits are not kept where they would take more than 8 MB. `logits` is not there then, and `loss` goes through them
   * block by block, its gradient with it. Default true.
   */
  logits?: boolean
  /** Train by sampled softmax: the loss is that over the candidates of the sampler, and `logits` is not there. */
  sampled?: Sampled
  /** Train with dropout after the embedding, between the layers and below the head. */
  dropout?: Masks
}

export interface LossOptions {
  /** mean: over the rows that count (classification) or their elements (regression); sum: not divided. */
  reduction: 'mean' | 'sum'
  /** Also leave the gradient of the loss for `backward`. */
  gradient: boolean
}

export interface Loss {
  /** Reduced loss: cross-entropy in nats, or squared error. */
  loss: number
  /** Classification: rows whose most probable class is the target. */
  correct: number
  /** What the mean divides by: rows (classification) or elements (regression) that count. */
  count: number
}

export interface Plan {
  readonly T: number
  readonly B: number
  /**
   * Runs a batch from the state that carryState, setState or resetState said since the last forward, else as `batch.carry`
   * says, else from zero. After setState, rows whose `batch.carry` is 0 start from zero all the same.
   * @throws InputError if the batch does not fit the model or the plan
   */
  forward(batch: Batch): void
  /**
   * Of the last forward: [B,K] for a head on the last step, [T,B,K] for every step. A view: the next forward overwrites it. A plan
   * that does not keep them has none to show.
   */
  readonly logits: Floats
  /**
   * The loss of the last forward against batch.y, where `batch` is the one given to forward. Who wants no garbage gives the
   * object to fill in.
   */
  loss(batch: Batch, options: LossOptions, result?: Loss): Loss
  /**
   * Leaves the gradient of the loss in `gradients`, after `loss` with gradient: true and once per forward. derivativeClip > 0 bounds every element of dL/da_t inside BPTT (Graves 2013); 0, the default, none.
   */
  backward(batch: Batch, options?: { derivativeClip?: number }): void
  /** Of the last backward. Nothing in it unless planned for training. */
  readonly gradients: Gradients
  /** [T,B,I] of the last backward; null unless planned with inputGradient. */
  readonly inputGradient: Floats | null
  /** The next forward starts from zero, whatever `batch.carry` says. */
  resetState(): void
  /** The next forward starts from the final state of the last one (truncated BPTT). Not for bidirectional models. */
  carryState(): void
  /** The next forward starts from `state`. */
  setState(state: State): void
  /** A copy of the final state of the last forward. */
  getState(): State
  /** A copy of the stack's output in the last forward, [T,B,directions·H]; 0 at padded steps, as PyTorch pads. */
  output(): Floats
  /** Share of h, over all layers and steps of the last forward, that is not 0 (a padded step repeats the state before it). */
  liveFraction(): number
  /** Gives the memory back; the plan is of no use afterwards. */
  dispose(): void
}
