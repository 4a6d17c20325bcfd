/** Where the gradient of a loss goes on its way back through the steps of a sequence. */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import { withMemory } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { Losses } from './losses.ts'
import type { NetModel } from './model.ts'
import { outputScale } from './outputScale.ts'
import { hostFloats } from './state.ts'
import type { Tape } from './tape.ts'
import { Targets } from './targets.ts'

/** How a gradient fares on its way to the first step. */
export type Verdict = 'vanishes' | 'carried' | 'explodes'

/** Decades in 100 steps from which on a gradient is not carried. */
const NOT_CARRIED = 0.5

/**
 * Runs a tape back from the loss of what it has run forward.
 * @param y targets, as `Batch.y` has them
 * @returns the loss: the mean over the targets that are there. The gradients are of that, times B: each sequence's are
 * then of its own mean.
 */
export function backFromLoss(
  net: NetModel,
  tape: Tape,
  y: BatchInput['y'],
  loss: LossSpec | OwnLoss | undefined,
): number {
  const { T, B } = tape
  const { head } = net.spec
  const { mean, dlogits } = lossOf(net, tape, y, loss)
  const n = B * head.size
  const every = head.steps === 'every'
  tape.backward(T - 1, (t) => {
    if (every) return dlogits.subarray(t * n, (t + 1) * n)
    return t === T - 1 ? dlogits : null
  })
  return mean
}

/** The loss of the logits that the head is trained for, and B times its gradient. */
function lossOf(
  net: NetModel,
  { T, B, logits, lengths }: Tape,
  y: BatchInput['y'],
  loss: LossSpec | OwnLoss | undefined,
): { mean: number; dlogits: Floats } {
  const { spec, backend } = net
  const { head, input, output } = spec
  const steps = head.steps === 'last' ? 1 : T
  const n = steps * B * head.size
  const dlogits = hostFloats(backend, n)
  return withMemory(backend, (arena) => {
    const losses = new Losses(arena, spec)
    losses.choose(loss)
    const targets = new Targets(arena, { T, B, input, head }, output ? outputScale(output, head.size) : null)
    const count = targets.read({ T, B, y }, lengths, losses) * losses.each
    const scale = count > 0 ? 1 / count : 0
    const [z, dz] = [arena.floats(n), arena.floats(n)]
    z.set(logits.subarray(logits.length - n))
    const result = { loss: 0, correct: 0 }
    losses.run({ T: steps, B }, head.steps === 'last' ? null : lengths, z, targets, B * scale, dz, result)
    dlogits.set(dz)
    arena.release()
    return { mean: result.loss * scale, dlogits }
  })
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

/** What becomes of a gradient of these norms [T]: see GradientFlow. */
export function fate(norms: ArrayLike<number>): { readonly decades: number; readonly verdict: Verdict } {
  const T = norms.length
  const decades = Math.log10(norms[0]! / norms[T - 1]!)
  const rate = (100 * decades) / Math.max(1, T - 1)
  // Not a number: nothing arrives anywhere.
  return { decades, verdict: rate > NOT_CARRIED ? 'explodes' : rate >= -NOT_CARRIED ? 'carried' : 'vanishes' }
}
