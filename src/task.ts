/**
 * A task: seeded streams of batches, and what a model needs to fit them. A task knows nothing of models, backends or
 * files of runs; the loop in train/loop.ts knows nothing of what the numbers mean.
 */

import type { Batch, BatchShape, Normalisation } from './batch.ts'
import { checked, InputError, refuseNoText, refuseUnless, shown } from './error.ts'
import type { LossSpec, OwnLoss } from './loss.ts'
import { type JudgeName, METRICS, type Metric } from './metric.ts'
import { permutation, rng } from './rng.ts'
import * as z from './schema.ts'

/** What is to be learnt: batches to train and to test on, and what a model needs to fit them. */
export interface Task {
  readonly name: string
  /** Everything the task was made from: the same options make the same batches. */
  readonly options: Readonly<Record<string, number | boolean | string>>
  /** Most steps of any batch. */
  readonly T: number
  readonly input: BatchShape['input']
  readonly head: {
    readonly kind: 'classification' | 'regression'
    readonly size: number
    readonly steps: 'last' | 'every'
  }
  readonly metric: Metric
  /** What a model is trained by. Default: crossEntropy() for classification, squaredError() for regression. */
  readonly loss?: LossSpec | OwnLoss | undefined
  /** Mean and deviation of x over the training set, for models that normalise their inputs. */
  readonly normalisation?: Normalisation
  /** The score, in the metric, of a model that has learnt nothing of interest. */
  readonly baseline?: { readonly name: string; readonly value: number }
  /** Sequences in the set. */
  readonly trainSize: number
  readonly testSize: number
  /** An endless stream of training batches of B sequences, 1 <= B <= trainSize. */
  train(B: number): Stream
  /**
   * The whole test set once, in order, in batches of at most B sequences. The arrays of a batch are filled again for
   * the next.
   */
  test(B: number): Iterable<Batch>
  /**
   * Likewise the held-out set, if the task has one. It then decides, in place of the test set, what is best and when to
   * stop.
   */
  heldOut?(B: number): Iterable<Batch>
  /**
   * The same task with training sequences of at most T steps, fewer than its own: what a curriculum of lengths begins
   * on. Absent: its sequences are as long as they are.
   */
  shortened?(T: number): Task
  /**
   * What decides in place of the metric which evaluation is best, when to stop and when a rate falls: MASE, macro-F1.
   * Its value is recorded with each evaluation. `baseline` and `target` are then in its units.
   */
  readonly judge?: Judge | undefined
  /**
   * Makes what scores a model beside the metric, new for each evaluation; `evaluate` hands it every batch and its
   * logits.
   */
  scorer?(): Scorer
}

/** A score of a task's own that decides. */
export interface Judge extends JudgeName {
  /** Makes what scores an evaluation, new for each set; it sees every batch and its logits. */
  scorer(): Scorer<number>
}

/** Scores what a model answers, beside the metric. */
export interface Scorer<R = unknown> {
  /** Takes a batch and its logits: [B,K], or [T,B,K] where the head is at every step. */
  add(batch: Batch, logits: ArrayLike<number>): void
  /** The score of all batches so far. */
  result(): R
}

const whole = z.int().min(1)
const made = z.custom((value) => typeof value === 'function', 'expected a function')
const taskSchema = z.looseObject({
  name: z.string(),
  T: whole,
  input: z.union([z.looseObject({ size: whole }), z.looseObject({ vocabulary: whole })]),
  head: z.looseObject({
    kind: z.enum(['classification', 'regression']),
    size: whole,
    steps: z.enum(['last', 'every']),
  }),
  metric: z.enum(Object.keys(METRICS) as [Metric, ...Metric[]]),
  baseline: z.looseObject({ name: z.string(), value: z.number() }).optional(),
  trainSize: whole,
  testSize: whole,
  train: made,
  test: made,
  heldOut: made.optional(),
  shortened: made.optional(),
  judge: z
    .looseObject({ name: z.string().min(1), lowerIsBetter: z.boolean(), percent: z.boolean().optional(), scorer: made })
    .optional(),
})

/** @throws InputError unless it has what a task has: data alone, {x, y}, are none */
export function refuseUnlessTask(task: Task): void {
  if (typeof task === 'object' && task !== null && typeof task.train === 'function') {
    checked<unknown>(taskSchema, task, 'task')
    return
  }
  throw new InputError(
    `task: expected a Task, as adding() makes one, but received ${shown(task)}: give its train and test`,
  )
}

