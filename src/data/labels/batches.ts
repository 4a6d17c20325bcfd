/** Batches of sequences for the training loop, and what a trained network answers. */
import type { Batch } from '../../batch.ts'
import type { Model } from '../../model/model.ts'
import type { Plan } from '../../model/plan.ts'
import { type Fill, inOrder } from '../../task.ts'
import type { Encoded } from './encode.ts'
import type { Reading } from './sequenceSchema.ts'

/** How a network reads sequences. */
export interface Shape {
  readonly frame: number
  readonly reading: Reading
  readonly members: number
}

/** Steps of a sequence as the network counts them: a frame is one. */
export function stepsOf({ starts }: Encoded, n: number, frame: number): number {
  return Math.ceil((starts[n + 1]! - starts[n]!) / frame)
}

/**
 * Makes batches of the sequences `which`; its arrays are filled again by the next call.
 * @param targets [N] classes of sequences, or [steps] of steps where every step is read; -1: none
 */
export function batchesOf(data: Encoded, which: Int32Array, { frame, reading }: Shape, targets: Int32Array): Fill {
  const { width, vocabulary, starts, values, tokens } = data
  const I = width * frame
  return (B, next): Batch => {
    const chosen = Array.from({ length: B }, () => which[next()]!)
    const lengths = Int32Array.from(chosen, (n) => stepsOf(data, n, frame))
    const T = Math.max(...lengths)
    const x = new Float32Array(T * B * I)
    const own = new Int32Array(vocabulary > 0 ? T * B : 0)
    const y = new Int32Array(reading === 'last' ? B : T * B).fill(-1)
    for (const [b, n] of chosen.entries()) {
      const [start, end] = [starts[n]!, starts[n + 1]!]
      for (let i = start; i < end; i++) {
        const t = Math.floor((i - start) / frame)
        const at = (t * B + b) * I + ((i - start) % frame) * width
        for (let k = 0; k < width; k++) x[at + k] = values[i * width + k]!
        if (vocabulary > 0) own[t * B + b] = tokens[i]!
        if (reading === 'every') y[t * B + b] = targets[i]!
      }
      if (reading === 'last') y[b] = targets[n]!
      // The loss of a mean over time is one of the sequence: it counts once, at the last step.
      if (reading === 'mean') y[(lengths[b]! - 1) * B + b] = targets[n]!
    }
    return { T, B, y, lengths, ...(width > 0 && { x }), ...(vocabulary > 0 && { tokens: own }) }
  }
}

/** Sequences that a network reads at once. */
const AT_ONCE = 32

/**
 * Probabilities of classes: [sequences, K] in the order of `which`, or [steps, K] of all their steps where every step
 * is read.
 * @param held buffers for one sequence or more that are there already; default: they are made, and given back
 */
export function probabilitiesOf(
  model: Model,
  data: Encoded,
  which: Int32Array,
  shape: Shape,
  held?: Plan,
): Float64Array {
  const K = model.spec.head.size / shape.members
  const lengths = Array.from(which, (n) => stepsOf(data, n, shape.frame))
  const outputs = new Float64Array((shape.reading === 'every' ? sum(lengths) : which.length) * K)
  if (which.length === 0) return outputs
  const none = new Int32Array(shape.reading === 'every' ? data.starts.at(-1)! : data.starts.length).fill(-1)
  const fill = batchesOf(data, which, shape, none)
  const plan = held ?? model.plan({ T: Math.max(...lengths), B: Math.min(AT_ONCE, which.length), training: false })
  let at = 0
  try {
    for (const batch of inOrder(which.length, Math.min(AT_ONCE, plan.B), fill)) {
      plan.resetState()
      plan.forward(batch)
      at = answersOf(batch, plan.logits, shape, K, outputs, at)
    }
  } finally {
    if (held === undefined) plan.dispose()
  }
  return outputs
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}

/** Puts the probabilities of a batch into `outputs` from answer `at` on, sequence by sequence; the next free place. */
export function answersOf(
  { B, lengths }: Pick<Batch, 'B' | 'lengths'>,
  logits: ArrayLike<number>,
  { reading, members }: Shape,
  K: number,
  outputs: Float64Array,
  at: number,
): number {
  const KM = K * members
  const mean = new Float64Array(KM)
  let place = at
  for (let b = 0; b < B; b++) {
    const length = lengths![b]!
    if (reading === 'mean') {
      mean.fill(0)
      for (let t = 0; t < length; t++) {
        for (let k = 0; k < KM; k++) mean[k]! += logits[(t * B + b) * KM + k]! / length
      }
      addSoftmax(mean, 0, K, members, outputs, place++ * K)
    } else if (reading === 'last') addSoftmax(logits, b * KM, K, members, outputs, place++ * K)
    else for (let t = 0; t < length; t++) addSoftmax(logits, (t * B + b) * KM, K, members, outputs, place++ * K)
  }
  return place
}

/** The mean of the members' softmaxes of logits [members, K] at `from`. */
function addSoftmax(
  logits: ArrayLike<number>,
  from: number,
  K: number,
  members: number,
  outputs: Float64Array,
  at: number,
): void {
  for (let m = from; m < from + K * members; m += K) {
    let most = Number.NEGATIVE_INFINITY
    for (let k = 0; k < K; k++) most = Math.max(most, logits[m + k]!)
    let total = 0
    for (let k = 0; k < K; k++) total += Math.exp(logits[m + k]! - most)
    for (let k = 0; k < K; k++) outputs[at + k]! += Math.exp(logits[m + k]! - most) / total / members
  }
}
