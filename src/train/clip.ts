/**
 * Gradient clipping. The paper says "gradient clipping" with limits 1 … 1000 but not of what, so a clip has a kind:
 *
 * - `derivative`: every element of dL/da_t at every step of back-propagation (Graves, arXiv:1308.0850, which the paper
 *   cites). It happens inside the backward kernels: here it is only a number to hand to them.
 * - `value`: every element of the weight gradients.
 * - `norm`: all weight gradients scaled together when their Euclidean norm exceeds the limit (Pascanu et al.,
 *   arXiv:1211.5063).
 */

import type { Engine } from '../backend/backend.ts'
import { oneOf, positive } from '../flag.ts'
import type { Gradients, RowGradient } from '../model/gradients.ts'
import * as z from '../schema.ts'
import type { KindFlags } from './kindFlags.ts'

/** What is clipped, and at which limit. `clipNorm`, `clipValue`, `clipDerivative` and `noClip` make it. */
export type Clip =
  | { readonly kind: 'none' }
  | { readonly kind: 'derivative' | 'value' | 'norm'; readonly limit: number }
export type ClipKind = Clip['kind']
export const CLIP_KINDS: readonly ClipKind[] = ['none', 'derivative', 'value', 'norm']

/** No clipping. */
export function noClip(): Clip {
  return { kind: 'none' }
}
/** Bound every element of dL/da_t to ±limit at every step of back-propagation (Graves, arXiv:1308.0850). */
export function clipDerivative(limit: number): Clip {
  return { kind: 'derivative', limit }
}
/** Bound every element of the weight gradients to ±limit. */
export function clipValue(limit: number): Clip {
  return { kind: 'value', limit }
}
/**
 * Scale all weight gradients together where their Euclidean norm is above `limit` (Pascanu et al., arXiv:1211.5063).
 */
export function clipNorm(limit: number): Clip {
  return { kind: 'norm', limit }
}

/** What the options of a run may say. */
export const clipSchema: z.Schema<Clip> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.enum(['derivative', 'value', 'norm']), limit: z.number().gt(0) }),
])

/** Each kind of clip on the command line. */
export const CLIP_FLAGS: KindFlags<Clip> = {
  kind: { flag: '--clip-kind <kind>', value: oneOf(...CLIP_KINDS), help: 'what is clipped' },
  kinds: {
    none: noClip,
    derivative: () => clipDerivative(1),
    value: () => clipValue(1),
    norm: () => clipNorm(1),
  },
  keeps: ['limit'],
  parts: [
    {
      flag: '--clip <limit>',
      value: positive,
      sets: 'limit',
      of: ['derivative', 'value', 'norm'],
      means: 'norm',
      help: 'limit of the clip',
    },
  ],
}

/** The limit for `Plan.backward`; 0 is none. */
export function derivativeLimit(clip: Clip): number {
  return clip.kind === 'derivative' ? clip.limit : 0
}

/** What one clip did. One object is filled again and again, so that nothing is allocated per iteration. */
export interface Clipped {
  /** Euclidean norm of all gradients before clipping; NaN or Infinity when they are not finite. */
  norm: number
  /** Whether weight gradients were changed. False for `derivative`: the backward kernels do not report it. */
  clipped: boolean
}

/**
 * Clips gradients in place as `value` and `norm` say, and measures them for every kind. Gradients kept by rows count as
 * what they are, the sum over the minibatch of each row.
 */
export function clipGradients(clip: Clip, backend: Engine, { dense, tables }: Gradients, result: Clipped): Clipped {
  let squares = backend.sum_of_squares(dense.length, dense)
  for (let i = 0; i < tables.length; i++) squares += backend.sum_of_squares(size(tables[i]!), tables[i]!.values)
  const norm = Math.sqrt(squares)
  result.norm = norm
  result.clipped = false
  if (!Number.isFinite(norm)) return result
  if (clip.kind === 'value') {
    let changed = backend.clip_value(dense.length, clip.limit, dense)
    for (const table of tables) changed += backend.clip_value(size(table), clip.limit, table.values)
    result.clipped = changed > 0
  } else if (clip.kind === 'norm' && norm > clip.limit) {
    backend.scale(dense.length, clip.limit / norm, dense)
    for (const table of tables) backend.scale(size(table), clip.limit / norm, table.values)
    result.clipped = true
  }
  return result
}

const size = ({ count, width }: RowGradient): number => count * width
