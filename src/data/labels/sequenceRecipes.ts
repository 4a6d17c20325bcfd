/** Recipes of labelling and of next items: what is tried, each with its reason. */
import { gru } from '../../layers/cells.ts'
import { clipNorm } from '../../train/clip.ts'
import { adam } from '../../train/optim.ts'
import type { TrainOptions } from '../../train/options.ts'
import { cosineRate } from '../../train/schedule.ts'
import type { Reading, SequenceSchema } from './sequenceSchema.ts'

/** Units of each direction. */
export const HIDDEN = 64
/** Below so many training sequences validation has too few to tell recipes apart: most have the same score there. */
export const FEW = 100

/** What a trial is made from. */
export interface Wish {
  readonly reading: Reading
  readonly frame: number
  readonly dropout: number
}

/** A change to the best so far. */
export interface Variation {
  readonly name: string
  readonly why: string
  readonly change: (best: Wish) => Wish
}

/** What is known when recipes are chosen. */
export interface Situation {
  readonly schema: SequenceSchema
  /** Training sequences. */
  readonly sequences: number
  /** The median of their lengths. */
  readonly length: number
  /** Whether there are tokens: they cannot be joined to frames. */
  readonly tokens: boolean
  /** What a person said. */
  readonly frame: number | null
}

/** The first wish, and what is tried after it, one after the other. */
export function wishesOf({ schema, sequences, length, tokens, frame }: Situation): Variation[] {
  const reading = schema.of === 'row' ? 'every' : 'last'
  const variations: Variation[] = [
    {
      name: 'default',
      why: 'the last states of both directions: .950 and more on unequal sensor sequences',
      change: () => ({ reading, frame: frame ?? 1, dropout: 0 }),
    },
  ]
  if (sequences < FEW) return variations
  if (schema.of === 'sequence') {
    variations.push({
      name: 'mean',
      why: 'better than the last step in 5 of 11 comparisons, worse in 6: only trying tells',
      change: (best) => ({ ...best, reading: 'mean' }),
    })
    if (!tokens && frame === null && length >= 40) {
      variations.push({
        name: 'frames',
        why: 'long series: 4 to 8 times less time, and gradients that reach their beginning',
        change: (best) => ({ ...best, frame: Math.min(10, Math.ceil(length / 16)) }),
      })
    }
  }
  variations.push({
    name: 'dropout',
    why: 'against learning small sets by heart',
    change: (best) => ({ ...best, dropout: 0.3 }),
  })
  return variations
}

/** The stack: both directions, save where the next item is guessed, which the other one would see, and in streams. */
export function stackOf({ oneWay }: SequenceSchema) {
  return gru(HIDDEN, oneWay ? {} : { bidirectional: true })
}

/** An epoch's worth of minibatches four times over, and between 500 and 2,000. */
export function trainingOf(sequences: number, dropout: number): TrainOptions {
  const batch = Math.min(sequences, sequences >= 1000 ? 32 : 16)
  const iterations = Math.min(2000, Math.max(500, Math.round((4 * sequences) / batch)))
  return {
    batch,
    iterations,
    evalEvery: Math.ceil(iterations / 10),
    optimizer: adam({ lr: 3e-3 }),
    schedule: cosineRate(),
    clip: clipNorm(1),
    dropout,
  }
}
