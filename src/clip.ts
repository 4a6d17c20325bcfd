/**
 * Gradient clipping. The paper says "gradient clipping" with limits 1 … 1000 but not of what, so a clip has a kind:
 *
 * - `derivative`: every element of dL/da_t at every step of back-propagation (Graves, arXiv:1308.0850, which the paper
 *   cites). It happens inside the backward kernels: here it is only a number to hand to them.
 * - `value`: every element of the weight gradients.
 * - `norm`: all weight gradients scaled together when their Euclidean norm exceeds the limit (Pascanu et al.,
 *   arXiv:1211.5063).
 */
import { z } from 'zod'
import type { Backend, Floats } from './backend/backend.ts'

export type Clip =
  | { readonly kind: 'none' }
  | { readonly kind: 'derivative' | 'value' | 'norm'; readonly limit: number }
export type ClipKind = Clip['kind']
export const CLIP_KINDS: readonly ClipKind[] = ['none', 'derivative', 'value', 'norm']

export function noClip(): Clip {
  return { kind: 'none' }
}
export function clipDerivative(limit: number): Clip {
  return { kind: 'derivative', limit }
}
export function clipValue(limit: number): Clip {
  return { kind: 'value', limit }
}
export function clipNorm(limit: number): Clip {
  return { kind: 'norm', limit }
}

/** What the options of a run may say. */
export const clipSchema: z.ZodType<Clip> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.enum(['derivative', 'value', 'norm']), limit: z.number().gt(0) }),
])

/** The limit for `Plan.backward`; 0 is none. */
export function derivativeLimit(clip: Clip): number {
  return clip.kind === 'derivative' ? clip.limit : 0
}

/** What one clip did. One object is filled again and again, so that nothing is allocated per iteration. */
export interface Clipped {
  /** Euclidean norm of all gradients before clipping; NaN or Infinity when they are not finite. */
  norm: number
  /** Whether weight gradients were changed. The backward kernels do not say it of `derivative`: false there. */
  clipped: boolean
}

/** Clips the gradients g [n] in place as `value` and `norm` say, and measures them for every kind. */
export function clipGradients(clip: Clip, backend: Backend, g: Floats, result: Clipped): Clipped {
  const norm = Math.sqrt(backend.sum_of_squares(g.length, g))
  result.norm = norm
  result.clipped = false
  if (!Number.isFinite(norm)) return result
  if (clip.kind === 'value') {
    result.clipped = backend.clip_value(g.length, clip.limit, g) > 0
  } else if (clip.kind === 'norm' && norm > clip.limit) {
    backend.scale(g.length, clip.limit / norm, g)
    result.clipped = true
  }
  return result
}
