/** The nearest neighbour by dynamic time warping (Sakoe & Chiba 1978), any warp allowed. */
import type { Encoded } from './encode.ts'

/** Products that a comparison of all pairs may cost: seconds of one core. */
const MOST = 2e9

/** What every test sequence against every training sequence costs: cells of warping paths, times channels. */
function costOf({ starts, width }: Encoded, training: Int32Array, test: Int32Array): number {
  const steps = (which: Int32Array) => which.reduce((sum, n) => sum + starts[n + 1]! - starts[n]!, 0)
  return steps(training) * steps(test) * width
}

/** The label of each test sequence's nearest neighbour; null where it would cost too much. */
export function nearestByWarping(
  data: Encoded,
  training: Int32Array,
  test: Int32Array,
  labels: Int32Array,
): Int32Array | null {
  if (costOf(data, training, test) > MOST) return null
  return Int32Array.from(test, (n) => {
    let [nearest, least] = [training[0]!, Number.POSITIVE_INFINITY]
    for (const other of training) {
      const distance = warping(data, n, other, least)
      if (distance < least) [nearest, least] = [other, distance]
    }
    return labels[nearest]!
  })
}

/** Sum of squared distances along the best path; Infinity once it must be above `bound`. */
export function warping({ values, starts, width }: Encoded, a: number, b: number, bound: number): number {
  const [startA, startB] = [starts[a]!, starts[b]!]
  const [lengthA, lengthB] = [starts[a + 1]! - startA, starts[b + 1]! - startB]
  let before = new Float64Array(lengthB + 1).fill(Number.POSITIVE_INFINITY)
  let row = new Float64Array(lengthB + 1)
  before[0] = 0
  for (let i = 0; i < lengthA; i++) {
    row[0] = Number.POSITIVE_INFINITY
    let least = Number.POSITIVE_INFINITY
    for (let j = 0; j < lengthB; j++) {
      let distance = 0
      for (let k = 0; k < width; k++) {
        const difference = values[(startA + i) * width + k]! - values[(startB + j) * width + k]!
        distance += difference * difference
      }
      const path = distance + Math.min(before[j]!, before[j + 1]!, row[j]!)
      row[j + 1] = path
      if (path < least) least = path
    }
    if (least >= bound) return Number.POSITIVE_INFINITY
    const free = before
    before = row
    row = free
  }
  return before[lengthB]!
}
