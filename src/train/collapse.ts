/**
 * Collapse: a recurrent net that had learnt loses it again, within a few iterations (the paper's IRNN falls from 93 to 52 %
 * on pixel MNIST at 215,000 iterations, and recovers). The sign is a training loss of ten times its best. One minibatch
 * proves nothing, late in a run some are all right and others not: means of 100 iterations are compared.
 */

export interface CollapseFound {
  /** Mean training loss over the last 100 iterations. */
  readonly loss: number
  /** The lowest such mean before. */
  readonly best: number
}

/** What the watch remembers, as plain data. */
export interface WatchState {
  /** Iterations and sum of losses of the mean under way. */
  readonly n: number
  readonly sum: number
  /** The lowest mean so far; null before the first. */
  readonly best: number | null
  /** Whether it has collapsed and not recovered. */
  readonly collapsed: boolean
}

export interface CollapseWatch {
  /** Takes the loss of one iteration; says when a collapse is seen, once until the loss has recovered. */
  add(loss: number): CollapseFound | null
  /** Of a loss or gradient that is not finite: true unless a collapse is known already. */
  addFailure(): boolean
  getState(): WatchState
}

const SPAN = 100
const COLLAPSED = 10
// Well below ten: a loss that trembles about the limit is one collapse, not many.
const RECOVERED = 3

export function createWatch(from: WatchState = { n: 0, sum: 0, best: null, collapsed: false }): CollapseWatch {
  let { n, sum, best, collapsed } = from
  return {
    add(loss) {
      n += 1
      sum += loss
      if (n < SPAN) return null
      const mean = sum / n
      n = 0
      sum = 0
      const before = best ?? mean
      best = Math.min(before, mean)
      if (collapsed) collapsed = mean > RECOVERED * before
      else if (mean > COLLAPSED * before) {
        collapsed = true
        return { loss: mean, best: before }
      }
      return null
    },
    addFailure() {
      const news = !collapsed
      collapsed = true
      return news
    },
    getState: () => ({ n, sum, best, collapsed }),
  }
}
