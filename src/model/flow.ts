/** Where the gradient of a loss goes on its way back through the steps of a sequence. */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import type { Memory, Steps } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { Losses } from './losses.ts'
import { outputScale } from './outputScale.ts'
import type { ModelParts } from './stack.ts'
import { Targets } from './targets.ts'

/** How a gradient fares on its way to the first step. */
export type Verdict = 'vanishes' | 'carried' | 'explodes'

/** Decades in 100 steps from which on a gradient is not carried. */
const NOT_CARRIED = 0.5

/** A loss whose gradient is B times that of its mean, so that each sequence's is of its own loss. */
export class ScaledLoss {
  private readonly steps: Steps
  private readonly losses: Losses
  private readonly targets: Targets
  private readonly result = { loss: 0, correct: 0 }

  constructor({ spec }: ModelParts, arena: Memory, size: { readonly T: number; readonly B: number }) {
    const { head, input, output } = spec
    this.steps = head.steps
    this.losses = new Losses(arena, spec)
    this.targets = new Targets(arena, { ...size, input, head }, output ? outputScale(output, head.size) : null)
  }

  /**
   * Writes B times the gradient of the mean over the targets that are there, and returns the mean.
   * @param lengths [B]; null: all steps count
   * @throws InputError unless y and the loss fit
   */
  run(
    { T, B, y }: Pick<BatchInput, 'T' | 'B' | 'y'>,
    lengths: Int32Array | null,
    loss: LossSpec | OwnLoss | undefined,
    logits: Floats,
    dlogits: Floats,
  ): number {
    const { losses, targets, result } = this
    const last = this.steps === 'last'
    losses.choose(loss)
    const count = targets.read({ T, B, y }, lengths, losses) * losses.each
    const scale = count > 0 ? 1 / count : 0
    losses.run({ T: last ? 1 : T, B }, last ? null : lengths, logits, targets, B * scale, dlogits, result)
    return result.loss * scale
  }
}

/** Euclidean norms of the rows of an array [n,·]. */
export function normsOf(rows: Floats, n: number): Float64Array {
  const width = rows.length / n
  return Float64Array.from({ length: n }, (_, t) => {
    let sum = 0
    for (let i = t * width; i < (t + 1) * width; i++) sum += rows[i]! * rows[i]!
    return Math.sqrt(sum)
  })
}

/** What becomes of a gradient of these norms at the first and the last of T steps: see GradientFlow. */
export function fate(first: number, last: number, T: number): { readonly decades: number; readonly verdict: Verdict } {
  const decades = Number.isFinite(first) ? Math.log10(first / last) : Number.POSITIVE_INFINITY
  const rate = (100 * decades) / Math.max(1, T - 1)
  // Not a number: nothing arrives anywhere.
  return { decades, verdict: rate > NOT_CARRIED ? 'explodes' : rate >= -NOT_CARRIED ? 'carried' : 'vanishes' }
}