/** Batches to train on. @throws InputError unless the task makes a stream */
export function trainingStream(task: Task, B: number): Stream {
  const stream = task.train(B)
  refuseUnless(typeof stream?.next === 'function', `task ${task.name}: train()`, 'a stream of batches', stream)
  return stream
}

/** Where a stream stands: plain data, to be stored and set again. */
export interface StreamState {
  readonly epoch: number
  readonly position: number
  /** Whatever else a stream needs. */
  readonly [more: string]: unknown
}

/** An endless stream of training batches, which can be stored and continued. */
export interface Stream {
  /** The next batch; its arrays are filled again by the next call. */
  next(): Batch
  /** Whole passes over the training set that are done. */
  readonly epoch: number
  /** Where it stands: the next batch is the same after `setState`, also in another process. */
  getState(): StreamState
  /** @throws InputError when the state is not one of this stream */
  setState(state: StreamState): void
}

/** A seeded order of training examples: every example once an epoch, each epoch in an order of its own. */
export interface Order {
  /** The next example, 0 … size-1. */
  next(): number
  /** Whole passes that are done. */
  readonly epoch: number
  /** Where it stands. */
  getState(): StreamState
  /** @throws InputError when the state is not one of an order over as many examples */
  setState(state: StreamState): void
}

/**
 * An order over examples 0 … size-1. The order of an epoch follows from (seed, stream, epoch) alone, so two numbers say
 * where it stands. Batches run across the end of an epoch: no example is dropped, and every batch is full.
 */
export function epochOrder(size: number, seed: number, stream: string): Order {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new InputError(`epochOrder: size: expected a whole number >= 1 but received ${shown(size)}`)
  }
  refuseNoText('epochOrder: stream', stream)
  let epoch = 0
  let position = 0
  let order = shuffle(0)
  function shuffle(epoch: number): Int32Array {
    return permutation(size, rng(seed, `${stream}/epoch ${epoch}`))
  }
  return {
    next() {
      if (position === size) {
        epoch += 1
        position = 0
        order = shuffle(epoch)
      }
      return order[position++]!
    },
    get epoch() {
      return position === size ? epoch + 1 : epoch
    },
    getState: () => ({ epoch, position }),
    setState(state) {
      const schema = z.strictObject({ epoch: z.int().min(0), position: z.int().min(0).max(size) })
      const good = checked<StreamState>(schema, state, 'stream state')
      if (good.epoch !== epoch) order = shuffle(good.epoch)
      epoch = good.epoch
      position = good.position
    },
  }
}

/** Makes one batch of the next n examples; its arrays are filled again by the next call. */
export type Fill = (n: number, next: () => number) => Batch

/** The stream of batches of B examples in that order. */
export function streamOf(order: Order, B: number, fill: Fill): Stream {
  return {
    next: () => fill(B, order.next),
    get epoch() {
      return order.epoch
    },
    getState: order.getState,
    setState: order.setState,
  }
}

/**
 * The task, which refuses batches of sizes that none can have before it makes any.
 * @throws InputError from `train`, `test` and `heldOut`, one line
 */
export function refusingBatches(task: Task): Task {
  const { train, test, heldOut, trainSize, name } = task
  const refuse = (B: unknown, most: number, what: string) => {
    if (Number.isSafeInteger(B) && (B as number) >= 1 && (B as number) <= most) return
    const range = most === Number.MAX_SAFE_INTEGER ? 'of 1 or more' : `from 1 to ${most}, all there are to train on,`
    throw new InputError(`${name}: ${what}: batch: expected a whole number ${range} but received ${shown(B)}`)
  }
  return {
    ...task,
    train(B) {
      refuse(B, trainSize, 'train')
      return train(B)
    },
    test(B) {
      refuse(B, Number.MAX_SAFE_INTEGER, 'test')
      return test(B)
    },
    ...(heldOut && {
      heldOut(B: number) {
        refuse(B, Number.MAX_SAFE_INTEGER, 'heldOut')
        return heldOut(B)
      },
    }),
  }
}

/** Examples 0 … size-1 once, in batches of at most B. */
export function* inOrder(size: number, B: number, fill: Fill): Iterable<Batch> {
  let i = 0
  while (i < size) yield fill(Math.min(B, size - i), () => i++)
}
