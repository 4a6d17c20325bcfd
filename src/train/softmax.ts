/** The loss that training computes: over all classes, or over some that are drawn anew for each minibatch. */

import { whole } from '../flag.ts'
import * as z from '../schema.ts'
import type { KindFlags } from './kindFlags.ts'

/** The loss of training: over all classes, or over `samples` of them that are drawn for each minibatch. */
export type Softmax = { readonly kind: 'full' } | { readonly kind: 'sampled'; readonly samples: number }

/** What the options of a run may say. */
export const softmaxSchema: z.Schema<Softmax> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full') }),
  z.strictObject({ kind: z.literal('sampled'), samples: z.int().min(1) }),
])

export const SOFTMAX_FLAGS: KindFlags<Softmax> = {
  kinds: { full: () => ({ kind: 'full' }), sampled: () => ({ kind: 'sampled', samples: 1 }) },
  parts: [
    {
      flag: '--samples <S>',
      value: whole(),
      sets: 'samples',
      of: ['sampled'],
      means: 'sampled',
      help:
        'train on a sampled softmax, of S words drawn for each minibatch, which costs the same whatever the ' +
        'vocabulary; evaluation is always of all words (default: train on all, too)',
    },
  ],
}
