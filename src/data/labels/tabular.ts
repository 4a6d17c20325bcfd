/** Classifiers of rows of features, [rows, F]: ridge regression on the classes, and the nearest neighbour. */

/** Rows of as many features. */
export interface Features {
  readonly F: number
  readonly values: Float64Array
}

/** Mean and deviation of each feature over the rows `which`, by which they are scaled. */
export function standardised({ F, values }: Features, which: ArrayLike<number>): Features {
  const scaled = Float64Array.from(values)
  for (let f = 0; f < F; f++) {
    let [sum, squares] = [0, 0]
    for (let i = 0; i < which.length; i++) sum += values[which[i]! * F + f]!
    const mean = sum / which.length
    for (let i = 0; i < which.length; i++) squares += (values[which[i]! * F + f]! - mean) ** 2
    const std = Math.sqrt(squares / which.length) || 1
    for (let at = f; at < values.length; at += F) scaled[at] = (values[at]! - mean) / std
  }
  return { F, values: scaled }
}

/** Rows that a ridge regression reads at most: more are thinned, evenly. */
const MOST_ROWS = 20_000

/** The classes that a ridge regression of weight `lambda` on one column a class answers for the rows `asked`. */
export function ridge(
  features: Features,
  labels: Int32Array,
  K: number,
  training: ArrayLike<number>,
  asked: ArrayLike<number>,
  lambda = 1,
): Int32Array {
  const stride = Math.ceil(training.length / MOST_ROWS)
  const rows = Array.from(training).filter((_, i) => i % stride === 0)
  const { F, values } = standardised(features, rows)
  const N = F + 1
  const gram = new Float64Array(N * N)
  const right = new Float64Array(N * K)
  for (const row of rows) {
    for (let a = 0; a < N; a++) {
      const x = a < F ? values[row * F + a]! : 1
      if (x === 0) continue
      for (let b = 0; b <= a; b++) gram[a * N + b]! += x * (b < F ? values[row * F + b]! : 1)
      right[a * K + labels[row]!]! += x
    }
  }
  for (let a = 0; a < F; a++) gram[a * N + a]! += lambda
  gram[N * N - 1]! += 1e-9
  solve(gram, N, right, K)
  return Int32Array.from({ length: asked.length }, (_, i) => {
    let [best, most] = [0, Number.NEGATIVE_INFINITY]
    for (let k = 0; k < K; k++) {
      let score = right[F * K + k]!
      for (let f = 0; f < F; f++) score += values[asked[i]! * F + f]! * right[f * K + k]!
      if (score > most) [best, most] = [k, score]
    }
    return best
  })
}

/** Solves A·X = B in place by Cholesky; A [N,N] positive definite, its lower half given; B [N,K] becomes X. */
function solve(A: Float64Array, N: number, B: Float64Array, K: number): void {
  for (let i = 0; i < N; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * N + j]!
      for (let k = 0; k < j; k++) sum -= A[i * N + k]! * A[j * N + k]!
      A[i * N + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / A[j * N + j]!
    }
  }
  for (let k = 0; k < K; k++) {
    for (let i = 0; i < N; i++) {
      let sum = B[i * K + k]!
      for (let j = 0; j < i; j++) sum -= A[i * N + j]! * B[j * K + k]!
      B[i * K + k] = sum / A[i * N + i]!
    }
    for (let i = N - 1; i >= 0; i--) {
      let sum = B[i * K + k]!
      for (let j = i + 1; j < N; j++) sum -= A[j * N + i]! * B[j * K + k]!
      B[i * K + k] = sum / A[i * N + i]!
    }
  }
}

/** The labels of the nearest rows by Euclid's distance. */
export function nearest(
  features: Features,
  labels: Int32Array,
  training: ArrayLike<number>,
  asked: ArrayLike<number>,
): Int32Array {
  const { F, values } = standardised(features, training)
  return Int32Array.from({ length: asked.length }, (_, i) => {
    let [best, least] = [training[0]!, Number.POSITIVE_INFINITY]
    for (let j = 0; j < training.length; j++) {
      let distance = 0
      for (let f = 0; f < F && distance < least; f++) {
        distance += (values[asked[i]! * F + f]! - values[training[j]! * F + f]!) ** 2
      }
      if (distance < least) [best, least] = [training[j]!, distance]
    }
    return labels[best]!
  })
}
