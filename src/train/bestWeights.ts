/** The weights of the best evaluation, kept beside those that training goes on with. */
import type { Floats } from '../backend/backend.ts'
import type { NetModel } from '../model/model.ts'
import { hostFloats } from '../model/state.ts'

export interface BestWeights {
  /** A copy, in the host's memory; null before the first evaluation. */
  readonly kept: Floats | null
  /** The model has the best ones now. */
  keep(weights?: Floats): void
  /** The model gets them, if there are any. */
  giveBack(): void
}

export function bestWeights(model: NetModel): BestWeights {
  const { backend, weights } = model
  let kept: Floats | null = null
  return {
    get kept() {
      return kept
    },
    keep(best = weights) {
      kept ??= hostFloats(backend, weights.length)
      kept.set(best)
    },
    giveBack() {
      if (!kept) return
      weights.set(kept)
      model.weightsChanged()
    },
  }
}
