/** Whether two libraries computed the same thing. Who computes something else is not timed. */
import type { Answer } from './job.ts'

/** Relative. float32 sums in other orders over 784 steps differ by some 1e-5; a wrong formula by much more. */
export const TOLERANCE = 1e-3

/** Why the answer is refused; null if it is right. */
export function checkAnswer({ loss, gradNorm }: Answer, truth: Answer): string | null {
  if (!close(loss, truth.loss)) return `wrong answer: loss ${shown(loss)}, expected ${shown(truth.loss)}`
  if (truth.gradNorm === null) return null
  if (gradNorm === null) return 'wrong answer: no gradient'
  if (close(gradNorm, truth.gradNorm)) return null
  return `wrong answer: gradient norm ${shown(gradNorm)}, expected ${shown(truth.gradNorm)}`
}

function close(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= TOLERANCE * Math.abs(expected) // false for NaN
}

function shown(value: number): string {
  return String(Number(value.toPrecision(6)))
}
