/**
 * An average of the weights over the last iterations (Polyak & Juditsky 1992; exponential, as most now have it): single
 * iterations at a high rate jump around a better place than they reach. docs/decisions/016-average-of-weights.md.
 */
import type { Floats } from '../backend/backend.ts'

/**
 * Two sets of weights, one of them in the model at a time: those that training goes on with, or their average. Before
 * an iteration it is `train`, before an evaluation and whenever others look at the model it is `show`.
 */
export interface Average {
  /** The weights that training goes on with, wherever they are: no copy. */
  readonly trained: Floats
  /** Puts the trained weights into the model. */
  train(): void
  /** Puts the average into the model. */
  show(): void
  /** Takes the model's weights, which are the trained ones after iteration k = 1, 2, …, into the average. */
  add(k: number): void
  /** Goes on with `trained` beside the average that the model has. */
  restore(trained: Floats): void
}

/**
 * @param weights of the model
 * @param decay weight of what was, each iteration. At first it is lower, so that the average is over about the last
 * ninth of the run, which changes much in its beginning, and the initial weights have no share in it. TensorFlow's
 * ExponentialMovingAverage has the same ninth.
 * @param changed called when the model's weights are exchanged
 */
export function averageOf(weights: Floats, decay: number, changed: () => void): Average {
  const other = weights.slice()
  let shown = false
  function exchange(): void {
    for (let i = 0; i < weights.length; i++) {
      const kept = weights[i]!
      weights[i] = other[i]!
      other[i] = kept
    }
    shown = !shown
    changed()
  }
  return {
    get trained() {
      return shown ? other : weights
    },
    train() {
      if (shown) exchange()
    },
    show() {
      if (!shown) exchange()
    },
    // In JavaScript on every backend: 95 µs for 256 units, whose iteration of 32 digits takes 17 ms.
    add(k) {
      const share = Math.max(1 - decay, 9 / (k + 8))
      for (let i = 0; i < weights.length; i++) other[i]! += share * (weights[i]! - other[i]!)
    },
    restore(trained) {
      other.set(trained)
      shown = true
    },
  }
}
