/** Labels and next items as a task of the training loop. */
import { crossEntropy } from '../../loss.ts'
import { epochOrder, inOrder, type Scorer, streamOf, type Task } from '../../task.ts'
import { answersOf, batchesOf, type Shape, stepsOf } from './batches.ts'
import type { Encoded } from './encode.ts'
import { answersIn, labelScores } from './labelScores.ts'
import { meanOverTime } from './meanLoss.ts'
import type { SequenceSchema, SequenceScore } from './sequenceSchema.ts'

/** What a task is made from. */
export interface SequenceTaskInput {
  readonly schema: SequenceSchema
  readonly data: Encoded
  /** [N] or [steps]; -1: none. Above K: a class that training does not have. */
  readonly targets: Int32Array
  readonly K: number
  readonly training: Int32Array
  /** Decides what is best; empty: nothing does. */
  readonly validation: Int32Array
  readonly test: Int32Array
}

/** Sequences of an evaluation at most: an evaluation every tenth of a training shall cost less than the training. */
const MOST_HELD_OUT = 1000
const MOST_TEST = 200

export function sequenceTask(input: SequenceTaskInput, shape: Shape, seed: number): Task {
  const { schema, data, K, training, validation, test } = input
  const { width, vocabulary, starts } = data
  const { frame, reading } = shape
  // A class that training does not have cannot be an output: it counts for nothing in losses, and as wrong in scores.
  const targets = input.targets.map((target) => (target < K ? target : -1))
  const weights = schema.balanced ? weightsOf(targets, training, starts, schema, K) : undefined
  const shared = { kind: 'classification', size: K, steps: reading === 'last' ? 'last' : 'every' } as const
  const held = validation.subarray(0, MOST_HELD_OUT)
  const shown = test.subarray(0, MOST_TEST)
  const all = [training, held, shown].flatMap((part) => Array.from(part, (n) => stepsOf(data, n, frame)))
  return {
    name: schema.kind,
    options: { target: schema.target, of: schema.of, reading, frame, score: schema.score },
    T: all.reduce((most, steps) => Math.max(most, steps), 1),
    input:
      vocabulary === 0 ? { size: width * frame } : width === 0 ? { vocabulary } : { size: width * frame, vocabulary },
    head: shared,
    metric: reading === 'mean' ? 'loss' : 'accuracy',
    loss: reading === 'mean' ? meanOverTime(weights) : crossEntropy({ ...(weights && { weights }) }),
    judge: {
      ...JUDGES[schema.score],
      scorer: () => scorerOf(shape, K, schema.score),
    },
    trainSize: training.length,
    testSize: shown.length,
    train: (B) =>
      streamOf(epochOrder(training.length, seed, 'sequences/train'), B, batchesOf(data, training, shape, targets)),
    test: (B) => inOrder(shown.length, B, batchesOf(data, shown, shape, targets)),
    ...(held.length > 0 && {
      heldOut: (B: number) => inOrder(held.length, B, batchesOf(data, held, shape, targets)),
    }),
  }
}

const JUDGES = {
  accuracy: { name: 'accuracy', lowerIsBetter: false, percent: true },
  macroF1: { name: 'macro-F1', lowerIsBetter: false },
  perplexity: { name: 'perplexity', lowerIsBetter: true },
} as const

/** N / (K · n) for a class of n: each class counts as much as the others. */
function weightsOf(
  targets: Int32Array,
  training: Int32Array,
  starts: Int32Array,
  { of }: SequenceSchema,
  K: number,
): number[] {
  const sizes = new Array<number>(K).fill(0)
  let all = 0
  for (const n of training) {
    for (let i = of === 'row' ? starts[n]! : n; i < (of === 'row' ? starts[n + 1]! : n + 1); i++) {
      if (targets[i]! < 0) continue
      sizes[targets[i]!]! += 1
      all++
    }
  }
  return sizes.map((size) => all / (K * Math.max(1, size)))
}

/** Gathers answers of batches, and scores them. */
function scorerOf(shape: Shape, K: number, score: SequenceScore): Scorer<number> {
  const labels: number[] = []
  const answers: number[] = []
  let [loss, count] = [0, 0]
  return {
    add(batch, logits) {
      const own = targetsIn(batch.y as Int32Array, batch.B, batch.lengths!, shape)
      const outputs = new Float64Array(own.length * K)
      answersOf(batch, logits, shape, K, outputs, 0)
      for (const answer of answersIn(outputs, K)) answers.push(answer)
      for (const [i, label] of own.entries()) {
        labels.push(label)
        if (label < 0) continue
        count++
        loss -= Math.log(Math.max(outputs[i * K + label]!, 1e-12))
      }
    },
    result() {
      if (score === 'perplexity') return Math.exp(loss / Math.max(1, count))
      return labelScores(labels, answers, K)[score]
    },
  }
}

/** The targets of a batch, sequence by sequence, as answers are. */
function targetsIn(y: Int32Array, B: number, lengths: Int32Array, { reading }: Shape): number[] {
  const targets: number[] = []
  for (let b = 0; b < B; b++) {
    const length = lengths[b]!
    if (reading === 'last') targets.push(y[b]!)
    else for (let t = reading === 'mean' ? length - 1 : 0; t < length; t++) targets.push(y[t * B + b]!)
  }
  return targets
}
