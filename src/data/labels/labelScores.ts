/** Scores of labels and of next items. */

/** Of answers whose label is known. */
export interface LabelScores {
  readonly accuracy: number
  /** The mean over classes, of those that are there or are answered, of 2 · right / (there + answered). */
  readonly macroF1: number
  /** [K, K] how often a class (row) was answered as another (column). */
  readonly confusion: Float64Array
}

/** @param labels classes; -1 counts for nothing. @param answers classes. */
export function labelScores(labels: ArrayLike<number>, answers: ArrayLike<number>, K: number): LabelScores {
  const confusion = new Float64Array(K * K)
  for (let i = 0; i < labels.length; i++) if (labels[i]! >= 0) confusion[labels[i]! * K + answers[i]!]! += 1
  let [right, count, sum, classes] = [0, 0, 0, 0]
  for (let k = 0; k < K; k++) {
    let [there, answered] = [0, 0]
    for (let j = 0; j < K; j++) {
      there += confusion[k * K + j]!
      answered += confusion[j * K + k]!
    }
    const hit = confusion[k * K + k]!
    right += hit
    count += there
    if (there + answered === 0) continue
    classes++
    sum += (2 * hit) / (there + answered)
  }
  return { accuracy: right / Math.max(1, count), macroF1: sum / Math.max(1, classes), confusion }
}

/** The most probable class of each answer; of equals, the first. */
export function answersIn(probabilities: ArrayLike<number>, K: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / K }, (_, i) => {
    let best = 0
    for (let k = 1; k < K; k++) if (probabilities[i * K + k]! > probabilities[i * K + best]!) best = k
    return best
  })
}

/** Items of the list that is held against what came next. */
export const HITS = 10

export interface ItemScores {
  /** Share of the steps whose item is among the ten most probable. */
  readonly hitRate: number
  /** Of the items that training had. */
  readonly perplexity: number
}

/**
 * @param labels items; -1 where none follows; K or more: an item that training did not have, which nobody can name
 * @param probability of item k after step i
 */
export function itemScores(
  labels: ArrayLike<number>,
  K: number,
  probability: (i: number, k: number) => number,
): ItemScores {
  let [count, hits, known, sum] = [0, 0, 0, 0]
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (label < 0) continue
    count++
    if (label >= K) continue
    const own = probability(i, label)
    let before = 0
    for (let k = 0; k < K && before < HITS; k++) {
      const other = probability(i, k)
      if (other > own || (other === own && k < label)) before++
    }
    if (before < HITS) hits++
    known++
    sum -= Math.log(Math.max(own, 1e-12))
  }
  return { hitRate: hits / Math.max(1, count), perplexity: Math.exp(sum / Math.max(1, known)) }
}
