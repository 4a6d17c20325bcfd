/** Cross-entropy of the mean over time. */
import { type OwnLoss, ownLoss } from '../../loss.ts'

/**
 * The head's logits are averaged over the steps of a sequence, which is the head of the mean hidden state, and their
 * softmax is the answer. The class of a sequence stands at its last step, -1 at the others.
 */
export function meanOverTime(weights: readonly number[] | undefined): OwnLoss {
  return ownLoss({
    name: 'cross-entropy of the mean over time',
    compute({ T, B, K, logits, y, counts }, gradient) {
      let loss = 0
      const mean = new Float64Array(K)
      for (let b = 0; b < B; b++) {
        let last = T - 1
        while (last >= 0 && counts[last * B + b] === 0) last--
        if (last < 0) continue
        mean.fill(0)
        for (let t = 0; t <= last; t++) {
          for (let k = 0; k < K; k++) mean[k]! += logits[(t * B + b) * K + k]! / (last + 1)
        }
        const most = Math.max(...mean)
        let total = 0
        for (const value of mean) total += Math.exp(value - most)
        const label = y[last * B + b]!
        const weight = weights?.[label] ?? 1
        loss -= weight * (mean[label]! - most - Math.log(total))
        if (gradient === null) continue
        for (let k = 0; k < K; k++) {
          const slope = (weight * (Math.exp(mean[k]! - most) / total - (k === label ? 1 : 0))) / (last + 1)
          for (let t = 0; t <= last; t++) gradient[(t * B + b) * K + k] = slope
        }
      }
      return loss
    },
  })
}
