/**
 * The candidates of sampled softmax, as TensorFlow's log_uniform_candidate_sampler draws them (Jean et al. 2015, arXiv:1412.2007,
 * has the idea): class k, the k-th most frequent word, with P(k) = ln((k+2)/(k+1)) / ln(V+1), about Zipf's law, until there are as
 * many different ones as wanted. A class is then among the candidates 1 - (1 - P)^tries times in expectation.
 */
import type { Rng } from '../rng.ts'

export interface Candidates {
  /** Fills `classes` with different classes, in the order in which they came. */
  draw(classes: Int32Array): void
  /** ln of how often class k is expected among the candidates of the last draw. */
  logExpected(k: number): number
}

/** @param V classes, the most frequent first */
export function logUniform(V: number, generator: Rng): Candidates {
  const range = Math.log(V + 1)
  const drawn = new Int32Array(V) // the draw in which a class came last
  let draws = 0
  let tries = 0
  return {
    draw(classes) {
      draws += 1
      tries = 0
      for (let found = 0; found < classes.length; ) {
        tries += 1
        // 48 bits: at V = 1,000,000 the 24 of one draw cannot tell the rarest words apart.
        const u = generator.next() + generator.next() * 2 ** -24
        const k = Math.min(V - 1, Math.floor(Math.exp(u * range)) - 1)
        if (drawn[k] === draws) continue
        drawn[k] = draws
        classes[found++] = k
      }
    },
    logExpected(k) {
      const p = Math.log1p(1 / (k + 1)) / range
      return Math.log(-Math.expm1(tries * Math.log1p(-p)))
    },
  }
}
