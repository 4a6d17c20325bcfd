/**
 * A text without a file: streams of tokens that go on from batch to batch, rows that start anew, as a word task has
 * them.
 */
import type { Batch } from '../../src/batch.ts'
import { rng } from '../../src/rng.ts'
import type { Task } from '../../src/task.ts'

export interface TextOptions {
  V: number
  T: number
  /** Tokens of each row in an epoch, a multiple of T. */
  length?: number
}

/** Small ids come often, as in text, and the next token follows from the last two more often than not. */
export function tokens(V: number, n: number, seed: number): Int32Array {
  const generator = rng(seed, 'text')
  const text = new Int32Array(n)
  for (let i = 2; i < n; i++) {
    const zipf = Math.floor(Math.exp(generator.next() * Math.log(V + 1))) - 1
    text[i] = generator.next() < 0.6 ? (text[i - 1]! * 3 + text[i - 2]!) % V : zipf
  }
  return text
}

/** Each row reads its part of the text, T tokens a batch; now and then one starts from zero in the middle. */
export function textTask({ V, T, length = 10 * T }: TextOptions): Task {
  const batchAt = (text: Int32Array, B: number, position: number): Batch => {
    const at = (t: number, b: number) => text[b * (length + 1) + position * T + t]!
    const each = (shift: number) => Int32Array.from({ length: T * B }, (_, n) => at(Math.floor(n / B) + shift, n % B))
    const carry = Uint8Array.from({ length: B }, (_, b) => (position === 0 || (position + b) % 4 === 0 ? 0 : 1))
    return { T, B, tokens: each(0), y: each(1), carry }
  }
  return {
    name: 'text',
    options: {},
    T,
    input: { vocabulary: V },
    head: { kind: 'classification', size: V, steps: 'every' },
    metric: 'perplexity',
    trainSize: 100,
    testSize: 6,
    train(B) {
      const text = tokens(V, B * (length + 1), 1)
      let [epoch, position] = [0, 0]
      return {
        get epoch() {
          return epoch
        },
        next() {
          if (position === length / T) [epoch, position] = [epoch + 1, 0]
          return batchAt(text, B, position++)
        },
        getState: () => ({ epoch, position }),
        setState(state) {
          epoch = state.epoch
          position = state.position
        },
      }
    },
    *test(B) {
      const text = tokens(V, B * (length + 1), 2)
      for (let position = 0; position < length / T; position++) yield batchAt(text, B, position)
    },
  }
}
